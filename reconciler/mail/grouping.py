"""Which expressions look at one recipient although the server asks once for several.

Law: pure. Stalwart 0.16.19 chooses a connection and a TLS strategy once for all recipients of one domain and route,
with the smallest address of those that are due.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.expression import Block, FunctionCall, Literal, Tree, Variable, bare, walk
from reconciler.mail.facts import CONNECTION, TLS

#: The expressions that are asked once for a domain and a route, and the variable that is then one of several.
GROUPED = (TLS, CONNECTION)
_RECIPIENT = "rcpt"


def recipient_reads(tree: Tree) -> Iterator[Variable]:
    """Yield where an expression reads more of the recipient than the domain."""
    of_domain: set[int] = set()
    for node in walk(tree):
        if isinstance(node, FunctionCall) and len(node.arguments) == 2 and not node.ahead:
            subject, literal = bare(node.arguments[0]), bare(node.arguments[1])
            text = str(literal.value) if isinstance(literal, Literal) else ""
            domain = node.name == "email_part" and text == "domain"
            if domain or (node.name == "ends_with" and text.startswith("@")):
                of_domain.add(id(subject))
    for node in walk(tree):
        if isinstance(node, Variable) and node.name == _RECIPIENT and id(node) not in of_domain:
            yield node


def looks_at_recipient(field: str, block: Block | None) -> bool:
    """Whether an expression that is asked once for several recipients looks at one."""
    if field not in GROUPED or block is None:
        return False
    trees = [block.otherwise, *(tree for branch in block.branches for tree in (branch.condition, branch.result))]
    return any(True for tree in trees for _ in recipient_reads(tree))
