"""What many servers have in common, and who deviates."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.desired import ExportedResource
from reconciler.fleet.deviations import Deviation, lay_apart, patch
from reconciler.values import Address
from tests.states import CATALOGUE


def route(name: str, **spec: Any) -> ExportedResource:
    return ExportedResource(Address("MtaRoute", name), {"type": "Relay", "name": name, **spec}, {}, {})


def milter(port: int, **spec: Any) -> ExportedResource:
    address = Address("MtaMilter", f"127.0.0.1:{port}")
    return ExportedResource(address, {"hostname": "127.0.0.1", "port": port, **spec}, {}, {})


def test_what_all_targets_hold_is_the_base_and_needs_no_overlay() -> None:
    held = {"MtaRoute": (route("a", address="a.example"),)}

    layers = lay_apart(CATALOGUE, {"x": held, "y": held})

    assert layers.base == held
    assert layers.overlays == {"x": {}, "y": {}}
    assert layers.deviations == ()


def test_deviation_is_a_patch_a_drop_or_an_object_of_its_own() -> None:
    common = route("a", address="a.example", port=587)
    layers = lay_apart(
        CATALOGUE,
        {
            "x": {"MtaRoute": (common,)},
            "y": {"MtaRoute": (common,)},
            "z": {"MtaRoute": (common,)},
            "patched": {"MtaRoute": (route("a", address="a.example", port=25, description="odd"),)},
            "lacking": {"MtaRoute": ()},
            "more": {"MtaRoute": (common, route("b", address="b.example"))},
        },
    )

    above = {name: kinds["MtaRoute"] for name, kinds in layers.overlays.items() if kinds}
    assert {name: [(each.metadata, each.spec) for each in declared] for name, declared in above.items()} == {
        "patched": [({"patch": True}, {"name": "a", "port": 25, "description": "odd"})],
        "lacking": [({"drop": True}, {"name": "a"})],
        "more": [({}, {"type": "Relay", "name": "b", "address": "b.example"})],
    }
    assert sorted(layers.deviations, key=lambda each: (each.target, each.pointer)) == [
        Deviation("lacking", "MtaRoute/a", common=common.spec),
        Deviation("more", "MtaRoute/b", own=route("b", address="b.example").spec),
        Deviation("patched", "MtaRoute/a", "description", None, "odd"),
        Deviation("patched", "MtaRoute/a", "port", 587, 25),
    ]


def test_kind_that_runs_in_order_stays_whole_where_orders_differ() -> None:
    first, second = milter(1), milter(2)

    layers = lay_apart(
        CATALOGUE,
        {"x": {"MtaMilter": (first, second)}, "y": {"MtaMilter": (first, second)}, "z": {"MtaMilter": (second, first)}},
    )

    assert layers.base == {}
    assert layers.overlays["z"] == {"MtaMilter": (second, first)}


VALUES = st.recursive(
    st.none() | st.integers(0, 3) | st.lists(st.integers(0, 2), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["type", "secret", "variableName"]), inner, max_size=3),
    max_leaves=6,
)
SPECS = st.dictionaries(st.sampled_from(["type", "authSecret", "port", "address", "description"]), VALUES)


def merged(base: Any, change: Any) -> Any:
    """Merge as RFC 7396 says."""
    if not isinstance(change, dict):
        return change
    result = dict(base) if isinstance(base, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return value


@given(SPECS, SPECS)
def test_patch_makes_one_spec_of_the_other(base: dict[str, Any], own: dict[str, Any]) -> None:
    base, own = without_nulls(base), without_nulls(own)

    change = patch(CATALOGUE, CATALOGUE.kinds["MtaRoute"], base, own)

    assert merged(base, change) == own
