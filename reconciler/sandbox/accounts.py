"""Who may log in, what they may do, and how often.

Law: no user's password leaves this module; a refusal says nothing about which half of the credentials was wrong.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from reconciler.kinds import Catalogue
from reconciler.sandbox import ids, reply
from reconciler.sandbox.request import CAPABILITIES, CORE, STALWART, MethodError

#: Names without a domain belong to this one.
DOMAIN = "example.org"
#: The account of the administrator who always exists.
ADMIN = "d333333"

#: Every action, with the permission that it needs beside `sysActionCreate`.
ACTIONS = (
    *("ReloadSettings", "ReloadTlsCertificates", "ReloadLookupStores", "ReloadBlockedIps", "UpdateApps"),
    *("InvalidateCaches", "InvalidateNegativeCaches", "PauseMtaQueue", "ResumeMtaQueue"),
    *("TroubleshootDmarc", "ClassifySpam"),
)
_VERBS = ("Get", "Query", "Create", "Update", "Destroy")


class Limits(Struct, frozen=True, kw_only=True):
    """What a session allows. The defaults are those of the real server; 0 switches the last three off, as they are."""

    max_calls_in_request: int = 16
    max_objects_in_get: int = 500
    max_objects_in_set: int = 500
    #: Ids in one answer of query; the session does not tell.
    max_ids_in_query: int = 5000
    #: Bytes of one request.
    max_size_request: int = 10_000_000
    #: Bytes that are read of a request at all.
    max_size_upload: int = 50_000_000
    #: Requests at a time for one account; what the session tells is 4 where this is 0.
    max_concurrent_requests: int = 0
    #: Requests a minute for one account, in windows that begin with the clock's minutes.
    max_requests_per_minute: int = 0
    #: Failed logins from one address, after which it is blocked for good.
    max_failed_logins: int = 0


class User(Struct, frozen=True):
    """Who sends a request. `permissions` is None for the administrator, who may do everything."""

    name: str
    account: str
    permissions: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        """Whether a permission is held."""
        return self.permissions is None or permission in self.permissions

    def resolve_account(self, value: str | None) -> str:
        """Return the id of the account that a call is for: one's own where none, or nothing sensible, is given.

        Raises:
            MethodError: forbidden, for the account of another.
        """
        number = None if value is None else ids.parse(value)
        if number is None or number >= ids.INVALID:
            return self.account
        account = ids.text(number)
        if account != self.account and not self.may("impersonate"):
            raise MethodError("forbidden", f"You are not an owner of account {account}")
        return account


class Accounts:
    """The users, and the counters that limit them."""

    def __init__(
        self,
        user: str,
        password: str,
        users: Mapping[str, tuple[str, Iterable[str]]],
        tokens: Mapping[str, str],
        limits: Limits,
    ) -> None:
        admin = _normal(user)
        self._users = {admin: User(admin, ADMIN)}
        self._passwords = {admin: password}
        for number, (name, (secret, permissions)) in enumerate(users.items(), 1):
            key = _normal(name)
            self._users[key] = User(key, ids.text(number), frozenset(permissions))
            self._passwords[key] = secret
        self._tokens = {token: self._users[_normal(name)] for token, name in tokens.items()}
        self._limits = limits
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}
        self._window: dict[str, tuple[int, int]] = {}
        self._failures: dict[str, int] = {}
        self.restart()

    def restart(self) -> None:
        """Take another session state, as a process has that starts."""
        self._started = secrets.token_bytes(8)

    def check_address(self, peer: str) -> None:
        """Refuse an address that failed too often. Raises Refusal."""
        if self._limits.max_failed_logins and self._failures.get(peer, 0) > self._limits.max_failed_logins:
            raise reply.Refusal(reply.blocked())

    def authenticate(self, header: str | None, peer: str) -> User:
        """Return whose credentials these are. Raises Refusal (401, 403 or 429)."""
        user = None if header is None else self._by_header(header)
        if user is None:
            if self._limits.max_failed_logins and header is not None and header.strip().lower().startswith("basic "):
                with self._lock:
                    self._failures[peer] = self._failures.get(peer, 0) + 1
                if self._failures[peer] > self._limits.max_failed_logins:
                    raise reply.Refusal(reply.too_many_failures())
            raise reply.Refusal(reply.unauthorized())
        if not user.may("authenticate"):
            raise reply.Refusal(reply.forbidden())
        return user

    def _by_header(self, header: str) -> User | None:
        scheme, _, credentials = header.strip().partition(" ")
        if scheme.lower() == "bearer":
            return self._tokens.get(credentials.strip())
        if scheme.lower() != "basic":
            return None
        try:
            name, separator, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        user = self._users.get(_normal(name))
        expected = self._passwords[user.name] if user else ""
        same = hmac.compare_digest(password.encode(), expected.encode())
        return user if separator and user and same else None

    @contextmanager
    def admitted(self, user: User) -> Iterator[None]:
        """Count a request of a user while it runs. Raises Refusal (400 or 429) where it is one too many."""
        self._count(user)
        most = self._limits.max_concurrent_requests
        with self._lock:
            if most and self._running.get(user.account, 0) >= most:
                raise reply.Refusal(reply.too_many_concurrent(most))
            self._running[user.account] = self._running.get(user.account, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._running[user.account] -= 1

    def _count(self, user: User) -> None:
        most = self._limits.max_requests_per_minute
        if not most:
            return
        minute, second = divmod(int(time.time()), 60)
        with self._lock:
            window, count = self._window.get(user.account, (minute, 0))
            count = count + 1 if window == minute else 1
            self._window[user.account] = (minute, count)
        if count > most:
            raise reply.Refusal(reply.too_many_requests(most, 60 - second))

    def state(self, user: User | None) -> str:
        """Return the session state: it changes with the process, and with nothing that is configured."""
        return "0" if user is None else f"{zlib.crc32(self._started + user.name.encode()):x}"

    def session(self, user: User | None, origin: str) -> dict[str, Any]:
        """Return the session resource (RFC 8620 section 2); without a user it is anonymous and nearly empty.

        `origin` stands before every path: it is what the server was configured with, not what the client asked.
        """
        account = {
            "name": user.name if user else "",
            "isPersonal": True,
            "isReadOnly": False,
            "accountCapabilities": {name: {} for name in sorted(CAPABILITIES - {CORE})},
        }
        web_socket = f"ws{origin.removeprefix('http')}/jmap/ws"
        return {
            "capabilities": {
                CORE: self._core(),
                **{name: {} for name in sorted(CAPABILITIES - {CORE, STALWART})},
                "urn:ietf:params:jmap:websocket": {"url": web_socket, "supportsPush": True},
            },
            "accounts": {user.account: account} if user else {},
            "primaryAccounts": dict.fromkeys(sorted(CAPABILITIES - {CORE}), user.account) if user else {},
            "username": user.name if user else "",
            "apiUrl": f"{origin}/jmap/",
            "downloadUrl": f"{origin}/jmap/download/{{accountId}}/{{blobId}}/{{name}}?accept={{type}}",
            "uploadUrl": f"{origin}/jmap/upload/{{accountId}}/",
            "eventSourceUrl": f"{origin}/jmap/eventsource/?types={{types}}&closeafter={{closeafter}}&ping={{ping}}",
            "state": self.state(user),
        }

    def _core(self) -> dict[str, Any]:
        limits = self._limits
        return {
            "maxSizeUpload": limits.max_size_upload,
            "maxConcurrentUpload": 4,
            "maxSizeRequest": limits.max_size_request,
            "maxConcurrentRequests": limits.max_concurrent_requests or 4,
            "maxCallsInRequest": limits.max_calls_in_request,
            "maxObjectsInGet": limits.max_objects_in_get,
            "maxObjectsInSet": limits.max_objects_in_set,
            "collationAlgorithms": ["i;ascii-numeric", "i;ascii-casemap", "i;unicode-casemap"],
        }


def _normal(name: str) -> str:
    """Names are trimmed and lower-cased, and one of the default domain may go without it."""
    return name.strip().lower().removesuffix(f"@{DOMAIN}")


def all_permissions(catalogue: Catalogue) -> list[str]:
    """Return every permission that means something here."""
    kinds = (
        f"sys{name}{verb}"
        for name, kind in catalogue.kinds.items()
        for verb in (("Get", "Update") if kind.singleton else _VERBS)
    )
    actions = (f"action{name}" for name in ACTIONS)
    mail = (f"sysQueuedMessage{verb}" for verb in _VERBS)
    logs = ("sysLogGet", "sysLogQuery", "sysDomainGet", "sysDomainQuery")
    cluster = ("sysClusterNodeGet", "sysClusterNodeQuery", "sysCoordinatorGet")
    general = ("authenticate", "impersonate", "unlimitedRequests", "unlimitedUploads")
    return sorted({*kinds, *actions, *mail, *logs, *cluster, *general, *(f"sysAction{verb}" for verb in _VERBS)})


def check_permission(user: User, kind: str, verb: str, singleton: bool, arguments: Mapping[str, Any]) -> None:
    """Refuse a call that the user may not make.

    Raises:
        MethodError: forbidden; for `set` it takes the whole call, however much of it would be allowed.
    """
    if verb != "set":
        if not user.may(f"sys{kind}{verb.capitalize()}"):
            raise MethodError("forbidden", "You are not authorized to perform this action")
        return
    held = {name: user.may(f"sys{kind}{'Update' if singleton else name.capitalize()}") for name in _SET}
    if not any(held.values()):
        words = "create, update or destroy"
        raise MethodError("forbidden", f"You are not authorized to {words} objects of this type")
    for name in _SET:
        if arguments.get(name) and not held[name]:
            raise MethodError("forbidden", f"You are not authorized to {name} objects of this type")


_SET = ("create", "update", "destroy")
