"""The mail that moves, as people read it: a golden text for each scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.manifest import Desired, ManifestText, parse
from reconciler.desired.manifest import load as load_manifests
from reconciler.kinds.catalogue import load
from reconciler.mail import State, movement_between
from reconciler.mail.explain import desired_state
from reconciler.report.formats.movement_text import movement
from reconciler.report.movement import movement_part
from reconciler.report.paint import Paint

CATALOGUE = load()
ROOT = Path(__file__).parent.parent.parent
GOLDEN = Path(__file__).parent / "golden"
SCENARIOS = {
    "relay": "manifests/recipes/relay-one-domain.yaml",
    "failover": "manifests/scenarios/split-domain-failover",
    "tenant": "manifests/scenarios/tenant-smarthosts",
    "lmtp": "manifests/scenarios/lmtp-mail-store",
}


def state(desired: Desired) -> State:
    return desired_state(CATALOGUE, desired.resources, desired.locate)


def of(text: str) -> Desired:
    return parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked()


def told(before: State, after: Desired) -> str:
    part = movement_part(CATALOGUE, movement_between(CATALOGUE, before, state(after)), (), after.locate)
    return "".join(f"{line}\n" for line in movement(part, Paint()))


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario_put_on_a_new_server_reads_as_its_golden_report(name: str) -> None:
    after = load_manifests(CATALOGUE, [str(ROOT / SCENARIOS[name])]).checked()

    assert (
        told(desired_state(CATALOGUE, ()), after).replace(f"{ROOT}/", "")
        == (GOLDEN / f"movement-{name}.txt").read_text()
    )


def test_shorter_schedule_says_which_property_changes() -> None:
    schedule = "kind: MtaDeliverySchedule\nspec: {{name: remote, queueId: remote, expiry: {{type: Ttl, expire: {}}}}}\n"

    text = told(state(of(schedule.format("3d"))), of(schedule.format("1d")))

    assert "  now    schedule: remote -> bounces after 3d\n  after  schedule: remote -> bounces after 1d\n" in text


def test_refactoring_is_proved_to_move_nothing() -> None:
    strategy = "kind: MtaOutboundStrategy\nspec:\n  route:\n    match: {}\n    use: mx\n"
    before = "[{if: \"rcpt_domain == 'a.test'\", use: local}, {if: \"rcpt_domain == 'b.test'\", use: local}]"
    after = "[{if: \"rcpt_domain == 'b.test' || rcpt_domain == 'a.test'\", use: local}]"

    text = told(state(of(strategy.format(before))), of(strategy.format(after)))

    assert text == "No mail moves (proved: 3 classes). Compared: what is stored, not what is running.\n"


def test_question_to_the_server_asks_for_a_routing_test() -> None:
    strategy = (
        "kind: MtaOutboundStrategy\nspec:\n  route:\n    match: [{if: \"key_exists('vip', rcpt)\", use: local}]\n"
    )

    text = told(state(of("kind: MtaOutboundStrategy\nspec: {route: {use: mx}}\n")), of(f"{strategy}    use: mx\n"))

    assert text == (
        "Cannot tell: where key_exists('vip', rcpt), every attempt: "
        "key_exists('vip', rcpt) is known only to the server\n"
        "  route: mx -> its MX hosts, port 25 would become local -> the mailboxes of this server\n"
        "  Decide: a routing test for each answer.\n"
        "All other mail: unchanged (proved). Compared: what is stored, not what is running.\n"
    )
