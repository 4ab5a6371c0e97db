"""What a shell offers where a value is to be typed: files, directories, kinds, and the targets of reconciler.yaml.

Law: it offers and decides nothing; what cannot be read offers nothing, since nobody reads an error while typing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import click
    from click.shell_completion import CompletionItem

Offer = Callable[["click.Context", "click.Parameter", str], "list[CompletionItem]"]


def offering(metavar: str) -> Offer | None:
    """Return what offers values for an option with this metavar; None where nothing is known."""
    if metavar in ("FILE", "JOURNAL"):
        return _shells_own("file")
    if metavar.split("|")[0] == "DIR":
        return _shells_own("dir")
    return {"KIND": _kinds, "TARGET": _targets}.get(metavar)


def _shells_own(kind: str) -> Offer:
    def offer(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type=kind)]

    return offer


def _kinds(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from reconciler.kinds import load

    return _starting(load().kinds, incomplete)


def _targets(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from reconciler.settings import Options, read_config
    from reconciler.values import ReconcilerError

    try:
        return _starting(read_config(Options(config=_config(ctx.params))).targets, incomplete)
    except ReconcilerError:
        return []


def _config(given: dict[str, Any]) -> str:
    return str(given.get("config") or "")


def _starting(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
