"""What a run has to say, as text for people and as JSON for programs.

Law: a report is a string made from values; nothing here reads, writes or decides, and no secret can reach it.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
