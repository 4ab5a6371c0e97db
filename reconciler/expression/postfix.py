"""A tree to the instructions that the server runs: postfix, with jumps over the right side of `&&` and `||`.

Law: instructions come in the order in which the tree stands in the text, so odd texts run as oddly as they do there.
"""

from __future__ import annotations

from typing import Literal as Choice
from typing import NamedTuple

from reconciler.expression.language import ARITY
from reconciler.expression.tree import (
    Binary,
    Captured,
    ConstantName,
    FunctionCall,
    Global,
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

Operation = Choice[
    "push", "variable", "constant", "capture", "unary", "binary", "call", "index", "list", "matches", "reading", "jump"
]


class Instruction(NamedTuple):
    """One step. `name` is a variable, function, operator or pattern; `value` what is pushed; `number` takes arguments.

    A `jump` goes to `number` if the topmost value is as true as `value` says.
    """

    operation: Operation
    name: str = ""
    value: str | int | float = ""
    number: int = 0


def compiled(tree: Tree) -> tuple[Instruction, ...]:
    """Return the instructions of a tree. A tree keeps them: to compare trees takes longer than to run one."""
    kept: tuple[Instruction, ...] | None = tree.__dict__.get("code")
    if kept is None:
        kept = tree.__dict__["code"] = _compiled(tree)
    return kept


def _compiled(tree: Tree) -> tuple[Instruction, ...]:
    code: list[Instruction] = []
    jumps: list[int] = []
    pending: list[Node | Instruction] = [tree.root]
    while pending:
        step = pending.pop()
        if isinstance(step, Instruction):
            if step.operation == "jump":
                jumps.append(len(code))
            code.append(step)
            if step.operation == "binary" and step.name in ("&&", "||"):
                start = jumps.pop()
                code[start] = code[start]._replace(number=len(code))
        elif isinstance(step, Binary):
            if step.operator in ("&&", "||"):
                jump = Instruction("jump", value=int(step.operator == "||"))
                pending += (Instruction("binary", step.operator), step.right, jump, step.left)
            else:
                pending += (Instruction("binary", step.operator), step.right, step.left)
        else:
            last = _last(step)
            if last is not None:
                pending.append(last)
            pending.extend(reversed(step.parts))
    return tuple(code)


def _last(node: Node) -> Instruction | None:
    """Return the instruction that comes after those of a node's parts; groups and missing operands have none."""
    match node:
        case Literal(value=value):
            return Instruction("push", value=value)
        case Variable(name=name):
            return Instruction("variable", name)
        case ConstantName(name=name):
            return Instruction("constant", name)
        case Captured(number=number):
            return Instruction("capture", number=number)
        case Global():
            return Instruction("push", value=0)
        case Unary(operator=operator):
            return Instruction("unary", operator)
        case FunctionCall(name=name):
            return Instruction("call", name, number=ARITY[name])
        case Matches(pattern=pattern):
            return Instruction("matches", pattern)
        case Reading(form=form, name=name):
            return Instruction("reading", f"{form}('{name}')")
        case Index():
            return Instruction("index")
        case ListOf(size=size):
            return Instruction("list", number=size)
        case Missing():
            return None
    return None
