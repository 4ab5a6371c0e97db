"""YAML text to documents, in one pass over the parser's events.

Law: iterative, so that no nesting ends the process; every mistake that is found is kept, and only a syntax error or a
limit ends the reading, after what was found.
"""

from __future__ import annotations

from typing import Any, NoReturn

import yaml
from yaml.reader import ReaderError

from reconciler.yamlio.events import EventSource, Parser
from reconciler.yamlio.expansion import Expansion
from reconciler.yamlio.faults import CLOSE, forbidden_character, syntax_problem
from reconciler.yamlio.hints import cut_mistake, expression_mistake, line_at, may_show, short
from reconciler.yamlio.places import document_tree
from reconciler.yamlio.problem import (
    MAX_ALIASED_NODES,
    MAX_DEPTH,
    MAX_PROBLEMS,
    Problem,
    YamlDocument,
    check_size,
)
from reconciler.yamlio.scalars import OPERATORS, SPECIAL, Doubt, resolve, unfinished

#: Plain scalars, and keys, that are remembered with their values; what comes after so many is resolved each time.
_REMEMBERED = 4096
#: Stands for the key `<<` in a mapping that is not finished.
_MERGE: Any = object()
#: Stands for a key that is no text in a mapping that is not finished.
_NO_KEY: Any = object()


_ANCHORED = ("yaml-syntax", "an anchor stands before an operator", "put the whole value in quotes")


class _ReadingEnds(Exception):
    """The reading ends; the reason is among the problems."""


def read(text: str, parser: Parser) -> tuple[list[YamlDocument], list[Problem]]:
    """Do what `load` of this room does, with a parser of choice and for any text, plain or not."""
    too_large = check_size(len(text))
    if too_large is not None:
        return [], [too_large]
    reader = _DocumentsReader(text.removeprefix("\ufeff"))
    reader.read(parser)
    return reader.documents, sorted(reader.problems, key=lambda problem: (problem.line, problem.column))


class _DocumentsReader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.documents: list[YamlDocument] = []
        self.problems: list[Problem] = []
        #: Plain scalars that mean something sure, and are not null.
        self.scalars: dict[str, Any] = {}
        self.keys: dict[str, str] = {}
        #: The mappings and lists that are open around the innermost; the first is the list that takes the root.
        self.stack: list[Any] = []
        #: Mappings that are open and hold `_MERGE` or `_NO_KEY`, with the place of that key.
        self.odd: list[tuple[Any, Any, tuple[int, int]]] = []
        #: What this document's anchors stand for.
        self.anchors: dict[str, Any] = {}
        self.expansion = Expansion()
        #: The event that began this document, the problems known before it, and whether it has equal keys, or nothing.
        self.begin: Any = None
        self.known = 0
        self.repeats = False
        self.blank = False

    def read(self, parser: Parser) -> None:
        try:
            self._events(parser(self.text))
        except (ReaderError, UnicodeEncodeError):
            self.problems.append(forbidden_character(self.text))
        except _ReadingEnds:
            pass
        if self.repeats:
            self._name_first(len(self.text))

    def _events(self, source: EventSource) -> None:  # noqa: C901 - one loop without calls, see below
        # This loop costs about a quarter of what creating the events does, so it keeps in locals all that a scalar
        # meets, and calls methods only for what is rare. A key and its scalar value are taken in one turn. Without a
        # `!` or `&` in the whole text no node is `decorated` by a tag or an anchor.
        scalar, alias = yaml.ScalarEvent, yaml.AliasEvent
        mapping_start, mapping_end = yaml.MappingStartEvent, yaml.MappingEndEvent
        sequence_start, sequence_end = yaml.SequenceStartEvent, yaml.SequenceEndEvent
        document_start, document_end = yaml.DocumentStartEvent, yaml.DocumentEndEvent
        get_event = source.get_event
        known_scalar, known_key = self.scalars.get, self.keys.get
        decorated = "!" in self.text or "&" in self.text
        stack, odd = self.stack, self.odd
        key: Any = None
        event: Any = None
        top: Any = []
        in_mapping = False
        root: Any = None
        lines: dict[str, int] = {}
        # the list whose elements' lines go to `marks`: first the one that takes the root, then the root's `items`
        marked: Any = top
        marks: list[int] = []
        try:
            while True:
                event = get_event()
                kind = type(event)
                if in_mapping:
                    if kind is scalar:
                        key = known_key(event.value)
                        if key is None:
                            key = self._key(event, top)
                        if decorated and (event.anchor is not None or event.tag is not None):
                            self._decoration(event, key, key)
                        if key in top:
                            self._repeat(event, key)
                        event = get_event()
                        kind = type(event)
                        if kind is scalar:
                            value = event.value
                            if not event.style:
                                value = known_scalar(value)
                                if value is None:
                                    value = self._scalar(event, key)
                            if decorated and (event.anchor is not None or event.tag is not None):
                                self._decoration(event, value, key)
                            top[key] = value
                            if top is root:
                                lines[key] = event.start_mark.line + 1
                            continue
                    elif kind is mapping_end:
                        if odd:
                            self._finish(top, lines if top is root else {})
                        top = stack.pop()
                        in_mapping = type(top) is dict
                        continue
                    else:
                        key = self._odd_key(event, source, top)
                        event = get_event()
                        kind = type(event)
                elif kind is scalar:
                    value = event.value
                    if not event.style:
                        value = known_scalar(value)
                        if value is None:
                            value = self._scalar(event, None)
                    if decorated and (event.anchor is not None or event.tag is not None):
                        self._decoration(event, value, None)
                    top.append(value)
                    if top is marked:
                        marks.append(event.start_mark.line + 1)
                    continue
                elif kind is sequence_end:
                    top = stack.pop()
                    in_mapping = type(top) is dict
                    continue

                if kind is mapping_start or kind is sequence_start:
                    value = {} if kind is mapping_start else []
                    if decorated and (event.anchor is not None or event.tag is not None):
                        self._decoration(event, value, key if in_mapping else None)
                elif kind is alias:
                    value = self._alias(event, top, key if in_mapping else None)
                elif kind is scalar:  # behind a key that was no scalar
                    value = event.value if event.style else self._scalar(event, key)
                    self._decoration(event, value, key)
                elif event is None:
                    return
                else:
                    if kind is document_end:
                        self._end(event, top[0], lines, marks)
                    elif kind is document_start:
                        self.begin = event
                        if decorated:
                            self.anchors.clear()
                        top = marked = []
                        root, lines, marks = None, {}, []
                    continue
                if in_mapping:
                    top[key] = value
                    if top is root:
                        lines[key] = event.start_mark.line + 1
                else:
                    top.append(value)
                    if top is marked:
                        marks.append(event.start_mark.line + 1)
                if kind is mapping_start or kind is sequence_start:
                    if top is root and key == "items" and kind is sequence_start:
                        marked = value
                    stack.append(top)
                    top = value
                    in_mapping = kind is mapping_start
                    if len(stack) > MAX_DEPTH:
                        self._too_deep(event)
                    elif in_mapping and len(stack) == 1:
                        root = value
        except ReaderError:
            raise
        except yaml.YAMLError as error:
            problem = syntax_problem(self.text, error, event, self._names(key))
            # an expression that a comment cuts off between brackets takes their end with it, and is told already
            if not (problem.hint == CLOSE and any(earlier.line == problem.line for earlier in self.problems[-1:])):
                self.problems.append(problem)

    def _end(self, event: Any, value: Any, lines: dict[str, int], marks: list[int]) -> None:
        """Keep the document that ends, unless it has no content."""
        problems, known = len(self.problems), self.known
        if self.repeats:
            self._name_first(event.end_mark.index)
        self.known = problems
        if self.blank:
            self.blank = False
            return
        listed = value.get("items") if type(value) is dict else None
        if type(listed) is list and len(marks) - 1 != len(listed):
            # they came through an alias or a merge
            marks = [marks[0], *[lines["items"]] * len(listed)]
        self.documents.append(YamlDocument(value, marks[0], lines, tuple(marks[1:]), problems > known))

    def _scalar(self, event: Any, key: Any) -> Any:
        """Return the value of a plain scalar that is new, or null, or wrong each time that it comes."""
        text = event.value
        if not text:
            self.blank = not self.stack
            return None
        value: Any = text
        if text[0] in SPECIAL:
            value = resolve(text)
            if type(value) is Doubt:
                self._doubt(event, value, key)
                return text
        if unfinished(text):
            self._check_cut(event, key)
        elif len(self.scalars) < _REMEMBERED and value is not None:
            self.scalars[text] = value
        return value

    def _key(self, event: Any, top: Any) -> Any:
        """Return the key that a scalar is, which is new, or wrong each time that it comes."""
        text = event.value
        doubt = resolve(text)
        sure = text and text != "<<" and not (isinstance(doubt, Doubt) and doubt.code == "ambiguous-scalar")
        if sure:
            return self.keys.setdefault(text, text) if len(self.keys) < _REMEMBERED else text
        if event.style:
            return text
        if text == "<<":
            self.odd.append((top, _MERGE, _place(event)))
            return _MERGE
        if isinstance(doubt, Doubt):
            self._doubt(event, doubt, None)
            return text
        self.odd.append((top, _NO_KEY, _place(event)))
        self._tell(event, "yaml-key", "there is no key before this `:`")
        return _NO_KEY

    def _odd_key(self, event: Any, source: EventSource, top: Any) -> Any:
        """Return the key that an alias is, or skip one that is a mapping or a list."""
        if type(event) is yaml.AliasEvent:
            key = self._alias(event, top, None)
            if type(key) is str:
                if key in top:
                    self._repeat(event, key)
                return key
            if key is not None:
                self._tell(event, "yaml-key", "a key is a text, and this alias stands for none")
        else:
            self._tell(event, "yaml-key", "a key is a text, not a list or a mapping", "quote what is meant as text")
            depth = 1
            while depth:
                inner = source.get_event()
                depth += isinstance(inner, yaml.CollectionStartEvent) - isinstance(inner, yaml.CollectionEndEvent)
                if len(self.stack) + depth > MAX_DEPTH:
                    self._too_deep(inner)
        self.odd.append((top, _NO_KEY, _place(event)))
        return _NO_KEY

    def _finish(self, mapping: dict[Any, Any], lines: dict[Any, int]) -> None:
        """Merge into a mapping what its `<<` says, and take out what had no key."""
        while self.odd and self.odd[-1][0] is mapping:
            _, key, place = self.odd.pop()
            value = mapping.pop(key, None)
            line = lines.pop(key, place[0])
            if key is _NO_KEY or value is None:
                continue
            for source in value if type(value) is list else [value]:
                if type(source) is not dict:
                    message = "`<<` takes a mapping or a list of mappings"
                    self._add(Problem(*place, "yaml-merge", message, "such as <<: *anchor"))
                    continue
                for name, member in source.items():
                    if name not in mapping:
                        mapping[name] = member
                        lines[name] = line

    def _decoration(self, event: Any, value: Any, key: Any) -> None:
        """Refuse a tag, and keep what an anchor stands for."""
        bare = type(event) is yaml.ScalarEvent or event.tag == "!="
        if event.anchor is not None:
            self.anchors[event.anchor] = value
        index = event.start_mark.index
        if event.tag is None:
            # `if: &a == b` is an anchor and the text `== b`
            if bare and not event.style and event.value and event.value[0] in OPERATORS:
                line = line_at(self.text, index)
                self._tell(event, *((line and expression_mistake(line, "", self._names(key))) or _ANCHORED))
            return
        bare = bare and self.text[index : index + 2] not in ("!!", "!<")
        line = line_at(self.text, index) if bare else None
        mistake = expression_mistake(line, "", self._names(key)) if line else None
        self._tell(event, *(mistake or ("yaml-tag", "tags are not allowed", "take the tag out; quote what is text")))

    def _alias(self, event: Any, top: Any, key: Any) -> Any:
        """Return what an alias stands for, or None where that is nothing or without end."""
        name = event.anchor
        if name not in self.anchors:
            names = self._names(key)
            shown = f"`&{short(name)}`" if may_show(*names) else "of this name"
            line = line_at(self.text, event.start_mark.index)
            mistake = expression_mistake(line, "", names) if line and key is not _MERGE else None
            hint = mistake[2] if mistake else "an anchor stands in the same document, before its aliases"
            self._tell(event, "yaml-alias", f"there is no anchor {shown} above for this alias", hint)
            return None
        value = self.anchors[name]
        if value is top or any(value is element for element in self.stack):
            self._tell(event, "yaml-alias", "this alias stands inside its own anchor, and would never end")
            return None
        if len(self.stack) + self.expansion.add(value) > MAX_DEPTH:
            self._too_deep(event)
        if self.expansion.total > MAX_ALIASED_NODES:
            message = f"the aliases of this file stand for more than {MAX_ALIASED_NODES} nodes"
            self._tell(event, "too-many-nodes", message, "write out what they stand for, or split the file")
            raise _ReadingEnds
        return value

    def _check_cut(self, event: Any, key: Any) -> None:
        """Report an expression that was cut off before it was complete."""
        mistake = cut_mistake(self.text, event.start_mark.index, event.end_mark.index, self._names(key))
        if mistake is not None:
            self._tell(event, *mistake)

    def _doubt(self, event: Any, doubt: Doubt, key: Any) -> None:
        text = event.value
        show = short(text) == text and may_show(*self._names(key))
        message = f"unquoted `{text}` {doubt.reason}" if show else f"this unquoted value {doubt.reason}"
        self._tell(event, doubt.code, message, doubt.hint if show else "put it in quotes")

    def _repeat(self, event: Any, key: Any) -> None:
        if key is _NO_KEY:  # told already
            return
        self.repeats = True
        name, hint = ("<<", "<<: [*a, *b] merges several") if key is _MERGE else (short(key), "keep one of them")
        self._tell(event, "duplicate-key", f"the key `{name}` stands twice in one mapping", hint)

    def _name_first(self, stop: int) -> None:
        """Say in the duplicate keys of this document where each stood first, which takes a second reading."""
        self.repeats = False
        mark = self.begin.start_mark
        tree = document_tree(self.text, mark.index - mark.column, stop, mark.line)
        for index, problem in enumerate(self.problems[self.known :], self.known):
            first = tree.repeated.get((problem.line, problem.column))
            if problem.code == "duplicate-key" and first is not None:
                message = f"{problem.message}, first in line {first}"
                self.problems[index] = Problem(problem.line, problem.column, problem.code, message, problem.hint)

    def _too_deep(self, event: Any) -> NoReturn:
        self._tell(event, "too-deep", f"more than {MAX_DEPTH} mappings and lists are nested here")
        raise _ReadingEnds

    def _names(self, key: Any) -> list[str]:
        """Return the keys that a node stands below; `key` is its own."""
        outer = [next(reversed(element), None) for element in self.stack if type(element) is dict]
        return [name for name in (*outer, key) if type(name) is str]

    def _tell(self, event: Any, code: str, message: str, hint: str = "") -> None:
        self._add(Problem(*_place(event), code, message, hint))

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            message = f"reading stopped after {MAX_PROBLEMS} problems"
            self.problems.append(Problem(problem.line, problem.column, "too-many-problems", message))
            raise _ReadingEnds


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
