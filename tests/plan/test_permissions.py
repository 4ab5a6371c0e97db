"""The least permissions are those that the calls of a run need, and no more."""

from pathlib import Path

import pytest

from reconciler.plan.permissions import Permissions, needed
from reconciler.plan.scope import kinds_in_scope
from reconciler.sandbox import serve
from reconciler.values.policy import Policy, Scope
from tests.running import command, environment, write
from tests.states import CATALOGUE, desired_of

RELOAD = ("actionReloadSettings",)
MILTER = "kind: MtaMilter\nspec: {hostname: a.test}\n"
ABSENT = "kind: MtaMilter\nmetadata: {absent: true}\nspec: {hostname: a.test}\n"
TWINS = "---\n".join(f"kind: MtaMilter\nmetadata: {{name: {name}}}\nspec: {{hostname: a.test}}\n" for name in "xy")
QUOTA = "kind: MtaQueueQuota\nspec: {description: d, key: [rcpt]"


def permissions(text: str, policy: Policy | None = None, scope: Scope | None = None, *checks: str) -> Permissions:
    return needed(CATALOGUE, desired_of(text), policy or Policy(), scope or Scope(), checks)


def verbs(kind: str, *names: str) -> tuple[str, ...]:
    return tuple(f"sys{kind}{name}" for name in names)


def test_a_collection_is_read_created_and_updated() -> None:
    found = permissions("kind: MtaRoute\nspec: {type: Mx, name: a}\n", None, None, "MtaOutboundStrategy")

    assert found == Permissions(
        plan=("authenticate", *verbs("MtaRoute", "Get", "Query")),
        apply=(*RELOAD, "sysActionCreate", *verbs("MtaRoute", "Create", "Update")),
        optional=verbs("MtaOutboundStrategy", "Get"),
    )


def test_a_singleton_is_read_and_updated() -> None:
    found = permissions("kind: MtaSts\nspec: {mode: testing}\n")

    assert found == Permissions(
        plan=("authenticate", "sysMtaStsGet"), apply=(*RELOAD, "sysActionCreate", "sysMtaStsUpdate"), optional=()
    )


def test_nothing_declared_still_reloads() -> None:
    assert permissions("") == Permissions(plan=("authenticate",), apply=(*RELOAD, "sysActionCreate"), optional=())


@pytest.mark.parametrize(
    ("text", "policy", "expected"),
    [
        (MILTER, Policy(), ("Create", "Update")),
        (f"{MILTER}---\n{MILTER.replace('a.', 'b.')}", Policy(), ("Create", "Update")),
        (MILTER, Policy(prune={"*": True}), ("Create", "Destroy", "Update")),
        (MILTER, Policy(prune={"MtaMilter": "all"}), ("Create", "Destroy", "Update")),
        (MILTER, Policy(prune={"MtaMilter": False}), ("Create", "Update")),
        ("", Policy(prune={"MtaMilter": True}), ("Destroy",)),
        ("", Policy(undeclared={"MtaMilter": "drift", "MtaHook": "ignore"}), ()),
        ("kind: MtaMilter\nmetadata: {id: abc}\nspec: {hostname: a.test}\n", Policy(), ("Update",)),
        (ABSENT, Policy(), ("Destroy",)),
        (f"{MILTER.replace('a.', 'b.')}---\n{ABSENT}", Policy(), ("Create", "Destroy", "Update")),
        (TWINS, Policy(), ("Create", "Update")),
        (TWINS.replace("name: y", "name: y, id: abc"), Policy(), ("Create", "Update")),
    ],
)
def test_milters_are_written_as_the_manifests_could_need(text: str, policy: Policy, expected: tuple[str, ...]) -> None:
    found = permissions(text, policy)

    assert found.plan == ("authenticate", *verbs("MtaMilter", "Get", "Query"))
    assert found.apply == (*RELOAD, "sysActionCreate", *verbs("MtaMilter", *expected))


def test_a_value_that_cannot_be_taken_back_needs_a_new_object() -> None:
    with_match = permissions(f"{QUOTA}, match: true}}\n")
    without = permissions(f"{QUOTA}}}\n")

    assert "sysMtaQueueQuotaDestroy" not in with_match.apply
    assert "sysMtaQueueQuotaDestroy" in without.apply


@pytest.mark.parametrize(
    ("metadata", "spec", "expected"),
    [
        ("absent: true", "name: a", ("Destroy",)),
        ("was: a", "type: Mx, name: b", ("Create", "Destroy", "Update")),
    ],
)
def test_an_absence_destroys_and_a_rename_may_do_all(metadata: str, spec: str, expected: tuple[str, ...]) -> None:
    found = permissions(f"kind: MtaRoute\nmetadata: {{{metadata}}}\nspec: {{{spec}}}\n")

    assert found.plan == ("authenticate", *verbs("MtaRoute", "Get", "Query"))
    assert found.apply == (*RELOAD, "sysActionCreate", *verbs("MtaRoute", *expected))


def test_what_is_named_by_a_reference_must_be_readable() -> None:
    text = "kind: MtaDeliverySchedule\nspec: {name: a, queueId: QUEUE}\n"

    by_name = permissions(text.replace("QUEUE", "remote"), None, None, "MtaVirtualQueue")
    by_id = permissions(text.replace("QUEUE", "id:abc"), None, None, "MtaVirtualQueue")

    queue = verbs("MtaVirtualQueue", "Get", "Query")
    assert (by_name.plan[-2:], by_name.optional) == (queue, ())
    assert (by_id.plan[-2:], by_id.optional) == (verbs("MtaDeliverySchedule", "Get", "Query"), queue)


def test_scope_narrows_what_is_needed() -> None:
    text = f"{MILTER}---\nkind: MtaSts\nspec: {{mode: testing}}\n"

    found = permissions(text, None, Scope(kinds=frozenset({"MtaSts"})))

    assert found.plan == ("authenticate", "sysMtaStsGet")
    assert found.apply == (*RELOAD, "sysActionCreate", "sysMtaStsUpdate")


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        (("MtaSts",), {"MtaSts"}),
        (("MtaRoute/a",), {"MtaRoute"}),
        (("MtaRoute/a", "MtaSts"), {"MtaRoute", "MtaSts"}),
        (("MtaRoute/*",), {"MtaRoute"}),
        (("MtaR*/a",), {"MtaRoute", "MtaRouteX"}),
        (("MtaR*",), {"MtaRoute", "MtaRouteX"}),
        (("???Sts",), {"MtaSts"}),
        (("*",), {"MtaRoute", "MtaRouteX", "MtaSts"}),
        (("*[a]*",), {"MtaRoute", "MtaRouteX", "MtaSts"}),
        (("MtaRouteX",), {"MtaRouteX"}),
        (("Mta",), set()),
    ],
)
def test_only_leaves_out_the_kinds_that_it_cannot_match(only: tuple[str, ...], kinds: set[str]) -> None:
    policy = Policy(prune=dict.fromkeys(("MtaRoute", "MtaRouteX"), True), undeclared={"MtaSts": "drift"})

    assert kinds_in_scope((), policy, Scope(only=only)) == kinds
    assert kinds_in_scope((), policy, Scope(only=only, kinds=frozenset({"MtaSts"}))) == kinds & {"MtaSts"}


def test_only_needs_no_permission_for_other_kinds(tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", all=f"{MILTER}---\nkind: MtaSts\nspec: {{mode: testing}}\n"))
    told = command("permissions", "--only=MtaSts", "--format=json", manifests, env=environment("")).json

    with serve(user="admin", password="secret", users={"few": ("secret", tuple(told["apply"]))}) as sandbox:
        env = environment(sandbox.url, STALWART_USER="few")
        codes = [command(*each, "--only=MtaSts", manifests, env=env).code for each in (("plan",), ("apply", "--yes"))]

    assert list(told["plan"]) == ["authenticate", "sysMtaStsGet"]
    assert codes == [0, 0]


def test_the_command_prints_what_a_role_takes(tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", milters=MILTER))
    env = environment("")

    ran = command("permissions", manifests, env=env)
    pruning = command("permissions", "--prune", "--format", "json", manifests, env=env)

    reading = ' "authenticate": true,\n'
    assert (ran.code, ran.err) == (
        0,
        'Each is the enabledPermissions of a role; for an API key: {"@type": "Replace", "permissions": ...}\n',
    )
    assert ran.out == (
        "# Reading: plan and drift\n"
        f"{{\n{reading}"
        ' "sysMtaMilterGet": true,\n'
        ' "sysMtaMilterQuery": true\n'
        "}\n"
        "\n"
        "# Writing: apply, with its reload\n"
        f'{{\n "actionReloadSettings": true,\n{reading}'
        ' "sysActionCreate": true,\n'
        ' "sysMtaMilterCreate": true,\n'
        ' "sysMtaMilterGet": true,\n'
        ' "sysMtaMilterQuery": true,\n'
        ' "sysMtaMilterUpdate": true\n'
        "}\n"
    )
    reads = {"authenticate": True, "sysMtaMilterGet": True, "sysMtaMilterQuery": True}
    writes = {f"sysMtaMilter{verb}": True for verb in ("Create", "Destroy", "Update")}
    assert pruning.json == {
        "format": "reconciler/permissions/v1",
        "plan": reads,
        "apply": {"actionReloadSettings": True, "sysActionCreate": True, **reads, **writes},
        "optional": {},
    }


def test_wrong_manifests_need_no_permissions(tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", milters="kind: MtaMilter\nspec: {}\n"))

    assert command("permissions", manifests, env=environment("")).code == 65


MANIFEST = """\
kind: MtaMilter
items: [{hostname: 127.0.0.1, stages: [rcpt]}, {hostname: 127.0.0.2}]
---
kind: MtaDeliverySchedule
spec: {name: slow, queueId: remote}
---
kind: MtaSts
spec: {maxAge: 1d}
"""
#: The second milter before the first, which only a new object can follow.
TURNED = "0.0.2}, {hostname: 127.0.0.1, stages: [rcpt]}"


def test_these_permissions_are_enough_and_none_can_be_spared(tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", all=MANIFEST))
    told = command("permissions", "--no-prune", "--format", "json", manifests, env=environment("")).json
    users = {"all": ("secret", tuple(told["apply"])), "reader": ("secret", tuple(told["plan"]))}
    for number, name in enumerate(told["plan"]):
        users[f"less{number}"] = ("secret", tuple(each for each in told["plan"] if each != name))

    with serve(user="admin", password="secret", users=users) as sandbox:

        def run(user: str, *arguments: str) -> int:
            env = environment(sandbox.url, STALWART_USER=user)
            return command(*arguments, manifests, env=env).code

        codes = {
            "plan": run("reader", "plan"),
            "apply": run("all", "apply", "--yes"),
            "drift": run("reader", "drift"),
        }
        write(tmp_path / "m", all=MANIFEST.replace("0.0.1, stages: [rcpt]}, {hostname: 127.0.0.2}", TURNED))
        codes["turned"] = run("all", "apply", "--yes")
        less = [run(f"less{number}", "plan") for number in range(len(told["plan"]))]

    assert codes == {"plan": 0, "apply": 0, "drift": 0, "turned": 0}
    assert less == [77] * len(told["plan"])


BEFORE = """\
kind: MtaRoute
items: [{type: Mx, name: gone}, {type: Mx, name: old}, {type: Mx, name: new}]
---
kind: MtaMilter
spec: {hostname: a.test}
"""
MOVES = f"""\
kind: MtaRoute
metadata: {{absent: true}}
spec: {{name: gone}}
---
kind: MtaRoute
metadata: {{was: old}}
spec: {{type: Mx, name: new, ipLookupStrategy: v4Only}}
---
{ABSENT}"""


def test_renames_and_absences_can_be_applied_with_these_permissions(tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", all=MOVES))
    told = command("permissions", "--format", "json", manifests, env=environment("")).json

    with serve(user="admin", password="secret", users={"all": ("secret", tuple(told["apply"]))}) as sandbox:
        before = command("apply", "--yes", str(write(tmp_path / "b", all=BEFORE)), env=environment(sandbox.url))
        as_told = environment(sandbox.url, STALWART_USER="all")
        ran = command("apply", "--yes", "--max-destroy=2", manifests, env=as_told)

    assert (before.code, ran.code) == (0, 0)
    assert {name for name in told["apply"] if name.startswith("sysMtaMilter")} == set(
        verbs("MtaMilter", "Destroy", "Get", "Query")
    )
