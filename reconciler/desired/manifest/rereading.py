"""Finds where things are declared in manifests that were not read in this run, since what they come to was kept.

Law: a document that is asked for is read again, alone; whatever is not as it was kept sends it through all of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from reconciler.desired.manifest.documents import DocumentReader
from reconciler.desired.manifest.entries import DocumentPlace, is_json, line_starts
from reconciler.desired.manifest.files import ManifestText
from reconciler.desired.manifest.parsing import parsed
from reconciler.desired.manifest.state import Spot, indexed
from reconciler.kinds import Catalogue
from reconciler.values import Address
from reconciler.yamlio import load as load_yaml

if TYPE_CHECKING:
    from reconciler.desired.manifest.state import Declared, Pair

#: Documents that are read one by one; it takes less to read all of a large file than more of them.
MOST = 500


class Rereading:
    """Returns what declares an address."""

    def __init__(
        self,
        catalogue: Catalogue,
        layers: Sequence[Sequence[ManifestText]],
        variables: Mapping[str, Any],
        spots: Sequence[Spot],
        declared: Sequence[Address],
    ) -> None:
        """Take what is known.

        Args:
            catalogue: what the kinds are.
            layers: the texts, layer by layer.
            variables: what `${var:NAME}` stands for.
            spots: the documents in the order of the texts; none where layers changed what they declare.
            declared: what they declare, in the same order.
        """
        self._catalogue, self._layers, self._variables = catalogue, layers, variables
        self._spots = spots
        self._texts = {text.file: text.text for texts in layers for text in texts}
        self._numbers: dict[Address, list[int]] = {}
        for number, address in enumerate(declared if spots else ()):
            self._numbers.setdefault(address.without_id(), []).append(number)
        self._ends = list(accumulate(spot.count for spot in spots))
        self._read: dict[int, list[Pair]] = {}
        self._whole: Declared | None = None

    def __call__(self, address: Address) -> Sequence[Pair]:
        """Return each declaration of an address, with what it alone comes to."""
        if self._whole is None and self._spots and len(self._read) < MOST:
            pairs = self._pairs(address)
            if pairs is not None:
                return pairs
        if self._whole is None:
            self._whole = indexed(parsed(self._catalogue, self._layers, self._variables, digest="").pairs)
        return self._whole(address)

    def _pairs(self, address: Address) -> list[Pair] | None:
        """Return the pairs of an address from its documents alone; None where these are not as they were kept."""
        pairs: list[Pair] = []
        for number in self._numbers.get(address, ()):
            place = bisect_right(self._ends, number)
            spot = self._spots[place]
            if place not in self._read:
                self._read[place] = self._document(spot)
            within = self._read[place]
            if len(within) != spot.count:
                return None
            resource, entry = within[number - self._ends[place] + spot.count]
            if resource.address.without_id() != address:
                return None
            pairs.append((resource, entry))
        return pairs

    def _document(self, spot: Spot) -> list[Pair]:
        """Read one document; what it declares is not all there where it cannot be read by itself."""
        text = self._texts.get(spot.file, "")
        starts = line_starts(text)
        if is_json(spot.file) or not 0 < spot.line < len(starts) + 1 or not spot.end < len(starts) + 1:
            return []
        documents, _ = load_yaml(text[starts[spot.line - 1] : starts[spot.end - 1] if spot.end else len(text)])
        if not documents:
            return []
        above = spot.line - 1
        document = replace(
            documents[0],
            line=documents[0].line + above,
            lines={name: line + above for name, line in documents[0].lines.items()},
            item_lines=tuple(line + above for line in documents[0].item_lines),
        )
        reader = DocumentReader(self._catalogue, self._variables)
        where = DocumentPlace(spot.file, text, document, "${" in text, spot.end)
        pairs = [(reader.resource(entry), entry) for entry in reader.entries(where, 0)]
        return [(resource, entry) for resource, entry in pairs if resource is not None]
