"""What the server does with mail, told from a state without asking it.

Law: pure.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
