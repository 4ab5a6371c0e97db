"""From the catalogue to JSON Schema 2020-12: of a kind's `spec`, and of a whole document.

Law: generated, never edited; what a schema of human form accepts, the codec can encode or explain.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
