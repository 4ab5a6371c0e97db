"""What became of one target, as a file: written whole or not at all, and read back by whoever brings results together.

Law: a target counts as done once its file has its name; the file is durable before that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Struct

from reconciler.plan import write
from reconciler.values import Diagnostic, ReconcilerError, read_file

FORMAT: Literal["reconciler/fleet-result/v1"] = "reconciler/fleet-result/v1"
Verb = Literal["plan", "apply", "drift", "test"]
#: Codes of a target that is as it should be, or tells no more than that it differs.
WELL = (0, 2)


class TargetResult(Struct, frozen=True, kw_only=True):
    """What a command said of one target."""

    format: Literal["reconciler/fleet-result/v1"] = FORMAT
    target: str
    url: str = ""
    command: Verb
    exit_code: int = msgspec.field(name="exitCode")
    #: The command's own report, such as `reconciler/drift/v1`; None where it ended before it had one.
    report: dict[str, Any] | None = None
    #: What stopped it: a sentence and what to do.
    message: str = ""
    hint: str = ""
    #: Digest of the manifests and the settings that it stands on.
    basis: str = ""
    shard: str = ""
    #: RFC 3339, UTC.
    time: str = ""
    #: Seconds that it took.
    seconds: float = 0.0
    #: How the server is known: one server under two names has one of these.
    server: str = ""


class Read(Struct, frozen=True):
    """The results of a directory, by target and in order of their files, and what could not be read."""

    results: dict[str, tuple[TargetResult, ...]] = {}
    diagnostics: tuple[Diagnostic, ...] = ()


def result_path(directory: Path, target: str) -> Path:
    """Return the file of a target's result: its name, with what a file name cannot hold escaped."""
    name = quote(target, safe=" ")
    # What begins with a dot is still being written.
    return directory / f"{'%2E' * name.startswith('.')}{name.removeprefix('.')}.json"


def write_result(directory: Path, result: TargetResult) -> Path:
    """Write a result durably: what has the file's name is whole, whenever the machine stops.

    Raises:
        ReconcilerError: it cannot be written.
    """
    path = result_path(directory, result.target)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReconcilerError(f"{path} cannot be written: {error.strerror}", "name another directory") from None
    write(path, msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    return path


def read_results(directory: Path) -> Read:
    """Read every result below a directory, such as one that holds a directory for each shard.

    Raises:
        ReconcilerError: there is no such directory.
    """
    if not directory.is_dir():
        raise ReconcilerError(f"{directory} is no directory", "name the directory that holds the results")
    results: dict[str, tuple[TargetResult, ...]] = {}
    diagnostics = []
    for path in _files(directory):
        try:
            result = msgspec.json.decode(read_file(path, name="it"), type=TargetResult)
        except (ReconcilerError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            message, hint = f"it is no {FORMAT}: {error}", "run the target's shard again"
            diagnostics.append(Diagnostic(file=str(path), code="result", message=message, hint=hint))
        else:
            results[result.target] = (*results.get(result.target, ()), result)
    return Read(results, tuple(diagnostics))


def _files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*.json")):
        # What is being written begins with a dot.
        if not path.name.startswith(".") and path.is_file():
            yield path
