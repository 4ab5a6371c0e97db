"""Objects that refer to each other: what comes before what, what takes two steps, and what is a mistake."""

import pytest

from reconciler.plan import actions_for, restarting
from reconciler.values import Address, Allowance, Change, ManifestError
from tests.whole import CATALOGUE, held, state, surveyed

MAIL = Address("Role", "Mail")


def phases(text: str) -> list[list[str]]:
    found = surveyed(state(), text, allow=(Allowance(address="*"),)).checked().plan
    return [[f"{each.action} {each.address}" for each in phase.changes] for phase in found.phases]


def test_objects_of_one_kind_come_after_those_that_they_refer_to() -> None:
    text = "kind: Role\nitems: [{description: A, roleIds: [B]}, {description: B, roleIds: [C]}, {description: C}]\n"

    assert phases(text) == [["create Role/C"], ["create Role/B"], ["create Role/A"]]


def test_references_against_the_order_of_kinds_are_followed() -> None:
    text = (
        "kind: Tenant\nspec: {name: t, roles: {type: Custom, roleIds: [Mail]}}\n---\n"
        "kind: Role\nitems: [{description: Mail}, {description: Ours, memberTenantId: t}]\n"
    )

    assert phases(text) == [["create Role/Mail"], ["create Tenant/t"], ["create Role/Ours"]]


def test_circle_through_two_kinds_is_made_in_two_steps() -> None:
    text = (
        "kind: Tenant\nspec: {name: t, roles: {type: Custom, roleIds: [Mail]}}\n---\n"
        "kind: Role\nspec: {description: Mail, memberTenantId: t}\n"
    )
    found = surveyed(state(), text).checked()

    assert [[f"{each.action} {each.address}" for each in phase.changes] for phase in found.plan.phases] == [
        ["create Role/Mail"],
        ["create Tenant/t"],
        ["update Role/Mail"],
    ]
    assert [each.patch for each in found.plan.changes] == [
        {"description": "Mail"},
        {"name": "t", "roles": {"@type": "Custom", "roleIds": {MAIL: True}}},
        {"memberTenantId": Address("Tenant", "t")},
    ]
    (role,) = found.after.of("Role")
    assert role.wire["memberTenantId"] == Address("Tenant", "t")


@pytest.mark.parametrize(
    ("roles", "path"),
    [
        ("{description: A, roleIds: [A]}", "Role/A → Role/A"),
        ("{description: A, roleIds: [B]}, {description: B, roleIds: [A]}", "Role/A → Role/B → Role/A"),
    ],
)
def test_circle_within_one_kind_is_a_mistake_with_its_path(roles: str, path: str) -> None:
    with pytest.raises(ManifestError) as caught:
        phases(f"kind: Role\nitems: [{roles}]\n")

    assert [(each.code, each.message) for each in caught.value.diagnostics] == [
        ("circle", f"these refer to each other in a circle: {path}")
    ]


def test_what_refers_is_destroyed_first() -> None:
    live = state(
        held("Role", "A", "a", description="A", roleIds={Address("Role", "B"): True}),
        held("Role", "B", "b", description="B"),
    )
    text = "".join(
        f"kind: Role\nmetadata: {{absent: true}}\nspec: {{description: {name}}}\n---\n" for name in ("B", "A")
    )

    found = surveyed(live, text).plan

    assert [[str(each.address) for each in phase.changes] for phase in found.phases] == [["Role/A"], ["Role/B"]]


def test_circle_is_destroyed_once_one_of_its_references_is_taken_out() -> None:
    tenant = Address("Tenant", "t")
    live = state(
        held("Role", "Mail", "r", description="Mail", memberTenantId=tenant),
        held("Tenant", "t", "t", name="t", roles={"@type": "Custom", "roleIds": {MAIL: True}}),
    )
    text = (
        "kind: Role\nmetadata: {absent: true}\nspec: {description: Mail}\n---\n"
        "kind: Tenant\nmetadata: {absent: true}\nspec: {name: t}\n"
    )

    found = surveyed(live, text).checked()

    assert (found.plan.refusals, found.after.of("Role"), found.after.of("Tenant")) == ((), (), ())
    assert [[f"{each.action} {each.address}" for each in phase.changes] for phase in found.plan.phases] == [
        ["update Role/Mail"],
        ["destroy Tenant/t"],
        ["destroy Role/Mail"],
    ]


def changed(kind: str, action: str = "create", *names: str) -> Change:
    patch = dict.fromkeys(names)
    return Change(action=action, address=Address(kind, "x"), id="i", patch=patch, after=patch)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "actions"),
    [
        ([], ()),
        ([changed("Domain"), changed("NetworkListener")], ()),
        ([changed("BlockedIp"), changed("AllowedIp")], ("ReloadSettings", "ReloadBlockedIps")),
        ([changed("MemoryLookupKey"), changed("Certificate")], ("ReloadTlsCertificates", "ReloadLookupStores")),
        ([changed("SystemSettings", "update", "defaultHostname")], ("ReloadSettings",)),
        ([changed("SystemSettings", "update", "defaultCertificateId")], ("ReloadTlsCertificates",)),
        ([changed("SystemSettings", "update", "maxConnections")], ()),
    ],
)
def test_only_the_actions_that_changes_need_are_run_in_order(changes: list[Change], actions: tuple[str, ...]) -> None:
    assert actions_for(CATALOGUE, changes) == actions


def test_what_acts_at_the_next_start_is_named() -> None:
    found = restarting(
        CATALOGUE,
        [changed("NetworkListener"), changed("Domain"), changed("SystemSettings", "update", "maxConnections")],
    )

    assert found == (Address("NetworkListener", "x"), Address("SystemSettings", "x"))
