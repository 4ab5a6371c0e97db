"""What manifests come to, read anew and as it was kept, and whether the two are the same."""

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.desired.manifest import Desired, ManifestText
from reconciler.desired.manifest.kept import packed, unpacked
from reconciler.desired.manifest.parsing import parsed
from reconciler.desired.manifest.state import digest_of
from reconciler.kinds import Catalogue
from reconciler.values import Resource

Layers = Sequence[Sequence[ManifestText]]


def both(
    catalogue: Catalogue, layers: Layers, variables: Mapping[str, Any] | None = None
) -> tuple[Desired, Desired | None]:
    """Return what manifests come to, and the same as it was kept; None where nothing may be."""
    anew = parsed(catalogue, layers, variables, digest_of(layers))
    content = packed(anew)
    desired = anew.desired
    return desired, None if content is None else unpacked(content, catalogue, layers, variables or {}, desired.digest)


def told(desired: Desired) -> dict[str, Any]:
    """Return all that a desired state holds, with the order and the type of every value."""
    fields = {name: getattr(desired, name) for name in Desired.__struct_fields__ if name != "locate"}
    ordered = repr([(each.address, each.key, each.wire) for each in desired.resources])
    return {**fields, "ordered": ordered, "places": [places(desired, each) for each in desired.resources]}


def places(desired: Desired, resource: Resource) -> list[Any]:
    """Return where a resource and its parts stand, and what declares them."""
    pointers = ["", "metadata", "nowhere", *resource.wire]
    pointers += [f"{name}/else" for name, value in resource.wire.items() if isinstance(value, dict)]
    pointers += [f"{name}/match/0/if" for name, value in resource.wire.items() if isinstance(value, dict)]
    declared = [
        (own, entry.spec, entry.metadata, entry.path, entry.line)
        for own, entry in desired.locate.entries(resource.address)
    ]
    return [[desired.locate(resource.address, pointer) for pointer in pointers], declared]
