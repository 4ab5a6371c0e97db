"""In which order a fleet's targets are changed."""

import pytest

from reconciler.fleet.waves import Wave, most_failed, read_waves
from reconciler.settings import TargetConfig
from reconciler.values import UsageError

TARGETS = {
    "a": TargetConfig("https://a.example", labels={"tier": "canary"}),
    "b": TargetConfig("https://b.example", labels={"tier": "early", "region": "eu"}),
    "c": TargetConfig("https://c.example", labels={"region": "eu"}),
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [Wave("all", ("a", "b", "c"))]),
        ("canary,rest", [Wave("canary", ("a",)), Wave("rest", ("b", "c"))]),
        ("tier=early, rest", [Wave("tier=early", ("b",)), Wave("rest", ("a", "c"))]),
        ("canary,early,eu", [Wave("canary", ("a",)), Wave("early", ("b",)), Wave("eu", ("c",))]),
    ],
)
def test_each_target_is_in_the_first_wave_that_takes_it(text: str, expected: list[Wave]) -> None:
    assert list(read_waves(text, TARGETS, list(TARGETS))) == expected


def test_wave_of_which_nothing_is_selected_is_empty() -> None:
    assert read_waves("canary,rest", TARGETS, ["c"]) == (Wave("canary", ()), Wave("rest", ("c",)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("canary", "--waves: b, c would be in no wave"),
        ("canari,rest", "--waves: no target has the label canari"),
        ("canary,canary,rest", "--waves names canary twice"),
    ],
)
def test_refuses_waves_that_leave_targets_out(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read_waves(text, TARGETS, list(TARGETS))

    assert error.value.message == message


@pytest.mark.parametrize(("text", "count", "most"), [("0", 9, 0), ("2", 9, 2), ("10%", 39, 3), ("100%", 3, 3)])
def test_limit_on_failures_is_a_number_or_a_share(text: str, count: int, most: int) -> None:
    assert most_failed(text, count) == most


def test_refuses_a_limit_that_is_neither() -> None:
    with pytest.raises(UsageError, match="no number and no share"):
        most_failed("few", 3)
