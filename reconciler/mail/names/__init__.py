"""Which names the expressions of an object can give, and which of those lead nowhere.

Law: pure; which expressions name objects of which kind, the catalogue says, and what each can give, `possible` traces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reconciler.kinds import Catalogue, Language, context_of
from reconciler.mail.names.given import LONGEST, Possible, PossibleText
from reconciler.values import Address, get_close_matches, unquote

if TYPE_CHECKING:
    from reconciler.expression import Context

#: The name that the server looks up where an expression gives no text (Stalwart 0.16.19).
NO_TEXT = "default"


class Mention(Struct, frozen=True, kw_only=True):
    """A name that an expression of an object can give, or that cannot be told."""

    origin: Address
    #: Wire pointer of the part that gives it, such as `route/match/0/then`.
    pointer: str
    #: The kind that is named.
    kind: str
    name: str = ""
    #: Where in the expression, in characters from 1.
    column: int = 1
    #: Why the name cannot be told; "" where it can.
    because: str = ""
    #: The server resolves the name without an object.
    builtin: bool = False
    #: It is the '' past the end of a list, which not every message reaches.
    past_end: bool = False

    @property
    def target(self) -> Address:
        """The object that is named."""
        return Address(self.kind, self.name)


class ResultFault(Struct, frozen=True, kw_only=True):
    """A result that is no text where the server wants a name: it looks up `default` instead."""

    origin: Address
    pointer: str
    kind: str
    #: What the result is, such as `the number 5`.
    what: str
    column: int
    #: `default` works there without an object.
    builtin: bool = False


def mentions(catalogue: Catalogue, address: Address, wire: Mapping[str, Any]) -> tuple[Mention, ...]:
    """Return every name that an object's expressions can give, in the order of its properties and branches.

    A part that depends on the message gives a mention without a name, with the reason in `because`.
    """
    return tuple(_mentions(catalogue, address, wire))


def _mentions(catalogue: Catalogue, address: Address, wire: Mapping[str, Any]) -> Iterator[Mention]:
    for pointer, language, possible in _parts(catalogue, address.kind, wire):
        kind = language.names
        if possible is None:
            yield Mention(origin=address, pointer=pointer, kind=kind, because="the server would refuse this expression")
            continue
        for possible_text in possible.texts:
            yield Mention(
                origin=address,
                pointer=pointer,
                kind=kind,
                name=possible_text.text,
                column=possible_text.column,
                builtin=possible_text.text in language.builtins,
                past_end=possible_text.past_end,
            )
        for dark in possible.untold:
            yield Mention(origin=address, pointer=pointer, kind=kind, column=dark.column, because=dark.because)


def result_faults(catalogue: Catalogue, address: Address, wire: Mapping[str, Any]) -> tuple[ResultFault, ...]:
    """Return every result that is no text where an object's expressions are to give a name."""
    faults: list[ResultFault] = []
    for pointer, language, possible in _parts(catalogue, address.kind, wire):
        builtin = NO_TEXT in language.builtins
        faults += [
            ResultFault(
                origin=address,
                pointer=pointer,
                kind=language.names,
                what=other.result,
                column=other.column,
                builtin=builtin,
            )
            for other in (possible.others if possible is not None else ())
        ]
    return tuple(faults)


def dangling(mentions: Iterable[Mention], known: Mapping[str, Collection[str]]) -> tuple[Mention, ...]:
    """Return the mentions of names that no object has.

    Args:
        mentions: what is named.
        known: the names of all objects, by kind; a kind that is not in it cannot be judged.
    """
    return tuple(
        mention
        for mention in mentions
        if not mention.because
        and not mention.builtin
        and mention.kind in known
        and mention.name not in known[mention.kind]
    )


def suggestions(name: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """Return the names that could have been meant, the likeliest first: another case, blanks, a slip of the pen."""
    names = sorted(set(known))
    folded = name.strip().casefold()
    same = [other for other in names if other.strip().casefold() == folded]
    if same or len(name) > 256 or not folded:
        return tuple(same[:most])

    return tuple(get_close_matches(name, [other for other in names if len(other) <= 256], most, 0.7))


def results_of(expression: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the text of every part of an expression that says what it gives, in the order of trying."""
    branches = expression.get("match")
    for key, branch in branches.items() if isinstance(branches, Mapping) else ():
        if isinstance(branch, Mapping) and isinstance(branch.get("then"), str):
            yield f"match/{key}/then", branch["then"]
    if isinstance(expression.get("else"), str):
        yield "else", expression["else"]


def _parts(catalogue: Catalogue, name: str, wire: Mapping[str, Any]) -> Iterator[tuple[str, Language, Possible | None]]:
    """Yield every part of an object that gives a name: its pointer, and what it can give; None if it is refused."""
    kind = catalogue.kinds[name]
    for field, prop in kind.expressions(str(wire.get("@type", ""))):
        value, language = wire.get(field), prop.language
        if language is None or not language.names or not isinstance(value, Mapping):
            continue
        for pointer, text in results_of(value):
            # A name alone, which most parts are, gives itself; the language is loaded for the rest only.
            possible = _alone(text) or _traced(text, context_of(catalogue, prop))
            yield f"{field}/{pointer}", language, possible


def _alone(text: str) -> Possible | None:
    name = unquote(text)
    return None if name is None or len(name) > LONGEST else Possible((PossibleText(name, 1),))


@lru_cache(maxsize=4096)
def _traced(text: str, context: Context) -> Possible | None:
    from reconciler.expression import ExpressionError, parse
    from reconciler.mail.names.possible import returned

    try:
        return returned(parse(text, context))
    except ExpressionError:
        return None
