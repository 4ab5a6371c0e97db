"""A plan becomes operations of stalwart-cli that do the same, and what they cannot do is refused."""

from typing import Any

import pytest
from hypothesis import event, given, settings

from reconciler.plan import as_operations
from reconciler.values import ManifestError
from tests.applying import PRUNE, job
from tests.desired.bridges.importing import lines
from tests.playing import Player
from tests.properties.test_apply_laws import LAW, State, World, states
from tests.states import CATALOGUE, live_of
from tests.talk import Talk

RELOAD = {"@type": "create", "object": "Action", "value": {"reload": {"@type": "ReloadSettings"}}}


def files(objects: dict[str, Any], manifests: str, *, rotate: str = "") -> list[list[dict[str, Any]]]:
    """Return the files of the plan from some live objects to some manifests."""
    live = live_of(objects)
    found = as_operations(CATALOGUE, job(live, manifests, PRUNE, rotate=rotate).plan, live)
    return [list(each) for each in found.files]


def test_creates_are_upserts_and_name_what_the_same_file_makes() -> None:
    (found,) = files(
        {},
        "kind: MtaDeliverySchedule\nitems:\n  - {name: a, queueId: q}\n  - {name: b, queueId: q}\n---\n"
        "kind: MtaVirtualQueue\nspec: {name: q}\n",
    )

    assert found == [
        {"@type": "upsert", "object": "MtaVirtualQueue", "matchOn": ["name"], "value": {"new0": {"name": "q"}}},
        {
            "@type": "upsert",
            "object": "MtaDeliverySchedule",
            "matchOn": ["name"],
            "value": {"new1": {"name": "a", "queueId": "#new0"}, "new2": {"name": "b", "queueId": "#new0"}},
        },
        RELOAD,
    ]


def test_an_update_is_the_plans_own_patch_by_the_servers_id() -> None:
    live = {"MtaRoute": [{"id": "b", "@type": "Relay", "name": "r", "address": "a.test", "port": 25}]}
    (found,) = files(live, "kind: MtaRoute\nspec: {type: Relay, name: r, address: a.test, port: 26}\n")

    assert found == [{"@type": "update", "object": "MtaRoute", "id": "b", "value": {"port": 26}}, RELOAD]


def test_what_is_referred_to_is_destroyed_last_and_what_has_no_filter_by_a_reconcile() -> None:
    live = {
        "MtaVirtualQueue": [{"id": "b", "name": "q"}],
        "MtaDeliverySchedule": [{"id": "c", "name": "s", "queueId": "b"}],
        "MtaMilter": [{"id": "d", "hostname": "a.test", "port": 9}],
        "MtaRoute": [{"id": "e", "@type": "Local", "name": "r"}],
    }
    (found,) = files(live, "kind: MtaSts\nspec: {mode: enforce}\n")

    assert found == [
        {"@type": "destroy", "object": "MtaRoute", "value": {"name": "r"}},
        {"@type": "destroy", "object": "MtaDeliverySchedule", "value": {"name": "s"}},
        {"@type": "update", "object": "MtaSts", "value": {"mode": "enforce"}},
        *(
            {"@type": "reconcile", "object": kind, "matchOn": [*scope], "scope": scope, "value": {}}
            for kind, scope in (("MtaMilter", {"hostname": "a.test", "port": 9}), ("MtaVirtualQueue", {"name": "q"}))
        ),
    ]


def test_what_is_destroyed_and_made_anew_without_a_filter_takes_two_files() -> None:
    quota = {"id": "b", "description": "d", "key": {"rcpt": True}, "messages": 5, "match": {"match": {}, "else": "1"}}
    first, second = files(
        {"MtaQueueQuota": [quota]}, "kind: MtaQueueQuota\nspec: {description: d, key: [rcpt], messages: 5}\n"
    )

    assert [each["@type"] for each in first] == ["reconcile"]
    assert [each["@type"] for each in second] == ["upsert", "create"]
    assert second[1] == RELOAD


def test_objects_of_one_key_are_created_and_none_of_them_is_destroyed_for_another() -> None:
    both = "kind: MtaMilter\nmetadata: {name: one}\nspec: {hostname: a.test}\n---\n" * 2
    (found,) = files({}, both.replace("one", "two", 1).removesuffix("---\n"))
    live = {"MtaMilter": [{"id": "b", "hostname": "a.test"}, {"id": "c", "hostname": "a.test", "useTls": True}]}

    assert [(each["@type"], len(each["value"])) for each in found] == [("create", 2), ("create", 1)]
    with pytest.raises(ManifestError) as refused:
        files(live, "kind: MtaMilter\nspec: {hostname: a.test}\nmetadata: {id: b}\n")
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.address, diagnostic.code) == ("MtaMilter/a.test:11332#c", "alike")


@pytest.mark.parametrize("secret", ["${env:PW}", "hunter2"])
def test_a_secret_that_has_to_be_written_is_refused_and_shown_nowhere(secret: str) -> None:
    relay = (
        f'{{type: Relay, name: r, address: a.test, authUsername: u, authSecret: {{type: Value, secret: "{secret}"}}}}'
    )
    with pytest.raises(ManifestError) as refused:
        files({}, f"kind: MtaRoute\nspec: {relay}\n")

    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.address, diagnostic.pointer) == ("MtaRoute/r", "authSecret/secret")
    assert diagnostic.message == "a secret has to be written, and no file may hold it"
    assert "hunter2" not in str(refused.value.diagnostics)


def test_no_changes_are_no_operations() -> None:
    live = {"MtaRoute": [{"id": "b", "@type": "Local", "name": "r"}]}

    assert files(live, "kind: MtaRoute\nspec: {type: Local, name: r}\n") == []


@given(states(), states())
@settings(parent=LAW)
def test_operations_played_leave_what_the_plan_wants(first: State, second: State) -> None:
    world = World()
    world.apply(first)
    live = world.read()
    work = job(live, second, PRUNE)
    try:
        found = as_operations(CATALOGUE, work.plan, live)
    except ManifestError as refused:
        event(str({each.code for each in refused.diagnostics}))
        return

    for file in found.files:
        Player(Talk(world.sandbox)).play(lines(*file))

    assert job(world.read(), second, PRUNE).plan.changes == ()
    event(f"{len(found.files)} files, reload left {found.reload}")
