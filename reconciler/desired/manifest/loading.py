"""From paths to desired state: what the files below them come to, now or in an earlier run.

Law: a path without a document is a mistake; what an earlier run kept is taken only for the very same manifests.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reconciler.desired.manifest.files import ManifestText, find, read
from reconciler.desired.manifest.state import Desired
from reconciler.desired.manifest.walk import text_of
from reconciler.kinds import Catalogue
from reconciler.values import Diagnostic

#: Characters of manifests from which on it takes less to fetch what they come to than to work it out.
WORTH_KEEPING = 64 * 1024


def load(
    catalogue: Catalogue,
    paths: Sequence[str],
    variables: Mapping[str, Any] | None = None,
    *,
    optional: Collection[str] = (),
    links: Sequence[str] = (),
    cache: str = "",
) -> Desired:
    """Read the manifests below some paths, each path a layer upon those before it.

    Args:
        catalogue: what the kinds are.
        paths: files and directories.
        variables: what `${var:NAME}` stands for.
        optional: those paths that may hold no document, or not be there.
        links: directories below which links may end that leave the directory that they stand in.
        cache: the directory where what large manifests come to is kept from run to run; "" keeps nothing.

    Raises:
        UsageError: a path does not exist.
    """
    layers: list[list[ManifestText]] = []
    problems: list[Diagnostic] = []
    held: dict[str, list[str]] = {}
    seen: set[Path] = set()
    for path in paths:
        if path in optional and not os.path.lexists(path):
            continue
        files, unfound = find([path], links)
        texts, unread = read([file for file in files if file not in seen])
        seen.update(files)
        layers.append(texts)
        problems += [*unfound, *unread]
        # What cannot be read may be the document that is missed.
        if path not in optional and not unfound and not unread:
            held[path] = [text_of(str(file)) for file in files]
    desired = _come_to(catalogue, layers, variables or {}, cache)
    wrong = {diagnostic.file for diagnostic in desired.diagnostics}
    for path, names in held.items():
        if not any(desired.files.get(name) or name in wrong for name in names):
            problems.append(_empty(path))
    unread_files = {diagnostic.file: 0 for diagnostic in problems}
    return replace(desired, diagnostics=(*problems, *desired.diagnostics), files={**unread_files, **desired.files})


def _empty(path: str) -> Diagnostic:
    """Tell of a path without a document, which would look in sync."""
    hint = (
        f"is it the right checkout? A layer of a target that may be empty is written {{path: {path}, optional: true}}"
    )
    return Diagnostic(file=text_of(path), code="no-document", message="it holds no document", hint=hint)


def _come_to(
    catalogue: Catalogue, layers: Sequence[Sequence[ManifestText]], variables: Mapping[str, Any], cache: str
) -> Desired:
    """Return what the texts of manifests come to, kept or new."""
    if cache and sum(len(text.text) for texts in layers for text in texts) >= WORTH_KEEPING:
        from reconciler.desired.manifest.cache import remembered

        return remembered(cache, catalogue, layers, variables)
    from reconciler.desired.manifest.parsing import parse

    return parse(catalogue, layers, variables)
