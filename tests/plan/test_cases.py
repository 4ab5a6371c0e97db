"""What diff and plan do, as a table: `cases/*.yaml`, each case a live state, manifests, and the plan that follows.

A case is `{name, live: {Kind: [wire objects with id]}, manifests, policy?, scope?, rotate?, forbidden?, lint?, plan}`.
Wire objects are filled with the type's defaults, and kinds that are not listed have no object. `plan` holds every
member of the plan that is not empty; `phases`, `unchanged`, `partial` and `diagnostics` (with lint findings where
`lint` gives severities) are compared where they are given. In place of a plan stand the `problems` that keep one from
being made, or the `error` that ends the run.
"""

from pathlib import Path
from typing import Any

import pytest

from reconciler.plan import Goal, Survey, take_survey
from reconciler.report.changes import wire
from reconciler.values.errors import ReconcilerError
from reconciler.values.model import Change
from reconciler.values.policy import Policy, Scope
from reconciler.yamlio import load
from tests.states import CATALOGUE, desired_of, live_of

FOLDER = Path(__file__).parent.parent / "cases"
MEMBERS = {"name", "live", "manifests", "policy", "scope", "rotate", "forbidden", "lint", "plan"}
#: Members of a plan that are compared only where a case gives them.
ON_DEMAND = ("phases", "unchanged", "partial", "diagnostics")


def cases() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        documents, problems = load(path.read_text(encoding="utf-8"))
        assert not problems, (path, problems)
        values: list[Any] = [each.value for each in documents]
        found += [pytest.param(value, id=f"{path.stem}: {value['name']}") for value in values]
    return found


def policy_of(given: dict[str, Any]) -> Policy:
    members = dict(given)
    for name in members.keys() & {"allow_empty"}:
        members[name] = frozenset(members[name])
    members["keep"] = tuple(given.get("keep", ()))
    members["owns"] = {kind: tuple(names) for kind, names in given.get("owns", {}).items()}
    return Policy(**members)


def planned(case: dict[str, Any]) -> dict[str, Any]:
    """Plan as the commands do, and return what came of it in the form of a case's `plan`."""
    policy = policy_of(case.get("policy", {}))
    given = case.get("scope", {})
    scope = Scope(kinds=frozenset(given.get("kinds", ())), only=tuple(given.get("only", ())))
    live = live_of(case.get("live", {}), case.get("forbidden", ()))
    goal = Goal(
        resources=desired_of(case.get("manifests", "")),
        policy=policy,
        scope=scope,
        rotate=(case["rotate"],) if "rotate" in case else (),
        severities=case.get("lint", {}),
        linted="lint" in case,
    )
    try:
        survey = take_survey(CATALOGUE, goal, live)
    except ReconcilerError as error:
        return {"error": f"{error.exit_code}: {error}"}
    problems = [str(each) for each in survey.diagnostics if each.severity == "error"]
    return {"problems": problems} if problems else shown(survey)


def shown(survey: Survey) -> dict[str, Any]:
    plan = survey.plan
    return {
        "changes": [change(each) for each in plan.changes],
        "phases": [" ".join([phase.name, *(str(each.address) for each in phase.changes)]) for phase in plan.phases],
        "unchanged": plan.unchanged,
        "undeclared": [str(each) for each in plan.undeclared],
        "unknown": [f"{each.address} {each.pointer}" for each in plan.unknown],
        "left": [f"{each.address} {each.pointer}" for each in plan.left],
        "pairs": {str(address): id_ for address, id_ in plan.pairs},
        "refusals": list(plan.refusals),
        "surplus": [str(each) for each in plan.surplus],
        "spared": {str(address): because for address, because in plan.spared},
        "partial": plan.partial,
        "diagnostics": [f"{each.severity}: {each}" for each in survey.diagnostics],
    }


def change(found: Change) -> dict[str, Any]:
    members: dict[str, Any] = {"action": found.action, "address": str(found.address), "id": found.id}
    members |= {"because": found.because, "patch": wire(found.patch)}
    return {name: value for name, value in members.items() if value}


@pytest.mark.parametrize("case", cases())
def test_plan_is_as_the_table_says(case: dict[str, Any]) -> None:
    want = case["plan"]

    found = planned(case)

    assert case.keys() <= MEMBERS
    assert {name: value for name, value in found.items() if name in want or (value and name not in ON_DEMAND)} == want
