"""Plans for kinds of a published schema."""

from __future__ import annotations

from reconciler.kinds import catalogue_of_published, read_pulled
from reconciler.plan.diff import Diff
from reconciler.values.model import Address, LiveObject, LiveState, Resource, Source
from tests.publishing import COUNT, SPAN, nullable, one, schema

RATE = {"Rate": {"count": COUNT, "period": SPAN}}
CATALOGUE = catalogue_of_published(
    read_pulled(schema({"Limits": {"rate": nullable(one("Rate"))}}, singletons=("Limits",), types=RATE))
)


def patch(held: object, wanted: object) -> dict[str, object]:
    """Compare one property of one object."""
    address = Address("Limits")
    live = LiveState({"Limits": (LiveObject(address=address, key=(), id="singleton", wire={"rate": held}),)})
    resource = Resource(address=address, wire={"rate": wanted}, source=Source("m.yaml"))
    difference, problems = Diff(CATALOGUE).compare([resource], live, ["Limits"])
    assert problems == ()
    return {name: value for change in difference.changes for name, value in (change.patch or {}).items()}


def test_a_nested_object_is_taken_away_begun_and_changed_within() -> None:
    rate = {"count": 5, "period": 1000}

    assert patch(rate, None) == {"rate": None}
    assert patch(None, rate) == {"rate": rate}
    assert patch(rate, {"count": 6, "period": 1000}) == {"rate/count": 6}
    assert (patch(None, None), patch(rate, dict(rate))) == ({}, {})
