"""What the configuration of a pull request may do at most, by a configuration that it cannot change.

Law: pure; whatever would be allowed beyond the ceiling is named, and what cannot be compared is beyond it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import to_builtins

from reconciler.settings.config import AllowanceConfig, Config, PolicyConfig, merged_policy
from reconciler.values import DEFAULT_MAX_DESTROY, Globs, Refused, UsageError

_SEVERITIES = ("ignore", "note", "warning", "error")


def check_ceiling(config: Config, ceiling: Config, name: str) -> None:
    """Check that a target does no more than the ceiling allows.

    Args:
        config: the configuration of the run.
        ceiling: that of the base branch, or of a protected place.
        name: the target; "" where there are none.

    Raises:
        UsageError: the target is another server's, or there is none of that name.
        Refused: its policy is looser.
    """
    target, most = config.targets.get(name), ceiling.targets.get(name)
    if (target is None) != (most is None):
        message = (
            f"{ceiling.file} has no target {name}" if name else f"{ceiling.file} has targets, and this run has none"
        )
        raise UsageError(f"--ceiling: {message}", "what is new there has to be agreed to first")
    if target and most and target.url.rstrip("/") != most.url.rstrip("/"):
        raise UsageError(
            f"--ceiling: the target {name} is {most.url} by {ceiling.file}, and {target.url} here",
            "credentials go to no other server",
        )
    nodes, known = ({node.rstrip("/") for node in each.nodes} if each else set() for each in (target, most))
    if most and not nodes <= known | {most.url.rstrip("/")}:
        raise UsageError(
            f"--ceiling: the target {name} has nodes that {ceiling.file} does not name",
            "credentials go to no other server",
        )
    mine, theirs = merged_policy(config, target), merged_policy(ceiling, most)
    looser = [*_destroying(mine, theirs), *_limits(mine, theirs), *_lint(mine, theirs), *_reading(mine, theirs)]
    if target and most:
        looser += ["plainHttp"] if target.plain_http and not most.plain_http else []
        # A secret of somebody else would go to the server, or the server's to whom another certificate trusts.
        held = {"token": "token", "user": "user", "password": "password", "ca_bundle": "caBundle"}
        looser += [word for name, word in held.items() if getattr(target, name) != getattr(most, name)]
    if looser:
        message = f"the configuration allows more than {ceiling.file}: {'; '.join(looser)}"
        raise Refused(message, "change it there first")


def policy_differences(config: Config, ceiling: Config, name: str) -> tuple[str, ...]:
    """Return what a target's policy says otherwise than the ceiling does: `maxDestroy 30% -> 10%`."""
    one, other = (dict(_leaves(to_builtins(merged_policy(each, each.targets.get(name))))) for each in (ceiling, config))
    pairs = ((key, _told(one.get(key)), _told(other.get(key))) for key in sorted(one.keys() | other.keys()))
    return tuple(f"{key} {before} -> {after}" for key, before, after in pairs if before != after)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else key)
    else:
        yield path, DEFAULT_MAX_DESTROY if value is None and path == "maxDestroy" else value


def _told(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_told, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_told(each)}' for key, each in value.items() if each not in (None, [], ''))}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unset" if value is None else str(value).removesuffix(".0")


def _destroying(policy: PolicyConfig, most: PolicyConfig) -> Iterator[str]:
    """Yield what lets more be destroyed, declared, or passed over."""
    ranks: tuple[object, ...] = (False, True, "all")
    for kind, rule in policy.prune.items():
        if ranks.index(rule) > ranks.index(most.prune.get(kind, False)):
            yield f"policy.prune.{kind}"
    for kind, names in most.owns.items():
        if kind not in policy.owns or not _within(policy.owns[kind], names):
            yield f"policy.owns.{kind}"
    yield from (f"policy.keep lacks {glob}" for glob in most.keep if glob not in policy.keep)
    for each in policy.allowances:
        if not any(_covers(other, each) for other in most.allowances):
            yield f"policy.allow {each.address}"
    for kind in sorted(policy.undeclared.keys() | most.undeclared.keys()):
        mine, theirs = policy.undeclared.get(kind), most.undeclared.get(kind)
        if mine != theirs and (mine == "ignore" or theirs == "drift"):
            yield f"policy.undeclared.{kind}"


def _covers(most: AllowanceConfig, mine: AllowanceConfig) -> bool:
    """Whether an allowance certainly holds everything that another one does."""
    named = most.address == mine.address or most.address == mine.address.partition("/")[0]
    actions = not most.actions or (bool(mine.actions) and set(mine.actions) <= set(most.actions))
    return named and actions and (not most.until or (bool(mine.until) and mine.until <= most.until))


def _limits(policy: PolicyConfig, most: PolicyConfig) -> Iterator[str]:
    mine, theirs = (DEFAULT_MAX_DESTROY if each.max_destroy is None else each.max_destroy for each in (policy, most))
    if _exceeds(mine, theirs):
        yield "policy.maxDestroy"
    if most.max_update is not None and (policy.max_update is None or _exceeds(policy.max_update, most.max_update)):
        yield "policy.maxUpdate"
    if most.max_moved is not None and (policy.max_moved is None or _exceeds(policy.max_moved, most.max_moved)):
        yield "policy.maxMoved"
    if _exceeds(policy.max_bounced or 0, most.max_bounced or 0):
        yield "policy.maxBounced"


def _lint(policy: PolicyConfig, most: PolicyConfig) -> Iterator[str]:
    for rule in sorted(policy.lint.keys() | most.lint.keys()):
        mine, theirs = policy.lint.get(rule), most.lint.get(rule)
        # What a rule is where the policy says nothing is not known here.
        unknown = mine is None or theirs is None
        if mine != "error" and mine != theirs and (unknown or _SEVERITIES.index(mine) < _SEVERITIES.index(theirs)):
            yield f"policy.lint.{rule}"


def _reading(policy: PolicyConfig, most: PolicyConfig) -> Iterator[str]:
    """Yield what lets more be read: secrets, variables, files behind links."""
    for name in ("env", "files"):
        given, allowed = getattr(policy.secrets, name), getattr(most.secrets, name)
        if given != allowed and (given is None or allowed is None or not _within(given, allowed)):
            yield f"policy.secrets.{name}"
    for name in ("links", "variables"):
        if not _within(getattr(policy, name), getattr(most, name)):
            yield f"policy.{name}"


def _within(globs: Iterable[str], others: Iterable[str]) -> bool:
    """Whether everything that some globs match is certainly matched by others."""
    known = list(others)
    return all(glob in known or (not set(glob) & set("*?") and Globs(known).match(glob)) for glob in globs)


def _exceeds(limit: float | str, most: float | str) -> bool:
    """Whether a limit is over another; a share and a number cannot be compared."""
    one, other = (str(each).removesuffix(".0") for each in (limit, most))
    if one.endswith("%") != other.endswith("%"):
        return one != "0" and one != "0%"
    return int(one.rstrip("%")) > int(other.rstrip("%"))
