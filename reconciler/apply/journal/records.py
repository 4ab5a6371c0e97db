"""The lines of a journal: one that begins a run, those that tell results, and one that ends it.

Law: reading is tolerant of a line that was cut off as its writer died, and of nothing else that is not understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.apply.journal.inverting import steps_of
from reconciler.apply.journal.origin import NOWHERE, Origin
from reconciler.apply.journal.run import RecordedResult, Run, Who
from reconciler.kinds import Catalogue, concealed
from reconciler.plan import WrittenChange, pack, read_change, unpack_wire, write_change
from reconciler.values import Action, Address, Change, ConfigError, LiveState, Outcome, Plan, Wire, read_file

VERSION = 1
#: Largest journal that is read, in bytes.
MAX_JOURNAL = 512 * 1024 * 1024


class Inverse(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What undoes a change: the action and, packed, what it sends."""

    action: Action
    patch: dict[str, Any] = {}


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One change that is about to be made, and its inverse or why there is none."""

    change: WrittenChange
    inverse: Inverse | None = None
    cannot: str = ""


class Begin(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="begin"):
    """Stands on the disk before the first write leaves."""

    version: int
    run: str
    time: str
    user: str
    host: str
    pid: int
    target: str
    url: str
    plan: str
    changes: tuple[Entry, ...]
    origin: Origin = NOWHERE
    #: The run that this one undoes, or "".
    undoes: str = ""
    #: Per ordered kind: id and name of every object, in order of creation.
    order: dict[str, tuple[tuple[str, str], ...]] = {}


class Results(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record", tag="result"):
    """What became of some changes."""

    run: str
    results: tuple[RecordedResult, ...]


class End(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="record", tag="end"
):
    """How the run ended."""

    run: str
    time: str
    code: int
    reload: str
    reload_because: str = ""
    #: Addresses that the read-back found to differ; absent where nothing was read back.
    residue: tuple[str, ...] | None = None
    #: Addresses of what acts at the next start of the server only.
    restart: tuple[str, ...] = ()


Record = Begin | Results | End
_DECODER = msgspec.json.Decoder(Record)


def begin_record(
    catalogue: Catalogue,
    plan: Plan,
    live: LiveState,
    *,
    run: str,
    time: str,
    who: Who,
    target: str,
    url: str,
    digest: str,
    origin: Origin = NOWHERE,
    undoes: str = "",
) -> Begin:
    """Return what is written before an apply begins.

    Args:
        catalogue: what the kinds are.
        plan: the work.
        live: the state that the plan was made from, for the order of kinds that have one.
        run: what tells this run from others.
        time: now, in UTC, as ISO 8601.
        who: who runs this.
        target: the target's name, or "".
        url: the server's.
        digest: the plan's.
        origin: where the run comes from.
        undoes: the run that this one undoes, or "".
    """
    return Begin(
        version=VERSION,
        run=run,
        time=time,
        user=who.user,
        host=who.host,
        pid=who.pid,
        target=target,
        url=url,
        plan=digest,
        origin=origin,
        undoes=undoes,
        changes=tuple(_entry(catalogue, change) for change in plan.changes),
        order={
            name: tuple((id_, address.name) for id_, address in objects)
            for name, objects in order_of(catalogue, plan, live).items()
        },
    )


def order_of(catalogue: Catalogue, plan: Plan, live: LiveState) -> dict[str, tuple[tuple[str, Address], ...]]:
    """Return, per ordered kind that a plan touches, id and address of every object, in the order of creation."""
    kinds = sorted({change.address.kind for change in plan.changes if catalogue.kinds[change.address.kind].ordered})
    return {name: tuple((live_object.id, live_object.address) for live_object in live.of(name)) for name in kinds}


def _entry(catalogue: Catalogue, change: Change) -> Entry:
    steps = steps_of(catalogue.kinds[change.address.kind], change)
    # The patch tells what an update leaves, and a large apply's journal must not take long to write.
    after = change.after if change.action in ("create", "replace") else None
    lean = msgspec.structs.replace(change, fields=(), source=None, after=after, at_default=())
    plain = (change.before, after, change.patch)
    hidden = tuple(concealed(wire) for wire in plain)
    if hidden != plain:
        # What an inverse would have to write is a secret that no file holds.
        lean = msgspec.structs.replace(lean, before=hidden[0], after=hidden[1], patch=hidden[2])
        return Entry(
            change=write_change(lean), cannot="it holds a password or a header that logs in, which no file keeps"
        )
    written = write_change(lean)
    if isinstance(steps, str):
        return Entry(change=written, cannot=steps)
    return Entry(change=written, inverse=Inverse(steps[0], pack(steps[1])))


def end_record(run: str, time: str, code: int, outcome: Outcome) -> End:
    """Return what is written when an apply has ended."""
    return End(
        run=run,
        time=time,
        code=code,
        reload=outcome.reload,
        reload_because=outcome.reload_because,
        restart=tuple(map(str, outcome.restart)),
        residue=None if outcome.residue is None else tuple(sorted({str(change.address) for change in outcome.residue})),
    )


def read(path: Path) -> tuple[Run, ...]:
    """Read a journal: its runs, oldest first.

    Raises:
        ConfigError: it cannot be read, or is no journal of this version.
    """
    return parse(path, read_file(path, ConfigError, most=MAX_JOURNAL, hint="move older runs elsewhere"))


def parse(path: Path, content: bytes) -> tuple[Run, ...]:
    """Read what a journal of this path holds: its runs, oldest first.

    Raises:
        ConfigError: it is no journal of this version.
    """
    runs: dict[str, Run] = {}
    torn = 0
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = _DECODER.decode(line)
        except (msgspec.ValidationError, RecursionError) as error:
            raise ConfigError(f"{path}:{number} is no record of a journal: {error}") from None
        except (msgspec.DecodeError, UnicodeDecodeError):
            if torn:
                raise ConfigError(f"{path}:{torn} is damaged") from None
            torn = number
            continue
        # Only a new run is written after a line that was cut off.
        if torn and not isinstance(record, Begin):
            raise ConfigError(f"{path}:{torn} is damaged")
        torn = 0
        try:
            _take(runs, record)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{path}:{number}: {error}") from None
    return tuple(runs.values())


def _take(runs: dict[str, Run], record: Record) -> None:
    if isinstance(record, Begin):
        if record.version != VERSION:
            raise ValueError(f"written by another version of this program ({record.version}, here {VERSION})")
        if record.run in runs:
            raise ValueError(f"run {record.run} begins twice")
        runs[record.run] = _begun(record)
        return
    run = runs.get(record.run)
    if run is None:
        raise ValueError(f"run {record.run} has no beginning")
    if isinstance(record, Results):
        for result in record.results:
            if not 0 <= result.index < len(run.changes):
                raise ValueError(f"run {record.run} has no change {result.index}")
        results = _merged(run.results, record.results)
        runs[record.run] = msgspec.structs.replace(run, results=results)
        return
    runs[record.run] = msgspec.structs.replace(
        run, code=record.code, reload=record.reload, ended=record.time, restart=record.restart
    )


def _merged(known: Mapping[int, RecordedResult], more: Iterable[RecordedResult]) -> Mapping[int, RecordedResult]:
    # Grown in place: a run of ten thousand results would be copied as often.
    results = known if isinstance(known, dict) and known else dict(known)
    results.update({result.index: result for result in more})
    return results


def _begun(record: Begin) -> Run:
    inverses: list[tuple[Action, Wire] | str] = [
        (entry.inverse.action, unpack_wire(entry.inverse.patch)) if entry.inverse else entry.cannot or "not recorded"
        for entry in record.changes
    ]
    return Run(
        id=record.run,
        time=record.time,
        who=Who(record.user, record.host, record.pid),
        target=record.target,
        url=record.url,
        plan=record.plan,
        origin=record.origin,
        undoes=record.undoes,
        changes=tuple(read_change(entry.change, number) for number, entry in enumerate(record.changes)),
        inverses=tuple(inverses),
        order={
            kind: tuple((id_, Address(kind, name)) for id_, name in objects) for kind, objects in record.order.items()
        },
    )
