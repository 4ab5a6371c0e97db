"""A run of manifests that an earlier one has read says the same, in every report, and leaves nothing that is secret."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import Ran, command, environment, process, write

CANARY = "canary-7f3a"
RELAY = (
    "kind: MtaRoute\nspec:\n  type: Relay\n  name: relay-{n}\n  address: smtp{n}.example.net\n  port: 587\n"
    "  authUsername: user{n}\n  authSecret: ${{env:RELAY_PASSWORD}}\n"
)
#: What lint has to say something of, at places of their own.
REST = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: "rcpt_domain == 'Partner.example'", use: relay-1}
      - {if: "retry_num > 3 && retry_num < 2", use: relay-2}
    use: mx
---
kind: MtaMilter
items:
  - {hostname: 127.0.0.1, port: 11332, timeoutData: 30}
---
kind: RoutingTest
cases:
  - {name: to a partner, given: {rcpt: b@partner.example}, expect: {route: mx}}
  - {name: to nobody, given: {rcpt: b@c.example}, expect: {route: relay-3}}
"""
TESTS_FAIL = REST.index("---\nkind: RoutingTest")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with large manifests, and the same with a routing test that fails."""
    relays = "---\n".join(RELAY.format(n=n) for n in range(500))
    write(tmp_path / "m", relays=relays, rest=REST[:TESTS_FAIL])
    write(tmp_path / "failing", relays=relays, rest=REST)
    return tmp_path


@pytest.fixture
def env(sandbox: Any, place: Path) -> dict[str, str]:
    cache = place / "cache"
    cache.mkdir()
    secret = {"RELAY_PASSWORD": CANARY, "XDG_CACHE_HOME": str(cache)}
    return environment(sandbox.url, XDG_RUNTIME_DIR=str(place), **secret)


def kept(place: Path) -> list[Path]:
    return sorted((place / "cache").rglob("*.manifests"))


def timeless(ran: Ran) -> tuple[int, str, str]:
    """Return what a run said, without the seconds that it took."""
    return ran.code, re.sub(r"\b[0-9.]+ ?(s|ms)\b", "", ran.out), ran.err


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["validate", "m"], 0),
        (["validate", "m", "--format", "json"], 0),
        (["validate", "m", "--strict"], 65),
        (["validate", "failing"], 65),
        (["validate", "m", "--show-merged"], 0),
        (["test", "failing"], 65),
        (["explain", "m", "--rcpt", "a@partner.example", "--local-domain", "example.org"], 0),
        (["plan", "m"], 0),
        (["plan", "m", "--format", "json"], 0),
        (["plan", "m", "--format", "markdown"], 0),
        (["drift", "m", "--format", "json"], 2),
        (["permissions", "m"], 0),
    ],
)
def test_a_warm_run_says_what_a_cold_one_does(env: dict[str, str], place: Path, args: list[str], code: int) -> None:
    cold = command(*args, "--no-cache", env=env, cwd=place)
    before = kept(place)
    first = command(*args, env=env, cwd=place)
    second = command(*args, env=env, cwd=place)

    assert cold.code == code
    assert timeless(first) == timeless(second) == timeless(cold)
    assert (len(before), len(kept(place))) == (0, 1)


@pytest.mark.parametrize(("verb", "code"), [("drift", 2), ("plan", 0), ("test", 0)])
def test_the_targets_of_a_fleet_are_kept_each(env: dict[str, str], place: Path, verb: str, code: int) -> None:
    target = f"{{url: '{env['STALWART_URL']}', user: admin, password: '${{env:STALWART_PASSWORD}}', manifests: [m]}}"
    (place / "reconciler.yaml").write_text(f"targets: {{one: {target}, two: {target}}}\n")
    (place / "m" / "named.yaml").write_text("kind: MtaRoute\nspec: {type: Mx, name: 'x-${var:target}'}\n")

    cold = command("fleet", verb, "--no-cache", env=env, cwd=place)
    first = command("fleet", verb, env=env, cwd=place)
    second = command("fleet", verb, env=env, cwd=place)

    assert cold.code == code
    assert timeless(first) == timeless(second) == timeless(cold)
    assert len(kept(place)) == 2


def test_a_log_tells_what_is_kept(env: dict[str, str], place: Path) -> None:
    runs = [command("validate", "-vv", "m", *options, env=env, cwd=place).err for options in ([], [], ["--no-cache"])]

    said = f"DEBUG reconciler.cache: the manifests are as {kept(place)[0]} has them\n"
    assert runs == ["", said, ""]


def test_no_cache_neither_reads_nor_writes(env: dict[str, str], place: Path) -> None:
    command("validate", "m", env=env, cwd=place)
    (before,) = kept(place)
    os.utime(before, (1000, 1000))

    command("validate", "m", "--no-cache", env=env, cwd=place)
    command("validate", "m", env={**env, "RECONCILER_NO_CACHE": "1"}, cwd=place)
    command("validate", "failing", env={**env, "RECONCILER_NO_CACHE": "1"}, cwd=place)

    assert kept(place) == [before]
    assert before.stat().st_mtime == 1000


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"RECONCILER_VAR_HOST": "b.example.net"}, id="of the environment"),
        pytest.param({"RECONCILER_TARGET": "other"}, id="of the target"),
    ],
)
def test_a_changed_variable_is_seen(env: dict[str, str], place: Path, change: dict[str, str]) -> None:
    text = "kind: MtaRoute\nspec: {type: Relay, name: last, address: '${var:host}'}\n"
    (place / "m" / "last.yaml").write_text(text)
    url = "url: https://mail.example.org, vars"
    first, other = f"{{{url}: {{host: '${{env:RECONCILER_VAR_HOST}}'}}}}", f"{{{url}: {{host: b.example.net}}}}"
    (place / "reconciler.yaml").write_text(f"targets: {{first: {first}, other: {other}}}\n")
    env = {**env, "RECONCILER_VAR_HOST": "a.example.net", "RECONCILER_TARGET": "first"}
    args = ["validate", "m", "--show-merged"]

    before = [command(*args, env=env, cwd=place) for _ in range(2)]
    after = [command(*args, env={**env, **change}, cwd=place) for _ in range(2)]

    assert [ran.out.count("address: a.example.net") for ran in before] == [1, 1]
    assert [ran.out.count("address: b.example.net") for ran in after] == [1, 1]


def test_no_secret_is_kept(env: dict[str, str], place: Path) -> None:
    assert command("apply", "--yes", "m", env=env, cwd=place).code == 0
    assert command("plan", "m", env=env, cwd=place).code == 0

    contents = [path.read_bytes() for path in place.rglob("*") if path.is_file() and "cache" in path.parts]

    assert len(contents) == 1
    assert CANARY.encode() not in contents[0]
    assert b"${env:RELAY_PASSWORD}" in contents[0]


def test_runs_side_by_side_do_not_disturb_each_other(env: dict[str, str], place: Path) -> None:
    alone = command("validate", "m", "--no-cache", env=env, cwd=place)
    arguments = [sys.executable, "-m", "reconciler", "validate", "m"]

    running = [
        subprocess.Popen(arguments, env=env, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [(process.communicate(), process.returncode) for process in running]

    assert [timeless(Ran(code, out, err)) for (out, err), code in ended] == [timeless(alone)] * 4
    assert len(kept(place)) == 1


#: Runs the program where no file may grow beyond some bytes, as if the disk were full.
FULL = """
import resource, sys
from reconciler.cli import invoke
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
sys.exit(invoke(sys.argv[1:]))
"""


def test_a_full_disk_is_no_error(env: dict[str, str], place: Path) -> None:
    alone = command("validate", "m", "--no-cache", env=env, cwd=place)
    arguments = [sys.executable, "-c", FULL, "validate", "m"]

    ran = subprocess.run(arguments, env=env, cwd=place, capture_output=True, text=True, timeout=60)

    assert timeless(Ran(ran.returncode, ran.stdout, ran.stderr)) == timeless(alone)
    assert list((place / "cache" / "reconciler").iterdir()) == []


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"XDG_CACHE_HOME": "", "HOME": "home"}, "home/.cache/reconciler"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "home"}, "home/.cache/reconciler"),
        ({"XDG_CACHE_HOME": "own", "HOME": "home"}, "own/reconciler"),
        ({"XDG_CACHE_HOME": "", "HOME": "nowhere"}, ""),
        ({"XDG_CACHE_HOME": "", "HOME": ""}, ""),
    ],
)
def test_it_is_in_the_users_cache_directory(env: dict[str, str], place: Path, more: dict[str, str], where: str) -> None:
    (place / "home").mkdir()
    whole = {name: str(place / path) if path not in ("", "relative") else path for name, path in more.items()}

    ran = process("validate", "m", env={**env, **whole}, cwd=place)

    assert ran.code == 0
    assert [path.parent.relative_to(place).as_posix() for path in place.rglob("*.manifests")] == [where] * bool(where)
