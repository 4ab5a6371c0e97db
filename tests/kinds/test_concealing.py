"""Passwords in URLs and headers that log in are shown nowhere, although the server itself shows them."""

from typing import Any

import pytest

from reconciler.kinds import concealed
from reconciler.plan import Goal, Survey, make_basis, save, take_survey
from reconciler.report import plan_report
from reconciler.report.parts import Target
from reconciler.values import ManifestError
from tests.states import CATALOGUE, desired_of, live_of

HOOK = {
    "id": "a",
    "url": "https://u:canary@h.example.org/x",
    "stages": {"data": True},
    "httpHeaders": {"Authorization": "canary", "X-Team": "mail"},
}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://u:canary@h/x", "https://u:(sensitive)@h/x"),
        ("redis://:canary@h", "redis://:(sensitive)@h"),
        ("a ldaps://u:canary@h, https://v:canary@h", "a ldaps://u:(sensitive)@h, https://v:(sensitive)@h"),
        ({"authorization": "canary", "X": "y"}, {"authorization": "(sensitive)", "X": "y"}),
        ([{"url": "x://u:canary@h"}], [{"url": "x://u:(sensitive)@h"}]),
        ("https://h:8080/a@b", "https://h:8080/a@b"),
        ("https://u@h/x", "https://u@h/x"),
        ("a:b@c", "a:b@c"),
        (7, 7),
    ],
)
def test_what_logs_in_is_hidden_and_nothing_else(value: Any, shown: Any) -> None:
    assert concealed(value) == shown


def surveyed(text: str, *live: dict[str, Any]) -> Survey:
    goal = Goal(resources=desired_of(text), linted=False)
    return take_survey(CATALOGUE, goal, live_of({"MtaHook": live}))


@pytest.mark.parametrize(
    "text",
    [
        (
            "kind: MtaHook\nspec: {url: 'https://u:canary@h.example.org/x', stages: [data],"
            " httpHeaders: {Authorization: canary-2, X-Team: post}}\n"
        ),
        "kind: MtaHook\nmetadata: {absent: true}\nspec: {url: 'https://u:canary@h.example.org/x'}\n",
        (
            "kind: MtaHook\nspec: {url: 'https://u:canary-2@h.example.org/y', stages: [data],"
            " httpHeaders: {Cookie: canary}}\n"
        ),
        (
            "kind: MtaHook\nmetadata: {was: 'https://u:canary@h.example.org/x'}\n"
            "spec: {url: 'https://u:canary-2@h.example.org/y', stages: [data]}\n"
        ),
    ],
)
def test_no_report_holds_what_logs_in(text: str) -> None:
    found = surveyed(text, HOOK)

    report = plan_report(
        CATALOGUE, found.plan, Target(name="", url=""), found.diagnostics, states=(found.live, found.after)
    )

    assert len(report.changes) == 1
    assert "canary" not in repr(report)


def test_a_hook_with_another_password_is_renamed_by_its_whole_url() -> None:
    text = (
        "kind: MtaHook\nmetadata: {was: 'https://u:canary@h.example.org/x'}\n"
        "spec: {url: 'https://u:other@h.example.org/y', stages: [data]}\n"
    )

    assert [(each.action, each.id) for each in surveyed(text, HOOK).plan.changes] == [("update", "a")]


def saved(found: Survey) -> bytes:
    basis = make_basis(CATALOGUE, found.plan, found.live, target="", url="", policy="", manifests="", kinds=["MtaHook"])
    return save(found.plan, basis, {})


@pytest.mark.parametrize(
    ("text", "pointers"),
    [
        ("{kind: MtaHook, spec: {url: 'https://u:canary@h.example.org/x', stages: [data]}}", {"url", "httpHeaders"}),
        (
            "{kind: MtaHook, metadata: {absent: true}, spec: {url: 'https://u:canary@h.example.org/x'}}",
            {"url", "httpHeaders"},
        ),
        (
            "{kind: MtaHook, spec: {url: 'https://h.example.org/y', stages: [data], httpHeaders: {Cookie: canary}}}",
            {"httpHeaders"},
        ),
    ],
)
def test_a_plan_that_holds_what_logs_in_is_not_saved(text: str, pointers: set[str]) -> None:
    found = surveyed(text, HOOK)

    with pytest.raises(ManifestError) as refused:
        saved(found)

    assert {each.pointer for each in refused.value.diagnostics if each.code == "unsaved-secret"} == pointers
    assert "canary" not in str(refused.value) + repr(refused.value.diagnostics)


def test_a_plan_without_what_logs_in_is_saved() -> None:
    found = surveyed("kind: MtaHook\nspec: {url: 'https://h.example.org/y', stages: [data]}\n")

    assert b"h.example.org/y" in saved(found)
