"""`import`: live state to manifests that people can read and go on from.

Law: its client cannot write; a file that says something else is never written over; no secret is in the output.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reconciler.commands.files import check_plain, holds, write_whole
from reconciler.commands.gather import Wanted, open_client, without_manifests
from reconciler.commands.invocation import Invocation
from reconciler.commands.publishing import tell_changes
from reconciler.desired import Export, Remark, export_state, file_name, find, printed, printed_tests, read
from reconciler.kinds import Catalogue, Judge, targets
from reconciler.mail import World, object_findings, settle
from reconciler.plan import kinds_in_scope, reads
from reconciler.report import MANY, plural, printable
from reconciler.server import read_flow
from reconciler.settings import DEFAULT_MANIFESTS, Settings
from reconciler.values import Globs, LiveState, NotAllowed, Policy, ReconcilerError, Resource, UsageError
from reconciler.yamlio import load as load_yaml

if TYPE_CHECKING:
    from reconciler.server import Client

SCHEMA = "schemas/manifest.schema.json"
#: The rule of lint that is run over what is imported.
PLAIN_TEXT = "plain-text-secret"
#: The file of routing tests that hold what another tool did.
TESTS = "routing-tests.yaml"


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    #: The directory to write to, or "".
    out: str = ""
    #: Other tools' files to read in place of a server.
    source_files: tuple[str, ...] = ()
    #: What becomes of properties that such a file leaves alone: the type's default, or `unmanaged`.
    partial: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Read live state and write it as manifests, to files or to standard output."""
    wanted = without_manifests(invocation, "until pulled")
    catalogue, settings = wanted.catalogue, wanted.settings
    out = Path(arguments.out) if arguments.out else None
    if out is not None and out.exists() and not out.is_dir():
        raise ReconcilerError(f"{out} is no directory", "name one with --out, or leave --out away")
    if arguments.source_files:
        export = _foreign(invocation, wanted, arguments)
        return _put(invocation, out, export, {kind for kind in export.documents if export.documents[kind]})
    if arguments.partial:
        raise UsageError("--partial says how to read another tool's file", "name that file with --from")
    with open_client(invocation, wanted) as client:
        tell_changes(catalogue, client, client.tell)
        live = read_all(wanted, client)
    chosen = _chosen(catalogue, settings)
    within = kinds_in_scope((), Policy(undeclared=dict.fromkeys(chosen, "drift")), settings.scope)
    export = exported(wanted, live)
    for line in _remarks(wanted, live, export, chosen, within):
        invocation.tell(line, always=line.startswith("warning"))
    if not live.objects.keys() & chosen:
        raise NotAllowed("the credentials may read nothing of what import writes", "they need the permissions above")
    # A file of what this import cannot hold is none of its files.
    return _put(invocation, out, export, {k for k in within & live.objects.keys() if settings.policy.owns.get(k) != ()})


def _foreign(invocation: Invocation, wanted: Wanted, arguments: Arguments) -> Export:
    """Return the documents of other tools' files."""
    from reconciler.commands.import_file import export_files

    files, unmanaged = arguments.source_files, arguments.partial == "unmanaged"
    return export_files(invocation, wanted.catalogue, wanted.settings, files, unmanaged=unmanaged)


def _put(invocation: Invocation, out: Path | None, export: Export, kinds: Collection[str]) -> int:
    """Write documents, to files of some kinds or to standard output."""
    if out is not None:
        _write(invocation, out, export, kinds)
    elif export.documents or not export.tests:
        tests = printed_tests(export)
        text = printed(export, export.documents, schema_from(Path(DEFAULT_MANIFESTS)))
        invocation.say(f"{text}---\n{tests}" if tests else text)
    return 0


def exported(wanted: Wanted, live: LiveState) -> Export:
    """Return live state as manifests declare it."""
    catalogue, settings = wanted.catalogue, wanted.settings
    remark = _plain_text(catalogue, settings)
    chosen = _chosen(catalogue, settings)
    judge = Judge(catalogue)
    return export_state(catalogue, live, judge, chosen, scope=settings.scope, policy=settings.policy, remark=remark)


def read_all(wanted: Wanted, client: Client) -> LiveState:
    """Read the kinds that were asked for, which must be readable, or all that can be read."""
    catalogue, kinds = wanted.catalogue, wanted.settings.scope.kinds
    # Without the objects that they name, references could be told by id only.
    wanted_kinds = _chosen(catalogue, wanted.settings)
    checks = {name for kind in wanted_kinds for name in targets(catalogue, catalogue.kinds[kind])} & set(
        catalogue.kinds
    )
    checks |= wanted_kinds
    return client.run(read_flow(catalogue, kinds, client.session().limits, checks=checks - kinds))


def _chosen(catalogue: Catalogue, settings: Settings) -> frozenset[str]:
    """Return the kinds to write: those that were asked for, or all but those of people and of thousands."""
    return settings.scope.kinds or frozenset(name for name, kind in catalogue.kinds.items() if not kind.bulk)


def _plain_text(catalogue: Catalogue, settings: Settings) -> Remark:
    """Return what finds secrets that the server itself shows in plain text."""

    def remark(resources: Sequence[Resource]) -> Iterator[tuple[Any, str, str]]:
        by_name = {str(resource.address): resource.address for resource in resources}
        findings = [finding for finding in object_findings(World(catalogue, resources)) if finding.rule == PLAIN_TEXT]
        for diagnostic in settle(findings, severities=settings.policy.lint):
            yield by_name[diagnostic.address], diagnostic.pointer, f"{diagnostic.message}: {diagnostic.hint}"

    return remark


def _remarks(
    wanted: Wanted, live: LiveState, exported: Export, chosen: Collection[str], within: frozenset[str]
) -> Iterator[str]:
    """Yield what standard error says beside the manifests; `within` are the kinds that --only can hold."""
    catalogue, settings = wanted.catalogue, wanted.settings
    for kind in sorted(live.forbidden):
        needs = ", ".join(sorted(reads(catalogue.kinds[kind])))
        message = f"{kind} is left out" if kind in chosen else f"references to {kind} are written by id"
        yield f"warning: {message}: the credentials may not read it (they need {needs})"
    bulky = sorted(name for name, kind in catalogue.kinds.items() if kind.bulk and not settings.scope.kinds)
    if bulky:
        why = "since they hold people or thousands of objects: --kind names them"
        yield f"note: {', '.join(bulky)} are left out, {why}"
    for kind in sorted(settings.scope.kinds & live.objects.keys()):
        if not live.of(kind):
            yield f"note: the server holds no {kind}"
    for kind, count in exported.outside.items():
        names = ", ".join(settings.policy.owns[kind])
        owned, left = (f"only {names} of {kind}", plural(count, "other")) if names else (f"no {kind}", str(count))
        yield f"note: policy.owns holds {owned}: {left} {'is' if count == 1 else 'are'} left out"
    only = f"--only {' '.join(settings.scope.only)}"
    if settings.scope.kinds and not within:
        yield f"note: {only} matches nothing of the kinds that --kind leaves: {', '.join(sorted(chosen))}"
    elif settings.scope.only and within <= live.objects.keys() and not exported.documents and not exported.outside:
        yield f"note: the server holds nothing that {only} matches"
    objects = [(address, reason) for address, pointer, reason in exported.omitted if not pointer]
    alone = [omission for omission in exported.omitted if omission[1]]
    allowed = Globs(["*"] if settings.allowed.env is None else settings.allowed.env)
    yield from _some(
        "warning",
        [f"{it} is left out: {why}; unless policy.keep holds it, --prune destroys it" for it, why in objects],
    )
    yield from _some("warning", [f"{it} {pointer} is left alone: {why}" for it, pointer, why in alone])
    yield from _some("warning", [f"{it} {pointer}: {text}" for it, pointer, text in exported.remarks])
    yield from _some(
        "note",
        [f"the server masks {it} {pointer}: it became ${{env:{name}}}" for name, it, pointer in exported.secrets],
    )
    yield from _some(
        "note",
        [
            f"policy.secrets.env does not let {name} be read: add it there"
            for name, _, _ in exported.secrets
            if not allowed.match(name)
        ],
    )


def _some(severity: str, sentences: Sequence[str]) -> Iterator[str]:
    """Yield as many sentences of one sort as a reader can take in."""
    yield from (f"{severity}: {printable(sentence)}" for sentence in sentences[:MANY])
    if len(sentences) > MANY:
        yield f"{severity}: and {len(sentences) - MANY} more like that, which the manifests tell of in comments"


def _write(invocation: Invocation, directory: Path, exported: Export, kinds: Collection[str]) -> None:
    """Write one file a kind, unless one of them says something else already, or something where nothing is."""
    schema = schema_from(directory)
    files = {directory / file_name(kind): printed(exported, [kind], schema).encode() for kind in exported.documents}
    looked_at = sorted(directory / file_name(kind) for kind in kinds)
    if export_tests := printed_tests(exported):
        tests = directory / TESTS
        files[tests] = f"# yaml-language-server: $schema={schema}\n{export_tests}".encode()
        looked_at.append(tests)
    other = [path for path in looked_at if _differs(path, files.get(path))]
    if other:
        names = ", ".join(map(str, other))
        raise ReconcilerError(
            f"{names} {'says' if len(other) == 1 else 'say'} something else already, and nothing was written",
            "import into an empty directory and compare, or take the old file away",
        )
    fresh = {path: content for path, content in files.items() if not path.exists()}
    for path, content in fresh.items():
        write_whole(path, content)
    for name, kind in _also(directory, files, [kind for kind, written in exported.documents.items() if written]):
        invocation.warn(f"{name} declares {kind} too: take out what is declared twice, which plan refuses")
    if not Path(SCHEMA).exists():
        invocation.tell(f"note: editors look for {SCHEMA}, which is not there: reconciler schema writes it\n")
    invocation.tell(f"{plural(len(files), 'file')} in {directory}, {len(fresh)} of them new.\n")


def _differs(path: Path, content: bytes | None) -> bool:
    """Whether a file stands where other content, or none, is to be."""
    check_plain(path)
    return path.exists() and (content is None or not holds(path, content))


def _also(directory: Path, files: Collection[Path], kinds: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the other manifests of a directory that declare some kinds; those that cannot be read are left to plan."""
    if not directory.is_dir():
        return
    others, _ = find([str(directory)])
    texts, _ = read(path for path in others if path not in files)
    for text in texts:
        documents, _ = load_yaml(text.text)
        declared = {document.value.get("kind") for document in documents if isinstance(document.value, dict)}
        for kind in sorted(kind for kind in kinds if kind in declared):
            yield text.file, kind


def schema_from(directory: Path) -> str:
    """Return where the schema is, as seen from a directory of manifests."""
    try:
        return Path(os.path.relpath(SCHEMA, directory)).as_posix()
    except ValueError:
        # Another drive.
        return Path(SCHEMA).resolve().as_posix()
