"""What globs match, what a scope holds, and what limits allow."""

import pytest

from reconciler.plan.guards import allowed
from reconciler.values.globs import Globs, can_continue
from reconciler.values.model import Address
from reconciler.values.policy import Policy, Scope, spelled_out

MILTER = Address("MtaMilter", "[::1]:11332", "jpr0")


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("MtaRoute/*", "MtaRoute/eu", True),
        ("MtaRoute/e?", "MtaRoute/eu", True),
        ("MtaRoute/e?", "MtaRoute/eur", False),
        ("MtaRoute/eu", "MtaRoute/eu-2", False),
        ("MtaRoute", "MtaRoute/eu", False),
        ("MtaOutboundStrategy", "MtaOutboundStrategy", True),
        ("mtaroute/*", "MtaRoute/eu", False),
        ("MtaMilter/[::1]:*", "MtaMilter/[::1]:11332", True),
        ("MtaMilter/[!:]*", "MtaMilter/x", False),
        ("MtaRoute/a.b", "MtaRoute/axb", False),
        ("*", "MtaRoute/a\nb", True),
    ],
)
def test_a_glob_knows_only_star_and_question_mark(glob: str, text: str, matches: bool) -> None:
    assert Globs([glob]).match(text) is matches


def test_any_of_several_globs_is_enough() -> None:
    assert Globs(["a", "b"]).match("b")
    assert not Globs([]).match("b")
    assert [bool(Globs([])), bool(Globs(["a"]))] == [False, True]


@pytest.mark.parametrize("glob", ["MtaMilter/[::1]:11332", "MtaMilter/[::1]:11332#jpr0", "*#jpr0"])
def test_an_address_matches_with_and_without_its_id(glob: str) -> None:
    assert Globs([glob]).holds(MILTER)


def test_an_address_with_another_id_does_not_match() -> None:
    assert not Globs(["MtaMilter/[::1]:11332#other"]).holds(MILTER)


@pytest.mark.parametrize(
    ("glob", "can"),
    [
        ("MtaRoute/legacy-*", True),
        ("MtaRoute/?", True),
        ("*", True),
        ("*-old", True),
        ("Mta*", True),
        ("MtaRoute*", True),
        ("Mta?oute/x", True),
        ("MtaRout/*", False),
        ("MtaRoute/", False),
        ("MtaRoute", False),
        ("legacy-*", False),
        ("", False),
    ],
)
def test_a_glob_matches_some_address_of_a_kind_or_none(glob: str, can: bool) -> None:
    assert can_continue(glob, "MtaRoute/") is can


def test_an_empty_scope_holds_everything() -> None:
    scope = Scope()

    assert scope.holds(MILTER)
    assert not scope.partial


@pytest.mark.parametrize(
    ("scope", "holds"),
    [
        (Scope(kinds=frozenset({"MtaMilter"})), True),
        (Scope(kinds=frozenset({"MtaRoute"})), False),
        (Scope(only=("MtaMilter/*",)), True),
        (Scope(only=("MtaRoute/*", "MtaHook/*")), False),
        (Scope(kinds=frozenset({"MtaMilter"}), only=("MtaRoute/*",)), False),
    ],
)
def test_a_scope_holds_what_its_kinds_and_globs_both_hold(scope: Scope, holds: bool) -> None:
    assert scope.holds(MILTER) is holds
    assert scope.partial


@pytest.mark.parametrize(
    ("limit", "total", "most"),
    [
        ("30%", 0, 1),
        ("30%", 3, 1),
        ("30%", 9, 2),
        ("30%", 10, 3),
        ("1%", 10, 1),
        ("0%", 10, 0),
        ("00%", 10, 0),
        ("100%", 7, 7),
        (0, 10, 0),
        (4, 1, 4),
        (None, 10, None),
    ],
)
def test_a_share_over_none_is_rounded_down_and_at_least_one(
    limit: str | int | None, total: int, most: int | None
) -> None:
    assert allowed(limit, total) == most


def test_pruning_without_a_policy_covers_what_is_declared() -> None:
    configured = Policy(prune={"MtaHook": "all"})

    assert spelled_out(Policy(prune={"*": True}), {"MtaRoute", "MtaHook"}).prune == {"MtaHook": True, "MtaRoute": True}
    assert spelled_out(configured, {"MtaRoute"}) == configured
