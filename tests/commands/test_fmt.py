"""`fmt` lays out files, or tells what it would do."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.desired.layout import hidden
from reconciler.kinds.catalogue import load
from tests.running import Ran, command, environment, process

NOBODY = 65534
ROOT = os.geteuid() == 0

OLD = "# head\nspec:\n    # why\n    name: a\n    type: Mx\nkind: MtaRoute\n"
NEW = "# head\nkind: MtaRoute\nspec:\n  type: Mx\n  # why\n  name: a\n"


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    directory = tmp_path / "manifests"
    directory.mkdir()
    (directory / "a.yaml").write_text(OLD)
    (directory / "b.yaml").write_text(NEW)
    (directory / "c.json").write_text('{"spec": {}, "kind": "MtaRoute"}')
    return directory


def fmt(directory: Path, *arguments: str) -> Ran:
    return command("fmt", *arguments, env=environment(""), cwd=directory.parent)


def texts(directory: Path) -> list[str]:
    return [path.read_text() for path in sorted(directory.iterdir())]


def test_files_are_laid_out_once(manifests: Path) -> None:
    (manifests / "a.yaml").chmod(0o640)

    first, second = fmt(manifests), fmt(manifests)

    assert first == Ran(0, "", "manifests/a.yaml\n2 files, 1 changed.\n")
    assert second == Ran(0, "", "2 files, 0 changed.\n")
    assert texts(manifests) == [NEW, NEW, '{"spec": {}, "kind": "MtaRoute"}']
    assert (manifests / "a.yaml").stat().st_mode & 0o777 == 0o640


def test_check_names_what_would_change_and_writes_nothing(manifests: Path) -> None:
    before = texts(manifests)

    ran = fmt(manifests, "--check", "manifests")

    assert ran == Ran(2, "manifests/a.yaml\n", "2 files, 1 would change.\n")
    assert texts(manifests) == before
    assert fmt(manifests, "--check", "manifests/b.yaml").code == 0


def test_diff_shows_what_would_change_and_writes_nothing(manifests: Path) -> None:
    ran = fmt(manifests, "--diff")

    assert ran.code == 0
    assert ran.out == (
        "--- manifests/a.yaml\n"
        "+++ manifests/a.yaml (canonical)\n"
        "@@ -1,6 +1,6 @@\n"
        " # head\n"
        "+kind: MtaRoute\n"
        " spec:\n"
        "-    # why\n"
        "-    name: a\n"
        "-    type: Mx\n"
        "-kind: MtaRoute\n"
        "+  type: Mx\n"
        "+  # why\n"
        "+  name: a\n"
    )
    assert (manifests / "a.yaml").read_text() == OLD
    assert fmt(manifests, "--diff", "--check").code == 2


def test_a_diff_counts_lines_through_all_documents(manifests: Path) -> None:
    same = f"---\n{NEW}"
    (manifests / "a.yaml").write_text(f"{NEW}{same}---\nspec:\n  name: a\nkind: MtaRoute\n{same}---\n{OLD[:-1]}")

    ran = fmt(manifests, "--diff")

    assert ran.out == (
        "--- manifests/a.yaml\n"
        "+++ manifests/a.yaml (canonical)\n"
        "@@ -12,9 +12,9 @@\n"
        "   # why\n"
        "   name: a\n"
        " ---\n"
        "+kind: MtaRoute\n"
        " spec:\n"
        "   name: a\n"
        "-kind: MtaRoute\n"
        " ---\n"
        " # head\n"
        " kind: MtaRoute\n"
        "@@ -24,8 +24,8 @@\n"
        "   name: a\n"
        " ---\n"
        " # head\n"
        "+kind: MtaRoute\n"
        " spec:\n"
        "-    # why\n"
        "-    name: a\n"
        "-    type: Mx\n"
        "-kind: MtaRoute\n"
        "\\ No newline at end of file\n"
        "+  type: Mx\n"
        "+  # why\n"
        "+  name: a\n"
    )


def test_a_file_with_mistakes_is_told_and_left_alone(manifests: Path) -> None:
    (manifests / "b.yaml").write_text("spec: no\nkind: MtaRoute\n")

    ran = fmt(manifests)

    assert ran.code == 65
    assert "manifests/b.yaml:1:7" in ran.err
    assert texts(manifests)[:2] == [NEW, "spec: no\nkind: MtaRoute\n"]


def test_a_link_is_followed_and_stays(manifests: Path) -> None:
    (manifests / "a.yaml").rename(manifests / "z.yaml")
    (manifests / "a.yaml").symlink_to("z.yaml")

    ran = fmt(manifests, "manifests/a.yaml")

    assert ran.code == 0
    assert (manifests / "a.yaml").is_symlink()
    assert (manifests / "z.yaml").read_text() == NEW


@pytest.mark.parametrize("arguments", [("nowhere",), ("--format", "json"), ("--target", "x")])
def test_what_makes_no_sense_is_usage(manifests: Path, arguments: tuple[str, ...]) -> None:
    assert fmt(manifests, *arguments).code == 64


def test_what_is_left_alone_is_told(manifests: Path) -> None:
    (manifests / "b.yaml").write_text("kind: MtaRoute\n? spec\n: {}\n")

    ran = fmt(manifests, "--check")

    assert ran.code == 2
    assert ran.err == (
        "warning: manifests/b.yaml:2: the document is left as it is, because fmt cannot lay out a key that is not "
        "simply `key:` [left-alone]\n2 files, 1 would change.\n"
    )


def test_json_that_is_named_is_told_to_be_left_alone(manifests: Path) -> None:
    ran = fmt(manifests, "manifests/c.json")

    told = "manifests/c.json is JSON, which has a layout of its own and is left alone.\n"
    assert ran == Ran(0, "", f"{told}0 files, 0 changed.\n")


# ---- as a filter ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "arguments", "ran"),
    [
        (OLD, (), Ran(0, NEW, "")),
        (NEW, (), Ran(0, NEW, "")),
        (OLD, ("--check",), Ran(2, "<stdin>\n", "")),
        (NEW, ("--check",), Ran(0, "", "")),
        ("a: no\n", (), Ran(65, "", 'error: <stdin>:1:4: unquoted `no` is a boolean to some YAML readers and text to '
                                    'others [ambiguous-scalar]\n    write "no" for the text, or false\n')),
    ],
)  # fmt: skip
def test_standard_input_is_laid_out_to_standard_output(text: str, arguments: tuple[str, ...], ran: Ran) -> None:
    assert process("fmt", "-", *arguments, env=environment(""), text=text) == ran


# ---- files that cannot be written ----------------------------------------------------------------------------------


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Yield a directory that belongs to nobody in particular, below one that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        if ROOT:
            os.chown(directory, NOBODY, NOBODY)
        yield directory


def as_nobody(directory: Path, *arguments: str) -> Ran:
    """Run in a process without privileges, forked since it may not even be able to start Python."""
    command("fmt", "--check", *arguments, env=environment(""), cwd=directory)  # whatever is imported late, is now
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        if ROOT:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        ran = command("fmt", *arguments, env=environment(""), cwd=directory)
        os.write(writer, json.dumps([ran.code, ran.out, ran.err]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        return Ran(*json.load(answer))


def test_a_file_that_may_not_be_written_stays_and_the_others_are_laid_out(open_directory: Path) -> None:
    for name in ("a.yaml", "b.yaml", "c.yaml"):
        (open_directory / name).write_text(OLD)
        if ROOT:
            os.chown(open_directory / name, NOBODY, NOBODY)
    (open_directory / "b.yaml").chmod(0o444)

    ran = as_nobody(open_directory, ".")

    assert ran == Ran(
        1,
        "",
        "a.yaml\nc.yaml\nerror: b.yaml cannot be written: Permission denied [unwritable]\n3 files, 2 changed.\n",
    )
    assert texts(open_directory) == [NEW, OLD, NEW]


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
@pytest.mark.parametrize(("mode", "why"), [(0o644, "Permission denied"), (0o666, "Operation not permitted")])
def test_a_file_of_somebody_else_is_not_taken_over(open_directory: Path, mode: int, why: str) -> None:
    path = open_directory / "a.yaml"
    path.write_text(OLD)
    path.chmod(mode)

    ran = as_nobody(open_directory, ".")

    assert ran == Ran(1, "", f"error: a.yaml cannot be written: {why} [unwritable]\n1 file, 0 changed.\n")
    assert (path.read_text(), path.stat().st_uid, os.listdir(open_directory)) == (OLD, 0, ["a.yaml"])


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_a_file_keeps_its_owner(manifests: Path) -> None:
    path = manifests / "a.yaml"
    path.chmod(0o640)
    os.chown(path, NOBODY, NOBODY)

    ran = fmt(manifests)

    found = path.stat()
    assert ran.code == 0
    assert (path.read_text(), found.st_uid, found.st_gid, found.st_mode & 0o777) == (NEW, NOBODY, NOBODY, 0o640)


# ---- secrets -------------------------------------------------------------------------------------------------------

SECRETS = """\
# kept: as it is
x-auth: &auth {type: Basic, username: shown, secret: {type: Value, secret: CANARY}}
spec:
  authUsername: shown
  authSecret: {secret: CANARY, type: Value}
  # "authSecret": CANARY
  description: "# password: shown"
kind: MtaRoute
---
x-foo: &foo CANARY  # kept
x-bar: {spec: &bar CANARY}
items:
  - authSecret:
      secret: |  # kept
        CANARY
          CANARY

      type: Value
    name: shown
  - {authSecret: CANARY, name: shown}
  - {authSecret: {CANARY}, name: shown}
  - {authSecret: {CANARY: CANARY}, name: shown}
  - authSecret: {type: Value, secret: 'CANARY

        CANARY'}  # kept
  - authSecret: {type: Value, secret: *foo}
  - authSecret: {type: Value, secret: *bar}
    description: &bar shown
  - authSecret: {type: Value, secret: "${env:SHOWN}"}
  - authSecret: {type: EnvironmentVariable, variableName: SHOWN}
kind: MtaRoute
---
x-foo: &foo {type: Bearer, oops: CANARY}
items:
  - httpAuth: {type: Bearer, bearerToken: {type: Value, secret: CANARY}}
    httpHeaders: {Authorization: CANARY, X-Other: shown}
    url: shown
  - {httpAuth: CANARY, url: shown}
  - httpAuth: {<<: *foo, more: [CANARY]}
kind: MtaHook
---
targets: {prod: {token: CANARY, url: shown}}  # kept, password=CANARY
other: {token: "${env:SHOWN}"}  # token=${env:SHOWN}
---
kind: MtaRoute
spec:
  type: Relay  # kept, as the old password was: CANARY
  authSecrte: CANARY
  authSecret2: {type: Value, oops: [CANARY]}
  # kept, password CANARY
  # pw=CANARY
  # kept: the password
  # authSecret: >
  #   CANARY
  #
  #   CANARY

  #   CANARY
  # kept: as it is
  # - secrets:
  #   - CANARY
  # - kept: as it is
  # kept, and the passwords are: CANARY:
  # CANARY
  authSecret:
    # CANARY
    type: Value
    secret: CANARY  # kept
  name: shown
---
kind: MtaMilter
spec: {hostname: shown, stages: {data: true},  # kept
  enable: {match: {0: {if: shown, then: shown}}, else: shown}}
---
kind: MtaRoute
spec: {name: shown,  # kept
  authSecret: {type: Value,  # CANARY
    # CANARY
    secret: CANARY},  # kept
  description: shown}
"""


def test_diff_shows_no_secret(manifests: Path) -> None:
    (manifests / "a.yaml").write_text(SECRETS)

    ran = fmt(manifests, "--diff")

    assert (ran.code, ran.err) == (0, "2 files, 1 would change.\n")
    assert "CANARY" not in ran.out
    assert len(re.findall(r"^[-+] .*\(sensitive\)", ran.out, re.MULTILINE)) > 10


def test_secrets_are_hidden_and_nothing_else() -> None:
    found = hidden(load(), SECRETS)

    assert [re.sub(r"[^#]*\(sensitive\).*", "", line) for line in found.split("\n")] == [
        re.sub(r"[^#]*CANARY.*", "", line) for line in SECRETS.split("\n")
    ]
    for word in ("shown", "SHOWN", "kept", "Bearer", "authSecret", "&auth"):
        assert (word, found.count(word)) == (word, SECRETS.count(word))


@pytest.mark.parametrize("text", ["---", "kind: X\n...\n---\n", "a: 1\n---\n# x\n", "kind: X\n--- # c\n", "a: &b\n"])
def test_a_document_without_a_value_hides_nothing(text: str) -> None:
    assert hidden(load(), text) == text


def test_a_diff_goes_on_to_a_last_document_without_a_value(manifests: Path) -> None:
    (manifests / "a.yaml").write_text(f"{OLD}---\n")

    ran = fmt(manifests, "--diff", "manifests/a.yaml")

    assert (ran.code, ran.err) == (0, "1 file, 1 would change.\n")


@pytest.mark.parametrize("options", [["--check"], ["--diff"], []])
def test_the_name_of_a_file_cannot_take_over_a_terminal(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "a\x1b[31m\u202eb.yaml").write_text("kind: MtaRoute\nspec: {name: a, type: Mx}\n")

    ran = command("fmt", *options, str(tmp_path), env=environment(""))

    assert "\x1b" not in ran.out + ran.err
    assert "\u202e" not in ran.out + ran.err
    assert "a\\x1b[31m\\u202eb.yaml" in ran.out + ran.err
