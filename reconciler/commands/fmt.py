"""`fmt`: manifests in canonical layout, comments kept.

Law: no value changes, and a file with mistakes in its YAML is left as it is; JSON, which has no comments and a layout
of its own, is left alone.
"""

from __future__ import annotations

from difflib import unified_diff

from reconciler.catalogue import load
from reconciler.commands.files import write_whole
from reconciler.commands.gather import Invocation
from reconciler.errors import DIFFERENCES, MANIFEST, Diagnostic, UsageError
from reconciler.layout import lay_out
from reconciler.manifest import Text, find, read
from reconciler.report import text
from reconciler.report.paint import plural
from reconciler.settings import DEFAULT_MANIFESTS, read_config


def run(invocation: Invocation) -> int:
    """Lay out files; with --check only tell which would change, with --diff show how, and write nothing."""
    if invocation.format != "text":
        raise UsageError("fmt has no report for programs", "leave --format out; --check ends with 2")
    paths = [path for path in find(_roots(invocation)) if path.suffix != ".json"]
    texts, problems = read(paths)
    changed: list[tuple[Text, str]] = []
    catalogue = load()
    for each in texts:
        laid = lay_out(catalogue, each.text)
        problems += [
            Diagnostic(file=each.file, line=p.line, column=p.column, code=p.code, message=p.message, hint=p.hint)
            for p in laid.problems
        ]
        if laid.text != each.text:
            changed.append((each, laid.text))
    only_look = bool(invocation.extra.get("check") or invocation.extra.get("diff"))
    originals = {str(path): path for path in paths}
    for each, new in changed:
        if invocation.extra.get("diff"):
            invocation.say(_diff(each, new))
        elif only_look:
            invocation.say(f"{each.file}\n")
        else:
            write_whole(originals[each.file], new.encode())
            invocation.tell(f"{each.file}\n")
    if problems:
        invocation.console.err(text.diagnostics(sorted(problems), invocation.console.paint_err))
    told = "would change" if only_look else "changed"
    invocation.tell(f"{plural(len(texts), 'file')}, {len(changed)} {told}.\n")
    if problems:
        return MANIFEST
    return DIFFERENCES if changed and invocation.extra.get("check") else 0


def _roots(invocation: Invocation) -> list[str]:
    """Return the paths that were given, else the manifests of every target, or of the one that is chosen."""
    options = invocation.options
    if options.paths:
        return list(options.paths)
    config = read_config(options)
    if options.target and options.target not in config.targets:
        known = ", ".join(config.targets) or "none"
        raise UsageError(f"there is no target {options.target}", f"known here: {known}")
    targets = [config.targets[options.target]] if options.target else list(config.targets.values())
    roots = [path for each in targets for path in each.manifests or (DEFAULT_MANIFESTS,)]
    return list(dict.fromkeys(roots)) or [DEFAULT_MANIFESTS]


def _diff(old: Text, new: str) -> str:
    lines = unified_diff(
        old.text.splitlines(keepends=True), new.splitlines(keepends=True), old.file, f"{old.file} (canonical)"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
