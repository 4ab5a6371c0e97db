"""From the catalogue to JSON Schema 2020-12, for the human form: of a kind's `spec`, and of a whole document.

Law: generated, never edited; what a schema accepts, the codec can encode or explain.
"""

from reconciler.schema.documents import (
    ID_PATTERN,
    METADATA,
    ROUTING_TEST,
    manifest_schema,
    published,
    routing_test_schema,
)
from reconciler.schema.specs import (
    DIALECT,
    NOT_BLANK_PATTERN,
    PLACE_PATTERN,
    Schema,
    holds_secret,
    kind_schema,
    spec_schema,
)

__all__ = [
    "DIALECT",
    "ID_PATTERN",
    "METADATA",
    "NOT_BLANK_PATTERN",
    "PLACE_PATTERN",
    "ROUTING_TEST",
    "Schema",
    "holds_secret",
    "kind_schema",
    "manifest_schema",
    "published",
    "routing_test_schema",
    "spec_schema",
]
