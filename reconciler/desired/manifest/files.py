"""From paths to the texts of manifests, in path order.

Law: what cannot be read, or is no regular file, is a diagnostic; nothing is left out in silence, and nothing waits for
whoever might write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct

from reconciler.desired.manifest.walk import SUFFIXES, is_manifest, text_of, walk
from reconciler.values import Diagnostic, ReconcilerError, UsageError, in_file, read_file
from reconciler.yamlio import decode

__all__ = ["SUFFIXES", "ManifestText", "find", "read"]

HINT = "name the files or directories that hold the manifests"


class ManifestText(Struct, frozen=True):
    """A manifest's text and the name that it is reported by."""

    file: str
    text: str


def find(paths: Iterable[str], links: Sequence[str] = ()) -> tuple[list[Path], list[Diagnostic]]:
    """Return the manifests below some paths, each directory in path order, and what keeps some from being read.

    Args:
        paths: files and directories.
        links: directories below which links may end that leave the directory that they stand in.

    Raises:
        UsageError: a path does not exist, or is no manifest by its name.
    """
    gathered: dict[Path, None] = {}
    problems: list[Diagnostic] = []
    for name in paths:
        path, shown = Path(name), text_of(name)
        try:
            mode = os.stat(name).st_mode
        except (OSError, ValueError) as error:
            raise UsageError(f"{shown} {_absent(name, error)}", HINT) from None
        if stat.S_ISDIR(mode):
            files, wrong = walk(path, links)
            gathered.update(dict.fromkeys(files))
            problems += wrong
        elif not is_manifest(path):
            raise UsageError(f"{shown} is no manifest by its name", f"manifests end in {', '.join(SUFFIXES)}")
        else:
            gathered[path] = None
    return list(gathered), problems


def _absent(name: str, error: Exception) -> str:
    """Say why there is nothing at a path."""
    if os.path.islink(name):
        return "is a link that leads nowhere"
    known = isinstance(error, OSError) and not isinstance(error, FileNotFoundError | NotADirectoryError)
    return f"cannot be read: {error.strerror}" if known and isinstance(error, OSError) else "does not exist"


def read(paths: Iterable[Path]) -> tuple[list[ManifestText], list[Diagnostic]]:
    """Read files as UTF-8; what cannot be read becomes a diagnostic."""
    texts: list[ManifestText] = []
    problems: list[Diagnostic] = []
    for path in paths:
        name = text_of(str(path))
        if name != str(path):
            hint = "rename the file"
            problems.append(Diagnostic(file=name, code="not-utf8", message="its name is not UTF-8", hint=hint))
            continue
        try:
            content = decode(read_file(path, name="it", hint="split it into several files"))
        except ReconcilerError as error:
            problems.append(Diagnostic(file=name, code="unreadable", message=error.message, hint=error.hint))
            continue
        if isinstance(content, str):
            texts.append(ManifestText(name, content))
        else:
            problems.append(in_file(name, content))
    return texts, problems
