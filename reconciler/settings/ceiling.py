"""What the configuration of a pull request may do at most, by a configuration that it cannot change.

Law: pure; whatever would be allowed beyond the ceiling is named, and what cannot be compared is beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins

from reconciler.server import ConnectionKeys
from reconciler.settings.config import CREDENTIALS, Config, merged_policy
from reconciler.values import Policy, Refused, UsageError, keys_of


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
    nodes, known = ({node.rstrip("/") for node in target.nodes} if target else set() for target in (target, most))
    if most and not nodes <= known | {most.url.rstrip("/")}:
        raise UsageError(
            f"--ceiling: the target {name} has nodes that {ceiling.file} does not name",
            "credentials go to no other server",
        )
    mine, theirs = merged_policy(config, target), merged_policy(ceiling, most)
    looser = [
        f"policy.{spelling}{place}"
        for spelling, (field, key) in keys_of(Policy).items()
        for place in key.looser(getattr(mine, field), getattr(theirs, field))
    ]
    if target and most:
        looser += ["plainHttp"] if target.plain_http and not most.plain_http else []
        # A secret of somebody else would go to the server, or the server's to whom another certificate trusts.
        held = {field: field for field in CREDENTIALS}
        held |= {field: spelling for spelling, (field, _) in keys_of(ConnectionKeys).items()}
        looser += [spelling for field, spelling in held.items() if getattr(target, field) != getattr(most, field)]
    if looser:
        message = f"the configuration allows more than {ceiling.file}: {'; '.join(looser)}"
        raise Refused(message, "change it there first")


def policy_differences(config: Config, ceiling: Config, name: str) -> tuple[str, ...]:
    """Return what a target's policy says otherwise than the ceiling does: `maxDestroy 30% -> 10%`."""
    one, other = (
        dict(_leaves(to_builtins(merged_policy(source, source.targets.get(name))))) for source in (ceiling, config)
    )
    pairs = ((key, _told(one.get(key)), _told(other.get(key))) for key in sorted(one.keys() | other.keys()))
    return tuple(f"{key} {before} -> {after}" for key, before, after in pairs if before != after)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(member, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_told, value))}]"
    if isinstance(value, dict):
        alone = value["address"] if value.keys() == {"address"} else ""
        return alone or f"{{{', '.join(f'{key}: {_told(member)}' for key, member in value.items())}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "unset" if value is None else str(value)
