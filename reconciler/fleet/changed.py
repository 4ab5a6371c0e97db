"""Which targets a change in git touches: their manifests, their layers, or their part of the configuration.

Law: it only reads, by asking git; whatever git cannot tell is an error, and no target is left out because of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reconciler.settings import Config, TargetConfig, parse_config
from reconciler.values import ManifestError, UsageError


def changed_since(revision: str, config: Config, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of some targets whose manifests, layers, variables, labels or policy differ from a revision's.

    Args:
        revision: what git knows the state to compare with by, such as `origin/main`.
        config: the configuration as it is now.
        names: the targets to look at.

    Raises:
        UsageError: this is no git checkout, or there is no such revision.
    """
    top = Path(_git("rev-parse", "--show-toplevel").decode().rstrip("\n"))
    commit = _git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    listed = _git("diff", "--name-only", "-z", "--no-renames", commit, "--")
    listed += _git("ls-files", "--others", "--exclude-standard", "-z", "--full-name", "--", str(top))
    changed = [top / name for name in listed.decode("utf-8", "surrogateescape").split("\0") if name]
    before = _before(commit, top, config)
    return tuple(
        name
        for name in names
        if before is None
        or _part(before, name) != _part(config, name)
        or any(_touches(config.targets[name], path) for path in changed)
    )


def _before(commit: str, top: Path, config: Config) -> Config | None:
    """Return the configuration of a commit; None where there was none that can be read, so that all has changed."""
    path = Path(config.file).resolve()
    if not path.is_relative_to(top.resolve()):
        return None
    name = path.relative_to(top.resolve()).as_posix()
    shown = subprocess.run(["git", "show", f"{commit}:{name}"], capture_output=True, check=False)  # noqa: S603, S607 - git, as the user has it
    if shown.returncode:
        return None
    try:
        return parse_config(config.file, shown.stdout.decode("utf-8"))
    except (ManifestError, UnicodeDecodeError):
        return None


def _part(config: Config, name: str) -> bytes:
    """Return what the configuration says that reaches a target."""
    return msgspec.json.encode([config.targets.get(name), config.policy], order="sorted")


def _touches(target: TargetConfig, changed: Path) -> bool:
    path = changed.resolve()
    return any(path.is_relative_to(Path(layer.path).resolve()) for layer in target.layers)


def _git(*arguments: str) -> bytes:
    try:
        ran = subprocess.run(["git", *arguments], capture_output=True, check=False)  # noqa: S603, S607 - git, as the user has it
    except FileNotFoundError:
        raise UsageError("--changed-since asks git, and there is none here", "install git") from None
    if ran.returncode:
        messages = ran.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(
            f"--changed-since: git says: {messages[0] if messages else 'nothing'}", "name a commit or a branch"
        )
    return ran.stdout
