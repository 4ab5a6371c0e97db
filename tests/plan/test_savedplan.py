"""Saved plans: what stands in the file, what is refused, and when a plan is stale."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from msgspec import UNSET

from reconciler.plan import Goal, take_survey
from reconciler.plan.saved import (
    MAX_PLAN,
    Basis,
    Fingerprint,
    check_for,
    digest,
    fingerprint,
    load,
    make_basis,
    pending,
    plan_digest,
    policy_digest,
    save,
    saved_plan_schema,
    stale,
    unmet,
    write,
)
from reconciler.report import Page, Target, members, plan_report, render
from reconciler.report.schemas import SCHEMAS
from reconciler.values import read_file
from reconciler.values.errors import ConfigError, ManifestError, ReconcilerError, UsageError
from reconciler.values.model import Address, Change, FieldChange, LiveState, Phase, Plan, Sensitive, Source
from reconciler.values.policy import Policy, SecretSources
from tests.states import CATALOGUE, desired_of, live_of

URL = "https://mail.example.org"
KINDS = ("MtaRoute", "MtaOutboundStrategy", "MtaVirtualQueue", "MtaDeliverySchedule")
RELAY = {"@type": "Relay", "id": "a", "name": "relay", "address": "smtp.example.net", "port": 25}
LEGACY = {"@type": "Local", "id": "b", "name": "legacy"}
STRATEGY = {"id": "singleton", "route": {"match": {}, "else": "'mx'"}}
BEFORE: dict[str, list[Any]] = {
    "MtaRoute": [RELAY, LEGACY],
    "MtaOutboundStrategy": [STRATEGY],
    "MtaVirtualQueue": [{"id": "q", "name": "main"}],
}
WANTED = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay, address: smtp.example.net, port: 587}
  - type: Relay
    name: new
    address: new.example.net
    authUsername: me
    authSecret: {type: Value, secret: "${env:RELAY_PASSWORD}"}
---
kind: MtaOutboundStrategy
spec: {route: {use: new}}
---
kind: MtaDeliverySchedule
spec: {name: quick, queueId: main}
"""


def plan_of(live: LiveState, text: str = WANTED, prune: bool = True) -> Plan:
    policy = Policy(prune={"MtaRoute": True} if prune else {}, max_destroy=10)
    goal = Goal(resources=desired_of(text), policy=policy, linted=False)
    return take_survey(CATALOGUE, goal, live).checked().plan


def basis_of(plan: Plan, live: LiveState) -> Basis:
    return make_basis(
        CATALOGUE,
        plan,
        live,
        target="prod",
        url=URL,
        policy=policy_digest(Policy()),
        manifests=digest("manifests"),
        kinds=KINDS,
    )


def saved(live: LiveState | None = None, text: str = WANTED) -> tuple[Plan, Basis, bytes]:
    live = live or live_of(BEFORE)
    plan = plan_of(live, text)
    basis = basis_of(plan, live)
    report = members(plan_report(CATALOGUE, plan, Target(name="prod", url=URL)))
    return plan, basis, save(plan, basis, report)


def changed(kind: str, objects: Sequence[Any]) -> LiveState:
    return live_of({**BEFORE, kind: objects})


def stale_now(live: LiveState) -> tuple[str, ...]:
    plan, basis, _ = saved()
    return stale(basis, live, plan, CATALOGUE)


def test_a_saved_plan_is_read_back_as_it_was() -> None:
    plan, basis, content = saved()

    found = load(content, CATALOGUE)

    assert [(each.action, str(each.address)) for each in plan.changes] == [
        ("update", "MtaRoute/relay"),
        ("create", "MtaRoute/new"),
        ("create", "MtaDeliverySchedule/quick"),
        ("update", "MtaOutboundStrategy"),
        ("destroy", "MtaRoute/legacy"),
    ]
    assert found[:2] == (plan, basis)
    assert found[2] == json.loads(json.dumps(members(plan_report(CATALOGUE, plan, Target(name="prod", url=URL)))))


def test_phases_hold_the_very_changes_of_the_plan() -> None:
    _, _, content = saved()

    plan, _, _ = load(content, CATALOGUE)

    assert {id(each) for each in plan.changes} == {id(each) for phase in plan.phases for each in phase.changes}


def test_a_saved_plan_is_the_plan_report_and_a_basis() -> None:
    plan, _, content = saved()
    document = json.loads(content)
    report = json.loads(render(plan_report(CATALOGUE, plan, Target(name="prod", url=URL)), "json", Page()))

    Draft202012Validator(saved_plan_schema(SCHEMAS["plan"])).validate(document)

    assert next(iter(document)) == "format"
    assert list(document)[1:] == sorted(document.keys() - {"format"})
    assert {name: value for name, value in document.items() if name != "basis"} == report


def test_the_schema_is_one_and_refuses_unknown_members() -> None:
    schema = saved_plan_schema(SCHEMAS["plan"])
    _, _, content = saved()
    document = json.loads(content)
    document["basis"]["work"]["more"] = 1

    Draft202012Validator.check_schema(schema)

    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == [
        "Additional properties are not allowed ('more' was unexpected)"
    ]


def test_a_secret_stands_in_the_file_as_its_reference() -> None:
    plan, _, content = saved()

    secret = plan.changes[1].patch["authSecret"]["secret"]

    assert secret == Sensitive(reference="${env:RELAY_PASSWORD}")
    assert json.loads(content)["basis"]["work"]["changes"][1]["patch"]["authSecret"] == {
        "@type": "Value",
        "secret": {"$secret": "${env:RELAY_PASSWORD}"},
    }


def test_a_secret_in_plain_text_is_not_saved() -> None:
    text = WANTED.replace("${env:RELAY_PASSWORD}", "hunter2-canary")

    with pytest.raises(ManifestError) as raised:
        saved(text=text)

    (problem,) = raised.value.diagnostics
    assert raised.value.exit_code == 65
    assert (problem.address, problem.pointer, problem.code) == ("MtaRoute/new", "authSecret", "unsaved-secret")
    assert problem.message == "a secret in plain text cannot be saved in a plan"
    assert "canary" not in str(problem)


def test_same_plan_same_bytes() -> None:
    assert saved()[2] == saved()[2]


def test_a_plan_without_changes_is_saved_too() -> None:
    plan, basis = Plan(unchanged=3, refusals=("no",), partial=True), basis_of(Plan(), live_of({}))
    content = save(plan, basis, members(plan_report(CATALOGUE, plan, Target(name="prod", url=URL))))

    found, _, _ = load(content, CATALOGUE)

    assert found == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b'"port": 587', b'"port": 588', "the plan was altered after it was saved"),
        (b'"action": "destroy"', b'"action": "update"', "the plan was altered after it was saved"),
        (b'"version": 1', b'"version": 2', "the plan is of version 2, and version 1 is known here"),
        (b'"version": 1', b'"version": true', "the plan is of version True, and version 1 is known here"),
        (b"reconciler/plan/v1", b"reconciler/plan/v9", "its format is 'reconciler/plan/v9', not reconciler/plan/v1"),
        (b'"partial": false', b'"partial": false, "more": 1', "this is no saved plan"),
        (b'"undeclared":', b'"undeclarde":', "this is no saved plan: the member 'undeclarde' is not known"),
        (b'"basis":', b'"bases":', "this plan was printed and not saved: it has no basis"),
        (b'"seal":', b'"sale":', "this is no saved plan: Object"),
        (b"}", b"", "this is no saved plan"),
    ],
)
def test_a_file_that_is_not_as_it_was_saved_is_refused(old: bytes, new: bytes, message: str) -> None:
    _, _, content = saved()
    assert old in content

    with pytest.raises(ConfigError) as raised:
        load(content.replace(old, new), CATALOGUE)

    assert message in raised.value.message
    assert raised.value.exit_code == 65


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"format": 1}', b"null"])
def test_what_is_no_plan_at_all_is_refused(content: bytes) -> None:
    with pytest.raises(ConfigError, match="this is no saved plan"):
        load(content, CATALOGUE)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    with path.open("wb") as stream:
        stream.truncate(MAX_PLAN + 1)

    with pytest.raises(ConfigError) as raised:
        read_file(path, ConfigError, most=MAX_PLAN)

    assert str(raised.value) == f"{path} is larger than 64 MB"


def resealed(alter: Any) -> bytes:
    """Alter the work of a saved plan, and seal it as its writer would."""
    _, _, content = saved()
    document = json.loads(content)
    alter(document["basis"])
    inner = {name: value for name, value in document["basis"].items() if name != "seal"}
    members = {name: value for name, value in document.items() if name not in ("format", "basis")}
    document["basis"]["seal"] = digest(members, inner)
    return json.dumps(document).encode()


def test_a_change_of_an_unknown_kind_is_refused() -> None:
    content = resealed(lambda basis: basis["work"]["changes"][0].update(address=["Action", "", ""]))

    with pytest.raises(ConfigError, match="Action is of no kind that is known here"):
        load(content, CATALOGUE)


def test_a_change_that_stands_in_no_phase_is_refused() -> None:
    content = resealed(lambda basis: basis["work"]["phases"].pop())

    with pytest.raises(ConfigError, match="a change stands in no phase"):
        load(content, CATALOGUE)


@pytest.mark.parametrize("place", [-1, 99])
def test_a_phase_of_a_change_that_is_not_there_is_refused(place: int) -> None:
    content = resealed(lambda basis: basis["work"]["phases"][0]["changes"].append(place))

    with pytest.raises(ConfigError, match="names a change that is not there"):
        load(content, CATALOGUE)


@pytest.mark.parametrize(
    "value", [{"$secret": "plain"}, {"$secret": "${env:A} b"}, {"$strange": 1}, {"$address": ["A"]}]
)
def test_a_value_that_is_not_understood_is_refused(value: Any) -> None:
    content = resealed(lambda basis: basis["work"]["changes"][0]["patch"].update(authUsername=value))

    with pytest.raises(ConfigError, match="marks no value that is known here"):
        load(content, CATALOGUE)


def test_a_plan_of_another_catalogue_is_refused() -> None:
    _, _, content = saved()

    with pytest.raises(UsageError) as raised:
        load(content, msgspec.structs.replace(CATALOGUE, digest="other"))

    assert str(raised.value) == "the plan was made by a version of this program with another catalogue (plan again)"


@pytest.mark.parametrize(
    "policy",
    [
        Policy(lint={"plain-text-secret": "ignore"}),
        Policy(secrets=SecretSources(env=("RELAY_*",))),
        Policy(secrets=SecretSources(files=("/run/secrets/*",))),
        Policy(links=("/nix/store",)),
        Policy(variables=("REGION",)),
        Policy(allow_empty=frozenset({"MtaRoute"})),
    ],
)
def test_the_digest_of_a_policy_covers_all_of_it(policy: Policy) -> None:
    assert policy_digest(policy) != policy_digest(Policy())
    assert policy_digest(policy) == policy_digest(msgspec.structs.replace(policy))


def test_a_plan_for_another_server_or_of_another_policy_is_refused() -> None:
    _, basis, _ = saved()
    policy = policy_digest(Policy())

    check_for(basis, url=f"{URL}/", target="", policy=policy)
    with pytest.raises(UsageError) as server:
        check_for(basis, url="https://other.example.org", target="", policy=policy)
    with pytest.raises(UsageError) as changed:
        check_for(basis, url=URL, target="", policy=policy_digest(Policy(max_destroy=1)))

    assert str(server.value) == (
        f"the plan is for {URL}, and this is https://other.example.org (plan again for this server)"
    )
    assert changed.value.message == "the policy changed after the plan was made, so that it may not allow the plan"


def test_a_policy_has_one_digest() -> None:
    one = Policy(prune={"MtaRoute": True, "MtaHook": "all"}, undeclared={"A": "drift", "B": "ignore"})
    same = Policy(prune={"MtaHook": "all", "MtaRoute": True}, undeclared={"B": "ignore", "A": "drift"})

    assert policy_digest(one) == policy_digest(same)
    assert policy_digest(one) != policy_digest(Policy())


def test_the_basis_holds_a_fingerprint_of_every_touched_object() -> None:
    live = live_of(BEFORE)
    wires = {each.id: each.wire for each in live.of("MtaRoute")}

    basis = basis_of(plan_of(live), live)

    strategy = live.of("MtaOutboundStrategy")[0].wire
    assert basis.fingerprints == (
        Fingerprint(("MtaRoute", "relay", ""), "a", fingerprint(wires["a"])),
        Fingerprint(("MtaRoute", "new", ""), "", ""),
        Fingerprint(("MtaDeliverySchedule", "quick", ""), "", ""),
        Fingerprint(("MtaOutboundStrategy", "", ""), "singleton", fingerprint({"route": strategy["route"]})),
        Fingerprint(("MtaRoute", "legacy", ""), "b", fingerprint(wires["b"])),
    )


def test_a_server_that_did_not_change_is_not_stale() -> None:
    assert stale_now(live_of(BEFORE)) == ()


@pytest.mark.parametrize(
    ("kind", "objects", "sentence"),
    [
        ("MtaRoute", [{**RELAY, "port": 26}, LEGACY], "MtaRoute/relay changed meanwhile: port"),
        ("MtaRoute", [{**RELAY, "address": "x.example"}, LEGACY], "MtaRoute/relay changed meanwhile: address"),
        ("MtaRoute", [LEGACY], "MtaRoute/relay was destroyed meanwhile"),
        ("MtaRoute", [RELAY, {**LEGACY, "description": "d"}], "MtaRoute/legacy changed meanwhile: description"),
        (
            "MtaRoute",
            [RELAY, LEGACY, {"@type": "Local", "id": "c", "name": "new"}],
            "MtaRoute/new was created meanwhile, with the id c",
        ),
        (
            "MtaOutboundStrategy",
            [{"id": "singleton", "route": {"match": {}, "else": "'legacy'"}}],
            "MtaOutboundStrategy changed meanwhile: route/else",
        ),
    ],
)
def test_what_changed_meanwhile_is_stale(kind: str, objects: Sequence[Any], sentence: str) -> None:
    assert stale_now(changed(kind, objects)) == (sentence,)


def test_what_is_already_as_wanted_is_not_stale_and_is_left_out() -> None:
    plan, basis, content = saved()
    now = live_of(
        {
            **BEFORE,
            "MtaRoute": [{**RELAY, "port": 587}],
            "MtaDeliverySchedule": [{"id": "d", "name": "quick", "queueId": "q"}],
        }
    )
    plan, basis, _ = load(content, CATALOGUE)

    rest = pending(basis, now, plan, CATALOGUE)

    assert stale(basis, now, plan, CATALOGUE) == ()
    assert [str(each.address) for each in rest.changes] == ["MtaRoute/new", "MtaOutboundStrategy"]
    assert [[str(each.address) for each in phase.changes] for phase in rest.phases] == [
        ["MtaRoute/new"],
        ["MtaOutboundStrategy"],
    ]
    assert [each.number for each in rest.changes] == [0, 1]
    as_planned = [msgspec.structs.replace(each, number=0) for each in plan.changes]
    assert all(msgspec.structs.replace(each, number=0) in as_planned for each in rest.changes)
    assert rest.unchanged == plan.unchanged + 3


def test_nothing_is_left_out_where_nothing_changed() -> None:
    live = live_of(BEFORE)
    plan, basis, _ = saved(live)

    assert pending(basis, live, plan, CATALOGUE) == plan


def test_a_masked_secret_is_never_taken_for_as_wanted() -> None:
    relay = {"@type": "Relay", "name": "new", "address": "new.example.net", "authUsername": "me"}
    made = {**relay, "id": "n", "authSecret": {"@type": "Value", "secret": "****"}}

    told = stale_now(changed("MtaRoute", [RELAY, LEGACY, made]))

    assert told == ("MtaRoute/new was created meanwhile, with the id n",)


def test_an_object_that_had_the_key_already_is_not_created_meanwhile() -> None:
    url = "https://hook.example.org/"
    twins = [{"id": each, "url": url, "timeout": 5000} for each in ("t", "u")]
    text = "\n---\n".join(
        f"kind: MtaHook\nmetadata: {{name: n{n}}}\nspec: {{url: '{url}', timeout: {n}s}}" for n in (1, 2, 3)
    )
    live = live_of({"MtaHook": twins})
    plan = plan_of(live, text, prune=False)
    basis = make_basis(CATALOGUE, plan, live, target="", url=URL, policy="", manifests="", kinds=["MtaHook"])
    third = live_of({"MtaHook": [*twins, {"id": "v", "url": url, "timeout": 9000}]})

    assert stale(basis, live, plan, CATALOGUE) == ()
    assert stale(basis, third, plan, CATALOGUE) == ("MtaHook/n3 was created meanwhile, with the id v",)


def test_what_the_server_does_not_show_after_an_apply_is_unmet() -> None:
    live = live_of(BEFORE)
    plan = plan_of(live)
    new = {"@type": "Relay", "id": "n", "name": "new", "address": "new.example.net", "authUsername": "me"}
    done = {
        **BEFORE,
        "MtaRoute": [{**RELAY, "port": 587}, {**new, "authSecret": {"@type": "Value", "secret": "****"}}],
        "MtaDeliverySchedule": [{"id": "d", "name": "quick", "queueId": "q"}],
        "MtaOutboundStrategy": [{"id": "singleton", "route": {"match": {}, "else": "'new'"}}],
    }
    other = {**done, "MtaRoute": [{**RELAY, "port": 588}, *done["MtaRoute"][1:], LEGACY]}

    assert unmet(plan, live_of(done), CATALOGUE) == ()
    assert [str(each.address) for each in unmet(plan, live_of(other), CATALOGUE)] == [
        "MtaRoute/relay",
        "MtaRoute/legacy",
    ]
    assert unmet(plan, live, CATALOGUE) == plan.changes


def test_a_basis_of_another_plan_is_refused() -> None:
    live = live_of(BEFORE)
    _, basis, _ = saved(live)

    with pytest.raises(ConfigError, match="its basis names other objects than its changes"):
        stale(basis, live, Plan(), CATALOGUE)


def test_the_plan_digest_tells_work_from_work() -> None:
    live = live_of(BEFORE)
    other = plan_of(live, WANTED.replace("587", "588"))
    plain = plan_of(live, WANTED.replace("${env:RELAY_PASSWORD}", "hunter2"))

    digests = [plan_digest(each) for each in (plan_of(live), plan_of(live), other, plain)]

    assert digests[0] == digests[1]
    assert len({*digests}) == 3


def test_marked_values_and_wire_objects_with_such_keys_are_told_apart() -> None:
    wire = {"a": {"$secret": "no secret"}, "b": Address("MtaRoute", "x", "y"), "c": {"$address": {"$unset": True}}}
    change = Change(
        action="update",
        address=Address("MtaRoute", "relay"),
        id="a",
        patch=wire,
        fields=(FieldChange("a", UNSET, wire["a"]),),
        before={"$unset": True},
        after={},
        source=Source("f.yaml", 3, 4),
    )
    plan = Plan(changes=(change,), phases=(Phase("make", (change,)),))
    basis = basis_of(plan, live_of(BEFORE))

    content = save(plan, basis, members(plan_report(CATALOGUE, Plan(), Target(name="prod", url=URL))))

    assert load(content, CATALOGUE)[0] == plan


def test_a_plan_file_is_private_and_replaces_the_old_one_whole(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old and longer than the new one")
    path.chmod(0o644)

    write(path, b"new")

    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_plan_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "plan.json").mkdir()

    with pytest.raises(ReconcilerError) as raised:
        write(tmp_path / "plan.json", b"new")

    assert raised.value.exit_code == 1
    assert str(raised.value) == f"{tmp_path / 'plan.json'} cannot be written: Is a directory"
    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]
