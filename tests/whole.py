"""A small server whose kinds are known by what it publishes alone: its catalogue, and states of it."""

from pathlib import Path
from typing import Any

from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds import catalogue_of_published, key_of, read_pulled
from reconciler.plan import Goal, Survey, take_survey
from reconciler.values import Address, LiveObject, LiveState, Policy, Reader, Resource

FOLDER = Path(__file__).parent.parent / "manifests" / "whole-server"
SCHEMA = FOLDER / ".target" / "server.json"
CATALOGUE = catalogue_of_published(read_pulled(SCHEMA.read_bytes()))


def held(kind: str, name: str, id_: str, /, **wire: Any) -> LiveObject:
    """Return a live object, with the defaults of its properties."""
    known = CATALOGUE.kinds[kind]
    shape = known.shape(wire.get("@type", ""))
    whole = {**{key: prop.default for key, prop in shape.items() if prop.mutability != "server-set"}, **wire}
    return LiveObject(address=Address(kind, name), key=key_of(known, whole), id=id_, wire=whole)


def state(*objects: LiveObject, reader: Reader | None = None) -> LiveState:
    """Return a live state of some objects, all of whose kinds were read."""
    kinds = dict.fromkeys(CATALOGUE.kinds, ())
    found = {kind: tuple(each for each in objects if each.address.kind == kind) for kind in kinds}
    return LiveState(found, reader=reader or Reader())


def wanted(text: str) -> tuple[Resource, ...]:
    """Return what a manifest declares. Raises ManifestError."""
    return parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked().resources


def surveyed(live: LiveState, text: str, **policy: Any) -> Survey:
    """Return what would be done of a manifest."""
    goal = Goal(resources=wanted(text), policy=Policy(**{"max_destroy": "100%", **policy}), linted=False)
    return take_survey(CATALOGUE, goal, live)
