"""What the method calls of the configuration API answer: `get`, `query` and `set` of every kind, and actions.

Law: one lock is held through each call, so calls never mix, and what a call wrote is in the database before it
answers. No kind is named.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from reconciler.kinds import Catalogue
from reconciler.sandbox import ids
from reconciler.sandbox.accounts import Limits, User, check_permission
from reconciler.sandbox.domains import DOMAIN, Domains
from reconciler.sandbox.faults import InjectedFault, alter_answer
from reconciler.sandbox.logs import LOG, PAID
from reconciler.sandbox.logs import answer as log_answer
from reconciler.sandbox.mailqueue import QUEUED, MailQueue
from reconciler.sandbox.nodes import COORDINATOR, NODE, Cluster, Member
from reconciler.sandbox.objects import Objects, Unavailable
from reconciler.sandbox.query import query
from reconciler.sandbox.references import EarlierAnswer, resolve_ids, resolve_results
from reconciler.sandbox.reload import ACTION, RELOAD, Live, act
from reconciler.sandbox.request import CORE, Call, MethodError
from reconciler.sandbox.sets import SetWork
from reconciler.sandbox.shapes import Body, Mould
from reconciler.sandbox.store import StoredObject

_TOO_LARGE = "The number of ids requested by the client exceeds the maximum number the server is willing to process."
_UNAVAILABLE = "This server is temporarily unavailable. Attempting this same operation later may succeed."


class Conversation(Struct):
    """What the calls of one request share."""

    user: User
    using: frozenset[str]
    #: Ids by creation id.
    created: dict[str, str] = field(default_factory=dict)
    results: list[EarlierAnswer] = field(default_factory=list)


class Registry:
    """All objects of a server, stored and live, and the calls that read and change them.

    Args:
        catalogue: what the kinds are.
        database: the file that everything is kept in; None keeps it in memory.
        limits: what a session allows.
        environment: where secrets are looked up at a reload; None for this process's environment.
        host: what the node calls itself.
        beside: another node of the same store.
        domains: the server's own domains; None where it does not know them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        database: Path | None = None,
        limits: Limits | None = None,
        environment: Mapping[str, str] | None = None,
        host: str = "node-0",
        beside: Registry | None = None,
        domains: Iterable[str] | None = (),
    ) -> None:
        self.catalogue = catalogue
        self.limits = limits or Limits()
        self._environment = os.environ if environment is None else environment
        self.objects: Objects = beside.objects if beside else Objects(catalogue, database, self._environment)
        self.cluster: Cluster = beside.cluster if beside else Cluster()
        self._lock: threading.RLock = beside._lock if beside else threading.RLock()  # noqa: SLF001 - one lock for one store
        self._reloads = 0
        self.domains: Domains | None = beside.domains if beside else None if domains is None else Domains(domains)
        #: Messages that wait. Nodes of one store share it.
        self.queue: MailQueue = beside.queue if beside else MailQueue()
        self.node = Member(host, self._take_over)
        self.cluster.join(self.node)
        self.start()

    def start(self) -> None:
        """Begin to run what is stored, as a process does that starts; what it cannot resolve it does without."""
        with self._lock:
            self.live = Live(self.objects.moulds, self.objects.tables, self._environment)
            self.queue.paused = False

    @property
    def writes(self) -> int:
        """How many objects were created, updated or destroyed, and how many reloads succeeded."""
        return self.objects.writes + self._reloads

    def close(self) -> None:
        """Let go of the database."""
        with self._lock:
            self.objects.close()

    def known_method(self, name: str) -> bool:
        """Whether there is such a method. Names are case-sensitive, and a singleton has no query."""
        if name == "Core/echo":
            return True
        kind, _, verb = name.removeprefix("x:").partition("/")
        if not name.startswith("x:"):
            return False
        if kind in (ACTION, NODE, QUEUED, LOG, *PAID, *([DOMAIN] if self.domains else [])):
            return verb in ("get", "set", "query")
        table = self.objects.tables.get(kind)
        if kind == COORDINATOR and table is None:
            return verb == "get"
        return table is not None and (verb in ("get", "set") or (verb == "query" and not table.kind.singleton))

    def state(self, name: str = "stored") -> dict[str, list[Body]]:
        """Return every object as `get` answers it: the `stored` ones, or the `live` ones."""
        with self._lock:
            return {
                f"x:{kind}": [row.shown(mould) for row in self._rows(kind, name)]
                for kind, mould in self.objects.moulds.kinds.items()
            }

    def _rows(self, kind: str, name: str) -> Iterable[StoredObject]:
        table = self.objects.tables[kind]
        rows = list(table) if name == "stored" else self.live.rows(kind)
        return rows or ([self.objects.unstored(kind)] if table.kind.singleton else [])

    def call(self, call: Call, talk: Conversation, faults: Iterable[InjectedFault] = ()) -> tuple[str, Any]:
        """Run a method call; return the name and the arguments of its response.

        Raises:
            Dropped: where the real server would crash.
        """
        with self._lock:
            try:
                if call.error is not None:
                    raise call.error
                return call.name, self._run(call, talk, tuple(faults))
            except MethodError as error:
                return "error", error.members()
            finally:
                self.objects.commit()

    def _run(self, call: Call, talk: Conversation, faults: tuple[InjectedFault, ...]) -> Any:
        if call.verb == "echo":
            if CORE not in talk.using:
                words = f"requires capability {CORE} which is not present in the"
                raise MethodError("unknownMethod", f'Method {call.name} {words} "using" property.')
            return call.arguments
        arguments = self._resolved(call, talk)
        table = self.objects.tables.get(call.kind)
        singleton = table is not None and table.kind.singleton
        check_permission(talk.user, call.kind, call.verb, singleton, arguments)
        account = talk.user.resolve_account(arguments.get("accountId"))
        if call.kind in (NODE, COORDINATOR) and table is None:
            answer = self._cluster(call)
        elif call.kind == DOMAIN and table is None and self.domains:
            answer = self.domains.answer(call.verb, arguments)
        elif call.kind in (LOG, *PAID) and table is None:
            answer = log_answer(call.kind, call.verb, arguments)
        elif call.kind == QUEUED and call.verb != "set":
            answer = self._queued(call, arguments, talk)
        elif call.verb == "get":
            answer = self._get(call, arguments, talk)
        elif call.verb == "query":
            answer = self._query(call, arguments, talk, faults)
        else:
            answer = alter_answer(faults, self._set(call.kind, arguments, talk.user, faults))
            talk.created.update({name: made["id"] for name, made in answer.get("created", {}).items()})
        return {"accountId": account, **answer}

    def _cluster(self, call: Call) -> dict[str, Any]:
        """Answer what tells of the nodes."""
        if call.verb == "set":
            raise MethodError("forbidden", "Telemetry objects cannot be modified")
        if call.kind == COORDINATOR:
            return {"list": [{"@type": self.cluster.coordinator, "id": "singleton"}], "notFound": []}
        nodes = self.cluster.nodes()
        if call.verb == "query":
            return {"ids": [node["id"] for node in nodes], "total": len(nodes), "position": 0}
        return {"list": nodes, "notFound": []}

    def _queued(self, call: Call, arguments: dict[str, Any], talk: Conversation) -> dict[str, Any]:
        """Answer what tells of messages that wait."""
        if call.verb == "get":
            most = self.limits.max_objects_in_get
            if len(arguments.get("ids") or ()) > most:
                raise MethodError("requestTooLarge", _TOO_LARGE)
            return self.queue.get(arguments, most)
        answer = self.queue.query(arguments, self.limits.max_ids_in_query)
        talk.results.append(EarlierAnswer(call.id, call.name, ids=answer["ids"]))
        return answer

    def _resolved(self, call: Call, talk: Conversation) -> dict[str, Any]:
        arguments = resolve_results(call.verb, call.arguments, talk.results)
        if call.verb == "get" and arguments.get("ids"):
            return {**arguments, "ids": resolve_ids(arguments["ids"], talk.created)}
        if call.verb != "set":
            return arguments
        changes = {}
        if arguments.get("create"):
            changes["create"] = self.objects.references.creates(arguments["create"], talk.created)
        if arguments.get("update"):
            changes["update"] = self.objects.references.updates(arguments["update"], talk.created)
        return {**arguments, **changes}

    def _get(self, call: Call, arguments: dict[str, Any], talk: Conversation) -> dict[str, Any]:
        wanted = arguments.get("ids")
        most = self.limits.max_objects_in_get
        if wanted is not None and len(wanted) > most:
            raise MethodError("requestTooLarge", _TOO_LARGE)
        table = self.objects.tables.get(call.kind)
        missing: list[str] = []
        rows: list[StoredObject] = []
        if wanted is None:
            # What is beyond the limit is cut off, and nothing says so. A singleton is listed once it was stored.
            rows = [] if table is None else [table.rows[number] for number in table.order[:most]]
        else:
            numbers = [(value, ids.parse(value)) for value in wanted]
            missing = [value for value, number in numbers if number is None]
            for number in (number for _, number in numbers if number is not None):
                row = self.objects.row(call.kind, number)
                if row is None:
                    missing.append(ids.text(number))
                else:
                    rows.append(row)
        mould = self.objects.moulds.kinds.get(call.kind) or Mould(call.kind)
        names = self.objects.moulds.names
        shown = frozenset(name for name in arguments.get("properties") or () if name in names)
        listed: list[Any] = [_part(row, mould, shown) if shown else row.encoded(mould) for row in rows]
        talk.results.append(EarlierAnswer(call.id, call.name, objects=(mould, rows), shown=shown and shown | {"id"}))
        return {"list": listed, "notFound": missing}

    def _query(
        self, call: Call, arguments: dict[str, Any], talk: Conversation, faults: tuple[InjectedFault, ...]
    ) -> Body:
        if call.kind == ACTION:
            raise MethodError("invalidArguments", "Actions cannot be queried")
        names = self.objects.moulds.names
        answer = query(self.objects.tables[call.kind], names, arguments, self.limits.max_ids_in_query)
        answer = alter_answer(faults, answer)
        talk.results.append(EarlierAnswer(call.id, call.name, ids=answer["ids"]))
        return answer

    def _set(self, kind: str, arguments: dict[str, Any], user: User, faults: tuple[InjectedFault, ...]) -> Body:
        create, update = arguments.get("create") or {}, arguments.get("update") or {}
        destroy = arguments.get("destroy") or []
        if len(create) + len(update) + len(destroy) > self.limits.max_objects_in_set:
            raise MethodError("requestTooLarge", _TOO_LARGE)
        # Ids that do not parse are passed over without a word, creation references among them.
        doomed = [number for number in map(ids.parse, destroy) if number is not None]
        patches = [(number, patch) for text, patch in update.items() if (number := ids.parse(text)) is not None]
        if kind == ACTION:
            answer, reloads = act(create, patches, doomed, user, self._act, self.queue.act, self.objects.new_id)
            self._reloads += reloads
            return answer
        if kind == QUEUED:
            return self.queue.set(create, patches, doomed)
        budget = min((fault.objects for fault in faults if fault.action == "unavailable"), default=-1)
        try:
            return SetWork(self.objects, kind, budget).run(create, patches, doomed)
        except Unavailable:
            raise MethodError("serverUnavailable", _UNAVAILABLE) from None

    def _act(self, action: str) -> dict[str, Any] | None:
        error = self._take_over(action)
        if error is None:
            self.cluster.broadcast(self.node, action)
        return error

    def _take_over(self, action: str) -> dict[str, Any] | None:
        with self._lock:
            overtaken = action == RELOAD and self.node.overtaken
            self.node.overtaken = self.node.overtaken and not overtaken
            self.objects.expire(action)
            return self.live.reload(self.objects.tables, action, take_over=not overtaken)


def _part(row: StoredObject, mould: Mould, shown: frozenset[str]) -> Body:
    return {name: value for name, value in row.shown(mould).items() if name in shown or name == "id"}
