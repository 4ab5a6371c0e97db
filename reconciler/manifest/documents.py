"""From YAML documents to resources: kind, metadata and spec are told apart, judged and encoded.

Law: a mistake never stops the reading: every document is looked at, and every mistake is a diagnostic with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from msgspec import Struct

from reconciler.catalogue import Catalogue, Kind
from reconciler.codec import Codec, check_expression, context_of
from reconciler.errors import Diagnostic
from reconciler.identity import address_of, key_of
from reconciler.manifest.judge import Judge, explain
from reconciler.model import Address, Resource, Sensitive, Source
from reconciler.schema import METADATA
from reconciler.strictyaml import Positions, YamlDocument, positions, positions_json

_TOP = ("kind", "metadata", "spec", "items")
#: Fields that the format knows and this version does not do yet: refused, never ignored.
_LATER = {
    "was": "renames",
    "absent": "objects that shall not exist",
    "patch": "layers",
    "drop": "layers",
    "accept": "accepted lint findings",
}
_SECRET = re.compile(r"\$\{(env|file):[^{}]*\}\Z")
_OPEN = re.compile(r"(?<!\$)\$\{")


class Literal(str):
    """A text whose `$${` has become `${`, so that it is no reference whatever it looks like."""

    __slots__ = ()


class Where(Struct):
    """A document in its file, and how to find the place of a path in it, which is worked out only when asked."""

    file: str
    text: str
    index: int
    document: YamlDocument
    _positions: Positions | None = None

    def source(self, path: tuple[str, ...] = (), *, key: bool = False) -> Source:
        """Return the place of the value (or of the key) that a path leads to, or of its nearest parent."""
        if self._positions is None:
            find = positions_json if self.file.endswith(".json") else positions
            found = find(self.text)
            if self.index >= len(found):
                return Source(self.file, self.document.line)
            self._positions = found[self.index]
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in path)
        line, column = self._positions.key(pointer) if key else self._positions.value(pointer)
        return Source(self.file, line, column)


class Reader:
    """Reads documents by one catalogue, and keeps every mistake."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.codec = Codec(catalogue)
        self.judge = Judge(catalogue)
        self.problems: list[Diagnostic] = []

    def resources(self, where: Where) -> list[Resource]:
        """Return the resources of a document; its mistakes go to `problems`."""
        value = where.document.value
        if not isinstance(value, dict):
            self._tell(where, (), "document", "a document is a mapping with kind and spec")
            return []
        kind = self._kind(where, value)
        if kind is None:
            return []
        metadata = self._metadata(where, value, kind)
        for name in value:
            if name not in _TOP and not name.startswith("x-"):
                close = get_close_matches(name, _TOP, n=1)
                hint = f"did you mean {close[0]}?" if close else "keys of your own begin with x-"
                self._tell(where, (name,), "unknown-field", f"unknown field {name}", hint, key=True)
        specs = self._specs(where, value)
        if metadata is None:
            return []
        if len(specs) > 1 and metadata.get("id"):
            self._tell(
                where, ("metadata", "id"), "metadata", "an id stands for one object, and there are several items"
            )
            return []
        found = (self._resource(where, kind, metadata, path, spec, line) for path, spec, line in specs)
        return [resource for resource in found if resource is not None]

    def _kind(self, where: Where, value: Mapping[str, Any]) -> Kind | None:
        name = value.get("kind")
        if name is None:
            self._tell(where, (), "missing", "the required field kind is missing", "such as kind: MtaRoute")
            return None
        if isinstance(name, str) and name in self.catalogue.kinds:
            return self.catalogue.kinds[name]
        if name == "RoutingTest":
            self._tell(where, ("kind",), "not-built", "routing tests are not built yet", "take the document out")
            return None
        known = list(self.catalogue.kinds)
        plain = str(name).removeprefix("x:")
        close = [plain] if plain in known else get_close_matches(plain, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        self._tell(where, ("kind",), "unknown-kind", f"unknown kind {name!r}", hint)
        return None

    def _metadata(self, where: Where, value: Mapping[str, Any], kind: Kind) -> dict[str, Any] | None:
        metadata = value.get("metadata", {})
        wrong = False
        if isinstance(metadata, dict):
            for name in [name for name in _LATER if name in metadata]:
                wrong = True
                message = f"metadata.{name} is not built yet"
                self._tell(where, ("metadata", name), "not-built", message, f"{_LATER[name]} come in a later version")
            metadata = {name: each for name, each in metadata.items() if name not in _LATER}
        for fault in explain(METADATA, metadata) if metadata else []:
            wrong = True
            self._tell(where, ("metadata", *fault.path), fault.code, fault.message, fault.hint, key=fault.of_key)
        if not wrong and metadata.get("name") and (kind.singleton or "name" in kind.match):
            wrong = True
            message = f"metadata.name is for kinds without a name of their own, and {kind.kind} has one"
            self._tell(where, ("metadata", "name"), "metadata", message)
        return None if wrong else metadata

    def _specs(self, where: Where, value: Mapping[str, Any]) -> list[tuple[tuple[str, ...], Any, int]]:
        """Return the path, value and line of every spec of a document."""
        if "spec" in value and "items" in value:
            self._tell(where, ("items",), "both", "spec and items exclude each other", "keep one of them", key=True)
            return []
        if "spec" in value:
            return [(("spec",), value["spec"], where.document.line)]
        specs = value.get("items")
        if specs is None:
            self._tell(where, (), "missing", "spec or items is missing", "spec holds the object, items several")
            return []
        if not isinstance(specs, list) or not specs:
            self._tell(where, ("items",), "type", "items is a list of at least one object")
            return []
        lines = where.document.item_lines or (where.document.line,) * len(specs)
        return [(("items", str(index)), spec, lines[index]) for index, spec in enumerate(specs)]

    def _resource(
        self, where: Where, kind: Kind, metadata: Mapping[str, Any], path: tuple[str, ...], spec: Any, line: int
    ) -> Resource | None:
        spec, references = self._literals(where, kind, path, spec)
        name = str(metadata.get("name", ""))
        faults = self.judge.faults(kind, spec)
        if faults:
            address = _guess(kind, spec, name)
            for fault in faults:
                full = (*path, *fault.path)
                pointer = "/".join(fault.path)
                self._tell(where, full, fault.code, fault.message, fault.hint, address, pointer, key=fault.of_key)
            return None
        wire, mistakes = self.codec.encode(kind, spec)
        if mistakes:
            address = _guess(kind, spec, name)
            for mistake in mistakes:
                pointer = "/".join(mistake.path)
                self._tell(where, (*path, *mistake.path), mistake.code, mistake.message, mistake.hint, address, pointer)
            return None
        key = key_of(kind, wire)
        resource = Resource(
            address=address_of(kind, key, name),
            key=key,
            wire=wire,
            source=Source(where.file, line),
            sources=dict.fromkeys(wire, Source(where.file, line)) if kind.singleton else {},
            unmanaged=tuple(metadata.get("unmanaged", ())),
            id=str(metadata.get("id", "")),
            named=bool(name),
        )
        fine = self._hidden(where, path, resource, references)
        fine &= self._unmanaged(where, path, kind, spec, resource)
        fine &= self._expressions(where, path, kind, resource)
        return resource if fine else None

    def _literals(
        self, where: Where, kind: Kind, path: tuple[str, ...], spec: Any
    ) -> tuple[Any, list[tuple[str, ...]]]:
        """Undo `$${`, refuse what else looks like a variable, and return the paths of secrets' references."""
        if "${" not in where.text:
            return spec, []
        references: list[tuple[str, ...]] = []

        def walk(value: Any, at: tuple[str, ...]) -> Any:
            if isinstance(value, dict):
                return {key: walk(each, (*at, key)) for key, each in value.items()}
            if isinstance(value, list):
                return [walk(each, (*at, str(index))) for index, each in enumerate(value)]
            if not isinstance(value, str) or "${" not in value:
                return value
            if _SECRET.match(value):
                references.append(at)
                return value
            if _OPEN.search(value):
                message, hint = "variables are not built yet", "$${ stands for a literal ${"
                if "${var:" not in value:
                    message = "a ${…} stands alone, and is ${env:NAME} or ${file:PATH}"
                self._tell(where, (*path, *at), "variable", message, hint, Address(kind.kind), "/".join(at))
            return Literal(value.replace("$${", "${"))

        return walk(spec, ()), references

    def _hidden(
        self, where: Where, path: tuple[str, ...], resource: Resource, references: list[tuple[str, ...]]
    ) -> bool:
        """Check that every reference to a secret stands in a field that holds one."""
        fine = True
        for at in references:
            value: Any = resource.wire
            for step in at:
                value = value.get(step) if isinstance(value, Mapping) else None
            if not isinstance(value, Sensitive):
                fine = False
                message = "${env:…} and ${file:…} are for secrets, and this field holds none"
                self._tell(where, (*path, *at), "secret", message, "", resource.address, "/".join(at))
        return fine

    def _unmanaged(
        self, where: Where, path: tuple[str, ...], kind: Kind, spec: Mapping[str, Any], resource: Resource
    ) -> bool:
        """Check that what is left alone is a property, and is not declared beside."""
        fine = True
        for index, pointer in enumerate(resource.unmanaged):
            steps = pointer.split("/")
            at = ("metadata", "unmanaged", str(index))
            prop = kind.shape(resource.wire.get("@type", "")).get(steps[0])
            parts = ("match", "else")
            if prop is None or len(steps) > 2 or (len(steps) == 2 and not (prop.language and steps[1] in parts)):
                fine = False
                message, hint = f"{pointer} is no property of {kind.kind} that can be left alone", ""
                self._tell(
                    where, at, "unmanaged", message, hint or "such as description or route/else", resource.address
                )
                continue
            declared: Any = spec.get(steps[0])
            if len(steps) == 2 and isinstance(declared, dict):
                # `use` is another spelling of `else`.
                declared = next(
                    (declared[each] for each in (steps[1], *(("use",) * (steps[1] == "else"))) if each in declared),
                    None,
                )
            if declared is not None:
                fine = False
                message = f"{pointer} is declared and unmanaged at once"
                self._tell(where, at, "unmanaged", message, "keep one of the two", resource.address)
        return fine

    def _expressions(self, where: Where, path: tuple[str, ...], kind: Kind, resource: Resource) -> bool:
        """Check every expression as the server will when it is sent."""
        fine = True
        for name, prop in kind.shape(resource.wire.get("@type", "")).items():
            wire = resource.wire.get(name)
            if prop.language is None or wire is None or wire == prop.default:
                continue
            context = context_of(self.catalogue, prop)
            texts: list[tuple[tuple[str, ...], str]] = [((name, "else"), wire["else"])]
            for index, branch in wire["match"].items():
                texts += [((name, "match", index, part), branch[part]) for part in ("if", "then")]
            for at, text in texts:
                error = check_expression(text, context)
                if error is not None:
                    fine = False
                    message = f"the server would refuse this expression: {error.message} (character {error.column})"
                    self._tell(where, (*path, *at), "expression", message, "", resource.address, "/".join(at))
        return fine

    def _tell(
        self,
        where: Where,
        path: tuple[str, ...],
        code: str,
        message: str,
        hint: str = "",
        address: Address | None = None,
        pointer: str = "",
        *,
        key: bool = False,
    ) -> None:
        source = where.source(path, key=key)
        self.problems.append(
            Diagnostic(
                file=source.file,
                line=source.line,
                column=source.column,
                address=str(address) if address else "",
                pointer=pointer,
                code=code,
                message=message,
                hint=hint,
            )
        )


def _guess(kind: Kind, spec: Any, name: str) -> Address:
    """Name an object that could not be encoded, as well as what stands there allows."""
    if kind.singleton or not isinstance(spec, dict):
        return Address(kind.kind)
    parts = [spec.get(each, kind.shape(next(iter(kind.variants), ""))[each].default) for each in kind.match]
    if any(not isinstance(part, str | int) for part in parts):
        return Address(kind.kind, name)
    return address_of(kind, tuple(parts), name)
