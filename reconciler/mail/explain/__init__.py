"""From a state and a message to decisions: which objects it would take, and which branch of which expression decided.

Law: pure; it knows no manifest and no server, only the catalogue, the expression language and the values of the model.

    resources | live objects -> State -> routing -> Routing, with a message -> choices, filters, explain
"""

from reconciler.faces import face

__getattr__ = face(__name__)
