"""From reconciler.yaml, the environment and options to settings.

Law: pure but for reading the one file; a secret is named here and resolved where it is sent.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
