"""From paths to the texts of manifests, in path order.

Law: a name that begins with `.` is skipped, and a link is followed only if it ends inside its directory; what cannot
be read is a diagnostic.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from reconciler.values import Diagnostic, UsageError, in_file
from reconciler.yamlio import check_size, decode

SUFFIXES = (".yaml", ".yml", ".json")


class Text(Struct, frozen=True):
    """A manifest's text and the name that it is reported by."""

    file: str
    text: str


def find(paths: Iterable[str]) -> list[Path]:
    """Return the manifests below some paths, each directory in path order and no file twice.

    Raises:
        UsageError: a path does not exist, or is no manifest by its name.
    """
    found: dict[Path, None] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            found.update(dict.fromkeys(_walk(path, path.resolve())))
        elif not path.exists():
            raise UsageError(f"{name} does not exist", "name the files or directories that hold the manifests")
        elif path.suffix not in SUFFIXES:
            raise UsageError(f"{name} is no manifest by its name", f"manifests end in {', '.join(SUFFIXES)}")
        else:
            found[path] = None
    return list(found)


def _walk(directory: Path, root: Path) -> Iterator[Path]:
    with os.scandir(directory) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        path = directory / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_symlink() and not _inside(path, root):
            continue
        if entry.is_dir():
            # A link to a directory above would be walked for ever.
            if not (entry.is_symlink() and directory.resolve().is_relative_to(path.resolve())):
                yield from _walk(path, root)
        elif path.suffix in SUFFIXES:
            yield path


def _inside(path: Path, root: Path) -> bool:
    target = path.resolve()
    return target.exists() and target.is_relative_to(root)


def read(paths: Iterable[Path]) -> tuple[list[Text], list[Diagnostic]]:
    """Read files as UTF-8; what cannot be read becomes a diagnostic."""
    texts: list[Text] = []
    problems: list[Diagnostic] = []
    for path in paths:
        name = str(path)
        try:
            found = check_size(path.stat().st_size) or decode(path.read_bytes())
        except OSError as error:
            problems.append(Diagnostic(file=name, code="unreadable", message=f"it cannot be read: {error.strerror}"))
            continue
        if isinstance(found, str):
            texts.append(Text(name, found))
        else:
            problems.append(in_file(name, found))
    return texts, problems
