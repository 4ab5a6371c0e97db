"""The strict reader of manifests: YAML and JSON text in, plain values and located problems out.

Law: reading never raises, never executes and never guesses: what two YAML readers could understand differently is a
problem that says where it stands and how to write it.

`load` and `load_json` read a text once and quickly. `positions` and `positions_json` read it a second time, and only
when a diagnostic has to be placed.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
