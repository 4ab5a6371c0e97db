"""Text to tokens, exactly as the server cuts it.

Law: cutting needs no context and keeps every oddity of the server; what a word means is decided elsewhere.

The oddities: a single `=` swallows the character after it, whatever it is, unless that makes `==`, `=>` or `=<`. A
backslash inside a string protects the next character and stays there; `n`, `r` and `t` after it become the control
character. `}` ends the text. `-` is a sign at the start and after `(`, `,` and binary operators, else a subtraction.
A word may hold dots, after a dot also colons, and right after a dot an asterisk. Only space, CR and LF separate.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from reconciler.expression.language import ExpressionError

TokenKind = Literal["word", "text", "unary", "binary", "(", ")", "[", "]", ",", "matches", "system", "metric"]


class Token(NamedTuple):
    """One token. `value` is a word, a string's value or an operator; `source` is how it is written."""

    kind: TokenKind
    value: str
    source: str
    #: Where it begins, in characters from 1.
    column: int


_WORD = r"[A-Za-z0-9_$]*\.(?:[A-Za-z0-9_$.:]|(?<=\.)\*)*|[A-Za-z0-9_$]+"
_PIECE = re.compile(
    rf"(?P<word>{_WORD})|(?P<blank>[ \r\n]+)|(?P<operator>&&?|\|\|?|=[\x00-\x7f]?|>=?|<=?|!=?|[-+*/^])"
    r"|(?P<mark>[(),\[\]])|(?P<quote>['\"])|(?P<end>\})"
)
#: Strings end at the first quote that no backslash precedes: two backslashes protect the quote as one does.
_STRING = {"'": re.compile(r"'(.*?)(?<!\\)'", re.DOTALL), '"': re.compile(r'"(.*?)(?<!\\)"', re.DOTALL)}
_ESCAPED = re.compile(r"(?<=\\)[nrt]")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
#: White space as the three forms with a literal first argument skip it: here a tab is allowed.
_GAP = re.compile(r"[ \t\n\f\r]*")
_FORMS: dict[str, TokenKind] = {"matches": "matches", "system": "system", "metric": "metric"}
_MARKS: dict[str, TokenKind] = {"(": "(", ")": ")", "[": "[", "]": "]", ",": ","}
_CANONICAL = {"&": "&&", "|": "||", "=>": ">=", "=<": "<="}


def lex(text: str) -> tuple[list[Token], str]:
    """Cut a text into tokens. The second value is the rest that the server ignores, from a `}` on, or "".

    Raises:
        ExpressionError: the text holds a character, or a string without an end, that the server refuses.
    """
    tokens: list[Token] = []
    position, end = 0, len(text)
    signed = True  # whether a `-` here would be a sign
    piece = _PIECE.match
    while position < end:
        match = piece(text, position)
        if match is None:
            raise _strange(text, position)
        kind = match.lastgroup
        source = match[0]
        column = position + 1
        if kind == "blank":
            position = match.end()
        elif kind == "word":
            position = match.end()
            signed = False
            if source in _FORMS and text.startswith("(", position):
                token, position = _form(text, match.start(), source)
                tokens += token, Token("(", "(", "(", column + len(source))
                signed = True
            else:
                tokens.append(Token("word", source, source, column))
        elif kind == "operator":
            position = match.end()
            token = _operator(source, column, signed)
            if source == "=" and position < end:
                raise _strange(text, position)
            tokens.append(token)
            signed = token.kind == "binary"
        elif kind == "mark":
            position = match.end()
            tokens.append(Token(_MARKS[source], source, source, column))
            signed = source in "(,"
        elif kind == "quote":
            token, position = _string(text, position)
            tokens.append(token)
            signed = False
        else:
            return tokens, text[position:]
    return tokens, ""


def tokens(text: str) -> tuple[tuple[str, ...], ...]:
    """Return what tells one text from another apart from white space that means nothing. Never raises.

    A text that cannot be cut stands for itself. Quotes and spellings (`&`, `&&`) are kept apart.
    """
    try:
        tokens, ignored = lex(text)
    except ExpressionError:
        return (("", text),)
    return (*((token.kind, _spelled(token)) for token in tokens), *((("}", ignored),) if ignored else ()))


def same(first: str, second: str) -> bool:
    """Say whether two texts are the same expression, written with more or less white space."""
    return first == second or tokens(first) == tokens(second)


def _operator(source: str, column: int, signed: bool) -> Token:
    if source == "!" or (source == "-" and signed):
        return Token("unary", source, source, column)
    if source[0] == "=" and source not in ("==", "=>", "=<"):
        return Token("binary", "==", source, column)
    return Token("binary", _CANONICAL.get(source, source), source, column)


def _spelled(token: Token) -> str:
    # Where `=` swallowed white space, it does not matter which, or whether there was any at the end of the text.
    if token.kind == "binary" and token.value == "==" and token.source[1:] in ("", " ", "\t", "\r", "\n"):
        return "="
    return token.source


def _string(text: str, position: int) -> tuple[Token, int]:
    match = _STRING[text[position]].match(text, position)
    if match is None:
        raise ExpressionError("this string has no end", position + 1, "syntax", text[position])
    value = _ESCAPED.sub(lambda escaped: _CONTROLS[escaped[0]], match[1]) if "\\" in match[1] else match[1]
    return Token("text", value, match[0], position + 1), match.end()


def _form(text: str, start: int, name: str) -> tuple[Token, int]:
    """Cut `matches('…',`, `system('…'` or `metric('…'`: the server wants a literal right after the parenthesis."""
    position = _gap(text, start + len(name) + 1)
    if text[position : position + 1] not in ("'", '"'):
        raise ExpressionError(f"{name} wants a string literal as its first argument", position + 1, "syntax", name)
    literal, position = _string(text, position)
    if name == "matches":
        position = _gap(text, position)
        if not text.startswith(",", position):
            raise ExpressionError("matches wants a comma after the pattern, and a value", position + 1, "arity", name)
        position += 1
    return Token(_FORMS[name], literal.value, literal.source, start + 1), position


def _gap(text: str, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match else position


def _strange(text: str, position: int) -> ExpressionError:
    character = text[position]
    shown = f"the character {character!r}" if character.isprintable() else f"a character U+{ord(character):04X}"
    hint = " (only spaces and line ends may separate)" if character == "\t" else ""
    return ExpressionError(f"{shown} cannot stand outside a string{hint}", position + 1, "syntax", character)
