"""What there would be once every change is made.

Law: pure, and the one future: guards, lint, names and reports all ask the state that is returned here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.kinds import Catalogue, Kind, address_of, key_of
from reconciler.values import Change, LiveObject, LiveState


def state_after(catalogue: Catalogue, live: LiveState, changes: Iterable[Change]) -> LiveState:
    """Return the state that some changes make of another.

    What is not changed is the same object. What is created has no id yet, and stands last, as on the server; what is
    made anew keeps the id that it had.
    """
    altered: dict[str, dict[str, Change]] = {}
    created: dict[str, list[Change]] = {}
    for change in changes:
        if change.action == "update" and not change.id:
            # It completes what is created.
            others = created[change.address.kind]
            created[change.address.kind] = [change if other.address == change.address else other for other in others]
        elif change.id:
            altered.setdefault(change.address.kind, {})[change.id] = change
        else:
            created.setdefault(change.address.kind, []).append(change)
    objects = {
        name: tuple(_objects(catalogue.kinds[name], held, altered.get(name, {}), created.get(name, ())))
        if name in altered or name in created
        else held
        for name, held in live.objects.items()
    }
    return LiveState(objects, live.forbidden, live.reader)


def _objects(
    kind: Kind, held: Iterable[LiveObject], altered: dict[str, Change], created: Iterable[Change]
) -> Iterator[LiveObject]:
    for live_object in held:
        change = altered.get(live_object.id)
        if change is None:
            yield live_object
        elif change.action != "destroy":
            # Of a singleton, the manifests declare a part.
            yield _made(
                kind,
                {**live_object.wire, **(change.after or {})} if kind.singleton else change.after or {},
                live_object.id,
            )
    for change in created:
        yield _made(kind, change.after or {})


def _made(kind: Kind, wire: dict[str, object], id_: str = "") -> LiveObject:
    key = key_of(kind, wire)
    return LiveObject(address=address_of(kind, key), key=key, id=id_, wire=wire)
