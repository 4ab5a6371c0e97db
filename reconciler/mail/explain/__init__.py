"""From a state and a message to decisions: which objects it would take, and which branch of which expression decided.

Law: pure; it knows no manifest and no server, only the catalogue, the expression language and the values of the model.

    resources | live objects -> State -> routing -> Routing, with a message -> choices, filters, explain
"""

from reconciler.mail.explain.cases import Case, CaseResult, Check, Expectation, listed, told
from reconciler.mail.explain.choose import (
    NEVER_FAILS_OVER,
    Attempt,
    Choice,
    Decider,
    Explanation,
    Filter,
    Gate,
    Given,
    Routing,
    choices,
    explain_message,
    filters,
    place,
    routing_of,
    settle_choice,
)
from reconciler.mail.explain.given import judge_given
from reconciler.mail.explain.state import (
    Held,
    Locate,
    Origin,
    State,
    desired_state,
    kinds_explained,
    live_state,
)

__all__ = [
    "NEVER_FAILS_OVER",
    "Attempt",
    "Case",
    "CaseResult",
    "Check",
    "Choice",
    "Decider",
    "Expectation",
    "Explanation",
    "Filter",
    "Gate",
    "Given",
    "Held",
    "Locate",
    "Origin",
    "Routing",
    "State",
    "choices",
    "desired_state",
    "explain_message",
    "filters",
    "judge_given",
    "kinds_explained",
    "listed",
    "live_state",
    "place",
    "routing_of",
    "settle_choice",
    "told",
]
