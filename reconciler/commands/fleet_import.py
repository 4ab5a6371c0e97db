"""`fleet import`: reads many servers, and writes what they have in common and where each deviates.

Law: its clients cannot write; base and overlay of a target, laid on each other, plan empty on that target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from reconciler.commands.files import check_plain, holds, write_whole
from reconciler.commands.gather import Wanted, open_client
from reconciler.commands.import_command import exported, read_all, schema_from
from reconciler.commands.invocation import Invocation
from reconciler.desired import Desired, Export, ExportedResource, documents, file_name, printed
from reconciler.fleet import Layers, lay_apart
from reconciler.kinds import Catalogue, load
from reconciler.report import FleetDeviation, FleetImportReport
from reconciler.settings import settings
from reconciler.values import ReconcilerError

BASE, OVERLAYS = "base", "overlays"


def import_fleet(invocation: Invocation, names: Sequence[str], out: str, parallel: int) -> int:
    """Read some targets, write their layers, and report who deviates where.

    Raises:
        ReconcilerError: a target cannot be read, or the directory holds something else already.
    """
    catalogue = load()
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        declared = dict(zip(names, pool.map(lambda name: _declared(catalogue, invocation, name), names), strict=True))
    layers = lay_apart(catalogue, declared)
    directory = Path(out) if out else None
    files = _files(catalogue, layers, directory or Path())
    if directory is not None:
        _write(directory, files)
    root = directory or Path()
    report = FleetImportReport(
        targets=tuple(names),
        files=tuple(map(str, files)) if directory is not None else (),
        manifests={name: _layers(root, layers, name) for name in names},
        deviations=tuple(
            FleetDeviation(
                target=deviation.target,
                address=deviation.address,
                pointer=deviation.pointer,
                common=deviation.common,
                own=deviation.own,
            )
            for deviation in sorted(
                layers.deviations, key=lambda deviation: (deviation.target, deviation.address, deviation.pointer)
            )
        ),
    )
    return invocation.report(report)


def _declared(catalogue: Catalogue, invocation: Invocation, name: str) -> Mapping[str, tuple[ExportedResource, ...]]:
    """Return what one target declares by itself."""
    alone = replace(invocation, options=replace(invocation.options, target=name, paths=()))
    assert invocation.config is not None  # noqa: S101 - the fleet's commands read it first
    chosen = settings(catalogue, invocation.config, alone.options, alone.environment)
    wanted = Wanted(catalogue, chosen, Desired())
    try:
        with open_client(alone, wanted) as client:
            live = read_all(wanted, client)
    except ReconcilerError as error:
        error.message = f"{name}: {error.message}"
        raise
    return exported(wanted, live).declared


def _layers(root: Path, layers: Layers, name: str) -> list[str]:
    """Return the layers of a target, as reconciler.yaml names them."""
    overlay = [str(root / OVERLAYS / name)] if layers.overlays[name] else []
    return [*([str(root / BASE)] if layers.base else []), *overlay]


def _files(catalogue: Catalogue, layers: Layers, root: Path) -> dict[Path, bytes]:
    """Return every file of the layers, by path."""
    directories = {root / BASE: layers.base, **{root / OVERLAYS / name: own for name, own in layers.overlays.items()}}
    return {
        directory / file_name(kind): content
        for directory, kinds in directories.items()
        for kind, content in _printed(catalogue, kinds, directory)
    }


def _printed(
    catalogue: Catalogue, kinds: Mapping[str, tuple[ExportedResource, ...]], directory: Path
) -> Iterator[tuple[str, bytes]]:
    for kind, declared in kinds.items():
        export = Export({kind: tuple(documents(catalogue.kinds[kind], declared))})
        yield kind, printed(export, [kind], schema_from(directory)).encode()


def _write(directory: Path, files: Mapping[Path, bytes]) -> None:
    """Write the files, unless the directory holds others: a layer too many would be laid on as well."""
    there = {path for layer in (BASE, OVERLAYS) for path in (directory / layer).rglob("*") if path.is_file()}
    other = sorted(path for path in there if path not in files or not holds(path, files[path]))
    if other:
        names = f"{', '.join(map(str, other[:3]))}{' and more' * (len(other) > 3)}"
        raise ReconcilerError(
            f"{names} would be in the way; nothing was written",
            "import into an empty directory and compare, or take the old files away",
        )
    for path, content in files.items():
        check_plain(path)
        write_whole(path, content)
