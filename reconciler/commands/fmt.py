"""`fmt`: manifests in canonical layout, comments kept.

Law: no value changes, a file with mistakes in its YAML is left as it is, and a diff shows no secret; JSON, which has no
comments and a layout of its own, is left alone.
"""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path

from reconciler.catalogue import Catalogue, load
from reconciler.commands.files import write_whole
from reconciler.commands.gather import Invocation
from reconciler.errors import DIFFERENCES, MANIFEST, Diagnostic, ReconcilerError, Severity, UsageError, strongest
from reconciler.layout import hidden, lay_out
from reconciler.manifest import Text, find, read
from reconciler.report import text
from reconciler.report.paint import plural
from reconciler.settings import DEFAULT_MANIFESTS, check_layers, read_config
from reconciler.strictyaml import Problem, decode

#: The path that stands for standard input, and the name by which messages call that.
PIPE, PIPED = "-", "<stdin>"


def run(invocation: Invocation) -> int:
    """Lay out files; with --check only tell which would change, with --diff show how, and write nothing."""
    paths, texts, problems = _texts(invocation)
    changed: list[tuple[Text, str]] = []
    catalogue = load()
    for each in texts:
        laid = lay_out(catalogue, each.text)
        problems += [_mistake(each.file, problem) for problem in laid.problems]
        problems += [_mistake(each.file, left, "warning") for left in laid.left]
        if laid.text != each.text:
            changed.append((each, laid.text))
        if each.file == PIPED and not laid.problems and not _looks(invocation):
            invocation.say(laid.text)
    codes = [MANIFEST for each in problems if each.severity == "error"][:1]
    codes += [DIFFERENCES] if changed and invocation.extra.get("check") else []
    done = 0
    for each, new in changed:
        if invocation.extra.get("diff"):
            invocation.say(_diff(catalogue, each, new))
        elif _looks(invocation):
            invocation.say(f"{each.file}\n")
        elif each.file != PIPED:
            try:
                write_whole(paths[each.file], new.encode())
            except ReconcilerError as error:
                problems.append(Diagnostic(code="unwritable", message=error.message, hint=error.hint))
                codes.append(error.exit_code)
                continue
            invocation.tell(f"{each.file}\n")
        done += 1
    if problems:
        invocation.console.err(text.diagnostics(sorted(problems), invocation.console.paint_err))
    if not _piped(invocation):
        told = "would change" if _looks(invocation) else "changed"
        invocation.tell(f"{plural(len(texts), 'file')}, {done} {told}.\n")
    return strongest(codes)


def _looks(invocation: Invocation) -> bool:
    """Whether nothing shall be written."""
    return bool(invocation.extra.get("check") or invocation.extra.get("diff"))


def _piped(invocation: Invocation) -> bool:
    return invocation.options.paths == (PIPE,)


def _texts(invocation: Invocation) -> tuple[dict[str, Path], list[Text], list[Diagnostic]]:
    """Return the files by the names that they are reported by, their texts, and what cannot be read."""
    if _piped(invocation):
        content = decode(sys.stdin.buffer.read())
        if isinstance(content, str):
            return {}, [Text(PIPED, content)], []
        return {}, [], [_mistake(PIPED, content)]
    found = find(_roots(invocation))
    for path in found:
        if path.suffix == ".json" and str(path) in invocation.options.paths:
            invocation.tell(f"{path} is JSON, which has a layout of its own and is left alone.\n")
    paths = {str(path): path for path in found if path.suffix != ".json"}
    return paths, *read(paths.values())


def _mistake(file: str, problem: Problem, severity: Severity = "error") -> Diagnostic:
    return Diagnostic(
        file=file,
        line=problem.line,
        column=problem.column,
        severity=severity,
        code=problem.code,
        message=problem.message,
        hint=problem.hint,
    )


def _roots(invocation: Invocation) -> list[str]:
    """Return the paths that were given, else the manifests of every target, or of the one that is chosen."""
    options = invocation.options
    if options.paths:
        return list(options.paths)
    config = read_config(options)
    if options.target and options.target not in config.targets:
        known = ", ".join(config.targets) or "none"
        raise UsageError(f"there is no target {options.target}", f"known here: {known}")
    targets = [options.target] if options.target else list(config.targets)
    check_layers(config, targets)
    roots = [path for name in targets for path in config.targets[name].manifests or (DEFAULT_MANIFESTS,)]
    return list(dict.fromkeys(roots)) or [DEFAULT_MANIFESTS]


def _diff(catalogue: Catalogue, old: Text, new: str) -> str:
    before, after = (hidden(catalogue, each).splitlines(keepends=True) for each in (old.text, new))
    lines = unified_diff(before, after, old.file, f"{old.file} (canonical)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
