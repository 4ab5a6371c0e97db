"""A message that is in a part of all mail, as `given` of a routing test says it.

Law: what is returned was evaluated: every test of the part has the answer that the part says. Nothing is returned where
no such message was found among those tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from reconciler.expression import (
    FIELDS,
    LOOKUPS,
    NUMBERS,
    FunctionCall,
    GivenError,
    Known,
    Literal,
    Tree,
    Unknown,
    bare,
    envelope,
    evaluate,
    from_wire,
    walk,
)
from reconciler.mail.movement.formula import Test
from reconciler.mail.movement.regions import Box
from reconciler.mail.movement.space import Classes, Space, class_of, comes_to, judged, limits_of

Given = Mapping[str, Any]
#: Messages that are tried for one part.
MOST_TRIED = 6000
_GIVEN = {variable: field for field, (variable, _) in FIELDS.items() if variable}
_LOCAL = {"is_local_domain": "localDomains", "is_local_address": "localAddresses"}
_MISSING = "lookups has no "


class Witnesses(Struct):
    """Finds messages in the parts of one space. `fixed` holds what every message of it has."""

    space: Space
    start: tuple[int, ...]
    given: Given
    #: What possible mail keeps to, as `links_of` returns it.
    links: list[tuple[str, int, str, int]]

    def find(self, box: Box) -> Iterator[Given]:
        """Yield messages in a part, ordinary ones first."""
        masks, answers = box
        tests = [(self.space.tests[key], answer) for key, answer in answers]
        hashes = [name for name in self.space.variables if name.startswith("hash:")]
        searched = any(masks[place] != self.start[place] for place in self.places(hashes))
        reads = {name for test, _ in tests for name in test.reads} | {
            name for test in self.space.tests.values() if test.variable in hashes for name in test.reads
        }
        for values in islice(self.messages(masks, tests, reads, numbered=searched), MOST_TRIED):
            if not self.possible(values):
                continue
            given = self.shown(values)
            try:
                if searched and not self.hashed(given, masks, hashes):
                    continue
                message = answered(given, tests)
            except GivenError:  # no such address
                continue
            if message is not None:
                yield message

    def possible(self, values: Mapping[str, Known]) -> bool:
        """Whether values of several variables go together."""
        for one, first, two, second in self.links:
            in_first = first >> class_of(self.space.variables[one], values[one]) & 1
            if in_first and not second >> class_of(self.space.variables[two], values[two]) & 1:
                return False
        return True

    def places(self, names: list[str]) -> list[int]:
        """Return where some variables stand in a mask."""
        order = list(self.space.variables)
        return [order.index(name) for name in names]

    def messages(
        self, masks: tuple[int, ...], tests: list[tuple[Test, int]], reads: set[str], *, numbered: bool
    ) -> Iterator[dict[str, Known]]:
        """Yield values for every variable; those that the tests read vary."""
        bases = {"rcpt_domain": "rcpt.domain", "sender_domain": "sender.domain"}
        varied = {bases.get(name, name) for name in reads} | {test.variable for test, _ in tests}
        for side in ("rcpt", "sender"):
            varied |= {f"{side}.local", f"{side}.domain"} if side in varied else set()
        literals = _literals([test for test, _ in tests])
        dimensions: list[list[tuple[str, Known]]] = []
        for place, (name, classes) in enumerate(self.space.variables.items()):
            if name.startswith("hash:"):
                continue
            values = _values(classes, masks[place])
            if name in varied:
                values = values[:12] + [
                    value for value in _candidates(name, literals) if _fits(classes, masks[place], value)
                ]
                if name in ("rcpt.local", "sender.local") and (tests or numbered):
                    values += islice(_names(classes, masks[place]), 4000 if numbered else 60)
            elif not any(name in (one, two) for one, _, two, _ in self.links):
                values = values[:1]
            dimensions.append([(name, value) for value in dict.fromkeys(values)])
        if any("recipients" in test.reads for test, _ in tests):
            dimensions.append(
                [("recipients", text) for text in ("", *(literal for literal in literals if "@" in str(literal)))]
            )
        # What varies most stands last, where `product` is quickest to change it.
        dimensions.sort(key=len)
        for combined in product(*dimensions):
            yield dict(combined)

    def shown(self, values: Mapping[str, Known]) -> dict[str, Any]:
        """Return values as `given`."""
        given: dict[str, Any] = dict(self.given)
        for side, local, domain in (("rcpt", "b", "other.example"), ("sender", "a", "example.org")):
            if side in given:
                continue
            parts = (values.get(f"{side}.local", local), values.get(f"{side}.domain", domain))
            given[side] = "@".join(map(str, parts)) if any(parts) else ""
        for name, value in values.items():
            if name in _GIVEN and name != "recipients":
                given[_GIVEN[name]] = bool(value) if name == "is_tls" else value
        if values.get("recipients"):
            given["recipients"] = sorted({given["rcpt"], str(values["recipients"])})
        if given.get("retryNum", 0) == 0 and given.get("lastError", "none") == "none":
            given.pop("lastError", None)
        elif "lastError" not in given:
            given["lastError"] = "connection"
        return given

    def hashed(self, given: Given, masks: tuple[int, ...], hashes: list[str]) -> bool:
        """Whether the hashes of a message are in their ranges."""
        variables, _ = envelope(given)
        for name, place in zip(hashes, self.places(hashes), strict=True):
            if masks[place] == self.start[place]:
                continue
            tree = next(test.tree for test in self.space.tests.values() if test.variable == name)
            value, _ = evaluate(tree, variables) if tree else ("", ())
            if not isinstance(value, str) or not masks[place] >> class_of(self.space.variables[name], value) & 1:
                return False
        return True


def answered(given: dict[str, Any], tests: list[tuple[Test, int]]) -> Given | None:
    """Return a message with what the world has to say for some tests to have their answers, or None."""
    given = {**given, "localDomains": [], "localAddresses": []}
    lookups: dict[str, Any] = {}
    for test, answer in sorted(tests, key=lambda pair: (not pair[0].world, pair[0].key)):
        if test.tree is None:
            continue
        local = _LOCAL.get(next(iter(test.world), "")) if len(test.world) == 1 else None
        if local and answer:
            given[local] = [*given[local], *_asked(test.tree, given)]
        elif test.world:
            _answer(test, answer, given, lookups)
    if lookups:
        given["lookups"] = lookups
    if not given["localAddresses"]:
        del given["localAddresses"]
    whole = {"localAddresses": [], **given}
    return given if all(comes_to(test, *envelope(whole)) == answer for test, answer in tests) else None


def _asked(tree: Tree, given: Given) -> list[str]:
    """Return the domains or addresses that a test asks about."""
    variables, _ = envelope({**given, "localAddresses": []})
    asked = []
    for node in walk(tree):
        if isinstance(node, FunctionCall) and node.name in LOOKUPS:
            value, _ = evaluate(Tree(bare(node.arguments[0])), variables)
            if isinstance(value, str) and value:
                asked.append(value)
    return asked


def _answer(test: Test, answer: int, given: Given, lookups: dict[str, Any]) -> None:
    """Add answers of the world that bring a test to its own."""
    if test.tree is None:
        return
    literals = [node.value for node in walk(test.tree) if isinstance(node, Literal)]
    tries: list[Any] = [True, False, "", *literals, 0, 1, "x", 2**31, {"error": True}]
    for _ in range(4):
        variables, known = envelope({**given, "localAddresses": given.get("localAddresses", []), "lookups": lookups})
        value, _ = evaluate(test.tree, variables, (), known)
        if not isinstance(value, Unknown):
            return
        question = value.because.removeprefix(_MISSING).removesuffix(" is not given")
        if "(" not in question:
            return
        for content in tries:
            more = replace(known, answers={**known.answers, question: from_wire(content)})
            tried, _ = evaluate(test.tree, variables, (), more)
            if isinstance(tried, Unknown) or judged(tried) == answer:
                lookups[question] = content
                break
        else:
            return


def _literals(tests: list[Test]) -> list[Known]:
    literals: list[Known] = []
    for test in tests:
        nodes = walk(test.tree) if test.tree else ()
        literals += [node.value for node in nodes if isinstance(node, Literal)]
    return literals


def _values(classes: Classes, mask: int) -> list[Known]:
    """Return the values of some classes, ordinary ones first."""
    places = [place for place in range(len(classes.values)) if mask >> place & 1]
    return [classes.values[place] for place in sorted(places, key=lambda place: (place != classes.usual, place))]


def _names(classes: Classes, mask: int) -> Iterator[str]:
    """Yield many names of users that are in some classes."""
    names = (f"{stem}{number}" for stem in ("user", "box") for number in range(1, 4000))
    return (name for name in names if _fits(classes, mask, name))


def _candidates(name: str, literals: list[Known]) -> Iterator[Known]:
    """Yield values near the literals of tests that are not taken apart: what they compare may be worked out."""
    if name in NUMBERS:
        numbers = [literal for literal in literals if isinstance(literal, int)]
        yield from dict.fromkeys([*(number + step for number in numbers for step in (0, -1, 1)), *range(10)])
        return
    for literal in literals:
        if isinstance(literal, str):
            # Of a network, the address before its length is inside.
            yield from dict.fromkeys((literal, literal.partition("/")[0]))


def _fits(classes: Classes, mask: int, value: Known) -> bool:
    """Whether a value that no class was made for is in one of some: it is judged when the message is evaluated."""
    if isinstance(value, int):
        low, high = limits_of(classes.name)
        return low <= value <= high and bool(mask >> class_of(classes, value) & 1)
    text = str(value)
    if ("rest", "") not in classes.labels or text in classes.values:
        return False
    plain = bool(text) and "@" not in text and text == text.lower()
    return plain and bool(mask >> class_of(classes, text) & 1)
