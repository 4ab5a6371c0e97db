"""One action that makes stored settings live, and its answer explained.

Law: it changes nothing that is stored, so that it may be sent again after a lost answer; a refusal names the object
that stands in the way as manifests call it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from reconciler.apply.run import NOTHING_DONE
from reconciler.kinds import Catalogue
from reconciler.plan import RELOAD
from reconciler.server import AnswerLost, Call, Flow, Limits, MethodError, Request, Secrets, read_flow, read_set_error
from reconciler.values import NOT_ALLOWED, Address, Interrupted, NodeReload, Outcome, ReconcilerError

#: How often it is sent at most.
TRIES = 2


class Reloaded(Struct, frozen=True, kw_only=True):
    """What became of one reload."""

    result: Literal["applied", "failed", "unknown", "skipped"]
    because: str = ""
    #: Whether the server refused it for something that it has stored.
    broken: bool = False
    #: Whether the credentials may not reload.
    forbidden: bool = False
    #: Kind and id of the object that the server names.
    blocker: tuple[str, str] = ("", "")
    #: The same for every node of a cluster that does not reload; ("", "") where it names none.
    blockers: tuple[tuple[str, str], ...] = ()
    #: The exit code of an error behind it, or 0.
    code: int = 0
    #: The session state of the answer, which tells processes apart.
    state: str = ""
    #: What each node of a cluster said.
    nodes: tuple[NodeReload, ...] = ()

    def told_in(self, outcome: Outcome) -> Outcome:
        """Return an outcome that tells of this reload."""
        return replace(
            outcome,
            reload=self.result,
            reload_because=self.because,
            broken=self.broken,
            code=outcome.code or self.code,
            nodes=self.nodes,
        )


def reload_flow(
    catalogue: Catalogue,
    limits: Limits,
    secrets: Secrets,
    ids: Mapping[Address, str] | None = None,
    *,
    action: str = RELOAD,
    node: int = 0,
    pause: float = 0.0,
) -> Flow[Reloaded]:
    """Make stored settings live on one node.

    Args:
        catalogue: what the kinds are.
        limits: the session's.
        secrets: what must not be shown.
        ids: what objects are called; what stands in the way and is not among them is looked up.
        action: what the server is to do.
        node: the node's place among the addresses of a cluster.
        pause: seconds to let pass before it is asked.
    """
    lost = ""
    call = Call("x:Action/set", {"create": {"reload": {"@type": action}}})
    for _ in range(TRIES):
        try:
            (response,) = yield (Request((call,), node=node, pause=pause),)
        except AnswerLost as error:
            lost = str(error)
            continue
        except ReconcilerError as error:
            if lost:
                # That the second was not taken says nothing of the first.
                break
            if isinstance(error, Interrupted):
                return Reloaded(result="skipped", because="the run was interrupted")
            return Reloaded(result="failed", because=secrets.scrub(str(error)), code=error.exit_code)
        result = response.results[0]
        if isinstance(result, MethodError):
            if result.type not in NOTHING_DONE:
                lost = str(result)
                continue
            return _refused(result.type, secrets.scrub(str(result)))
        created, refused = result.get("created"), result.get("notCreated")
        if isinstance(created, Mapping) and "reload" in created:
            return Reloaded(result="applied", state=response.state)
        if not isinstance(refused, Mapping) or "reload" not in refused:
            lost = "the server left it unanswered"
            continue
        refusal = refused["reload"]
        type_ = read_set_error(refusal).type
        blocker, message = yield from _blocker(catalogue, refusal, limits, ids or {})
        return replace(_refused(type_, secrets.scrub(message)), blocker=blocker, broken=type_ != "forbidden")
    return Reloaded(result="unknown", because=secrets.scrub(lost))


def _refused(type_: str, because: str) -> Reloaded:
    forbidden = type_ == "forbidden"
    return Reloaded(result="failed", because=because, forbidden=forbidden, code=NOT_ALLOWED if forbidden else 0)


def _blocker(
    catalogue: Catalogue, error: object, limits: Limits, ids: Mapping[Address, str]
) -> Flow[tuple[tuple[str, str], str]]:
    """Name the object that blocks a reload: by kind and id, and in a sentence as manifests call it."""
    text = read_set_error(error).text
    blocker = error.get("objectId") if isinstance(error, Mapping) else None
    if not isinstance(error, Mapping) or not isinstance(blocker, Mapping):
        return ("", ""), text
    kind, id_ = str(blocker.get("object")), str(blocker.get("id"))
    known = {(address.kind, held): address for address, held in ids.items()}
    if (kind, id_) not in known and kind in catalogue.kinds:
        with suppress(ReconcilerError):
            live = yield from read_flow(catalogue, (), limits, checks=[kind])
            known = {(kind, live_object.id): live_object.address for live_object in live.of(kind)}
    address = known.get((kind, id_), Address(kind, id=id_))
    return (kind, id_), f"{address}: {error.get('description') or text}"
