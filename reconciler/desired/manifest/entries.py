"""One declared object before it is judged: its spec as written, and where every part of it stands.

Law: a place is worked out only when it is asked for; paths are in human form, pointers in wire form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reconciler.kinds import Kind
from reconciler.values import NOTHING, Source

if TYPE_CHECKING:
    from reconciler.yamlio import Positions, YamlDocument

Path = tuple[str, ...]
#: What ends a line in YAML 1.1, which the parser speaks.
_BREAK = "\r\n|[\r\n\x85\u2028\u2029]"


def is_json(file: str) -> bool:
    """Whether a file holds JSON by its name."""
    return file.lower().endswith(".json")


class DocumentPlace(Struct):
    """A document in its file, and how to find the place of a path in it."""

    file: str
    text: str
    document: YamlDocument
    #: The file holds a `${` somewhere.
    variables: bool = False
    #: The line where the next document's content begins; 0 behind the last one.
    end: int = 0
    _positions: Positions | None = None
    #: Lines above the part of the text that the positions count from.
    _above: int = 0

    def source(self, path: Path = (), *, key: bool = False) -> Source:
        """Return the place of the value (or of the key) that a path leads to, or of its nearest parent."""
        if self._positions is None:
            self._find()
        if self._positions is None:
            return Source(self.file, self.document.line)
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
        line, column = self._positions.key(pointer) if key else self._positions.value(pointer)
        return Source(self.file, line + self._above, column)

    def _find(self) -> None:
        """Read the document a second time: this one only, however many stand in its file."""
        from reconciler.yamlio import positions, positions_json

        if is_json(self.file):
            read = positions_json(self.text)
        else:
            starts = line_starts(self.text)
            self._above = self.document.line - 1
            last = starts[self.end - 1] if self.end else len(self.text)
            read = positions(self.text[starts[self._above] : last])
        self._positions = read[0] if read else None


@lru_cache(maxsize=2)  # findings come file by file
def line_starts(text: str) -> tuple[int, ...]:
    """Return where each line of a text begins, as YAML counts lines."""
    if not any(mark in text for mark in "\r\x85\u2028\u2029"):
        # Most texts end their lines in one way, and splitting by it is several times as fast.
        lengths = accumulate(map(len, text.split("\n")), initial=0)
        return tuple([length + breaks for breaks, length in enumerate(lengths)])
    return (0, *(match.end() for match in re.finditer(_BREAK, text)))


#: A layer's document, and the path of its spec in there.
Origin = tuple[DocumentPlace, Path]


class Declaration(Struct):
    """One spec of one document, or what several layers made of it."""

    kind: Kind
    metadata: Mapping[str, Any]
    spec: Any
    #: The document, the path of the spec in it, and the spec's line.
    where: DocumentPlace
    path: Path
    line: int
    #: Which of the layers it stands in, from 0.
    layer: int = 0
    #: Paths whose value a later layer gave.
    origins: Mapping[Path, Origin] = NOTHING
    #: Paths that a later layer took out with `null`.
    taken: Mapping[Path, Origin] = NOTHING
    #: Metadata that a later layer gave.
    metadata_places: Mapping[str, DocumentPlace] = NOTHING
    #: Where each layer upon it stands.
    patches: tuple[Source, ...] = ()
    #: It holds a mistake, which was told already.
    flawed: bool = False

    def source(self, path: Path = (), *, key: bool = False) -> Source:
        """Return the place of a path within the spec, in whichever layer it was given."""
        for length in range(len(path), -1, -1):
            origin = self.origins.get(path[:length])
            if origin is not None:
                where, root = origin
                return where.source((*root, *path), key=key)
        return self.where.source((*self.path, *path), key=key)

    def at(self, pointer: str) -> Source:
        """Return the place of what a wire pointer leads to, as the spec spells it."""
        return self.source(self.human(pointer))

    def human(self, pointer: str) -> Path:
        """Return the path in the spec that a wire pointer leads to, as far as it is spelled out there."""
        path: list[str] = []
        value: Any = self.spec
        for step in pointer.split("/") if pointer else []:
            if isinstance(value, Mapping):
                spelled = next((spelling for spelling in _spellings(step) if spelling in value), None)
                if spelled is None:
                    break
                value = value[spelled]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                spelled, value = step, value[int(step)]
            else:
                break
            path.append(spelled)
        return tuple(path)


def _spellings(step: str) -> tuple[str, ...]:
    """Return the keys that may stand for a wire step: `use` for a result, `type` for the variant."""
    if step in ("then", "else"):
        return (step, "use")
    return (step, "type") if step == "@type" else (step,)


class TestDocument(Struct, frozen=True):
    """A routing test with its variables replaced; its cases are judged and run elsewhere."""

    value: Mapping[str, Any]
    where: DocumentPlace
