"""Names that lead nowhere, with and without a server; of objects that are named still, the cases tell."""

from collections.abc import Sequence

import pytest

from reconciler.mail.lint import dangling_names
from reconciler.plan import state_after
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Address, Change, LiveState, Resource, Source
from reconciler.values.policy import Policy
from tests.states import CATALOGUE, desired_of, live_of

STRATEGY = (
    "kind: MtaOutboundStrategy\nspec: {route: {match: [{if: is_local_domain(rcpt_domain), use: local}], use: %s}}\n"
)
RELAY = "---\nkind: MtaRoute\nspec: {type: Relay, name: relay-eu, address: a.example.net}\n"
SHIPPED = {"match": {"0": {"if": "is_local_domain(rcpt_domain)", "then": "'local'"}}, "else": "'mx'"}


def wire_of(resources: Sequence[Resource], kind: str) -> Resource:
    return next(each for each in resources if each.address.kind == kind)


def repoint(resources: Sequence[Resource], live: LiveState) -> Change:
    """The update that a plan would make of the declared strategy."""
    wanted = wire_of(resources, "MtaOutboundStrategy")
    before = live.of("MtaOutboundStrategy")[0]
    return Change(
        action="update", address=wanted.address, id=before.id, before=before.wire, after={**before.wire, **wanted.wire}
    )


def after(live: LiveState, *changes: Change) -> LiveState:
    return state_after(CATALOGUE, live, changes)


def told(found: Sequence[Diagnostic]) -> list[tuple[str, str, str]]:
    return [(each.severity, each.code, each.pointer) for each in found]


def calm(**objects: list[dict[str, object]]) -> LiveState:
    """A server whose schedule expression names nothing that is missing."""
    strategy = {"route": SHIPPED, "schedule": {"match": {}, "else": "'default'"}}
    return live_of(
        {"MtaOutboundStrategy": [strategy], "MtaTlsStrategy": [{"id": "a", "name": "invalid-tls"}], **objects}
    )


# -- with a server


def test_name_that_the_plan_introduces_is_an_error_with_a_suggestion() -> None:
    resources = desired_of(STRATEGY % "relay-eu2" + RELAY)
    live = calm()
    create = Change(action="create", address=Address("MtaRoute", "relay-eu"), after=resources[1].wire)

    found = dangling_names(CATALOGUE, resources, live, after(live, create, repoint(resources, live)))

    assert found == (
        Diagnostic(
            file="m.yaml",
            line=1,
            address="MtaOutboundStrategy",
            pointer="route/else",
            severity="error",
            code="dangling-name",
            message="no MtaRoute would be named 'relay-eu2': nothing has that name; the server would log it and use "
            "built-in MX delivery: at most 5 hosts, 2 addresses of each, IPv4 before IPv6",
            hint="did you mean relay-eu?",
        ),
    )


def test_name_that_the_plan_creates_is_fine() -> None:
    resources = desired_of(STRATEGY % "relay-eu" + RELAY)
    live = calm()
    create = Change(action="create", address=Address("MtaRoute", "relay-eu"), after=resources[1].wire)

    assert dangling_names(CATALOGUE, resources, live, after(live, create, repoint(resources, live))) == ()


def test_case_counts_in_names() -> None:
    resources = desired_of(STRATEGY % "Relay-EU")
    live = calm(MtaRoute=[{"id": "r", "@type": "Mx", "name": "relay-eu"}])

    found = dangling_names(CATALOGUE, resources, live, after(live, repoint(resources, live)))

    assert [(each.code, each.hint) for each in found] == [("dangling-name", "did you mean relay-eu?")]


def test_name_that_was_live_before_is_a_warning() -> None:
    resources = desired_of(STRATEGY % "gone")
    route = {**SHIPPED, "else": "'gone'"}
    live = live_of(
        {
            "MtaOutboundStrategy": [{"route": route, "schedule": {"match": {}, "else": "'default'"}}],
            "MtaTlsStrategy": [{"id": "a", "name": "invalid-tls"}],
        }
    )

    found = dangling_names(CATALOGUE, resources, live)

    assert told(found) == [("warning", "dangling-already", "route/else")]


def test_schedule_that_a_new_server_names_and_lacks_is_its_own_fault() -> None:
    live = live_of(
        {
            "MtaDeliverySchedule": [{"id": each, "name": each, "queueId": "a"} for each in ("local", "remote", "dsn")],
            "MtaVirtualQueue": [{"id": "a", "name": "remote"}],
            "MtaTlsStrategy": [{"id": "a", "name": "invalid-tls"}],
        }
    )
    kind = CATALOGUE.kinds["MtaOutboundStrategy"]
    wire = {"schedule": kind.properties["schedule"].default}
    declared = Resource(address=Address("MtaOutboundStrategy"), wire=wire, source=Source("m.yaml", 1))

    undeclared = dangling_names(CATALOGUE, [], live)
    ours = dangling_names(CATALOGUE, [declared], live)

    assert told(undeclared) == [("note", "dangling-already", "schedule/match/2/then")]
    assert told(ours) == [("warning", "dangling-already", "schedule/match/2/then")]
    assert ours[0].hint == (
        "it is the server's own fault: declare MtaDeliverySchedule/report, or this expression without it"
    )


def test_kind_that_may_not_be_read_cannot_be_judged() -> None:
    resources = desired_of(STRATEGY % "relay-eu")
    live = live_of(
        {"MtaOutboundStrategy": [{"route": SHIPPED}]}, forbidden=["MtaRoute", "MtaDeliverySchedule", "MtaTlsStrategy"]
    )

    found = [
        each
        for each in dangling_names(CATALOGUE, resources, live, after(live, repoint(resources, live)))
        if each.pointer == "route/else"
    ]

    assert [(each.severity, each.code, each.message) for each in found] == [
        (
            "note",
            "undeclared-name",
            "cannot tell whether MtaRoute/relay-eu exists, since MtaRoute may not be read with these credentials",
        )
    ]


@pytest.mark.parametrize("text", ["''", "if_then(size > 5, 'mx', '')", "['mx'][1]"])
def test_empty_name_leads_nowhere_with_and_without_a_server(text: str) -> None:
    route = '{match: [{if: is_local_domain(rcpt_domain), use: local}], else: "%s"}'
    resources = desired_of(f"kind: MtaOutboundStrategy\nspec: {{route: {route % text}}}")
    live = calm()

    found = dangling_names(CATALOGUE, resources, live, after(live, repoint(resources, live)))
    offline = dangling_names(CATALOGUE, resources)

    assert told(found) == told(offline) == [("error", "dangling-name", "route/else")]


def test_policy_and_waivers_settle_dangling_names_too() -> None:
    resources = desired_of(STRATEGY.replace("spec", "metadata: {accept: {dangling-name: made by hand}}\nspec") % "late")
    live = calm()
    changes = [repoint(resources, live)]

    accepted = dangling_names(CATALOGUE, resources, live, after(live, *changes))
    ignored = dangling_names(CATALOGUE, resources, live, after(live, *changes), severities={"dangling-name": "ignore"})

    assert told(accepted) == [("note", "dangling-name", "route/else")]
    assert ignored == ()


# -- without a server


def test_undeclared_name_is_a_note_since_the_server_may_have_it() -> None:
    found = dangling_names(CATALOGUE, desired_of(STRATEGY % "elsewhere" + RELAY))

    assert told(found) == [("note", "undeclared-name", "route/else")]


def test_undeclared_name_that_looks_like_a_declared_one_is_a_warning() -> None:
    found = dangling_names(CATALOGUE, desired_of(STRATEGY % "relay-ue" + RELAY))

    assert [(*told(found)[0], found[0].hint)] == [
        ("warning", "undeclared-name", "route/else", "did you mean relay-eu?")
    ]


@pytest.mark.parametrize("name", ["mx", "local", "relay-eu"])
def test_declared_shipped_and_builtin_names_are_known(name: str) -> None:
    assert dangling_names(CATALOGUE, desired_of(STRATEGY % name + RELAY)) == ()


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(prune={"MtaRoute": True}), "error"),
        (Policy(prune={"*": True}), "error"),
        (Policy(prune={"MtaRoute": True}, keep=("MtaRoute/legacy-*",)), "note"),
        (Policy(prune={"MtaRoute": True}, owns={"MtaRoute": ("acme-*",)}), "note"),
        (Policy(prune={"MtaMilter": True}), "note"),
    ],
)
def test_undeclared_name_is_an_error_where_pruning_leaves_none(policy: Policy, expected: str) -> None:
    resources = desired_of(STRATEGY % "legacy-a" + RELAY)

    found = dangling_names(CATALOGUE, resources, policy=policy)

    assert [each.severity for each in found] == [expected]


def test_shipped_names_stay_unless_everything_is_pruned() -> None:
    text = "kind: MtaOutboundStrategy\nspec: {tls: {use: invalid-tls}}"

    kept = dangling_names(CATALOGUE, desired_of(text), policy=Policy(prune={"MtaTlsStrategy": True}))
    gone = dangling_names(CATALOGUE, desired_of(text), policy=Policy(prune={"MtaTlsStrategy": "all"}))

    assert kept == ()
    assert told(gone) == [("error", "dangling-name", "tls/else")]


def test_default_of_the_server_is_a_warning_where_it_is_declared() -> None:
    text = """
kind: MtaOutboundStrategy
spec:
  schedule:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: "source == 'dsn'", use: dsn}
      - {if: "source == 'report'", use: report}
    use: remote
"""

    found = dangling_names(CATALOGUE, desired_of(text))

    assert told(found) == [("warning", "dangling-already", "schedule/match/2/then")]
