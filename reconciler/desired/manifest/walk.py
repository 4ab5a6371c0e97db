"""The manifests below a directory, and every link that leads to none.

Law: a link is followed where it ends inside its directory, or below one that policy names; any other is a mistake,
since what is silently left out may be pruned. Names that begin with `.` are skipped, and nothing is read twice.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path

from msgspec import Struct

from reconciler.values import Diagnostic

SUFFIXES = (".yaml", ".yml", ".json")

#: What tells a file from every other, whatever its name: its device and its number there.
_Identity = tuple[int, int]


class _OpenDirectory(Struct):
    """A directory that is being looked through."""

    path: Path
    identity: _Identity
    entries: Iterator[os.DirEntry[str]]


def is_manifest(path: Path) -> bool:
    """Whether a file is a manifest by its name."""
    return path.suffix.lower() in SUFFIXES


def text_of(name: str) -> str:
    """Return a path as it can be shown: bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def walk(directory: Path, links: Sequence[str] = ()) -> tuple[list[Path], list[Diagnostic]]:
    """Return the manifests below a directory, in path order, and what is wrong with the rest.

    Args:
        directory: where to look; it may be a link.
        links: directories below which links may end that leave it.
    """
    return _Walk(directory, links).run()


class _Walk:
    def __init__(self, directory: Path, links: Sequence[str]) -> None:
        self._roots = [os.path.realpath(name) for name in (str(directory), *links)]
        self._seen: set[_Identity] = set()
        self._stack: list[_OpenDirectory] = []
        self._files: list[Path] = []
        self._problems: list[Diagnostic] = []
        self._top = directory

    def run(self) -> tuple[list[Path], list[Diagnostic]]:
        self._enter(self._top, os.stat(self._top))
        while self._stack:
            top = self._stack[-1]
            entry = next(top.entries, None)
            if entry is None:
                self._stack.pop()
            elif not entry.name.startswith("."):
                self._take(entry, top.path / entry.name)
        return self._files, self._problems

    def _take(self, entry: os.DirEntry[str], path: Path) -> None:
        """Enter a directory, keep a manifest, or tell what is wrong."""
        link = entry.is_symlink()
        try:
            about = os.stat(entry.path)
            real = os.path.realpath(path, strict=True) if link else ""
        except OSError as error:
            self._unread(path, error, link=link)
            return
        identity = (about.st_dev, about.st_ino)
        directory = stat.S_ISDIR(about.st_mode)
        if not directory and not is_manifest(path):
            return
        if link and not any(Path(real).is_relative_to(root) for root in self._roots):
            hint = "policy.links names directories below which links may end; or take the link out"
            self._tell(path, "link", f"it is a link to {text_of(real)}, which lies outside of {self._top}", hint)
        elif directory and any(above.identity == identity for above in self._stack):
            self._tell(path, "link", "it is a link in a circle: it leads to a directory above it", "take the link out")
        elif identity in self._seen:
            # Another link led here.
            return
        elif directory:
            self._enter(path, about)
        elif stat.S_ISREG(about.st_mode):
            self._seen.add(identity)
            self._files.append(path)
        else:
            self._tell(path, "unreadable", "it is no regular file", "take it out")

    def _enter(self, path: Path, about: os.stat_result) -> None:
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=attrgetter("name"))
        except OSError as error:
            self._unread(path, error, link=False)
            return
        identity = (about.st_dev, about.st_ino)
        self._seen.add(identity)
        self._stack.append(_OpenDirectory(path, identity, iter(entries)))

    def _unread(self, path: Path, error: OSError, *, link: bool) -> None:
        if link and error.errno == errno.ELOOP:
            self._tell(path, "link", "it is a link in a circle", "take the link out")
        elif link and error.errno in (errno.ENOENT, errno.ENOTDIR):
            target = text_of(os.readlink(path))
            self._tell(path, "link", f"it is a link to {target}, which does not exist", "mend it, or take it out")
        else:
            hint = "let this user read it, or name what is beside it one by one"
            self._tell(path, "unreadable", f"it cannot be read: {error.strerror}", hint)

    def _tell(self, path: Path, code: str, message: str, hint: str) -> None:
        self._problems.append(Diagnostic(file=text_of(str(path)), code=code, message=message, hint=hint))
