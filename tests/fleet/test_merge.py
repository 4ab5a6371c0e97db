"""Results of many targets, brought together."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.fleet.merge import groups, merge_results
from reconciler.fleet.results import TargetResult


def change(address: str, port: int = 25, **more: Any) -> dict[str, Any]:
    return {"action": "update", "address": address, "patch": {"port": port}, **more}


def result(target: str, *changes: dict[str, Any], code: int = 2, **more: Any) -> TargetResult:
    return TargetResult(target=target, command="drift", exit_code=code, report={"changes": list(changes)}, **more)


def test_equal_changes_stand_once_beside_all_their_targets() -> None:
    results = [
        result("mx1", change("MtaRoute/a"), change("MtaRoute/b")),
        result("mx2", change("MtaRoute/a"), change("MtaRoute/b")),
        result("mx3", change("MtaRoute/a"), change("MtaRoute/b"), change("MtaRoute/c")),
    ]

    assert [(group.targets, [each.address for each in group.changes]) for group in groups(results)] == [
        (("mx1", "mx2", "mx3"), ["MtaRoute/a", "MtaRoute/b"]),
        (("mx3",), ["MtaRoute/c"]),
    ]


def test_ids_and_places_make_no_difference_and_values_do() -> None:
    results = [
        result("mx1", change("MtaRoute/a", id="x1", source={"file": "a.yaml", "line": 1})),
        result("mx2", change("MtaRoute/a", id="x2")),
        result("mx3", change("MtaRoute/a", port=26)),
    ]

    assert [group.targets for group in groups(results)] == [("mx1", "mx2"), ("mx3",)]


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), unique=True), max_size=5))
def test_groups_tell_of_each_target_exactly_what_it_said(told: list[list[tuple[str, int]]]) -> None:
    results = [
        result(f"mx{number}", *(change(name, port) for name, port in changes)) for number, changes in enumerate(told)
    ]

    grouped = groups(results)

    assert {
        each.target: sorted(
            (change.address, (change.patch or {})["port"])
            for group in grouped
            if each.target in group.targets
            for change in group.changes
        )
        for each in results
    } == {f"mx{number}": sorted(changes) for number, changes in enumerate(told)}
    assert len({group.targets for group in grouped}) == len(grouped)


def test_missing_result_is_unknown_and_named() -> None:
    merged = merge_results("drift", ["mx1", "mx2"], {"mx1": (result("mx1", code=0),)})

    assert (merged.missing, merged.exit_code) == (("mx2",), 69)


def test_strongest_code_of_all_targets_is_the_fleets() -> None:
    found = {name: (result(name, code=code),) for name, code in (("a", 0), ("b", 2), ("c", 5), ("d", 77))}

    assert merge_results("drift", list("abcd"), found).exit_code == 5


def test_doubled_results_are_told_and_differing_ones_are_an_error() -> None:
    older, newer = result("mx1", time="1", basis="a"), result("mx1", code=0, time="2", basis="a")
    other = result("mx1", time="3", basis="b")

    same = merge_results("drift", ["mx1"], {"mx1": (newer, older)})
    differ = merge_results("drift", ["mx1"], {"mx1": (older, other)})

    assert ([each.exit_code for each in same.targets], same.exit_code) == ([0], 0)
    assert [each.message for each in same.diagnostics] == ["there are 2 results of mx1, of which the newest is taken"]
    assert [(each.severity, each.code) for each in differ.diagnostics] == [("error", "doubled-result")]


def test_result_of_a_target_that_is_not_selected_is_told() -> None:
    merged = merge_results("drift", [], {"old": (result("old"),)})

    assert (merged.targets, [each.code for each in merged.diagnostics]) == ((), ["other-target"])


def test_targets_that_are_one_server_are_told() -> None:
    found = {name: (result(name, code=0, server=server),) for name, server in (("a", "s"), ("b", "s"), ("c", "t"))}

    merged = merge_results("drift", list("abc"), found)

    assert [(each.code, each.message) for each in merged.diagnostics] == [
        ("one-server", "a, b are one server: same account, same objects by id")
    ]
