"""A saved plan is nobody's word: what it shows is what it does, and the run's own policy judges it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.plan import Goal, take_survey
from reconciler.plan.saved import Basis, Fingerprint, fingerprint, make_basis, plan_digest, stale, take_up
from reconciler.plan.saved.sound import check_sound
from reconciler.values.errors import ConfigError, ReconcilerError
from reconciler.values.model import Address, Change, FieldChange, LiveState, Phase, Plan, Sensitive
from reconciler.values.policy import Policy
from tests.plan.test_cases import cases, policy_of
from tests.states import CATALOGUE, desired_of, live_of

URL = "https://mail.example.org"


def basis_of(plan: Plan, live: LiveState) -> Basis:
    kinds = list(live.objects)
    return make_basis(CATALOGUE, plan, live, target="", url=URL, policy="p", manifests="m", kinds=kinds)


@pytest.mark.parametrize("case", cases())
def test_every_plan_that_a_survey_makes_holds_together(case: Any) -> None:
    live = live_of(case.get("live", {}), case.get("forbidden", ()))
    rotate = (case["rotate"],) if "rotate" in case else ()
    policy = policy_of(case.get("policy", {}))
    goal = Goal(resources=desired_of(case.get("manifests", "")), policy=policy, rotate=rotate, linted=False)
    try:
        plan = take_survey(CATALOGUE, goal, live).plan
    except ReconcilerError:
        return

    check_sound(CATALOGUE, plan, basis_of(plan, live))


BEFORE: dict[str, list[Any]] = {
    "MtaRoute": [
        {"@type": "Relay", "id": "a", "name": "relay", "address": "smtp.example.net", "port": 25},
        {"@type": "Local", "id": "b", "name": "legacy"},
        {"@type": "Mx", "id": "c", "name": "kept"},
        {"@type": "Mx", "id": "d", "name": "turned"},
        {"@type": "Mx", "id": "e", "name": "more"},
    ],
    "MtaOutboundStrategy": [{"id": "singleton", "route": {"match": {}, "else": "'mx'"}}],
}
WANTED = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay, address: smtp.example.net, port: 587}
  - {type: Local, name: turned}
  - type: Relay
    name: new
    address: new.example.net
    authUsername: me
    authSecret: {type: Value, secret: "${env:RELAY_PASSWORD}"}
---
kind: MtaOutboundStrategy
spec: {route: {use: new}}
---
kind: MtaRoute
metadata: {absent: true}
spec: {name: legacy}
"""
LIVE = live_of(BEFORE)
PLAN = take_survey(CATALOGUE, Goal(resources=desired_of(WANTED), linted=False), LIVE).plan
PLACES = {str(each.address): each.number for each in PLAN.changes}
OTHER = Sensitive(reference="${env:OTHER}")


def altered(place: str, /, **members: Any) -> Plan:
    """Return the plan with one change altered, in its phases too."""
    old = PLAN.changes[PLACES[place]]
    new = replace(old, **{name: value(old) if callable(value) else value for name, value in members.items()})
    changes = tuple(new if each is old else each for each in PLAN.changes)
    phases = tuple(Phase(each.name, tuple(new if c is old else c for c in each.changes)) for each in PLAN.phases)
    return replace(PLAN, changes=changes, phases=phases)


def more(change: Change, phase: str = "destroy") -> Plan:
    """Return the plan with one change more."""
    new = replace(change, number=len(PLAN.changes))
    last = PLAN.phases[-1]
    phases = (*PLAN.phases[:-1], Phase(last.name, (*last.changes, new))) if phase == last.name else PLAN.phases
    return replace(PLAN, changes=(*PLAN.changes, new), phases=phases)


def patched(**values: Any) -> Callable[[Change], Any]:
    return lambda old: {**old.patch, **values}


def wanted(**values: Any) -> Callable[[Change], Any]:
    return lambda old: {**(old.after or {}), **values}


KEPT = next(each for each in LIVE.of("MtaRoute") if each.id == "c")
DESTROY = Change(action="destroy", address=KEPT.address, id="c", before=KEPT.wire, because="x")
ALTERED = {
    "another value is sent of an update": altered("MtaRoute/relay", patch={"port": 2525}),
    "more is sent of an update": altered("MtaRoute/relay", patch=patched(description="x")),
    "another value is shown": altered("MtaRoute/relay", fields=(FieldChange("port", 25, 26),)),
    "another value before is shown": altered("MtaRoute/relay", fields=(FieldChange("port", 587, 587),)),
    "a field is not shown": altered("MtaRoute/relay", fields=()),
    "another value is wanted": altered("MtaRoute/relay", after=wanted(address="evil.example")),
    "another object before": altered("MtaRoute/relay", before=KEPT.wire),
    "nothing before": altered("MtaRoute/relay", before=None),
    "nothing wanted": altered("MtaRoute/relay", after=None),
    "another object under this name": altered("MtaRoute/relay", id="c", before=KEPT.wire),
    "another name": altered("MtaRoute/relay", address=Address("MtaRoute", "harmless")),
    "more is sent of a create": altered("MtaRoute/new", patch=patched(port=2525)),
    "less is sent of a create": altered("MtaRoute/new", patch={"@type": "Relay", "name": "new"}),
    "a secret in a description": altered("MtaRoute/new", patch=patched(description=OTHER)),
    "a secret is wanted in a description": altered("MtaRoute/new", after=wanted(description=OTHER)),
    "another secret is sent": altered("MtaRoute/new", patch=patched(authSecret={"@type": "Value", "secret": OTHER})),
    "more is sent of a replace": altered("MtaRoute/turned", patch=patched(description="x")),
    "another variant is sent": altered("MtaRoute/turned", patch=patched(**{"@type": "Relay"})),
    "an unknown variant": altered("MtaRoute/turned", after=wanted(**{"@type": "Nothing"})),
    "a replace that destroys": altered("MtaRoute/turned", recreate=True),
    "an update that destroys": altered("MtaRoute/relay", recreate=True),
    "a destroy that sends": altered("MtaRoute/legacy", patch={"name": "x"}),
    "a destroy of another": altered("MtaRoute/legacy", id="c", before=KEPT.wire),
    "more of a singleton": altered("MtaOutboundStrategy", patch=patched(schedule={"match": {}, "else": "'x'"})),
    "one object twice": more(replace(DESTROY, id="b", address=Address("MtaRoute", "legacy"))),
    "in no phase": more(DESTROY, "none"),
    "a phase twice": replace(PLAN, phases=(*PLAN.phases, PLAN.phases[-1])),
    "phases the other way round": replace(PLAN, phases=PLAN.phases[::-1]),
}


def test_the_plan_that_is_altered_below_holds_together() -> None:
    found = take_up(CATALOGUE, PLAN, basis_of(PLAN, LIVE), LIVE, Policy())

    assert (found.plan, sorted(each.action for each in PLAN.changes)) == (
        PLAN,
        ["create", "destroy", "replace", "update", "update"],
    )


@pytest.mark.parametrize("plan", ALTERED.values(), ids=ALTERED)
def test_a_plan_that_was_altered_is_refused_whoever_sealed_it(plan: Plan) -> None:
    prints = []
    for each in plan.changes:
        # As whoever alters a plan would fit its basis to it.
        kind = CATALOGUE.kinds[each.address.kind]
        before = {k: v for k, v in (each.before or {}).items() if not kind.singleton or k in each.patch or k == "route"}
        sha = fingerprint(before) if each.before is not None else ""
        prints.append(Fingerprint((each.address.kind, each.address.name, each.address.id), each.id, sha))
    basis = replace(basis_of(PLAN, LIVE), fingerprints=tuple(prints))

    with pytest.raises(ReconcilerError) as caught:
        take_up(CATALOGUE, plan, basis, LIVE, Policy())
    # What is fitted to another object is stale at the latest.
    assert caught.value.exit_code in (4, 65)


@pytest.mark.parametrize(
    ("policy", "refusal"),
    [
        (Policy(keep=("MtaRoute/kept",)), "MtaRoute/kept would be destroyed"),
        (Policy(max_destroy=1), "2 of 5 MtaRoute objects would be destroyed, and policy allows 1 (1)"),
        (Policy(max_update=1), "2 of 5 MtaRoute objects would be changed, and policy allows 1 (1)"),
        (Policy(owns={"MtaRoute": ("acme-*",)}), "MtaRoute/kept would be destroyed, and policy.owns leaves it"),
        (Policy(owns={"MtaRoute": ("acme-*",)}), "MtaRoute/new would be created, and policy.owns leaves it"),
        (Policy(owns={"MtaRoute": ("acme-*",)}), "MtaRoute/relay would be updated, and policy.owns leaves it"),
    ],
)
def test_a_saved_plan_is_judged_by_the_policy_of_the_run(policy: Policy, refusal: str) -> None:
    plan = more(DESTROY)

    found = take_up(CATALOGUE, plan, basis_of(plan, LIVE), LIVE, policy)

    assert [each for each in found.plan.refusals if each.startswith(refusal)]


def test_a_plan_of_a_kind_that_was_not_read_is_told_as_such() -> None:
    plan = altered("MtaRoute/relay", id="zz")

    with pytest.raises(ConfigError):
        take_up(CATALOGUE, plan, basis_of(PLAN, LIVE), LIVE, Policy())


# ---- singletons have several owners ----------------------------------------------------------------------------


STRATEGY = {"id": "singleton", "route": {"match": {}, "else": "'mx'"}, "schedule": {"match": {}, "else": "'remote'"}}
OWNED = "kind: MtaOutboundStrategy\nspec: {route: {else: \"'local'\"}, schedule: {else: \"'remote'\"}}\n"


@pytest.mark.parametrize(
    ("now", "sentences"),
    [
        ({"schedule": {"match": {}, "else": "'other'"}}, ()),
        ({"tls": {"match": {}, "else": "'strict'"}}, ()),
        ({"route": {"match": {}, "else": "'other'"}}, ("MtaOutboundStrategy changed meanwhile: route/else",)),
    ],
)
def test_only_what_a_plan_touches_of_a_singleton_makes_it_stale(now: Any, sentences: tuple[str, ...]) -> None:
    live = live_of({"MtaOutboundStrategy": [STRATEGY]})
    plan = take_survey(CATALOGUE, Goal(resources=desired_of(OWNED), linted=False), live).plan
    later = live_of({"MtaOutboundStrategy": [{**STRATEGY, **now}]})

    assert stale(basis_of(plan, live), later, plan, CATALOGUE) == sentences


# ---- the digest ------------------------------------------------------------------------------------------------


def digest_of(live: LiveState, text: str) -> str:
    return plan_digest(take_survey(CATALOGUE, Goal(resources=desired_of(text), linted=False), live).plan)


def test_the_digest_is_that_of_the_changes_alone() -> None:
    more_live = live_of({**BEFORE, "MtaRoute": [*BEFORE["MtaRoute"], {"@type": "Mx", "id": "z", "name": "z"}]})
    moved = "# a comment\n\n" + WANTED
    also = WANTED + "---\nkind: MtaRoute\nspec: {type: Mx, name: kept}\n"

    assert {digest_of(LIVE, WANTED), digest_of(more_live, WANTED), digest_of(LIVE, moved), digest_of(LIVE, also)} == {
        plan_digest(PLAN)
    }


def test_another_change_has_another_digest() -> None:
    other_before = live_of({**BEFORE, "MtaRoute": [{**BEFORE["MtaRoute"][0], "port": 26}, *BEFORE["MtaRoute"][1:]]})
    other_lost = live_of(
        {
            **BEFORE,
            "MtaRoute": [BEFORE["MtaRoute"][0], {**BEFORE["MtaRoute"][1], "description": "x"}, *BEFORE["MtaRoute"][2:]],
        }
    )
    digests = {
        digest_of(LIVE, WANTED),
        digest_of(LIVE, WANTED.replace("587", "588")),
        digest_of(LIVE, WANTED.replace("RELAY_PASSWORD", "OTHER")),
        digest_of(other_before, WANTED),
        digest_of(other_lost, WANTED),
    }

    assert len(digests) == 5
