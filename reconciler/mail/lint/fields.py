"""Rules on the expressions in the fields of declared objects: each part by itself, and the branches side by side.

Law: pure; what one text means to the server `expressions` says, and `branches` what several of them come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.expression import Context, ExpressionError, Variable, hint_for, parse, walk
from reconciler.kinds import Language, Property, context_of
from reconciler.mail.lint.branches import branch_remarks
from reconciler.mail.lint.expressions import comparisons, remarks
from reconciler.mail.lint.rules import Finding
from reconciler.mail.lint.words import RECIPIENT
from reconciler.mail.lint.world import World
from reconciler.values import Address, Resource, shown

#: The stage at which the whole message is there, and filters run once for all its recipients.
WHOLE_MESSAGE = "data"


def expression_findings(world: World) -> Iterator[Finding]:
    """Find what is odd about declared expressions, which a type's default never is."""
    contexts: dict[tuple[str, str], Context] = {}
    for name, resources in world.declared.items():
        kind = world.catalogue.kinds[name]
        for resource in resources:
            for field, prop in kind.expressions(str(resource.wire.get("@type", ""))):
                value = resource.wire.get(field)
                # A type's default is no one's mistake, and most expressions are one.
                if not isinstance(value, Mapping) or value == prop.default:
                    continue
                context = contexts.get((name, field))
                if context is None:
                    context = contexts[name, field] = context_of(world.catalogue, prop)
                yield from _expression(world, resource, field, prop, value, context)


def _expression(
    world: World, resource: Resource, field: str, prop: Property, value: Mapping[str, Any], context: Context
) -> Iterator[Finding]:
    address, language = resource.address, prop.language or Language(variables="")
    texts = list(_texts(value))
    refused = False
    for pointer, text in texts:
        at = f"{field}/{pointer}"
        try:
            for remark in remarks(text, context):
                yield Finding(
                    rule=remark.rule,
                    address=address,
                    pointer=at,
                    message=remark.message,
                    hint=remark.hint,
                    column=remark.column,
                )
            yield from _objects_compared(world, address, at, text, context)
            if WHOLE_MESSAGE in (resource.wire.get(language.stages) or {}):
                yield from _last_recipient(address, at, text, context)
        except ExpressionError as error:
            refused = True
            message = f"the server would refuse this expression: {error.message}"
            yield Finding(
                rule="refused-expression",
                address=address,
                pointer=at,
                message=message,
                hint=hint_for(error, text, context),
                column=error.column,
            )
    if language.else_only:
        if value.get("match"):
            message = "the server stores these branches and never reads them: only else counts"
            hint = "write the whole condition as else, such as: match: \"rcpt_domain == 'example.org'\""
            yield Finding(
                rule="ignored-branches", address=address, pointer=f"{field}/match", message=message, hint=hint
            )
    elif not refused:
        for pointer, remark in branch_remarks(value, context):
            at = f"{field}/{pointer}"
            yield Finding(rule=remark.rule, address=address, pointer=at, message=remark.message, hint=remark.hint)


def _texts(expression: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the pointer and the text of every part of an expression."""
    branches = expression.get("match")
    for key, branch in branches.items() if isinstance(branches, Mapping) else ():
        for part in ("if", "then"):
            if isinstance(branch, Mapping) and isinstance(branch.get(part), str):
                yield f"match/{key}/{part}", branch[part]
    # The unset value of some properties reads as an empty text.
    if isinstance(expression.get("else"), str) and expression["else"]:
        yield "else", expression["else"]


def _objects_compared(world: World, address: Address, at: str, text: str, context: Context) -> Iterator[Finding]:
    """Find comparisons of a variable with the name of an object that does not exist, or cannot."""
    named = world.named_by
    if not any(name in text for name in named):
        return
    for node in walk(parse(text, context)):
        for compared in comparisons(node):
            kind = named.get(compared.variable.name, "")
            builtins = tuple(world.catalogue.kinds[kind].missing.names) if kind else ()
            value = compared.value.value
            if not kind or not isinstance(value, str) or value in builtins or value in world.objects(kind):
                continue
            most = world.catalogue.kinds[kind].properties[world.catalogue.kinds[kind].match[0]].max_bytes
            long = most is not None and len(value.encode()) > most
            if long or world.was_read(kind):
                why = f"no such name is longer than {most} bytes" if long else f"no {kind} has that name"
                known = ", ".join((*builtins, *sorted(world.objects(kind)))[:8])
                yield Finding(
                    rule="impossible-value",
                    address=address,
                    pointer=at,
                    message=f"{compared.variable.name} never holds {shown(value)}: {why}",
                    hint=f"known here: {known}",
                    column=compared.column,
                )


def _last_recipient(address: Address, at: str, text: str, context: Context) -> Iterator[Finding]:
    for node in walk(parse(text, context)):
        if isinstance(node, Variable) and node.name in RECIPIENT:
            yield Finding(
                rule="last-recipient-only",
                address=address,
                pointer=at,
                message=f"at the stage {WHOLE_MESSAGE}, {node.name} is that of the last recipient only",
                hint="write contains(recipients, 'a@example.org') for an address among all of them",
                column=node.column,
            )
            return
