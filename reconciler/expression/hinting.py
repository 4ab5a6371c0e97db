"""What to write instead of what the server refuses: the word that was meant, or the sign of this language.

Law: pure, and by the text alone; a hint is a guess, and where there is none it says what may stand there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.expression.language import ARITY, SYSTEM, Context, ExpressionError
from reconciler.values import get_close_matches

#: Words that other languages have for what this one writes in another way.
_FOREIGN = {
    "and": "write && for and",
    "or": "write || for or",
    "not": "write ! before what is not to be, such as !is_empty({left})",
    "in": "write contains(['a', 'b'], {left})",
    "is": "write == to compare",
    "eq": "write == to compare",
    "equals": "write == to compare",
    "ne": "write != to compare",
    "lt": "write <",
    "le": "write <=",
    "gt": "write >",
    "ge": "write >=",
    "like": "write matches('pattern', {left})",
    "mod": "there is no remainder here",
    "if": "write if_then(condition, a, b)",
    "then": "write if_then(condition, a, b)",
    "else": "write if_then(condition, a, b)",
    **dict.fromkeys(("null", "none", "nil", "undefined", "empty"), "write is_empty({left})"),
}
#: Functions by the names that they have elsewhere, without underscores and in lower case.
_ELSEWHERE = {
    **dict.fromkeys(("lower", "tolower", "lowercase", "downcase", "lcase"), "to_lowercase"),
    **dict.fromkeys(("upper", "toupper", "uppercase", "upcase", "ucase"), "to_uppercase"),
    **dict.fromkeys(("regex", "regexp", "regexmatch", "match", "rematch", "search", "test", "grep"), "matches"),
    **dict.fromkeys(("startswith", "beginswith", "hasprefix", "prefix"), "starts_with"),
    **dict.fromkeys(("endswith", "hassuffix", "suffix"), "ends_with"),
    **dict.fromkeys(("includes", "has", "inarray", "inlist", "any", "oneof", "member", "isin"), "contains"),
    **dict.fromkeys(("length", "size", "strlen"), "len"),
    **dict.fromkeys(("substr", "slice"), "substring"),
    **dict.fromkeys(("iff", "ifelse", "ternary", "cond", "ifthenelse"), "if_then"),
    **dict.fromkeys(("isnull", "isblank"), "is_empty"),
    **dict.fromkeys(("strip",), "trim"),
    **dict.fromkeys(("islocal", "localdomain"), "is_local_domain"),
    **dict.fromkeys(("domain", "domainof", "getdomain", "emaildomain", "localpart"), "email_part"),
    **dict.fromkeys(("cidr", "cidrmatch", "incidr", "ipincidr", "subnet"), "is_ip_in_cidr"),
}
#: Signs that other languages have.
_SIGNS = {
    "~": "write matches('pattern', {left})",
    "?": "write if_then(condition, a, b)",
    ":": "put text in quotes; if_then(condition, a, b) chooses between two",
    "%": "there is no remainder here, and a pattern is matches('pattern', {left})",
    "@": "put an address in quotes: 'a@example.org'",
    "`": "write ' around a text",
    "#": "an expression has no comments; begin one outside of the quotes",
    ";": "an expression is one value",
    "{": "write [ ] around a list",
    "\\": "put a pattern in quotes",
    **dict.fromkeys("\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb", "write straight quotes, ' around a text"),
    **dict.fromkeys("\xa0\u2007\u202f\u3000", "write a plain space"),
}
_COMPOSED = re.compile(r"([0-9]+(?:ms|[dhms])){2,}", re.IGNORECASE)
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_HOST = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_FUNCTIONS = (*ARITY, "matches", "system", "metric")
#: Words that a hint lists, and the longest word that was meant for one of them, in characters.
_MANY, LONGEST = 24, 64


def hint_for(error: ExpressionError, text: str, context: Context) -> str:
    """Return what to write instead, or "".

    Args:
        error: why the server refuses a text.
        text: the text.
        context: what may be named there.
    """
    name = error.name
    if error.kind == "unknown":
        return _system(name) if text[error.column - 1 :].startswith("system(") else _unknown(error, text, context)
    if error.kind in ("variable", "constant"):
        return _guess(name, context.variables) or _known(context.variables)
    if error.kind == "arity":
        if name in ("is_local_domain", "is_local_address"):
            return (
                f"older versions named a directory first; write {name}({'rcpt_domain' if 'domain' in name else 'rcpt'})"
            )
        return "write matches('pattern', rcpt_domain)" if name == "matches" else ""
    if name in _SIGNS:
        return _SIGNS[name].replace("{left}", _left(error, text))
    if name in ("(", "["):
        return f"add {')' if name == '(' else ']'} where it ends"
    if name in ("'", '"'):
        return f"add {name} where it ends"
    if name and not name.isascii():
        return "put text in quotes"
    return f"write {name}(…)" if name in _FUNCTIONS else ""


def _unknown(error: ExpressionError, text: str, context: Context) -> str:
    """Return what to write instead of a word that is none of this language."""
    word = error.name
    if len(word) > LONGEST:
        return _known(context.variables)
    if word.lower() in _FOREIGN:
        return _FOREIGN[word.lower()].replace("{left}", _left(error, text))
    if word.lower() in ("true", "false"):
        return f"write {word.lower()}"
    if _COMPOSED.fullmatch(word):
        return f"a duration has one unit: write {_single(word)}"
    owner, _, method = word.partition(".")
    if method and owner in context.variables:
        function = _function(method)
        return f"write {function}({owner}, …)" if function in ARITY and ARITY[function] > 1 else _call(function, owner)
    if text[error.column - 1 + len(word) :].lstrip().startswith("("):
        function = _function(word)
        return f"did you mean {function}?" if function else f"functions are {', '.join(sorted(_FUNCTIONS))}"
    guessed = _guess(word, (*context.variables, *context.constants))
    if guessed:
        return guessed
    if _HOST.fullmatch(word):
        return f"a text needs quotes: write '{word}'"
    function = _function(word)
    if function:
        return f"did you mean {function}(…)?"
    known = _known(context.variables)
    return "; ".join(filter(None, (f"a text needs quotes: write '{word}'", known)))


def _left(error: ExpressionError, text: str) -> str:
    """Return the word before what is refused, which a hint shows in the place where it belongs."""
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]{0,63}", text[max(0, error.column - 200) : error.column - 1])
    return next((word for word in reversed(words) if word not in _FUNCTIONS), "rcpt_domain")


def _single(word: str) -> str:
    """Return a duration of several units in one."""
    parts = re.findall(r"([0-9]+)(ms|[dhms])", word.lower())
    total = sum(int(count[:12]) * _UNITS[unit] for count, unit in parts)
    unit = next(unit for unit in ("d", "h", "m", "s", "ms") if total % _UNITS[unit] == 0)
    return f"{total // _UNITS[unit]}{unit}"


def _call(function: str, owner: str) -> str:
    return f"write {function}({owner})" if function else ""


def _plain(word: str) -> str:
    return word.replace("_", "").replace("-", "").lower()


def _function(word: str) -> str:
    """Return the function that a name was most likely meant for, or ""."""
    by_plain = {_plain(name): name for name in _FUNCTIONS}
    plain = _plain(word)
    if plain in by_plain:
        return by_plain[plain]
    if plain in _ELSEWHERE:
        return _ELSEWHERE[plain]
    close = get_close_matches(plain, by_plain, n=1, cutoff=0.75)
    return by_plain[close[0]] if close else ""


def _guess(word: str, known: Iterable[str]) -> str:
    """Return a question for the word that was most likely meant, or ""."""
    by_plain = {_plain(name): name for name in sorted(known)}
    close = get_close_matches(_plain(word), by_plain, n=1, cutoff=0.75)
    return f"did you mean {by_plain[close[0]]}?" if close else ""


def _known(variables: Iterable[str]) -> str:
    names = sorted(variables)
    return f"variables here are {', '.join(names)}" if 0 < len(names) <= _MANY else ""


def _system(name: str) -> str:
    return _guess(name, SYSTEM) or f"it knows {', '.join(sorted(SYSTEM))}"
