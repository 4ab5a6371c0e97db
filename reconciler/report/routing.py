"""Where mail would go, before a plan and after it: which branch of which expression leads to which object and host.

Law: it tells what the expressions say, and decides for no message; no secret is among the fields of an object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import UNSET, UnsetType

from reconciler.kinds import Catalogue, decode
from reconciler.report.parts import Part, meaning
from reconciler.values import LiveState, Plan, unquote

if TYPE_CHECKING:
    from reconciler.mail import Held, Routing


class BranchPart(Part, frozen=True, kw_only=True):
    """One branch of an expression."""

    condition: Annotated[str, meaning("Its condition; absent for `else`.")] = ""
    pointer: Annotated[str, meaning("Wire pointer of the branch; absent where the expression is not understood.")] = ""
    result: Annotated[str, meaning("The name that it gives, or the expression that gives one.")]
    address: Annotated[str, meaning("The object of that name; absent where there is none, or it is built in.")] = ""
    fields: Annotated[str, meaning("What tells the object from others, such as its host and port.")] = ""
    missing: Annotated[bool, meaning("No object has the name, and the server falls back.")] = False
    computed: Annotated[bool, meaning("The result is an expression, which gives the name for each message.")] = False


class DeciderPart(Part, frozen=True, kw_only=True):
    """An expression that chooses objects."""

    field: Annotated[str, meaning("The property that holds it.")]
    kind: Annotated[str, meaning("The kind whose objects it names.")]
    branches: Annotated[tuple[BranchPart, ...], meaning("Its branches in order, `else` last.")]


class RoutingPart(Part, frozen=True, kw_only=True):
    """Where expressions lead."""

    before: Annotated[tuple[DeciderPart, ...], meaning("As the server has it.")]
    after: Annotated[tuple[DeciderPart, ...], meaning("As it would be.")]


def routing_part(catalogue: Catalogue, plan: Plan, live: LiveState, after: LiveState) -> RoutingPart | UnsetType:
    """Return where expressions lead before a plan and after it; nothing where the plan touches none of that."""
    if not plan.changes:
        return UNSET
    # What prints an error, or a plan without changes, needs none of it.
    from reconciler.mail import kinds_explained, live_state, routing_of

    if not {change.address.kind for change in plan.changes} & set(kinds_explained(catalogue)):
        return UNSET
    before, then = (
        decider_parts(catalogue, routing_of(catalogue, live_state(catalogue, side))) for side in (live, after)
    )
    return RoutingPart(before=before, after=then)


def decider_parts(catalogue: Catalogue, routing: Routing) -> tuple[DeciderPart, ...]:
    """Return where each expression of a state leads."""
    parts = []
    for decider in routing.deciders:
        match = decider.expression.get("match") or {}
        keys = [branch.key for branch in decider.block.branches] if decider.block else []
        texts = [(f"match/{key}", match[key]["if"], match[key]["then"]) for key in keys]
        texts += [("else", "", decider.expression["else"])] if decider.block else []
        names, builtins = routing.names.get(decider.language.names, {}), decider.language.builtins
        sure = decider.language.names not in routing.state.unread
        branches = [
            _branch(catalogue, f"{decider.field}/{place}", condition, result, names, builtins, sure=sure)
            for place, condition, result in texts
        ]
        parts.append(DeciderPart(field=decider.field, kind=decider.language.names, branches=tuple(branches)))
    return tuple(parts)


def _branch(
    catalogue: Catalogue, pointer: str, condition: str, result: str, names: Any, builtins: Any, *, sure: bool
) -> BranchPart:
    name = unquote(result)
    held: Held | None = names.get(name) if name is not None else None
    return BranchPart(
        condition=condition,
        pointer=pointer,
        result=result if name is None else name,
        address=str(held.address) if held else "",
        fields=_fields(catalogue, held) if held else "",
        missing=sure and name is not None and held is None and name not in builtins,
        computed=name is None,
    )


def _fields(catalogue: Catalogue, held: Held) -> str:
    kind = catalogue.kinds[held.address.kind]
    spec = decode(catalogue, kind, held.wire)
    return ", ".join(
        f"{name}: {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in spec.items()
        if isinstance(value, str | int) and name not in (*kind.match, "type", "description")
    )
