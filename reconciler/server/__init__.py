"""The wire: JMAP, live state and secrets.

Law: nothing above this room talks to a server.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
