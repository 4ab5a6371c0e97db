"""Imports another tool's text as the command does, without files."""

import json
from typing import Any

from msgspec import Struct

from reconciler.desired import assemble, bridge, printed
from reconciler.desired.bridges.bridged import Ledger
from reconciler.kinds import load


class Imported(Struct):
    """What an import comes to: manifests, what is told, and what reconciler.yaml should say."""

    text: str
    told: list[str]
    config: dict[str, Any]
    carried: tuple[int, int, int, int]
    tests: list[dict[str, Any]]

    @property
    def errors(self) -> list[str]:
        return [each.removeprefix("error ") for each in self.told if each.startswith("error ")]


def adds_up(ledger: Ledger) -> bool:
    """Whether all that was read is accounted for."""
    return ledger.read == ledger.carried + ledger.ignored.total() + ledger.unsupported.total()


def imported(text: str, file: str = "old.ndjson", *, unmanaged: bool = False) -> Imported:
    """Import one text."""
    catalogue = load()
    bridged = bridge(catalogue, [(file, text)], unmanaged=unmanaged)
    export = assemble(catalogue, bridged, catalogue.kinds)
    told = [f"{each.severity} {each.line}: {each.message}" for each in sorted(bridged.diagnostics)]
    ledger = bridged.ledger
    assert adds_up(ledger)
    counts = (ledger.read, ledger.carried, ledger.ignored.total(), ledger.unsupported.total())
    text = printed(export, export.documents, "x").partition("\n")[2]
    return Imported(text, told, bridged.config, counts, bridged.tests)


def lines(*operations: dict[str, Any]) -> str:
    """Write a plan."""
    return "".join(f"{json.dumps(each)}\n" for each in operations)
