"""Which targets a fleet command is about."""

import pytest

from reconciler.fleet.select import select_targets
from reconciler.settings import TargetConfig
from reconciler.values import UsageError

TARGETS = {
    "mx1": TargetConfig("https://mx1.example", labels={"region": "eu", "tier": "canary"}),
    "mx2": TargetConfig("https://mx2.example", labels={"region": "eu"}),
    "edge": TargetConfig("https://edge.example", labels={"region": "us"}),
}


@pytest.mark.parametrize(
    ("selector", "names", "chosen"),
    [
        ("", (), ("mx1", "mx2", "edge")),
        ("region=eu", (), ("mx1", "mx2")),
        ("region==eu", (), ("mx1", "mx2")),
        ("region = eu , tier != canary", (), ("mx2",)),
        ("tier!=canary", (), ("mx2", "edge")),
        ("tier", (), ("mx1",)),
        ("!tier", (), ("mx2", "edge")),
        ("", ("mx*",), ("mx1", "mx2")),
        ("region=eu", ("*1", "edge"), ("mx1",)),
    ],
)
def test_selects_by_label_and_name(selector: str, names: tuple[str, ...], chosen: tuple[str, ...]) -> None:
    assert select_targets(TARGETS, selector, names) == chosen


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("region=", "--select region= selects none of the 3 targets"),
        ("regoin=eu", "--select: no target has the label regoin"),
        ("region=eu,", "--select: '' is no term"),
        ("region>eu", "--select: no target has the label region>eu"),
        ("region=eu us", "--select: 'region=eu us' is no term"),
    ],
)
def test_refuses_what_selects_nothing_or_says_nothing(selector: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        select_targets(TARGETS, selector)

    assert error.value.message == message
