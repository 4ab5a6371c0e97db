"""Resolves `${env:NAME}` and `${file:PATH}` as late as possible, and keeps the values out of every output.

Law: a resolved secret lives in the body of one request and nowhere else; policy says what may be read; a message names
the reference and never the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.errors import ConfigError
from reconciler.model import Change, Sensitive

#: A secret's file over this many bytes is a mistake.
MAX_BYTES = 64 * 1024


class Allowed(Struct, frozen=True):
    """What secrets may be read from: globs of variables and of absolute paths. None takes the default."""

    env: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    #: Directories of the manifests, below which files may be read by default.
    roots: tuple[str, ...] = ()


class Secrets:
    """The secrets of one run. Prints as nothing."""

    def __init__(self, environment: Mapping[str, str], allowed: Allowed) -> None:
        self._environment = environment
        self._allowed = allowed
        self._values: dict[str, str] = {}

    def __repr__(self) -> str:
        return "(sensitive)"

    def gather(self, changes: Iterable[Change]) -> None:
        """Resolve every secret that some changes will write, before the first of them is written.

        Raises:
            ConfigError: a secret is not set, cannot be read, or may not be read.
        """
        for change in changes:
            for secret in _within(change.patch):
                self.reveal(secret)

    def reveal(self, secret: Sensitive) -> str:
        """Return the value of a secret.

        Raises:
            ConfigError: it is not set, cannot be read, or may not be read.
        """
        if not secret.reference:
            return secret.plain
        if secret.reference not in self._values:
            source, _, name = secret.reference[2:-1].partition(":")
            self._values[secret.reference] = self._env(name) if source == "env" else self._file(name)
        return self._values[secret.reference]

    def fill(self, value: Any) -> Any:
        """Return a wire value with every secret resolved, ready to be sent."""
        if isinstance(value, Sensitive):
            return self.reveal(value)
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        return value

    def scrub(self, text: str, changes: Iterable[Change] = ()) -> str:
        """Take every value that is known here out of a text that came from outside."""
        plain = [secret.plain for change in changes for secret in _within(change.patch) if secret.plain]
        for value in sorted({*self._values.values(), *plain}, key=len, reverse=True):
            text = text.replace(value, "(sensitive)")
        return text

    def _env(self, name: str) -> str:
        globs = self._allowed.env
        fine = not name.startswith(("STALWART_", "RECONCILER_")) if globs is None else _matches(name, globs)
        if not fine:
            raise ConfigError(f"${{env:{name}}} may not be read", "policy.secrets.env says which variables may")
        value = self._environment.get(name, "")
        if not value:
            raise ConfigError(f"${{env:{name}}} is not set", f"set {name} where apply runs")
        return value

    def _file(self, name: str) -> str:
        path = Path(name).resolve()
        if not self._readable(path):
            raise ConfigError(f"${{file:{name}}} may not be read", "policy.secrets.files says which files may")
        try:
            with path.open("rb") as stream:
                content = stream.read(MAX_BYTES + 1)
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(f"${{file:{name}}} cannot be read: {reason}") from None
        if not text or len(content) > MAX_BYTES:
            raise ConfigError(f"${{file:{name}}} is empty or larger than {MAX_BYTES >> 10} KB")
        return text

    def _readable(self, path: Path) -> bool:
        if self._allowed.files is not None:
            return _matches(str(path), self._allowed.files)
        roots = ["/run/secrets", self._environment.get("CREDENTIALS_DIRECTORY", ""), *self._allowed.roots]
        return any(path.is_relative_to(Path(root).resolve()) for root in roots if root)


def _matches(text: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(text, glob) for glob in globs)


def _within(value: Any) -> Iterator[Sensitive]:
    if isinstance(value, Sensitive):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
