"""The strict reader of manifests: YAML and JSON text in, plain values and located problems out.

Law: reading never raises, never executes and never guesses: what two YAML readers could understand differently is a
problem that says where it stands and how to write it.

`load` and `load_json` read a text once and quickly. `positions` and `positions_json` read it a second time, and only
when a diagnostic has to be placed.
"""

from reconciler.yamlio.events import LIBYAML
from reconciler.yamlio.jsontext import load_json, positions_json
from reconciler.yamlio.places import Positions, positions
from reconciler.yamlio.problem import (
    MAX_ALIASED_NODES,
    MAX_BYTES,
    MAX_DEPTH,
    Problem,
    YamlDocument,
    check_size,
    decode,
)
from reconciler.yamlio.reader import load

__all__ = [
    "LIBYAML",
    "MAX_ALIASED_NODES",
    "MAX_BYTES",
    "MAX_DEPTH",
    "Positions",
    "Problem",
    "YamlDocument",
    "check_size",
    "decode",
    "load",
    "load_json",
    "positions",
    "positions_json",
]
