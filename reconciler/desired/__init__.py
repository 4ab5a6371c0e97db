"""From files to resources and back: manifests, layout, export.

Law: files are read here and nowhere below.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
