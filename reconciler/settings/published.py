"""Which kinds there are for a run: the built-in ones, or those of a server whose schema was pulled.

Law: a pulled schema is decoded only where one is named or found; without one nothing is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reconciler.kinds import Catalogue, load
from reconciler.values import ConfigError, read_file

#: Where `schema pull` stores schemas, and where the only one is found.
FOLDER = "schemas/server"


def schemas_named(value: object) -> tuple[str, ...]:
    """Return the file of every schema that a configuration names, by its value as read."""
    whole = value if isinstance(value, Mapping) else {}
    targets = whole.get("targets")
    named = [target.get("serverSchema") for target in targets.values() if isinstance(target, Mapping)] if isinstance(
        targets, Mapping
    ) else []  # fmt: skip
    names = dict.fromkeys(str(element) for element in (whole.get("serverSchema"), *named) if isinstance(element, str))
    return tuple(names)


def every_catalogue(names: Iterable[str]) -> Catalogue:
    """Return the kinds of some pulled schemas together; without one, those of the only one, else the built-in ones."""
    first, *rest = [named_catalogue(name) for name in names] or [named_catalogue("")]
    kinds: dict[str, Any] = dict(first.kinds)
    for catalogue in rest:
        kinds |= catalogue.kinds
    return replace(first, kinds=kinds) if rest else first


def found_schema() -> str:
    """Return the only pulled schema in the usual place, or ""."""
    pulled = sorted(Path(FOLDER).glob("*.json"))
    return str(pulled[0]) if len(pulled) == 1 else ""


def named_catalogue(name: str) -> Catalogue:
    """Return the kinds of a pulled schema by its file, else of the only one, else the built-in ones."""
    name = name or found_schema()
    return read_catalogue(name) if name else load()


@cache
def read_catalogue(name: str) -> Catalogue:
    """Return the kinds of a pulled schema.

    Raises:
        ConfigError: it cannot be read, or is none.
    """
    from reconciler.kinds import catalogue_of_published, read_pulled

    content = read_file(name, ConfigError, name=f"the server's schema {name}")
    try:
        return catalogue_of_published(read_pulled(content))
    except ValueError as error:
        raise ConfigError(f"{name} cannot be used: {error}", "pull it again: reconciler schema pull") from None
