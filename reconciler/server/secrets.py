"""Resolves `${env:NAME}` and `${file:PATH}` as late as possible, and keeps the values out of every output.

Law: a resolved secret lives here and in the body of one request, and nowhere else; policy says what may be read; a
message names the reference and never the value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue, KeyPair, misplaced
from reconciler.server.keys import unfit
from reconciler.server.redaction import HIDDEN, Redactor
from reconciler.values import MASK, Change, ConfigError, Globs, Sensitive, read_file

#: Largest file that holds one secret, in bytes.
MAX_SECRET = 64 * 1024


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
        self._redactor = Redactor()

    def __repr__(self) -> str:
        return HIDDEN

    def gather(self, catalogue: Catalogue, changes: Iterable[Change]) -> None:
        """Resolve every secret that some changes will write, before the first of them is written.

        Raises:
            ConfigError: a secret is not set, cannot be read or sent, may not be read, or would be stored where
                everybody can read it.
        """
        changes = tuple(changes)
        for change in changes:
            # Plans and journals are files, which somebody may have altered.
            wrong = next(misplaced(catalogue, catalogue.kinds[change.address.kind], change.patch), "")
            if wrong:
                raise ConfigError(f"{change.address} {wrong}: a secret may not stand there: the server would show it")
        for change in changes:
            for secret in within(change.patch):
                self.reveal(secret)
            self._check_key(catalogue.kinds[change.address.kind].pair, change)

    def _check_key(self, pair: KeyPair | None, change: Change) -> None:
        """Refuse a private key that does not fit its certificate, which the server takes. Raises ConfigError."""
        key = next(within(change.patch.get(pair.key)), None) if pair else None
        if pair is None or key is None:
            return
        wrong = unfit((change.after or {}).get(pair.certificate), self.reveal(key))
        if wrong:
            raise ConfigError(f"{change.address} {pair.key}: {wrong}", "nothing was written")

    def reveal(self, secret: Sensitive) -> str:
        """Return the value of a secret.

        Raises:
            ConfigError: it is not set, cannot be read or sent, or may not be read.
        """
        if not secret.reference:
            self._redactor.add(secret.plain)
            return secret.plain
        if secret.reference not in self._values:
            source, _, name = secret.reference[2:-1].partition(":")
            value = self._env(name) if source == "env" else self._file(name)
            self._values[secret.reference] = _sendable(secret.reference, value)
            self._redactor.add(value)
        return self._values[secret.reference]

    def scrub(self, text: str) -> str:
        """Take every secret that was revealed here out of a sentence that came from outside, in whatever form."""
        return self._redactor.sentence(text)

    def _env(self, name: str) -> str:
        globs = self._allowed.env
        fine = not name.startswith(("STALWART_", "RECONCILER_")) if globs is None else Globs(globs).match(name)
        if not fine:
            raise ConfigError(f"${{env:{name}}} may not be read", "policy.secrets.env says which variables may")
        # A line break at the end comes of how the variable was filled, as in a file.
        value = self._environment.get(name, "").removesuffix("\n").removesuffix("\r")
        if not value:
            raise ConfigError(f"${{env:{name}}} is not set", f"set {name} where apply runs")
        return value

    def _file(self, name: str) -> str:
        path = _resolved(name)
        if path is None or not self._readable(path):
            raise ConfigError(f"${{file:{name}}} may not be read", "policy.secrets.files says which files may")
        content = read_file(path, ConfigError, most=MAX_SECRET, name=f"${{file:{name}}}")
        try:
            text = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ConfigError(f"${{file:{name}}} cannot be read: it is not UTF-8") from None
        if not text:
            raise ConfigError(f"${{file:{name}}} is empty")
        return text

    def _readable(self, path: Path) -> bool:
        if self._allowed.files is not None:
            return Globs(map(_rooted, self._allowed.files)).match(str(path))
        roots = ["/run/secrets", self._environment.get("CREDENTIALS_DIRECTORY", ""), *self._allowed.roots]
        return any(path.is_relative_to(Path(root).resolve()) for root in roots if root)


def within(value: Any) -> Iterator[Sensitive]:
    """Yield every secret that a wire value holds."""
    if isinstance(value, Sensitive):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from within(member)


def _sendable(reference: str, value: str) -> str:
    """Return a secret that can be written, which must not turn out in the middle of an apply. Raises ConfigError."""
    if value == MASK:
        raise ConfigError(f"{reference} holds {MASK}, which is what the server shows in place of a secret")
    try:
        value.encode()
    except UnicodeEncodeError:
        # As `os.environ` hands on bytes that are no text.
        raise ConfigError(f"{reference} is not UTF-8") from None
    return value


def _resolved(name: str) -> Path | None:
    try:
        return Path(name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _rooted(glob: str) -> str:
    """Bring the directories before the first wildcard to the form that resolved paths have, links followed."""
    plain = re.split(r"[*?]", glob, maxsplit=1)[0]
    directory, slash, _ = plain.rpartition("/")
    resolved = _resolved(directory) if directory else None
    return f"{resolved}{slash}{glob[len(directory) + 1 :]}" if resolved is not None and str(resolved) != "/" else glob
