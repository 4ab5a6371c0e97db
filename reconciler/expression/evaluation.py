"""What an expression gives for a message, by the rules of the server's own machine.

Law: never raises, never runs long, and never guesses: what depends on anything that was not given is `Unknown`, and
where only part of it does, both ways are followed and what they agree on is kept.

The machine has one stack. It never runs dry: what is missing is ''. `&&` and `||` jump over their right side when the
left one decides, which leaves the left value itself as the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from reconciler.expression.automaton import effort, search
from reconciler.expression.functions import SQUARE, call
from reconciler.expression.grammar import parse
from reconciler.expression.language import ARITY, FAILING, LOOKUPS, Context, ExpressionError, vocabulary
from reconciler.expression.postfix import Instruction, compiled
from reconciler.expression.tree import FunctionCall, Reading, Tree, bare
from reconciler.expression.values import (
    Constant,
    Empty,
    EvaluationError,
    Known,
    Unknown,
    Value,
    add,
    calculate,
    compare,
    elements_of,
    identical,
    minus,
    position_of,
    text_of,
    truth,
)

#: What the groups of the last regular expression hold, from `$0`; Unknown where it is not certain which one was last.
Captures = tuple[str, ...] | Unknown
#: A stack as a chain (topmost value, rest, depth), so that a copy costs nothing.
Stack = tuple[Known | Unknown, Any, int] | None

#: Lists within lists, and units of work (about: characters, elements and steps of a search), that are tried at most.
DEEPEST = 50
MOST_WORK = 1_000_000


class Lookups(Struct, frozen=True):
    """What is known of the world outside. None means that nothing is; `answers` are keyed as `question` writes them."""

    local_domains: frozenset[str] | None = None
    local_addresses: frozenset[str] | None = None
    answers: Mapping[str, Value] = {}


def evaluate(
    tree: Tree, variables: Mapping[str, Value], captures: Captures = (), lookups: Lookups | None = None
) -> tuple[Value, Captures]:
    """Return what an expression gives, and the captures that it leaves for the next.

    A variable that is not in `variables` is unknown, and so is every lookup without an answer.
    """
    code = compiled(tree)
    if not code:
        return Empty(), captures
    machine = _Machine(variables, captures, lookups or Lookups())
    try:
        return machine.run(code), machine.captures
    except _EvaluationEnds as stop:
        lost = stop.value if isinstance(stop.value, Unknown) else machine.captures
        return stop.value, lost


def question(name: str, arguments: tuple[Known, ...]) -> str:
    """Return how a lookup is asked for: `key_exists('store','key')`, whatever types the arguments have."""
    return f"{name}({','.join(f'{text_of(argument)!r}' for argument in arguments)})"


def normal_question(text: str) -> str:
    """Return a lookup that a person wrote as `question` writes it.

    Raises:
        ExpressionError: it is not one call of a lookup, `system` or `metric`, with plain values.
    """
    tree = parse(text, Context(frozenset(), frozenset(vocabulary().constants)))
    root = bare(tree.root)
    if isinstance(root, Reading) and not root.arguments:
        return question(root.form, (root.name,))
    if isinstance(root, FunctionCall) and root.name in LOOKUPS and not root.ahead:
        values = [evaluate(Tree(argument), {})[0] for argument in root.arguments]
        known = [value for value in values if not isinstance(value, Empty | EvaluationError | Unknown)]
        if len(known) == ARITY[root.name]:
            return question(root.name, tuple(known))
    raise ExpressionError("this is no lookup with plain values, like key_exists('store', 'key')", 1)


class _EvaluationEnds(Exception):
    """The evaluation ends here, with this."""

    def __init__(self, value: EvaluationError | Unknown) -> None:
        super().__init__()
        self.value = value


class _Fork(Struct):
    """A jump that may or may not be taken: where the two ways meet, and the state on the one that jumps."""

    meet: int
    stack: Stack
    captures: Captures
    because: str


class _Machine:
    def __init__(self, variables: Mapping[str, Value], captures: Captures, lookups: Lookups) -> None:
        self.variables = variables
        self.captures = captures
        self.lookups = lookups
        self.stack: Stack = None
        self.forks: list[_Fork] = []
        self.work = 0

    def run(self, code: tuple[Instruction, ...]) -> Value:
        position = 0
        while position < len(code):
            while self.forks and self.forks[-1].meet == position:
                self.meet(self.forks.pop())
            step = code[position]
            position += 1
            if step.operation == "jump":
                position = self.jump(step, position)
            else:
                self.push(self.step(step))
        while self.forks:
            self.meet(self.forks.pop())
        return self.pop()

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > MOST_WORK:
            raise _EvaluationEnds(Unknown("this is too much to try"))

    # -- the stack

    def push(self, value: Known | Unknown) -> None:
        self.stack = (value, self.stack, self.stack[2] + 1 if self.stack else 1)

    def pop(self) -> Known | Unknown:
        if self.stack is None:
            return ""
        value, self.stack, _ = self.stack
        return value

    def take(self, count: int) -> tuple[tuple[Known, ...], Unknown | None]:
        """Pop arguments, first one first; the second value is set where one of them is unknown."""
        taken = [self.pop() for _ in range(count)][::-1]
        unknown = next((value for value in taken if isinstance(value, Unknown)), None)
        return tuple(value for value in taken if not isinstance(value, Unknown)), unknown

    # -- ways that part and meet

    def jump(self, step: Instruction, position: int) -> int:
        top = self.stack[0] if self.stack else ""
        known = _truth(top)
        if known is None and isinstance(top, Unknown):
            taken = Unknown(top.because, bool(step.value))
            stack = (taken, self.stack[1], self.stack[2]) if self.stack else None
            self.forks.append(_Fork(step.number, stack, self.captures, top.because))
            self.pop()
            self.push(Unknown(top.because, not step.value))
            return position
        return step.number if known == bool(step.value) else position

    def meet(self, fork: _Fork) -> None:
        """Keep what both ways agree on."""
        here, there = self.stack, fork.stack
        if (here[2] if here else 0) != (there[2] if there else 0):
            raise _EvaluationEnds(Unknown(fork.because))
        merged: list[Known | Unknown] = []
        while here is not there and here and there:
            merged.append(_agreed(here[0], there[0], fork.because))
            here, there = here[1], there[1]
        self.stack = here
        for value in reversed(merged):
            self.push(value)
        if self.captures != fork.captures:
            self.captures = Unknown(fork.because)

    # -- single steps

    def step(self, step: Instruction) -> Known | Unknown:
        match step.operation:
            case "push":
                return step.value
            case "variable":
                return self.accept(self.variables.get(step.name, Unknown(f"{step.name} is not given")))
            case "constant":
                return Constant(step.name)
            case "capture":
                return self.capture(step.number)
            case "unary":
                value = self.pop()
                self.spend(_size(value))
                return _unary(step.name, value)
            case "binary":
                right, left = self.pop(), self.pop()
                self.spend(_size(left) + _size(right))
                return _binary(step.name, left, right)
            case "call":
                return self.call(step.name, *self.take(step.number))
            case "matches":
                return self.matches(step.name, self.pop())
            case "reading":
                return self.accept(self.lookups.answers.get(step.name, Unknown(f"{step.name} is not given")))
            case "index":
                return _indexed(*self.take(2))
            case _:
                values, unknown = self.take(step.number)
                if unknown:
                    return Unknown(unknown.because, truth=True)
                self.spend(_size(values))
                return values

    def accept(self, value: Value) -> Known | Unknown:
        if isinstance(value, EvaluationError):
            # Where it is not certain that this is evaluated at all, it is not certain that it fails.
            raise _EvaluationEnds(Unknown(self.forks[0].because) if self.forks else value)
        return "" if isinstance(value, Empty) else value

    def capture(self, number: int) -> Known | Unknown:
        if isinstance(self.captures, Unknown):
            return Unknown(self.captures.because)
        return self.captures[number] if number < len(self.captures) else ""

    def matches(self, pattern: str, subject: Known | Unknown) -> Known | Unknown:
        if isinstance(subject, Unknown):
            self.captures = subject = Unknown(subject.because)
            return subject
        text = text_of(subject)
        steps = effort(pattern, text)
        if steps is None:
            self.captures = unknown = Unknown("only the server's engine can run this regular expression")
            return unknown
        self.spend(steps)
        self.captures = search(pattern, text)
        return int(bool(self.captures))

    def call(self, name: str, arguments: tuple[Known, ...], unknown: Unknown | None) -> Known | Unknown:
        if unknown and name in FAILING:
            raise _EvaluationEnds(Unknown(unknown.because))
        if unknown:
            return Unknown(unknown.because)
        if name in LOOKUPS:
            return self.accept(self.lookup(name, arguments))
        if name in SQUARE:
            self.spend(len(elements_of(arguments[0])) * len(elements_of(arguments[-1])))
        self.spend(sum(map(_size, arguments)))
        return call(name, arguments)

    def lookup(self, name: str, arguments: tuple[Known, ...]) -> Value:
        asked = question(name, arguments)
        answer = self.lookups.answers.get(asked)
        if answer is None:
            answer = self.local(name, text_of(arguments[0]))
        if answer is None:
            answer = Unknown(f"lookups has no {asked}")
        if isinstance(answer, Unknown) and name in FAILING:
            raise _EvaluationEnds(answer)  # it may fail, and then nothing else would count
        return answer

    def local(self, name: str, wanted: str) -> Value | None:
        if name == "is_local_domain":
            local, field = self.lookups.local_domains, "localDomains"
        elif name == "is_local_address":
            local, field = self.lookups.local_addresses, "localAddresses"
        else:
            return None
        return Unknown(f"{field} is not given") if local is None else int(wanted in local)


def _truth(value: Known | Unknown) -> bool | None:
    return value.truth if isinstance(value, Unknown) else truth(value)


def _agreed(one: Known | Unknown, other: Known | Unknown, because: str) -> Known | Unknown:
    if not isinstance(one, Unknown) and identical(one, other):
        return one
    agreed = _truth(one)
    return Unknown(because, agreed if agreed == _truth(other) else None)


def _unary(operator: str, value: Known | Unknown) -> Known | Unknown:
    if operator == "!":
        known = _truth(value)
        return int(not known) if known is not None else value
    return Unknown(value.because) if isinstance(value, Unknown) else minus(value)


def _binary(operator: str, left: Known | Unknown, right: Known | Unknown) -> Known | Unknown:
    if operator in ("&&", "||", "^"):
        return _logical(operator, left, right)
    if isinstance(left, Unknown):
        return Unknown(left.because)
    if isinstance(right, Unknown):
        return Unknown(right.because)
    if operator == "+":
        return add(left, right)
    if operator in ("-", "*", "/"):
        return calculate(operator, left, right)
    return int(compare(operator, left, right))


def _logical(operator: str, left: Known | Unknown, right: Known | Unknown) -> Known | Unknown:
    one, other = _truth(left), _truth(right)
    if operator != "^":
        decides = operator == "||"
        if one is decides or other is decides:
            return int(decides)
    if one is not None and other is not None:
        return int(one != other) if operator == "^" else int(operator == "&&")
    return next(Unknown(value.because) for value in (left, right) if isinstance(value, Unknown) and value.truth is None)


def _indexed(values: tuple[Known, ...], unknown: Unknown | None) -> Known | Unknown:
    if unknown:
        return Unknown(unknown.because)
    elements, position = elements_of(values[0]), position_of(values[1])
    return elements[position] if position < len(elements) else ""


def _size(value: Known | Unknown) -> int:
    """Count the characters and elements of a value; lists within lists beyond DEEPEST count as too much to try."""
    if isinstance(value, str):
        return len(value)
    if not isinstance(value, tuple):
        return 1
    total, level = 0, [value]
    for _ in range(DEEPEST):
        total += sum(map(len, level))
        total += sum(len(element) for elements in level for element in elements if isinstance(element, str))
        level = [element for elements in level for element in elements if isinstance(element, tuple)]
        if not level or total > MOST_WORK:
            return total
    return MOST_WORK + 1
