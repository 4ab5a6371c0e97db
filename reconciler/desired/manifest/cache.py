"""The directory where what manifests come to is kept from run to run.

Law: never in the way: what cannot be read, is torn, foreign or too large, or lies where others may write, is as if it
were not there. Everything in it may be taken away at any time, and any number of runs may share it. Only its owner can
read it, and it holds no more than `LIMIT` bytes: what was used least lately goes first.
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from reconciler.desired.manifest.files import ManifestText
from reconciler.desired.manifest.kept import name_of, packed, unpacked
from reconciler.desired.manifest.state import Desired, digest_of
from reconciler.kinds import Catalogue
from reconciler.values import ReconcilerError, read_file, replace_file

#: Most bytes of all files, and of one.
LIMIT = 256 * 1024 * 1024
LARGEST = LIMIT // 4
#: What every file begins with; then come a digest of the rest, and the rest.
MAGIC = b"reconciler manifests 1\n"
SUFFIX = ".manifests"

log = logging.getLogger("reconciler.cache")


def remembered(
    directory: str, catalogue: Catalogue, layers: Sequence[Sequence[ManifestText]], variables: Mapping[str, Any]
) -> Desired:
    """Return what the texts of manifests come to: what was kept of it, else what it is now, which is kept.

    Args:
        directory: where it is kept; it is made where there is none.
        catalogue: what the kinds are.
        layers: the texts, layer by layer.
        variables: what `${var:NAME}` stands for.
    """
    place = Path(directory)
    digest = digest_of(layers)
    path = place / f"{name_of(catalogue, layers, variables, digest)}{SUFFIX}"
    try:
        usable = _is_ours(place)
        content = fetch(path) if usable else None
    except OSError as error:
        usable, content = False, None
        log.debug("%s cannot be used: %s", place, error.strerror)
    if content is not None:
        desired = unpacked(content, catalogue, layers, variables, digest)
        if desired is not None:
            log.debug("the manifests are as %s has them", path)
            return desired
    from reconciler.desired.manifest.parsing import parsed

    came = parsed(catalogue, layers, variables, digest)
    kept = packed(came) if usable else None
    if kept is not None and len(kept) <= LARGEST:
        try:
            store(path, kept)
        except OSError as error:
            log.debug("%s cannot be written: %s", path, error.strerror)
    return came.desired


def _is_ours(directory: Path) -> bool:
    """Whether a directory, which is made where there is none, belongs to this user, and nobody else may write to it.

    Raises:
        OSError: it cannot be made, or looked at.
    """
    for path in (directory.parent, directory):
        if not path.is_dir():
            path.mkdir(mode=0o700, exist_ok=True)
    about = directory.lstat()
    if stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid() and not about.st_mode & 0o022:
        return True
    log.debug("%s is not used: it is no directory of this user alone", directory)
    return False


def fetch(path: Path) -> bytes | None:
    """Return what a file keeps, and note that it was used; None where it is not whole, or not ours.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid():
        return None
    try:
        content = read_file(path, most=len(_head(b"")) + LARGEST)
    except ReconcilerError as error:
        log.debug("%s", error.message)
        return None
    kept = content[len(_head(b"")) :]
    if not content.startswith(_head(kept)):
        return None
    # Where the disk cannot be written to, nothing is taken away either.
    with suppress(OSError):
        os.utime(path)
    return kept


def _head(kept: bytes) -> bytes:
    """Return what a file begins with, which tells whether the rest is what was written."""
    return MAGIC + hashlib.sha256(kept).digest()


def store(path: Path, kept: bytes) -> None:
    """Write a file, and take away what was used least lately where there would be too much.

    Raises:
        OSError: it cannot be written.
    """
    content = _head(kept) + kept
    _make_room(path.parent, len(content))
    replace_file(path, content, durable=False)


def _make_room(directory: Path, size: int) -> None:
    """Take away what was used least lately, until there is room."""
    files = []
    with os.scandir(directory) as entries:
        for entry in entries:
            if SUFFIX in entry.name and entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                files.append((about.st_mtime_ns, about.st_size, entry.path))
    left = sum(taken for _, taken, _ in files)
    for _, taken, path in sorted(files):
        if left + size <= LIMIT:
            return
        Path(path).unlink(missing_ok=True)
        left -= taken
