"""Where an expression stands decides what it may name.

Law: contexts come from the catalogue; the language itself knows none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.kinds.catalogue import Catalogue, Property

if TYPE_CHECKING:
    from reconciler.expression import Context, ExpressionError


def context_of(catalogue: Catalogue, prop: Property) -> Context:
    """Return the variables and constants that an expression property may name."""
    from reconciler.expression import Context

    if prop.language is None:
        return Context(frozenset(), frozenset())
    return Context(
        frozenset(catalogue.variables.get(prop.language.variables, ())),
        frozenset(prop.language.constants or catalogue.constants),
        prop.language.open,
    )


def check_expression(text: str, context: Context) -> ExpressionError | None:
    """Return why the server would refuse an expression, or None."""
    from reconciler.expression import ExpressionError, parse

    try:
        parse(text, context)
    except ExpressionError as error:
        return error
    return None
