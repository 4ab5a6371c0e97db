"""The catalogue of a server, made of the schema that it publishes and of what no server publishes.

Law: pure but for reading; no kind is named here: what the published schema does not say stands in one overlay a kind.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
