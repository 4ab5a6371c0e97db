"""Tokens to a tree: which texts the server accepts, and what it understands by them.

Law: acceptance and structure are the server's, with every leniency, since a text that passes here is sent.

The server turns tokens into postfix with two stacks, of operators and of argument counts. Both are kept here as one
stack of frames: an open parenthesis, list or index, or a function whose parenthesis has not come yet. Inside a frame
stand the finished parts (before commas), the operators that wait for their right side, and the values since the last
of these. Nothing checks that values and operators alternate; only the counts of arguments are compared:

* a value adds one to the count of the innermost function, list or index, a binary operator takes one away;
* a function, and an index (which begins at one), wants its exact count when its parenthesis closes;
* a list wants as many as there were values directly after `[`, a comma or another value, so that an element that
  begins with `(`, `!` or a sign is one too many;
* `)` closes a function if the function is what waits right below, even where values stand in between.
"""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.expression.language import (
    ARITY,
    INT_MAX,
    PRECEDENCE,
    SYSTEM,
    Context,
    ExpressionError,
    miscounted,
    misnamed,
)
from reconciler.expression.lexer import Token, lex
from reconciler.expression.regex import verdict
from reconciler.expression.tree import (
    Adjacent,
    Binary,
    Captured,
    Commas,
    ConstantName,
    FunctionCall,
    Global,
    Group,
    Index,
    ListOf,
    Literal,
    Matches,
    Missing,
    Node,
    Reading,
    Tree,
    Unary,
    Variable,
)

_FLOAT = re.compile(r"[0-9]+\.[0-9]*|\.[0-9]+")
#: What may be the name of a variable that is not known here, and words that are something else.
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_KNOWN = frozenset(("true", "false", "and", "or", "not"))
_DURATION = re.compile(r"([0-9]+)(ms|[smhd])", re.IGNORECASE)
_MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_CLOSES = {"(": ")", "[": "]"}

#: What a metric may be called; which ones the server has, only it knows.
_METRIC = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+\Z")


@lru_cache(maxsize=8192)
def parse(text: str, context: Context) -> Tree:
    """Read an expression as the server does where it is saved.

    Raises:
        ExpressionError: the server refuses it in this context.
    """
    tokens, ignored = lex(text)
    return Tree(_Parser(context).read(tokens, len(text) + 1), ignored)


class _Operator:
    """An operator that waits for its right side; `left` is what a binary one took, or what stood before a unary one."""

    __slots__ = ("left", "precedence", "token")

    def __init__(self, token: Token, precedence: int, left: list[Node]) -> None:
        self.token = token
        self.precedence = precedence
        self.left = left


class _Frame:
    """Something open: `kind` is `(`, `[`, `index`, `call`, or "" for the whole text."""

    __slots__ = ("count", "kind", "operators", "parts", "size", "token", "values")

    def __init__(self, kind: str, token: Token, count: int = 0) -> None:
        self.kind = kind
        self.token = token
        self.parts: list[Node] = []
        self.operators: list[_Operator] = []
        self.values: list[Node] = []
        #: Arguments counted so far, and (in a list) the values that stood where an element begins.
        self.count = count
        self.size = 0


class _Parser:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.frames = [_Frame("", Token("word", "", "", 1))]
        #: The frames that count arguments, innermost last.
        self.counting: list[_Frame] = []

    def read(self, tokens: list[Token], end: int) -> Node:
        indexable = False  # whether a `[` here would index what stands before it
        for token in tokens:
            kind = token.kind
            if kind == "binary":
                self.binary(token)
                indexable = False
            elif kind == "word":
                indexable = self.word(token)
            elif kind == "text":
                quote = token.source[0]
                self.value(Literal(token.column, token.value, "text", quote))
                indexable = False
            elif kind in (")", "]"):
                self.close(token)
                indexable = True
            else:
                self.other(token, indexable)
                indexable = False
        frame = self.frames[-1]
        if frame.kind:
            raise _unclosed(frame)
        parts = self.finish(frame, end)
        return parts[0] if len(parts) == 1 else Commas(1, parts) if parts else Missing(1)

    # -- values

    def value(self, node: Node) -> None:
        self.counted()
        self.frames[-1].values.append(node)

    def counted(self) -> None:
        if self.counting:
            self.counting[-1].count += 1
            frame = self.frames[-1]
            if frame.kind == "[" and not frame.operators:
                frame.size += 1

    def word(self, token: Token) -> bool:
        """Take a word, and say whether it can be indexed."""
        word, column = token.value, token.column
        if word in self.context.variables:
            self.value(Variable(column, word))
            return True
        if word in ARITY:
            self.open("call", token)
            return False
        if self.context.open and _NAME.fullmatch(word) and word not in _KNOWN and word not in self.context.constants:
            self.value(Variable(column, word))
            return True
        self.value(_meaning(word, column, self.context))
        return False

    # -- operators

    def binary(self, token: Token) -> None:
        if self.counting:
            self.counting[-1].count -= 1
        frame = self.frames[-1]
        precedence = PRECEDENCE[token.value]
        if frame.operators:
            self.reduce(frame, precedence)
        frame.operators.append(_Operator(token, precedence, frame.values))
        frame.values = []

    def other(self, token: Token, indexable: bool) -> None:
        frame = self.frames[-1]
        match token.kind:
            case "unary":
                frame.operators.append(_Operator(token, 0, frame.values))
                frame.values = []
            case ",":
                self.reduce(frame, 0)
                frame.parts.append(_beside(frame.values, token.column))
                frame.values = []
            case "(":
                self.frames.append(_Frame("(", token))
            case "[" if indexable:
                self.frames.append(_Frame("index", token, count=1))
                self.counting.append(self.frames[-1])
            case "[":
                self.open("[", token)
            case _:
                self.open("call", token)

    def reduce(self, frame: _Frame, precedence: int) -> None:
        """Finish the operators that bind at least as tightly; unary ones always do."""
        operators = frame.operators
        while operators:
            operator = operators[-1]
            token = operator.token
            right = frame.values
            if token.kind == "unary":
                operand = right[0] if len(right) == 1 else _beside(right, token.column)
                frame.values = [*operator.left, Unary(token.column, token.value, operand)]
            elif precedence <= operator.precedence:
                sides = _beside(operator.left, token.column), _beside(right, token.column)
                frame.values = [Binary(token.column, token.value, *sides, token.source)]
            else:
                return
            operators.pop()

    def finish(self, frame: _Frame, column: int) -> tuple[Node, ...]:
        """Return the parts of a frame that ends here; nothing at all gives no parts."""
        if frame.operators:
            self.reduce(frame, 0)
        if not frame.parts and not frame.values:
            return ()
        return (*frame.parts, _beside(frame.values, column))

    # -- parentheses

    def open(self, kind: str, token: Token) -> None:
        self.counted()
        self.frames.append(_Frame(kind, token))
        self.counting.append(self.frames[-1])

    def close(self, token: Token) -> None:
        frame = self.frames[-1]
        if not frame.kind:
            raise ExpressionError(f"a {token.value} without its opening", token.column, "syntax", token.value)
        if (frame.kind == "(") != (token.kind == ")") or frame.kind == "call":
            raise _unclosed(frame)
        inner = self.finish(self.frames.pop(), token.column)
        if frame.kind != "(":
            self.counting.pop()
            self.bracketed(frame, inner)
            return
        waiting = self.frames[-1]
        if waiting.kind == "call" and not waiting.operators:
            self.frames.pop()
            self.counting.pop()
            self.frames[-1].values.append(self.called(waiting, inner))
        else:
            waiting.values.append(Group(frame.token.column, inner))

    def bracketed(self, frame: _Frame, inner: tuple[Node, ...]) -> None:
        column = frame.token.column
        values = self.frames[-1].values
        if frame.kind == "index":
            if frame.count != 2:
                raise ExpressionError("an index wants one value", column, "syntax", "[")
            values.append(Index(column, values.pop(), inner))
        elif frame.count != frame.size:
            message = "the server miscounts this list: let no element begin with (, ! or a sign, or lack an operand"
            raise ExpressionError(message, column, "syntax", "[")
        else:
            values.append(ListOf(column, inner, frame.size))

    def called(self, frame: _Frame, inner: tuple[Node, ...]) -> Node:
        token, given = frame.token, frame.count
        column, name = token.column, token.value
        if token.kind == "word":
            if given != ARITY[name]:
                raise miscounted(name, ARITY[name], given, column)
            ahead = (*frame.parts, _beside(frame.values, column)) if frame.parts or frame.values else ()
            return FunctionCall(column, name, inner, ahead)
        quote = token.source[0]
        if token.kind == "matches":
            if given != 1:
                raise miscounted("matches", 2, given + 1, column)
            judged, because = verdict(name)
            if judged == "refused":
                raise ExpressionError(f"the pattern is no regular expression there: {because}", column, "regex", name)
            return Matches(column, name, inner, judged, quote)
        if given != 0:
            raise miscounted(token.kind, 1, given + 1, column)
        form = "system" if token.kind == "system" else "metric"
        if name not in SYSTEM if form == "system" else not _METRIC.match(name):
            raise ExpressionError(f"{form} knows no {name[:64]!r}", column, "unknown", name)
        return Reading(column, "system" if form == "system" else "metric", name, inner, quote)


def _beside(values: list[Node], column: int) -> Node:
    if len(values) == 1:
        return values[0]
    return Adjacent(values[0].column, tuple(values)) if values else Missing(column)


def _meaning(word: str, column: int, context: Context) -> Node:
    """Return what a word that is neither variable nor function stands for."""
    if word[0] == "$" and len(word) > 1:
        name = word[1:]
        number = _integer(name, 2**32 - 1) if name.isdigit() else None
        return Global(column, name) if number is None else Captured(column, number)
    if word in context.constants:
        return ConstantName(column, word)
    if word in ("true", "false"):
        return Literal(column, int(word == "true"), "boolean")
    if word.strip("0123456789.:*") == "" and word.strip(".:*"):
        return _number(word, column)
    duration = _DURATION.fullmatch(word)
    if duration:
        unit = _MILLISECONDS[duration[2].lower()]
        amount = _integer(duration[1], INT_MAX // unit)
        if amount is not None:
            return Literal(column, amount * unit, "duration")
    raise misnamed(word, context, column)


def _integer(digits: str, most: int) -> int | None:
    """Read digits, or return None where they exceed `most`. Python refuses to read very long ones."""
    significant = digits.lstrip("0") or "0"
    value = int(significant) if len(significant) <= 20 else most + 1
    return value if value <= most else None


def _number(word: str, column: int) -> Literal:
    if word.isdigit():
        value = _integer(word, INT_MAX)
        if value is not None:
            return Literal(column, value, "integer")
        raise ExpressionError("this integer needs more than 64 bits", column, "syntax", word[:64])
    if _FLOAT.fullmatch(word):
        return Literal(column, float(word), "float")
    raise ExpressionError(f"{word[:64]} is no number", column, "syntax", word[:64])


def _unclosed(frame: _Frame) -> ExpressionError:
    token = frame.token
    if frame.kind == "call":
        return ExpressionError(f"{token.value} is a function and wants ( )", token.column, "syntax", token.value)
    opening = "[" if frame.kind == "index" else frame.kind
    return ExpressionError(f"a {opening} without its {_CLOSES[opening]}", token.column, "syntax", opening)
