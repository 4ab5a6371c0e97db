"""Compares what the manifests want with what the server holds, and says what would have to be sent.

Law: pure; `diff(x, x)` is empty; equality is type-exact; a masked secret is unknown, never equal and never changed.
The only home of deepdiff, which is asked only about values that are known to differ and will be shown.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
