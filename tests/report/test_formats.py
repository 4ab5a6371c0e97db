"""The schemas of what programs read: closed, described, and held by what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema_rs
import pytest
from msgspec import UNSET

from reconciler.kinds.catalogue import load
from reconciler.report import Page, Report, Target, error_report, outcome_report, plan_report, render, validation_report
from reconciler.report.schemas import SCHEMAS
from reconciler.values.errors import Diagnostic, ManifestError, Severity, Unreachable
from reconciler.values.model import (
    Action,
    Address,
    Change,
    FieldChange,
    Left,
    Outcome,
    Plan,
    Result,
    ResultKind,
    Secret,
    Sensitive,
    Source,
)

CATALOGUE = load()
CANARY = "c4n4ry"
TARGET = Target(name="prod", url="https://mail.example.org")
ROUTE = Address("MtaRoute", "relay")
WIRE = {
    "@type": "Relay",
    "name": "relay",
    "address": "a",
    "authSecret": {"@type": "Value", "secret": Sensitive(plain=CANARY)},
}
CREATE = Change(
    action="create",
    address=ROUTE,
    patch=WIRE,
    fields=tuple(FieldChange(name, UNSET, value) for name, value in WIRE.items()),
    after=WIRE,
    source=Source("routes.yaml", 3, 5),
)
UPDATE = Change(
    action="update",
    address=Address("MtaDeliverySchedule", "s", "b"),
    id="b",
    patch={"queueId": Address("MtaVirtualQueue", "q"), "retry/intervals": {"0": {"duration": 1}}},
    fields=(FieldChange("queueId", Address("MtaVirtualQueue", id="c"), Address("MtaVirtualQueue", "q")),),
    before={},
    after={},
)
REPLACE = Change(action="replace", address=ROUTE, id="d", patch=WIRE, because="the variant changes from Mx to Relay")
DESTROY = Change(action="destroy", address=Address("MtaMilter", "[::1]:11332"), id="e", because="pruned")
CHANGES = (CREATE, UPDATE, REPLACE, DESTROY)
PLAN = Plan(
    changes=CHANGES,
    unchanged=2,
    undeclared=(Address("MtaRoute", "legacy"),),
    unknown=(Secret(ROUTE, "authSecret/secret"),),
    left=(Left(Address("MtaSts"), "mode"),),
    pairs=((Address("MtaMilter", "av"), "f"),),
    refusals=("2 of 3 MtaRoute would be destroyed; --max-destroy 2 lifts this",),
    surplus=(Address("MtaHook", "http://h"),),
    spared=((ROUTE, "policy.keep"),),
    partial=True,
)
DIAGNOSTICS = (
    Diagnostic(code="bare", message="m"),
    Diagnostic(
        file="f", line=1, column=2, address="a", pointer="p", severity="note", code="full", message="m", hint="h"
    ),
)
OUTCOME = Outcome(
    results=(
        Result(change=CREATE, result="applied", id="g"),
        Result(change=UPDATE, result="failed", because="validationFailed"),
        Result(change=REPLACE, result="skipped", because="an object that it names was not created"),
        Result(change=DESTROY, result="unknown", because="no answer"),
    ),
    reload="failed",
    reload_because="Unable to resolve milter hostname",
    residue=(UPDATE,),
)
REPORTS: list[Report] = [
    validation_report(DIAGNOSTICS, files=1, documents=2, resources=3),
    validation_report((), files=0, documents=0, resources=0),
    plan_report(CATALOGUE, PLAN, TARGET, DIAGNOSTICS),
    plan_report(CATALOGUE, PLAN, TARGET, drift=True),
    plan_report(CATALOGUE, Plan(), TARGET),
    outcome_report(CATALOGUE, OUTCOME, TARGET),
    outcome_report(CATALOGUE, Outcome(), TARGET),
    error_report(ManifestError(DIAGNOSTICS)),
    error_report(Unreachable("no answer", "wait")),
]


def printed(report: Report) -> Any:
    return json.loads(render(report, "json", Page()))


def accepts(name: str, report: Any) -> bool:
    return jsonschema_rs.validator_for(SCHEMAS[name]).is_valid(report)


def test_every_report_has_a_schema() -> None:
    names = (
        "diagnosis drift error explanation fleet fleet-import outcome permissions plan routing-tests status validation"
    )

    assert sorted(SCHEMAS) == names.split()


@pytest.mark.parametrize("report", REPORTS)
def test_a_printed_report_is_accepted_by_its_schema_and_by_no_other(report: Report) -> None:
    found = printed(report)

    assert [each for each in SCHEMAS if accepts(each, found)] == [report.name]
    assert CANARY not in str(found)


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_that_lacks_a_member_or_has_one_too_many_is_refused(report: Report) -> None:
    found = printed(report)

    lacking = [key for key in found if accepts(report.name, {k: v for k, v in found.items() if k != key})]

    assert set(lacking) <= {"residue", "work", "compared", "digest", "routing"}
    assert not accepts(report.name, {**found, "extra": 1})


def parts(top: Any, schema: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Yield every member of a report with its path."""
    schema = top if schema is None else schema
    if "$ref" in schema:
        schema = top["$defs"][schema["$ref"].rpartition("/")[2]] | {"description": schema.get("description", "")}
    for name, each in schema.get("properties", {}).items():
        yield (*path, name), each
        yield from parts(top, each, (*path, name))
    for keyword in ("items", "additionalProperties"):
        if isinstance(schema.get(keyword), dict):
            yield from parts(top, schema[keyword], path)


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_member_is_described(name: str) -> None:
    assert [path for path, each in parts(SCHEMAS[name]) if not each.get("description")] == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_objects_are_closed_but_for_those_of_the_server(name: str) -> None:
    objects = {path: each for path, each in parts(SCHEMAS[name]) if each.get("type") == "object"}
    loose = {path[-1] for path, each in objects.items() if "additionalProperties" not in each}

    assert loose <= {"patch", "given", "fields", "content"}
    assert SCHEMAS[name]["additionalProperties"] is False
    assert {each["additionalProperties"] for each in SCHEMAS[name]["$defs"].values()} <= {False}


def test_a_plan_and_a_drift_report_differ_only_in_their_name() -> None:
    plan, drift = (dict(SCHEMAS[name]) for name in ("plan", "drift"))

    assert plan.pop("title") == "reconciler/plan/v1"
    assert drift.pop("title") == "reconciler/drift/v1"
    assert plan["properties"].keys() == drift["properties"].keys()
    assert {name for name in plan["properties"] if plan["properties"][name] != drift["properties"][name]} == {"format"}


def member(name: str, *path: str) -> Any:
    return dict(parts(SCHEMAS[name]))[path]


def test_choices_are_those_of_the_model() -> None:
    assert member("plan", "changes", "action")["enum"] == sorted(get_args(Action))
    assert member("outcome", "changes", "result")["enum"] == sorted(get_args(ResultKind))
    assert member("validation", "diagnostics", "severity")["enum"] == sorted(get_args(Severity))
