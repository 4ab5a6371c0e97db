"""Many targets: which of them, on which worker, in which order, and what they said together.

Law: each target is run by the same commands as one alone; nothing here writes to a server.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
