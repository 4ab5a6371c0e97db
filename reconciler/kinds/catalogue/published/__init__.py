"""The catalogue of a server, made of the schema that it publishes and of what no server publishes.

Law: pure but for reading; no kind is named here: what the published schema does not say stands in one overlay a kind.
"""

from reconciler.kinds.catalogue.published.build import catalogue_of_published
from reconciler.kinds.catalogue.published.changes import SchemaChange, compare_catalogues, touched
from reconciler.kinds.catalogue.published.pulled import FORMAT, Pulled, read_pulled, reduced

__all__ = [
    "FORMAT",
    "Pulled",
    "SchemaChange",
    "catalogue_of_published",
    "compare_catalogues",
    "read_pulled",
    "reduced",
    "touched",
]
