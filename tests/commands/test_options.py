"""What options and their RECONCILER_… variables mean, and which are refused."""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import jsonschema_rs
import pytest

from reconciler.cli import MODULES
from reconciler.commands.options import COMMANDS, CONNECTION, LIMITS, group, parameters
from reconciler.report import SCHEMAS, formats_of
from reconciler.server import ConnectionOptions
from reconciler.settings import Options
from reconciler.values import Policy, keys_of
from tests.running import command, environment, process, terminal, write

ROUTES = (
    "kind: MtaRoute\nitems: [{type: Relay, name: a, address: 192.0.2.1}, {type: Relay, name: b, address: 192.0.2.2}]\n"
)
ROUTE = "kind: MtaRoute\nspec: {type: Relay, name: a, address: 192.0.2.1}\n"
RELOADED = "The server reloaded its settings: they are live."
PRUNING = "policy: {prune: {MtaRoute: true}, maxDestroy: 100%}\n"


@pytest.fixture
def env(sandbox: Any, tmp_path: Path) -> dict[str, str]:
    """Two routes are live, one of them is declared in `m`, and the policy prunes."""
    found = environment(sandbox.url, XDG_RUNTIME_DIR=str(tmp_path))
    applied = command("apply", "--yes", str(write(tmp_path / "old", r=ROUTES)), env=found)
    assert applied.code == 0
    write(tmp_path / "m", r=ROUTE)
    write(tmp_path, config=PRUNING)
    return {**found, "RECONCILER_CONFIG": str(tmp_path / "config.yaml")}


@pytest.mark.parametrize(
    ("variables", "options", "destroys"),
    [
        ({}, [], 1),
        ({"RECONCILER_PRUNE": "1"}, [], 1),
        ({"RECONCILER_PRUNE": "0"}, [], 0),
        ({"RECONCILER_NO_PRUNE": "1"}, [], 0),
        ({"RECONCILER_NO_PRUNE": "true"}, [], 0),
        ({"RECONCILER_NO_PRUNE": "0"}, [], 1),
        ({"RECONCILER_NO_PRUNE": "1"}, ["--prune"], 1),
        ({"RECONCILER_PRUNE": "1", "RECONCILER_NO_PRUNE": "1"}, ["--no-prune"], 0),
    ],
)
def test_either_name_of_a_switch_has_its_variable(
    env: dict[str, str], tmp_path: Path, variables: dict[str, str], options: list[str], destroys: int
) -> None:
    ran = command("plan", "--format=json", *options, str(tmp_path / "m"), env={**env, **variables})

    assert (ran.code, ran.json["summary"]["destroy"]) == (0, destroys)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"RECONCILER_PRUNE": "1", "RECONCILER_NO_PRUNE": "1"},
            "error: RECONCILER_PRUNE and RECONCILER_NO_PRUNE are both set; unset one of them\n",
        ),
        (
            {"RECONCILER_NO_PRUNE": "never"},
            "error: Invalid value for '--prune': 'never' is not a valid boolean",
        ),
    ],
)
def test_a_switch_that_says_nothing_clear_is_refused(variables: dict[str, str], message: str) -> None:
    ran = command("plan", env=environment("http://127.0.0.1:9", **variables))

    assert ran.code == 64
    assert ran.err.startswith(message)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({}, RELOADED),
        ({"RECONCILER_NO_RELOAD": "1"}, "The settings were not reloaded: --no-reload."),
        ({"RECONCILER_NO_RELOAD": "0"}, RELOADED),
        ({"RECONCILER_RELOAD": "1"}, RELOADED),
    ],
)
def test_no_reload_may_be_a_variable(env: dict[str, str], tmp_path: Path, variables: dict[str, str], told: str) -> None:
    ran = command("apply", "--yes", str(tmp_path / "m"), env={**env, **variables})

    assert ran.code == 0
    assert told in ran.out.splitlines()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--only=MtaSts", "--no-prune", "--max-destroy=0"], "--only, --no-prune"),
        (["--kind", "MtaRoute"], "--kind"),
        (["--prune"], "--prune"),
        (["--allow-empty=MtaRoute", "--max-update=1"], "--allow-empty"),
        (["--rotate-secrets"], "--rotate-secrets"),
    ],
)
def test_a_saved_plan_takes_no_option_that_shapes_a_plan(
    env: dict[str, str], sandbox: Any, tmp_path: Path, options: list[str], named: str
) -> None:
    plan = str(tmp_path / "plan.json")
    command("plan", "--out", plan, str(tmp_path / "m"), env=env)
    before = sandbox.state()["writes"]

    ran = command("apply", "--plan", plan, *options, env=env)

    assert (ran.code, ran.out, sandbox.state()["writes"]) == (64, "", before)
    assert ran.err == (
        f"error: a saved plan is applied as it was made: {named} would be ignored\n"
        "    give what shapes a plan to `plan`; a RECONCILER_… variable may stay, and changes nothing here\n"
    )


def test_a_saved_plan_goes_by_the_variables_that_it_was_made_with(env: dict[str, str], tmp_path: Path) -> None:
    plan = str(tmp_path / "plan.json")
    pipeline = {**env, "RECONCILER_KIND": "MtaRoute", "RECONCILER_PRUNE": "1"}

    codes = [
        command("plan", "--detailed-exitcode", "--out", plan, str(tmp_path / "m"), env=pipeline).code,
        command("apply", "--plan", plan, env=pipeline).code,
    ]

    assert codes == [2, 0]


@pytest.mark.parametrize(("answer", "code", "end"), [("y", 0, "Apply: 1 applied."), ("n", 1, "")])
def test_quiet_shows_the_plan_that_it_asks_about(
    env: dict[str, str], tmp_path: Path, answer: str, code: int, end: str
) -> None:
    ran = terminal("apply", "--quiet", "--color=never", str(tmp_path / "m"), env=env, typed=f"{answer}\n")

    assert ran.code == code
    plan, _, rest = ran.out.partition("Apply these changes?")
    assert "- MtaRoute/b" in plan
    assert "Plan: 1 to destroy" in plan
    assert end in rest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["apply", "--format=json"], "apply asks before it writes, and --format json leaves no room for the plan and"),
        (["rollback", "j", "--format=json"], "rollback asks before it writes, and --format json leaves no room for"),
    ],
)
def test_a_report_for_programs_cannot_ask(env: dict[str, str], options: list[str], message: str) -> None:
    ran = terminal(*options, "--color=never", env=env)

    assert ran.code == 64
    assert f"error: {message}" in ran.out


@pytest.mark.parametrize("name", ["fmt", "schema", "sandbox", "demo"])
def test_a_command_without_a_report_refuses_a_format_on_its_line(name: str) -> None:
    ran = command(name, "--format=json", env=environment(""))

    assert (ran.code, ran.json["exitCode"]) == (64, 64)
    assert ran.err.startswith(f"error: {name} has no report for programs; leave --format out\n")


def test_the_tour_is_the_same_whatever_the_variables_say() -> None:
    ran = command("demo", "--quiet", env=environment("", RECONCILER_FORMAT="json"))

    assert ran.code == 0
    assert "$ reconciler validate  ->  2 files, 3 documents: 4 resources, no errors. (exit 0)\n" in ran.out
    assert "}" not in ran.out


def test_explain_refuses_a_server_that_it_would_not_ask(tmp_path: Path) -> None:
    asked = ["explain", str(write(tmp_path, r=ROUTE)), "--rcpt=a@b.test", "--local-domain=c.test"]

    ran = command(*asked, "--url=http://127.0.0.1:9", "--insecure", "--timeout=zzz", env=environment(""))
    by_variable = command(*asked, env=environment("", RECONCILER_URL="http://127.0.0.1:9"))

    assert (ran.code, by_variable.code) == (64, 0)
    assert ran.err == (
        "error: without --live no server is asked, and --url, --timeout, --insecure would be ignored\n"
        "    give --live, or leave the rest out\n"
    )


def test_a_plan_that_cannot_be_saved_is_an_error_of_its_own(env: dict[str, str], tmp_path: Path) -> None:
    ran = command("plan", "--out", str(tmp_path / "none" / "p.json"), str(tmp_path / "m"), env=env)

    assert ran.code == 1
    assert ran.err == f"error: {tmp_path}/none/p.json cannot be written: No such file or directory\n"


@pytest.mark.parametrize(
    ("variables", "options", "code"),
    [
        ({}, ["--url=http://[::1"], 64),
        ({}, ["--url=http://127.0.0.1:abc"], 64),
        ({}, ["--url= http://127.0.0.1:9"], 64),
        ({"STALWART_TOKEN": "cänary"}, [], 77),
        ({"STALWART_TOKEN": "canary "}, [], 77),
    ],
)
def test_what_cannot_be_sent_ends_with_a_message(
    tmp_path: Path, variables: dict[str, str], options: list[str], code: int
) -> None:
    env = environment("http://127.0.0.1:9", STALWART_USER="", STALWART_PASSWORD="secret", STALWART_TOKEN="t")

    ran = process("plan", *options, str(write(tmp_path, r=ROUTE)), env={**env, **variables})

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("error: ")
    assert "nary" not in ran.err


def test_a_sandbox_that_cannot_start_says_why(sandbox: Any, tmp_path: Path) -> None:
    port = sandbox.url.rpartition(":")[2]
    (tmp_path / "text").write_text("no database\n" * 100)

    told = [
        process("sandbox", *options, env=environment(""))
        for options in (["--port", port], [f"--database={tmp_path}/text"], [f"--database={tmp_path}/none/x"])
    ]

    assert [each.code for each in told] == [1, 1, 1]
    assert [each.err.splitlines()[0] for each in told] == [
        f"error: cannot listen on 127.0.0.1, port {port}: Address already in use",
        f"error: --database {tmp_path}/text cannot be used: file is not a database",
        f"error: --database {tmp_path}/none/x cannot be used: unable to open database file",
    ]


@pytest.mark.parametrize(
    ("kind", "hint"),
    [("mtaroute", "did you mean MtaRoute?"), ("MtaMiltr", "did you mean MtaMilter?"), ("x", "known here: ")],
)
def test_an_unknown_kind_is_answered_with_the_likeliest_one(kind: str, hint: str) -> None:
    ran = command("plan", "--kind", kind, env=environment(""))

    assert ran.code == 64
    assert ran.err.startswith(f"error: --kind: unknown kind {kind}\n    {hint}")


@pytest.mark.parametrize("option", [["--only", "MtaRout/a"], ["--rotate-secrets=MtaRout/*"]])
def test_an_unknown_kind_in_a_glob_is_answered_with_the_likeliest_one(option: list[str]) -> None:
    ran = command("plan", *option, env=environment(""))

    assert ran.code == 64
    assert ran.err == f"error: {option[0].partition('=')[0]}: unknown kind MtaRout\n    did you mean MtaRoute?\n"


def test_variables_of_addresses_hold_one_a_line(env: dict[str, str], tmp_path: Path) -> None:
    named = "kind: MtaOutboundThrottle\nspec: {description: Freemail providers, rate: {count: 1, period: 1m}}\n"
    manifests = str(write(tmp_path / "m", t=named))
    plan = ["plan", "--format=json", manifests]

    one = command(*plan, env={**env, "RECONCILER_ONLY": "MtaOutboundThrottle/Freemail providers"})
    both = command(*plan, env={**env, "RECONCILER_ONLY": "MtaOutboundThrottle/Freemail providers\nMtaRoute/b\n"})

    assert [each["address"] for each in one.json["changes"]] == ["MtaOutboundThrottle/Freemail providers"]
    assert [each["address"] for each in both.json["changes"]] == [
        "MtaOutboundThrottle/Freemail providers",
        "MtaRoute/b",
    ]
    assert one.err == both.err == ""


def test_a_variable_of_lookups_holds_one_a_line(tmp_path: Path) -> None:
    branch = "{if: \"key_exists('a', 'b') && key_exists('c', 'd')\", use: local}"
    manifests = f"kind: MtaOutboundStrategy\nspec: {{route: {{match: [{branch}], use: mx}}}}\n"
    env = environment("", RECONCILER_LOOKUP="key_exists('a', 'b')=true\nkey_exists('c', 'd')=true")

    ran = command("explain", "--format=json", "--rcpt=a@b.test", str(write(tmp_path / "m", r=manifests)), env=env)

    assert (ran.code, ran.err) == (0, "")
    assert ran.json["attempts"][0]["decisions"]["route"]["name"] == "local"


@pytest.mark.parametrize("name", ["plan", "drift"])
def test_what_matches_nothing_is_told(env: dict[str, str], tmp_path: Path, name: str) -> None:
    options = ["--kind=MtaMilter", "--kind=MtaRoute", "--only=MtaRoute/a", "--only=MtaRoute/aa", "--only=*/b"]

    ran = command(name, *options, str(tmp_path / "m"), env=env)
    quiet = command(name, *options, "--quiet", str(tmp_path / "m"), env=env)

    why = "    only kinds that are declared, or that policy covers, are read\n"
    assert ran.err.startswith(
        f"warning: --kind MtaMilter matches nothing that is declared or live\n{why}"
        f"warning: --only MtaRoute/aa matches nothing that is declared or live\n{why}"
    )
    assert (ran.err.count("warning: "), quiet.err) == (2, "")


SECRETS = """\
kind: MtaRoute
items:
  - {type: Relay, name: a, address: 192.0.2.1, authSecret: {type: EnvironmentVariable, variableName: RELAY}}
  - {type: Relay, name: c, address: 192.0.2.3, authSecret: {type: Value, secret: "${env:RELAY}"}}
"""


def rotated(env: dict[str, str], *args: str) -> tuple[int, list[str], str]:
    ran = command("plan", "--no-prune", "--format=json", *args, env={**env, "RELAY": "canary"})
    return ran.code, [each["address"] for each in ran.json["changes"]], ran.err


def test_secrets_are_rotated_by_a_glob_behind_an_equals_sign_only(env: dict[str, str], tmp_path: Path) -> None:
    manifests = str(write(tmp_path / "m", r=SECRETS))
    env = {**env, "RELAY": "canary"}
    assert command("apply", "--yes", "--no-prune", manifests, env=env).code == 0
    every = (0, ["MtaRoute/c"], "")

    assert rotated(env, manifests) == (0, [], "")
    assert rotated(env, "--rotate-secrets", manifests) == every
    assert rotated(env, manifests, "--rotate-secrets") == every
    assert rotated(env, "--rotate-secrets=MtaRoute/c", "--", manifests) == every
    assert rotated(env, "--rotate-secrets=MtaRoute/a", manifests) == (
        0,
        [],
        "note: --rotate-secrets=MtaRoute/a matches nothing with a secret\n",
    )


@pytest.mark.parametrize(
    ("value", "addresses"),
    [("1", ["MtaRoute/c"]), ("true", ["MtaRoute/c"]), ("MtaRoute/*", ["MtaRoute/c"]), ("0", []), ("no", [])],
)
def test_a_variable_may_say_yes_to_rotating(
    env: dict[str, str], tmp_path: Path, value: str, addresses: list[str]
) -> None:
    manifests = str(write(tmp_path / "m", r=SECRETS))
    env = {**env, "RELAY": "canary"}
    assert command("apply", "--yes", "--no-prune", manifests, env=env).code == 0

    assert rotated({**env, "RECONCILER_ROTATE_SECRETS": value}, manifests) == (0, addresses, "")


@pytest.mark.parametrize(("value", "lines"), [("true", 1), ("1", 1), ("2", 2), ("false", 0)])
def test_a_variable_may_say_yes_to_a_log(env: dict[str, str], tmp_path: Path, value: str, lines: int) -> None:
    ran = command("plan", str(tmp_path / "m"), env={**env, "RECONCILER_VERBOSE": value})

    logged = [line.split(" ")[0] for line in ran.err.splitlines() if "/jmap/session" in line]
    assert (ran.code, logged) == (0, ["DEBUG", "INFO"][2 - lines :])


def test_a_deadline_leaves_some_time(env: dict[str, str], tmp_path: Path) -> None:
    ran = [command("plan", f"--timeout={value}", str(tmp_path / "m"), env=env) for value in ("0", "0s")]

    assert [(each.code, each.err) for each in ran] == [
        (64, f"error: --timeout: {value} leaves no time for anything\n    write 30s or 5m\n") for value in ("0", "0s")
    ]


@pytest.mark.parametrize("chosen", ["json", "junit"])
def test_a_format_that_a_command_has_not_is_no_matter_in_a_variable(tmp_path: Path, chosen: str) -> None:
    manifests, env = str(write(tmp_path / "m", r=ROUTE)), environment("", RECONCILER_FORMAT=chosen)
    explain = ["explain", manifests, "--rcpt=a@b.test"]

    ran = [
        command(*args, env=env)
        for args in (["fmt", "--check", manifests], ["validate", "--show-merged", manifests], [*explain, "--graph"])
    ]

    assert [(each.code, each.out.partition("\n")[0]) for each in ran] == [
        (0, ""),
        (0, "kind: MtaRoute"),
        (0, "flowchart LR"),
    ]


def test_a_format_that_no_command_has_is_refused_in_a_variable_too(tmp_path: Path) -> None:
    typed = command("plan", "--format=junit", env=environment(""))
    ran = command("plan", env=environment("", RECONCILER_FORMAT="xml"))

    assert (typed.code, ran.code) == (64, 64)
    assert typed.err.startswith(f"error: plan has no format junit; there are {', '.join(formats_of('plan'))}\n")
    assert ran.err.startswith("error: plan has no format xml; there are text, ")


GUARDS = ["--allow-empty", "--allow-plain-http", "--keep-refused", "--max-destroy", "--max-update"]


def test_options_that_lift_a_guard_are_those_that_may_be_no_variable() -> None:
    without = {
        option.opts[-1]
        for name in COMMANDS
        for option in parameters(name)
        if isinstance(option, click.Option) and not option.envvar
    }

    assert without == set(GUARDS)


@pytest.mark.parametrize("option", GUARDS)
def test_an_option_that_lifts_a_guard_is_refused_in_a_variable(option: str) -> None:
    name = "RECONCILER_" + option[2:].replace("-", "_").upper()

    ran = command("apply", "--yes", env=environment("", **{name: "1"}))

    assert (ran.code, ran.err.splitlines()[0]) == (
        64,
        f"error: {name} is set: {option} lifts a guard, and is taken from the command line only; unset it",
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_somebody_who_reads_it(name: str) -> None:
    module = import_module(f"reconciler.commands.{MODULES.get(name, name.partition(' ')[0])}")
    own = module.Arguments.__struct_fields__ if hasattr(module, "Arguments") else ()
    every = ("format", "write", "limit_bytes", "color", "log_format", "verbose", "quiet")
    run = (*every, "yes", "journal_directory", "reason", "no_reload")
    # What a group hands on is a field of what it is handed to.
    handed = {*ConnectionOptions.__struct_fields__, *(field for field, _ in keys_of(Policy).values())}

    read = {each.name for each in parameters(name)} - {*Options.__struct_fields__, *run}
    read -= {*group(CONNECTION), *group(LIMITS)} & handed

    # The commands of one family share a module, and each has a part of its arguments.
    assert read <= set(own) if " " in name else read == set(own)


def test_a_variable_that_no_option_has_is_told(tmp_path: Path) -> None:
    write(tmp_path / "m", r=ROUTE)

    ran = command("validate", "m", env=environment("", RECONCILER_TIMEOT="1s", RECONCILER_VAR_X="y"), cwd=tmp_path)

    assert (ran.code, ran.err) == (
        0,
        "warning: RECONCILER_TIMEOT is no variable of this program. Did you mean RECONCILER_TIMEOUT?\n",
    )


@pytest.mark.parametrize(
    ("args", "variables", "message"),
    [
        (["plan", "--format=json", "--foo"], {}, "No such option '--foo'."),
        (["plan", "--foo"], {"RECONCILER_FORMAT": "json"}, "No such option '--foo'."),
        (["pln", "--format", "json"], {}, "No such command 'pln'. Did you mean plan?"),
        (["explain", "--format", "json"], {}, "Missing option '--rcpt'."),
        (["plan", "--format", "json", "--url", "ftp://x"], {}, ""),
        (["plan", "--format", "json", "nowhere"], {}, ""),
    ],
)
def test_a_run_that_failed_has_a_report(
    tmp_path: Path, args: list[str], variables: dict[str, str], message: str
) -> None:
    ran = command(*args, env=environment("", **variables), cwd=tmp_path)

    assert list(ran.json) == ["format", "diagnostics", "exitCode", "hint", "message"]
    assert (ran.json["format"], ran.json["exitCode"]) == ("reconciler/error/v1", ran.code)
    assert ran.json["message"].startswith(message)
    assert jsonschema_rs.is_valid(SCHEMAS["error"], ran.json)


def test_the_report_of_wrong_manifests_names_every_mistake(tmp_path: Path) -> None:
    write(tmp_path / "m", r="kind: MtaRoute\nspec: {type: Relay, name: a, port: x}\n")

    ran = command("plan", "m", "--format=json", env=environment("http://127.0.0.1:9"), cwd=tmp_path)

    assert (ran.code, ran.json["message"]) == (65, "2 errors in the manifests")
    assert [each["code"] for each in ran.json["diagnostics"]] == ["missing", "type"]


def test_reports_are_written_to_files_beside_standard_output(env: dict[str, str], tmp_path: Path) -> None:
    files = {"markdown": "plan.md", "json": "plan.json", "gitlab": "plan.gitlab", "prometheus": "plan.prom"}
    options = [f"--write={chosen}={tmp_path / file}" for chosen, file in files.items()]

    ran = command("plan", *options, str(tmp_path / "m"), env=env)

    assert (ran.code, ran.err) == (0, "")
    assert "Plan: 1 to destroy" in ran.out
    written = {chosen: (tmp_path / file).read_text() for chosen, file in files.items()}
    assert written["markdown"].startswith("<!-- reconciler {")
    assert json.loads(written["json"])["summary"]["destroy"] == 1
    assert written["gitlab"] == '{"create":0,"update":0,"delete":1}\n'
    assert 'reconciler_exit_code{target="' in written["prometheus"]


def test_a_run_that_failed_writes_its_files_too(tmp_path: Path) -> None:
    write(tmp_path / "m", r=ROUTE)

    ran = command(
        *("drift", "--timeout=1s", f"--write=prometheus={tmp_path / 'd.prom'}", f"--write=json={tmp_path / 'd.json'}"),
        str(tmp_path / "m"),
        env=environment("http://127.0.0.1:9"),
    )

    assert (ran.code, ran.out) == (69, "")
    assert 'reconciler_exit_code{target=""} 69.0' in (tmp_path / "d.prom").read_text()
    assert json.loads((tmp_path / "d.json").read_text())["exitCode"] == 69


@pytest.mark.parametrize("kind", ["link", "dangling link", "directory", "pipe"])
def test_a_report_is_never_written_over_what_is_no_plain_file(tmp_path: Path, kind: str) -> None:
    write(tmp_path / "m", r=ROUTE)
    place, other = tmp_path / "out", tmp_path / "other"
    other.write_text("kept")
    match kind:
        case "link":
            place.symlink_to(other)
        case "dangling link":
            place.symlink_to(tmp_path / "nowhere")
        case "directory":
            place.mkdir()
        case _:
            os.mkfifo(place)
    before = place.lstat().st_mode

    ran = command("validate", f"--write=json={place}", str(tmp_path / "m"), env=environment(""))

    assert (ran.code, place.lstat().st_mode, other.read_text()) == (64, before, "kept")
    assert "is not written over" in ran.err
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--write", "xml=x"], "plan has no format xml; there are text, "),
        (["--write", "junit=x"], "plan has no format junit; there are text, "),
        (["--write", "json"], "--write json names no file; such as --write markdown=plan.md"),
        (["--write=json=-", "--write=markdown=-"], "two reports cannot share standard output"),
        (["--write=json=-", "--format=text"], "two reports cannot share standard output"),
    ],
)
def test_what_cannot_be_written_is_refused(options: list[str], message: str) -> None:
    ran = command("plan", *options, env=environment("http://127.0.0.1:9"))

    assert (ran.code, ran.err.startswith(f"error: {message}")) == (64, True)


def test_a_dash_writes_to_standard_output(env: dict[str, str], tmp_path: Path) -> None:
    ran = command("plan", "--write=json=-", str(tmp_path / "m"), env=env)

    assert (ran.code, ran.json["summary"]["destroy"]) == (0, 1)


def test_a_queue_that_is_none_is_said_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "queue.json"
    path.write_text('[{"recipients": []}')

    ran = command("sandbox", "--queue", str(path), env={})

    assert (ran.code, "neither a JSON array nor one JSON object a line" in ran.err, str(path) in ran.err) == (
        65,
        True,
        True,
    )
