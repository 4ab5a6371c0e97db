"""From the catalogue to JSON Schema 2020-12: of a kind's `spec`, and of a whole document.

Law: generated, never edited; what a schema of human form accepts, the codec can encode or explain.
"""

from reconciler.kinds.schema.documents import (
    ID_PATTERN,
    METADATA,
    ROUTING_TEST,
    manifest_schema,
    published,
    routing_test_schema,
)
from reconciler.kinds.schema.specs import (
    NOT_BLANK_PATTERN,
    PLACE_PATTERN,
    holds_secret,
    kind_schema,
    spec_schema,
)

__all__ = [
    "ID_PATTERN",
    "METADATA",
    "NOT_BLANK_PATTERN",
    "PLACE_PATTERN",
    "ROUTING_TEST",
    "holds_secret",
    "kind_schema",
    "manifest_schema",
    "published",
    "routing_test_schema",
    "spec_schema",
]
