"""Times reading and evaluating expressions.

Law: parsing is measured without its cache; what counts is the ratio to a bare regular-expression scan of the same text.
"""

from __future__ import annotations

import re
import timeit

from reconciler.expression import Context, decide, envelope, parse, parse_if
from reconciler.kinds.catalogue import load

ONE = "rcpt_domain == 'partner.example'"
THREE = {
    "match": {
        "0": {"if": "is_local_domain(rcpt_domain)", "then": "'local'"},
        "1": {"if": ONE, "then": "'relay-eu'"},
        "2": {"if": "retry_num > 1 && last_error == 'connection'", "then": "'fallback'"},
    },
    "else": "'mx'",
}
SCAN = re.compile(r"\s*(?:'[^']*'|\w+|[=!<>&|]+|.)")


def best(run: object, number: int = 20_000) -> float:
    """Return the best time of one call in microseconds."""
    timer = timeit.Timer("run()", globals={"run": run})
    return min(timer.repeat(5, number)) / number * 1e6


def main() -> None:
    """Print the table."""
    catalogue = load()
    context = Context(frozenset(catalogue.variables["queueRecipient"]), frozenset(catalogue.constants))
    uncached = parse.__wrapped__
    variables, lookups = envelope({"rcpt": "a@other.example", "retryNum": 2, "localDomains": ["example.org"]})
    block = parse_if(THREE, context)
    scan = best(lambda: SCAN.findall(ONE))
    rows = {
        "scan of one comparison (regular expression)": scan,
        "parse of one comparison": best(lambda: uncached(ONE, context)),
        "parse of one comparison, cached": best(lambda: parse(ONE, context)),
        "parse of three branches": best(lambda: parse_if(THREE, context), 5000),
        "evaluation of three branches": best(lambda: decide(block, variables, lookups), 5000),
    }
    for label, micro in rows.items():
        print(f"{label:45}{micro:8.2f} us   {micro / scan:6.2f} times the scan")


if __name__ == "__main__":
    main()
