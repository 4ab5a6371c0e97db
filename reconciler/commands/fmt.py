"""`fmt`: manifests in canonical layout, comments kept.

Law: no value changes, a file with mistakes in its YAML is left as it is, and a diff shows no secret; JSON, which has no
comments and a layout of its own, is left alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import Match, SequenceMatcher
from pathlib import Path

from msgspec import Struct

from reconciler.commands.files import write_whole
from reconciler.commands.invocation import Invocation
from reconciler.desired import ManifestText, find, hidden, lay_out, read
from reconciler.kinds import Catalogue
from reconciler.report import plural, printable
from reconciler.settings import DEFAULT_MANIFESTS, catalogue_of, check_layers, merged_policy, read_config
from reconciler.values import (
    DIFFERENCES,
    MANIFEST,
    MAX_FILE,
    Diagnostic,
    ReconcilerError,
    UsageError,
    in_file,
    strongest,
)
from reconciler.yamlio import decode

#: The path that stands for standard input, and the name by which messages call that.
PIPE, PIPED = "-", "<stdin>"
#: What can follow the marker of a document.
_BLANKS = ("", " ", "\t", "\r", "\n")


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    check: bool = False
    diff: bool = False

    @property
    def looks(self) -> bool:
        """Whether nothing shall be written."""
        return self.check or self.diff


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Lay out files; with --check only tell which would change, with --diff show how, and write nothing."""
    paths, texts, problems = _texts(invocation)
    changed: list[tuple[ManifestText, str]] = []
    catalogue = catalogue_of(read_config(invocation.options), invocation.options.target)
    for text in texts:
        laid = lay_out(catalogue, text.text)
        problems += [in_file(text.file, problem) for problem in laid.problems]
        problems += [in_file(text.file, left, "warning") for left in laid.left]
        if laid.text != text.text:
            changed.append((text, laid.text))
        if text.file == PIPED and not laid.problems and not arguments.looks:
            invocation.say(laid.text)
    codes = [MANIFEST for diagnostic in problems if diagnostic.severity == "error"][:1]
    codes += [DIFFERENCES] if changed and arguments.check else []
    done = 0
    for text, new in changed:
        if arguments.diff:
            invocation.say(_diff(catalogue, text, new))
        elif arguments.looks:
            invocation.list(text.file)
        elif text.file != PIPED:
            try:
                write_whole(paths[text.file], new.encode())
            except ReconcilerError as error:
                problems.append(Diagnostic(code="unwritable", message=error.message, hint=error.hint))
                codes.append(error.exit_code)
                continue
            invocation.tell(f"{text.file}\n")
        done += 1
    if problems:
        invocation.complain(sorted(problems))
    if not _piped(invocation):
        message = "would change" if arguments.looks else "changed"
        invocation.tell(f"{plural(len(texts), 'file')}, {done} {message}.\n")
    return strongest(codes)


def _piped(invocation: Invocation) -> bool:
    return invocation.options.paths == (PIPE,)


def _texts(invocation: Invocation) -> tuple[dict[str, Path], list[ManifestText], list[Diagnostic]]:
    """Return the files by the names that they are reported by, their texts, and what cannot be read."""
    if _piped(invocation):
        content = decode(sys.stdin.buffer.read(MAX_FILE + 1))
        if isinstance(content, str):
            return {}, [ManifestText(PIPED, content)], []
        return {}, [], [in_file(PIPED, content)]
    roots, links = _roots(invocation)
    manifest_files, problems = find(roots, links)
    own = [os.path.realpath(root) for root in roots]
    for path in manifest_files:
        if path.suffix.lower() == ".json" and str(path) in invocation.options.paths:
            invocation.tell(f"{path} is JSON, which has a layout of its own and is left alone.\n")
    # Where a link leaves the manifests, somebody else lays them out.
    paths = {
        str(path): path
        for path in manifest_files
        if path.suffix.lower() != ".json" and any(Path(os.path.realpath(path)).is_relative_to(root) for root in own)
    }
    texts, unread = read(paths.values())
    return paths, texts, problems + unread


def _roots(invocation: Invocation) -> tuple[list[str], list[str]]:
    """Return the paths that were given, else the manifests of every target, or of the one that is chosen.

    Beside them stand the directories below which links may end.
    """
    options = invocation.options
    config = read_config(options)
    if options.target and options.target not in config.targets:
        known = ", ".join(config.targets) or "none"
        raise UsageError(f"there is no target {options.target}", f"known here: {known}")
    targets = [options.target] if options.target else list(config.targets)
    links = [link for name in targets or [""] for link in merged_policy(config, config.targets.get(name)).links]
    if options.paths:
        return list(options.paths), links
    check_layers(config, targets)
    layers = [layer for name in targets for layer in config.targets[name].layers]
    roots = [layer.path for layer in layers if not (layer.optional and not os.path.lexists(layer.path))]
    return list(dict.fromkeys(roots)) or [DEFAULT_MANIFESTS], links


def _diff(catalogue: Catalogue, old: ManifestText, new: str) -> str:
    """Return how a text changes, in the form of `diff -u`, with its secrets hidden."""
    before, after = (hidden(catalogue, character).splitlines(keepends=True) for character in (old.text, new))
    name = printable(old.file)
    lines = [f"--- {name}\n", f"+++ {name} (canonical)\n"]
    for group in _ByDocument(before, after).get_grouped_opcodes():
        (_, first, _, start, _), (_, _, last, _, stop) = group[0], group[-1]
        lines.append(f"@@ -{_range(first, last)} +{_range(start, stop)} @@\n")
        for tag, i, j, k, m in group:
            same = tag == "equal"
            lines += [f" {line}" if same else f"-{line}" for line in before[i:j]]
            lines += [] if same else [f"+{line}" for line in after[k:m]]
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class _ByDocument(SequenceMatcher[str]):
    """Compares texts document by document, since none moves past another, and whole texts take quadratic time."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, before, after)
        self._pairs = list(zip(_documents(before), _documents(after), strict=True))

    def get_matching_blocks(self) -> list[Match]:
        """Return the lines that are the same, a row of them at once, and an empty match behind the last."""
        rows: list[Match] = []
        at = start = 0
        for before, after in self._pairs:
            for i, j, size in SequenceMatcher(None, before, after).get_matching_blocks():
                if rows and (rows[-1].a + rows[-1].size, rows[-1].b + rows[-1].size) == (at + i, start + j):
                    rows[-1] = rows[-1]._replace(size=rows[-1].size + size)
                elif size:
                    rows.append(Match(at + i, start + j, size))
            at, start = at + len(before), start + len(after)
        return [*rows, Match(at, start, 0)]


def _documents(lines: Sequence[str]) -> list[Sequence[str]]:
    """Return the lines of each document, which begin with its marker. Nothing else has a marker at its beginning."""
    marks = [0, *(number for number, line in enumerate(lines) if line.startswith("---") and line[3:4] in _BLANKS)]
    return [lines[first:last] for first, last in zip(marks, [*marks[1:], len(lines)], strict=True)]


def _range(first: int, last: int) -> str:
    """Return lines as `diff -u` counts them: from 1, and an empty range from the line before it."""
    size = last - first
    begin = first + 1 if size else first
    return f"{begin}" if size == 1 else f"{begin},{size}"
