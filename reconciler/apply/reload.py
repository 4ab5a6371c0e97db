"""One ReloadSettings, and its answer explained.

Law: it changes nothing that is stored, so that it may be sent again after a lost answer; a refusal names the object
that stands in the way as manifests call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from msgspec.structs import replace

from reconciler.apply.run import NOTHING_DONE
from reconciler.kinds import Catalogue
from reconciler.server import AnswerLost, Call, Flow, Limits, MethodError, Request, Secrets, read_flow, read_set_error
from reconciler.values import NOT_ALLOWED, Address, Outcome, ReconcilerError

RELOAD = Request((Call("x:Action/set", {"create": {"reload": {"@type": "ReloadSettings"}}}),))
#: How often it is sent at most.
TRIES = 2


def reload_flow(
    catalogue: Catalogue, outcome: Outcome, limits: Limits, secrets: Secrets, ids: Mapping[Address, str]
) -> Flow[Outcome]:
    """Make stored settings live, and return the outcome with what became of that.

    Args:
        catalogue: what the kinds are.
        outcome: what became of the changes before.
        limits: the session's.
        secrets: what must not be shown.
        ids: what objects are called; what stands in the way and is not among them is looked up.
    """
    lost = ""
    for _ in range(TRIES):
        try:
            (response,) = yield (RELOAD,)
        except AnswerLost as error:
            lost = str(error)
            continue
        except ReconcilerError as error:
            if lost:
                # That the second was not taken says nothing of the first.
                break
            because = secrets.scrub(str(error))
            return replace(outcome, reload="failed", reload_because=because, code=outcome.code or error.exit_code)
        result = response.results[0]
        if isinstance(result, MethodError):
            if result.type not in NOTHING_DONE:
                lost = str(result)
                continue
            return _refused(outcome, result.type, secrets.scrub(str(result)))
        created, refused = result.get("created"), result.get("notCreated")
        if isinstance(created, Mapping) and "reload" in created:
            return replace(outcome, reload="applied", reload_because="")
        if not isinstance(refused, Mapping) or "reload" not in refused:
            lost = "the server left it unanswered"
            continue
        refusal = refused["reload"]
        type_ = read_set_error(refusal).type
        told = yield from _blocker(catalogue, refusal, limits, ids)
        return _refused(outcome, type_, secrets.scrub(told), broken=type_ != "forbidden")
    return replace(outcome, reload="unknown", reload_because=secrets.scrub(lost))


def _refused(outcome: Outcome, type_: str, because: str, *, broken: bool = False) -> Outcome:
    code = outcome.code or (NOT_ALLOWED if type_ == "forbidden" else 0)
    return replace(outcome, reload="failed", reload_because=because, code=code, broken=broken)


def _blocker(catalogue: Catalogue, error: object, limits: Limits, ids: Mapping[Address, str]) -> Flow[str]:
    """Name the object that blocks a reload as manifests call it, where that can be known."""
    text = read_set_error(error).text
    blocker = error.get("objectId") if isinstance(error, Mapping) else None
    if not isinstance(error, Mapping) or not isinstance(blocker, Mapping):
        return text
    kind, id_ = str(blocker.get("object")), str(blocker.get("id"))
    known = {(address.kind, held): address for address, held in ids.items()}
    if (kind, id_) not in known and kind in catalogue.kinds:
        with suppress(ReconcilerError):
            live = yield from read_flow(catalogue, (), limits, checks=[kind])
            known = {(kind, each.id): each.address for each in live.of(kind)}
    address = known.get((kind, id_), Address(kind, id=id_))
    return f"{address}: {error.get('description') or text}"
