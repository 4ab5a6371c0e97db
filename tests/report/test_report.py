"""Reports for people and for programs, from the same values."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from msgspec import UNSET

from reconciler.kinds.catalogue import load
from reconciler.plan import Goal, take_survey
from reconciler.report import SCHEMAS, Page, Report, Target, outcome_report, plan_report, render, validation_report
from reconciler.report.formats.text import shown
from reconciler.report.paint import Paint
from reconciler.values.errors import Diagnostic
from reconciler.values.model import Address, Change, FieldChange, Left, Outcome, Plan, Result, Secret, Sensitive, Source
from reconciler.yamlio import load as load_yaml
from tests.states import desired_of, live_of

#: Texts that YAML could take for something else.
AMBIGUOUS = ("true", "null", "yes", "0755", "1:30", "1.5", "2024-01-01", "a: b", "x #y", "'mx'", "a, b", "- a", "~", "")
CATALOGUE = load()
PLAIN = Page()
ROUTE = Address("MtaRoute", "relay")
TARGET = Target(name="prod", url="https://mail.example.org")


def update(**more: Any) -> Change:
    values: dict[str, Any] = {
        "action": "update",
        "address": ROUTE,
        "id": "b",
        "patch": {"port": 2525},
        "fields": (FieldChange("port", 587, 2525),),
        "before": {"@type": "Relay", "port": 587},
        "after": {"@type": "Relay", "port": 2525},
        "source": Source("routes.yaml", 3, 1),
    }
    return Change(**(values | more))


CREATE = Change(
    action="create",
    address=Address("MtaRoute", "new"),
    patch={"@type": "Relay", "name": "new", "authSecret": {"@type": "Value", "secret": Sensitive(plain="canary")}},
    fields=(
        FieldChange("name", UNSET, "new"),
        FieldChange("authSecret", UNSET, {"@type": "Value", "secret": Sensitive(plain="canary")}),
    ),
    after={"@type": "Relay", "name": "new", "authSecret": {"@type": "Value", "secret": Sensitive(plain="canary")}},
)
DESTROY = Change(action="destroy", address=Address("MtaRoute", "old"), id="c", because="no manifest declares it")
PLAN = Plan(
    changes=(update(), CREATE, DESTROY),
    unchanged=2,
    undeclared=(Address("MtaRoute", "mx"),),
    unknown=(Secret(ROUTE, "authSecret/secret"),),
    left=(Left(Address("MtaOutboundStrategy"), "tls"),),
    refusals=("1 of 3 MtaRoute objects would be destroyed",),
)


def told(plan: Plan, page: Page = PLAIN) -> str:
    return render(plan_report(CATALOGUE, plan, TARGET), "text", page)


def ended(outcome: Outcome, page: Page = PLAIN) -> str:
    return render(outcome_report(CATALOGUE, outcome, TARGET), "text", page)


def test_what_policy_calls_a_difference_is_not_in_sync() -> None:
    hook, route = Address("MtaHook", "https://hook.example.net"), Address("MtaRoute", "mx")
    found = Plan(unchanged=2, undeclared=(hook, route), surplus=(hook,))

    assert told(found) == (
        "https://mail.example.org (target prod)\n"
        "Nothing to change, but not in sync; 2 unchanged, 2 undeclared.\n"
        "Undeclared, left alone (1): MtaRoute/mx.\n"
        "Undeclared, and a difference (1): MtaHook/https://hook.example.net.\n"
        "    Declare them, prune them, or say that they are none: policy: {undeclared: {KIND: ignore}}.\n"
    )


def test_a_plan_is_told_change_by_change() -> None:
    assert told(PLAN) == (
        "https://mail.example.org (target prod)\n"
        "+ MtaRoute/new\n"
        "    authSecret: {type: Value, secret: (sensitive)}\n"
        "- MtaRoute/old, no manifest declares it\n"
        "~ MtaRoute/relay (routes.yaml:3)\n"
        "    port: 587 -> 2525\n"
        "\n"
        "Plan: 1 to create, 1 to update, 1 to destroy; 2 unchanged, 1 undeclared.\n"
        "Undeclared, left alone (1): MtaRoute/mx.\n"
        "Undeclared and not at the default, left alone (1): MtaOutboundStrategy tls.\n"
        "Secrets that cannot be compared (1): MtaRoute/relay authSecret/secret.\n"
        "    Whether these have changed cannot be seen: --rotate-secrets writes them.\n"
        "Digest: 4e67c1da40ca547f8becafd20a7306b732bf04599b1b508518721e08198cf1e8\n"
        "refused: 1 of 3 MtaRoute objects would be destroyed\n"
    )


def test_a_list_is_told_element_by_element() -> None:
    before = {"0": {"if": "a", "then": "'x'"}, "1": {"if": "b", "then": "'x'"}}
    after = {"0": {"if": "a", "then": "'y'"}}
    change = update(
        address=Address("MtaOutboundStrategy"),
        fields=(FieldChange("route/match", before, after),),
        before={},
        after={},
        source=None,
    )

    lines = told(Plan(changes=(change,))).splitlines()

    assert lines[1:4] == [
        "~ MtaOutboundStrategy",
        "    route/match/0/use: x -> y",
        "    - route/match/1: {if: b, use: x}",
    ]


def test_what_the_document_gives_is_told_though_it_is_the_default() -> None:
    resources = desired_of("kind: MtaMilter\nspec: {hostname: a.example.net, port: 11332, stages: [data]}\n")
    survey = take_survey(CATALOGUE, Goal(resources=resources), live_of({}))

    lines = told(survey.plan).splitlines()

    assert lines[1:5] == [
        "+ MtaMilter/a.example.net:11332 (m.yaml:1)",
        "    hostname: a.example.net",
        "    port: 11332",
        "    stages: [data]",
    ]


def notes(count: int, message: str = "nobody names it") -> list[Diagnostic]:
    return [
        Diagnostic(file="m.yaml", line=at, severity="note", code="unused-object", message=message.format(at))
        for at in range(1, count + 1)
    ]


def validated(diagnostics: list[Diagnostic]) -> Report:
    return validation_report(diagnostics, files=1, documents=1, resources=1)


def test_equal_notes_are_told_once_with_all_their_number() -> None:
    lines = render(validated(notes(500)), "text", PLAIN).splitlines()

    assert [lines[0], *lines[12:14]] == [
        "note: nobody names it [unused-object], at 500 places:",
        "    m.yaml:12",
        "    and 488 more",
    ]


def test_of_a_crowd_of_notes_that_differ_some_are_told() -> None:
    lines = render(validated(notes(500, "{} is odd")), "text", PLAIN).splitlines()

    assert [lines[0], *lines[11:13]] == [
        "note: m.yaml:1: 1 is odd [unused-object]",
        "note: m.yaml:12: 12 is odd [unused-object]",
        "and 488 notes more [unused-object]; --format json has them all",
    ]


def many(count: int) -> Plan:
    """Return a plan of so many creates of one kind, and one of another behind them."""
    relays = "".join(f"  - {{type: Relay, name: r{at:04}, address: a{at}.example.net}}\n" for at in range(count))
    manifests = (
        f"kind: MtaRoute\nitems:\n{relays}---\nkind: MtaTlsStrategy\nspec: {{name: strict, startTls: require}}\n"
    )
    return take_survey(CATALOGUE, Goal(resources=desired_of(manifests)), live_of({})).plan


def test_a_large_plan_has_a_line_for_each_create_and_counts_the_rest_of_a_kind() -> None:
    lines = told(many(2000)).splitlines()

    assert lines[1] == "+ MtaRoute/r0000: type: Relay; address: a0.example.net"
    assert (
        lines[50:56]
        == [
            "+ MtaRoute/r0049: type: Relay; address: a49.example.net",
            "+ and 1950 more MtaRoute to create; --format compact lists each",
            "+ MtaTlsStrategy/strict: startTls: require",
            "",
            "Plan: 2001 to create; 0 unchanged, 0 undeclared.",
            "    MtaRoute: 2000 to create",
        ][:6]
    )


def test_a_line_of_a_large_plan_ends_with_the_terminal() -> None:
    lines = told(many(2000), Page(width=40)).splitlines()

    assert lines[1] == "+ MtaRoute/r0000: type: Relay; address:…"


SCALARS = st.one_of(st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.sampled_from(AMBIGUOUS))
VALUES = st.recursive(
    SCALARS,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=6), each, max_size=3),
)


@given(VALUES)
def test_a_value_is_shown_as_a_manifest_would_have_it(value: Any) -> None:
    documents, problems = load_yaml(f"x: {shown(value)}\n")

    assert (problems, documents[0].value, repr(documents[0].value)) == ([], {"x": value}, repr({"x": value}))


def test_durations_and_sets_are_told_in_human_form() -> None:
    change = update(
        address=Address("MtaMilter", "h:1"),
        fields=(FieldChange("timeoutData", 60_000, 90_000), FieldChange("stages", {"data": True}, {"rcpt": True})),
        before={},
        after={},
    )

    lines = told(Plan(changes=(change,))).splitlines()

    assert lines[2:4] == ["    timeoutData: 1m -> 1m30s", "    stages/0: data -> rcpt"]


def test_a_plan_for_programs_has_its_format_first_and_the_rest_sorted() -> None:
    printed = render(plan_report(CATALOGUE, PLAN, TARGET), "json", PLAIN)

    keys = [line.strip().partition('"')[2].partition('"')[0] for line in printed.splitlines() if line.startswith(' "')]
    assert keys[0] == "format"
    assert keys[1:] == sorted(keys[1:])


def test_an_update_for_programs_is_as_the_interface_says() -> None:
    report = plan_report(CATALOGUE, Plan(changes=(update(),)), TARGET)

    assert json.loads(render(report, "json", PLAIN))["changes"] == [
        {
            "action": "update",
            "address": "MtaRoute/relay",
            "fields": [{"after": 2525, "before": 587, "pointer": "port"}],
            "id": "b",
            "patch": {"port": 2525},
            "source": {"file": "routes.yaml", "line": 3},
        }
    ]


OUTCOME = Outcome(
    results=(
        Result(change=CREATE, result="applied", id="d"),
        Result(change=update(), result="failed", because="validationFailed"),
        Result(change=DESTROY, result="skipped", because="nothing is destroyed after a failure"),
    ),
    reload="skipped",
    reload_because="not everything was applied",
    residue=(update(),),
)


def test_many_changes_that_were_skipped_for_one_reason_share_a_line() -> None:
    reason = "it was undone, since the server refused the reload"
    doomed = [Change(action="destroy", address=Address("MtaRoute", f"r{number:02}")) for number in range(14)]
    results = tuple(Result(change=each, result="skipped", because=reason) for each in doomed)
    failed = Result(change=update(), result="failed", because="validationFailed")

    told_ = ended(Outcome(results=(*results, failed), reload="skipped", reload_because="the run was interrupted"))

    named = ", ".join(f"- MtaRoute/r{number:02}" for number in range(12))
    assert told_.splitlines()[:3] == [
        f"14 changes skipped: {reason}: {named} and 2 more",
        "~ MtaRoute/relay failed: validationFailed",
        "Apply: 1 failed, 14 skipped.",
    ]


def test_an_outcome_tells_what_is_not_as_planned() -> None:
    assert ended(OUTCOME) == (
        "- MtaRoute/old skipped: nothing is destroyed after a failure\n"
        "~ MtaRoute/relay failed: validationFailed\n"
        "Apply: 1 applied, 1 failed, 1 skipped.\n"
        "The settings were not reloaded: not everything was applied.\n"
        "Reading back shows 1 difference:\n"
        "~ MtaRoute/relay (routes.yaml:3)\n"
        "    port: 587 -> 2525\n"
    )


def test_an_outcome_tells_once_that_it_could_not_be_read_back() -> None:
    created = Result(change=CREATE, result="applied", id="d")
    found = Outcome(results=(created,), reload="applied", reload_because="reading back failed: it is gone")

    assert ended(found) == (
        "Apply: 1 applied.\nThe server reloaded its settings: they are live.\nReading back failed: it is gone.\n"
    )


@pytest.mark.parametrize(
    "report",
    [
        plan_report(CATALOGUE, PLAN, TARGET),
        plan_report(CATALOGUE, PLAN, TARGET, drift=True),
        outcome_report(CATALOGUE, OUTCOME, TARGET),
        validation_report(
            [Diagnostic(file="f", line=1, column=2, code="c", message="m", hint="h")], files=1, documents=1, resources=0
        ),
    ],
)
def test_every_report_fits_its_published_schema_and_holds_no_secret(report: Report) -> None:
    printed = render(report, "json", PLAIN)

    errors = list(Draft202012Validator(SCHEMAS[report.name]).iter_errors(json.loads(printed)))

    assert errors == []
    assert "canary" not in printed


def test_colour_adds_nothing_that_the_text_does_not_say() -> None:
    painted, plain = (told(PLAN, page) + ended(OUTCOME, page) for page in (Page(paint=Paint(on=True)), PLAIN))

    assert "\x1b[31m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
