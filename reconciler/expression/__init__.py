"""The language of Stalwart's expressions: reading them as the server does, and telling what they give.

Law: it knows the language and nothing of kinds; where an expression stands, its caller says with a `Context`.

    text -> lex -> tokens -> parse -> Tree -> compiled -> instructions -> evaluate -> Value
                                      {"match": …, "else": …} -> parse_if -> Block -> decide -> Decision
"""

from reconciler.expression.decide import Block, Branch, Decision, decide, evaluate_if, parse_if
from reconciler.expression.envelope import FIELDS, GivenError, envelope, eval_line, from_wire, wire
from reconciler.expression.evaluate import Captures, Lookups, evaluate, normal_question
from reconciler.expression.grammar import parse
from reconciler.expression.language import ARITY, LAST_ERRORS, LOOKUPS, SOURCES, Context, ExpressionError, vocabulary
from reconciler.expression.regex import Verdict, verdict
from reconciler.expression.tokens import same, tokens
from reconciler.expression.tree import (
    Adjacent,
    Binary,
    Call,
    Capture,
    Commas,
    ConstantName,
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
    bare,
    unparse,
    walk,
)
from reconciler.expression.values import Constant, Empty, EvaluationError, Known, Unknown, Value, truth

__all__ = [
    "ARITY",
    "FIELDS",
    "LAST_ERRORS",
    "LOOKUPS",
    "SOURCES",
    "Adjacent",
    "Binary",
    "Block",
    "Branch",
    "Call",
    "Capture",
    "Captures",
    "Commas",
    "Constant",
    "ConstantName",
    "Context",
    "Decision",
    "Empty",
    "EvaluationError",
    "ExpressionError",
    "GivenError",
    "Global",
    "Group",
    "Index",
    "Known",
    "ListOf",
    "Literal",
    "Lookups",
    "Matches",
    "Missing",
    "Node",
    "Reading",
    "Tree",
    "Unary",
    "Unknown",
    "Value",
    "Variable",
    "Verdict",
    "bare",
    "decide",
    "envelope",
    "eval_line",
    "evaluate",
    "evaluate_if",
    "from_wire",
    "normal_question",
    "parse",
    "parse_if",
    "same",
    "tokens",
    "truth",
    "unparse",
    "verdict",
    "vocabulary",
    "walk",
    "wire",
]
