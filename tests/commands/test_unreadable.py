"""Whatever stands in a file's place is refused at once, by its name, with the exit code of what it is for."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.commands.envelopes import read_envelopes
from reconciler.fleet import read_results
from reconciler.sandbox import serve
from reconciler.values import MAX_FILE, ManifestError, UsageError
from tests.running import Ran, command, environment, process, write

TARGET = 'targets: {a: {url: "http://127.0.0.1:9", token: "${file:x}"}}\n'
#: A command, the file that it reads, the configuration, the exit code, and how the message calls the file.
PLACES = {
    "a configuration": (["validate", "--config", "x", "m"], "x", "", 65, "x"),
    "the usual configuration": (["validate", "m"], "reconciler.yaml", "", 65, "reconciler.yaml"),
    "a ceiling": (["plan", "--ceiling", "x", "m"], "x", "", 65, "x"),
    "a saved plan": (["apply", "--plan", "x", "--yes"], "x", "", 65, "x"),
    "what is shown": (["show", "x"], "x", "", 65, "x"),
    "a journal": (["rollback", "x", "--yes"], "x", "", 65, "x"),
    "a journal that is listed": (["status", "--journal", "."], "x.jsonl", "", 65, "x.jsonl"),
    "another tool's file": (["import", "--from", "x"], "x", "", 64, "x"),
    "a queue": (["sandbox", "--queue", "x"], "x", "", 64, "x"),
    "a schema that is served": (["sandbox", "--schema", "x"], "x", "", 65, "--schema x"),
    "a schema that is compared": (["schema", "diff", "x", "x"], "x", "", 65, "the server's schema x"),
    "a server's schema": (["validate", "m"], "x", "serverSchema: x\n", 65, "the server's schema x"),
    "a token": (["plan", "m", "--target", "a"], "x", TARGET, 77, "${file:x}"),
    "certificates": (["plan", "m", "--url", "https://127.0.0.1:9", "--ca-bundle", "x"], "x", "", 64, "the CA bundle x"),
}
#: Read too where it is a pipe into which somebody writes.
PIPED = {"a saved plan", "what is shown", "another tool's file", "a queue", "a schema that is served"}


def prepared(directory: Path, config: str) -> dict[str, str]:
    write(directory / "m", good="kind: MtaRoute\nspec: {type: Local, name: good}\n")
    if config:
        (directory / "reconciler.yaml").write_text(config)
    return environment("http://127.0.0.1:9")


def enlarge(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


def read_in(
    directory: Path, place: str, make: Callable[[Path], object], run: Callable[..., Ran] = command
) -> tuple[int, str, Ran]:
    """Return the code and the name that a place asks for, and what a command does that finds something made there."""
    arguments, name, config, code, shown = PLACES[place]
    env = prepared(directory, config)
    make(directory / name)
    return code, shown, run(*arguments, env=env, cwd=directory)


@pytest.mark.parametrize("place", PLACES)
def test_a_directory_is_no_file(tmp_path: Path, place: str) -> None:
    code, shown, ran = read_in(tmp_path, place, Path.mkdir)

    assert (ran.code, ran.out, ran.err) == (code, "", f"error: {shown} cannot be read: Is a directory\n")


@pytest.mark.parametrize("place", PLACES)
def test_a_link_that_leads_nowhere_is_no_file(tmp_path: Path, place: str) -> None:
    code, shown, ran = read_in(tmp_path, place, lambda path: path.symlink_to("nowhere"))

    assert (ran.code, ran.out, ran.err) == (code, "", f"error: {shown} cannot be read: No such file or directory\n")


@pytest.mark.parametrize("place", PLACES)
def test_a_device_without_an_end_is_not_read(tmp_path: Path, place: str) -> None:
    code, shown, ran = read_in(tmp_path, place, lambda path: path.symlink_to("/dev/zero"), process)

    assert (ran.code, ran.out, ran.err) == (code, "", f"error: {shown} is no regular file\n")


@pytest.mark.parametrize("place", PLACES)
def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path: Path, place: str) -> None:
    code, shown, ran = read_in(tmp_path, place, os.mkfifo, process)

    why = "a pipe, and nobody writes to it" if place in PIPED else "no regular file"
    assert (ran.code, ran.out, ran.err) == (code, "", f"error: {shown} is {why}\n")


@pytest.mark.parametrize("place", PLACES)
def test_more_than_is_ever_meant_is_not_read(tmp_path: Path, place: str) -> None:
    code, shown, ran = read_in(tmp_path, place, enlarge, process)

    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"error: {shown} is larger than ")


def test_a_pipe_is_read_where_somebody_writes_into_it(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    env = prepared(tmp_path, "")
    with serve(user="admin", password="secret") as sandbox:
        saved = command("plan", "m", "--out", "plan.json", env=environment(sandbox.url), cwd=tmp_path)

    ran = process("show", "/dev/stdin", env=env, cwd=tmp_path, text=(tmp_path / "plan.json").read_text())

    assert (saved.code, ran.code, ran.out) == (0, 0, command("show", "plan.json", env=env, cwd=tmp_path).out)


def test_a_schema_that_unpacks_to_more_than_is_ever_meant_is_refused(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "schema", "wb", compresslevel=1) as stream:
        for _ in range(MAX_FILE >> 20):
            stream.write(bytes(1 << 20))
        stream.write(b"1")

    ran = command("sandbox", "--schema", "schema", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.err.splitlines()[0]) == (65, "error: --schema schema holds more than 256 MB")


def test_a_log_that_is_no_file_is_usage_and_one_that_is_no_text_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes(b"rcpt\n\xe9@b.example\n")

    with pytest.raises(UsageError) as nothing:
        read_envelopes(str(tmp_path))
    with pytest.raises(ManifestError) as latin:
        read_envelopes(str(tmp_path / "latin.csv"))

    assert str(nothing.value) == f"{tmp_path} cannot be read: Is a directory"
    assert [(each.line, each.column, each.message) for each in latin.value.diagnostics] == [
        (2, 1, "byte 0xe9 is not part of UTF-8 text")
    ]


def test_a_result_too_large_is_told_and_the_others_count(tmp_path: Path) -> None:
    enlarge(tmp_path / "a.json")

    found = read_results(tmp_path)

    assert [each.message for each in found.diagnostics] == [
        "it is no reconciler/fleet-result/v1: it is larger than 256 MB"
    ]


def test_a_schema_of_another_size_is_out_of_date_and_not_read(tmp_path: Path) -> None:
    command("schema", env=environment(""), cwd=tmp_path)
    with (tmp_path / "schemas" / "manifest.schema.json").open("r+b") as stream:
        stream.truncate(1 << 40)

    ran = command("schema", "--check", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.out) == (2, "schemas/manifest.schema.json is out of date\n")
