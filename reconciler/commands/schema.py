"""`schema`: writes the JSON Schemas that editors and programs use, or checks that they are up to date.

Law: the files are a function of the catalogue and of this program's reports, and of nothing else.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from reconciler.commands.files import check_plain, holds
from reconciler.commands.invocation import Invocation
from reconciler.kinds import Catalogue, published
from reconciler.plan import saved_plan_schema
from reconciler.report import SCHEMAS, plural
from reconciler.settings import config_schema, named_catalogue
from reconciler.values import DIFFERENCES, ReconcilerError

DEFAULT_OUT = "schemas"


def files(catalogue: Catalogue) -> dict[str, bytes]:
    """Return every schema of some kinds by its file name below the output directory."""
    outputs = {**SCHEMAS, "saved-plan": saved_plan_schema(SCHEMAS["plan"])}
    schemas = {
        **published(catalogue),
        "config.schema.json": config_schema(catalogue),
        **{f"output/{name}.schema.json": output for name, output in outputs.items()},
    }
    return {
        name: msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n" for name, schema in schemas.items()
    }


def _catalogue() -> Catalogue:
    """Return the kinds of the pulled schemas that are in use here, else the built-in ones."""
    if Path("reconciler.yaml").exists():
        # Imported here: without a configuration no YAML is read.
        from reconciler.settings import Options, catalogue_of, read_config

        config = read_config(Options())
        return catalogue_of(config, next(iter(config.targets), ""))
    return named_catalogue("")


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone."""

    out: str = ""
    check: bool = False


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Write the schemas, or with --check say which files differ from what would be written."""
    directory = Path(arguments.out or DEFAULT_OUT)
    wanted = files(_catalogue())
    paths = [*directory.glob("*.schema.json"), *directory.glob("output/*.schema.json")]
    have = {str(path.relative_to(directory)) for path in paths}
    for name in wanted:
        check_plain(directory / name)
    stale = [name for name, content in wanted.items() if name not in have or not holds(directory / name, content)]
    extra = sorted(have - wanted.keys())
    if arguments.check:
        for name in stale:
            invocation.list(f"{directory / name} is out of date")
        for name in extra:
            invocation.list(f"{directory / name} belongs to no kind")
        if stale or extra:
            invocation.tell("Write them with: reconciler schema\n")
        return DIFFERENCES if stale or extra else 0
    try:
        for name in stale:
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted[name])
    except OSError as error:
        raise ReconcilerError(f"{directory} cannot be written: {error.strerror}") from None
    invocation.tell(f"{plural(len(wanted), 'schema')} below {directory}, {len(stale)} changed.\n")
    for name in extra:
        invocation.warn(f"{directory / name} is none of them")
    return 0
