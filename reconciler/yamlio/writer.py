"""From plain values to YAML text that people like to read and to edit.

Law: stable, and quoted only where needed: what `strictyaml` reads back is the same value, types included.

Block style; what holds only scalars stands in brackets where it is short enough. PyYAML's dumper is five times slower
and reads its own booleans of YAML 1.1 into our texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from reconciler.yamlio.problem import MAX_DEPTH, MAX_NUMBER
from reconciler.yamlio.scalars import SPECIAL, resolve, unfinished

#: Longest line with brackets in it, in characters.
WIDTH = 100
#: Most members of a mapping in brackets; more of them read better below each other.
MAX_MEMBERS = 4
#: Collections less deep than this are never in brackets: the document, its spec or items, and each of the items.
BLOCKS = 3
#: Longest key before a `:` that libyaml takes (1024), less the indentation and the quotes.
_LONG_KEY = 700

Path = tuple[str | int, ...]
#: Where the objects of a document stand.
OBJECTS: Path = ("items",)
Comments = Mapping[Path, str]

#: Words, names, hosts, paths and durations, which need no second look unless they begin as other scalars do.
_WORD = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./-]*")
#: What no plain scalar can hold, wherever it stands.
_NEVER_PLAIN = re.compile(r"\A[-?:,\[\]{}#&*!|>'\"%@` ]|\A\.\.\.|: | #|:\Z| \Z|\A=\Z|\A<<\Z")
#: What no plain scalar between brackets can hold besides.
_NEVER_IN_BRACKETS = re.compile(r"[,\[\]{}:?]")
#: Characters that are escaped: controls, line breaks of any sort, what YAML calls no character, and format characters
#: (Unicode's category Cf), which could make a reader see something else than what stands there.
_FORMAT = (
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0001\U000e0020-\U000e007f"
)
# Compiled by the first text that is not printable ASCII.
_ESCAPED = f"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff{_FORMAT}]"
#: A text that stands line by line below a `|`: several lines, the first not indented, none with blanks at its end.
_LITERAL = r"(?! )(?:[^\n]*[^\n ])?(?:\n+[^\n]*[^\n ])+\n?"
_SURROGATE = "[\ud800-\udfff]"
_SHORT_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def emit(value: Mapping[str, Any], comments: Comments | None = None) -> str:
    """Return one document, without the `---` before it.

    Args:
        value: mappings with texts as keys, lists, texts, numbers, booleans and None.
        comments: text to stand above what a path leads to; each of its lines becomes a line.

    Raises:
        ValueError: YAML cannot hold it: half of a surrogate pair, not a number, a huge number, or too deep nesting.
    """
    lines: list[str] = []
    notes = comments or {}
    # Whatever a comment stands above has a line of its own, and so has what is around it.
    opened = {path[:length] for path in notes for length in range(len(path))}
    _Writer(notes, opened, lines).block(value, (), "", "")
    return "\n".join(lines) + "\n"


def comment(text: str, indent: str = "") -> str:
    """Return a text as lines of comment."""
    return "\n".join(f"{indent}# {_harmless(line)}".rstrip() for line in text.splitlines() or [""])


def scalar(value: Any, *, brackets: bool = False) -> str:
    """Return a text, number, boolean or None as YAML, to stand between `brackets` or not. Raises ValueError."""
    if type(value) is str or isinstance(value, str):
        return _text(value, brackets=brackets)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if value.bit_length() > MAX_NUMBER * 3:
        raise ValueError("a number of too many digits")
    return str(value)


def _float(value: float) -> str:
    if math.isnan(value):
        raise ValueError("not a number")
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(text: str, *, brackets: bool) -> str:
    if _WORD.fullmatch(text) and (text[0] not in SPECIAL or resolve(text) == text):
        return text
    # What is ASCII and printable, as most texts are, needs neither search.
    if not (text.isascii() and text.isprintable()):
        if re.search(_SURROGATE, text):
            raise ValueError("half of a surrogate pair, which is no character")
        if re.search(_ESCAPED, text):
            return f'"{re.sub(_ESCAPED, _escape, text.translate(_BACKSLASHES))}"'
    return text if _plain(text, brackets=brackets) else _quoted(text)


_BACKSLASHES = str.maketrans({"\\": "\\\\", '"': '\\"'})


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _SHORT_ESCAPES.get(match[0]) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def _plain(text: str, *, brackets: bool) -> bool:
    """Whether a text without control characters means itself when it stands without quotes."""
    if not text or _NEVER_PLAIN.search(text) or (brackets and _NEVER_IN_BRACKETS.search(text)):
        return False
    # The reader suspects that something cut off an expression which lacks its end.
    return type(resolve(text)) is str and not unfinished(text)


def _quoted(text: str) -> str:
    if "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    return f'"{text.translate(_BACKSLASHES)}"'


def _literal(value: Any, indent: str) -> list[str] | None:
    """Return a text of several lines as the lines below its `|`, the first being what follows the key; else None."""
    if not isinstance(value, str) or "\n" not in value or not re.fullmatch(_LITERAL, value) or not value[0].strip():
        return None
    lines = value.removesuffix("\n").split("\n")
    if any(re.search(_ESCAPED, line) or re.search(_SURROGATE, line) for line in lines):
        return None
    return ["|" if value.endswith("\n") else "|-", *(f"{indent}{line}" if line else "" for line in lines)]


def _harmless(line: str) -> str:
    """Return a line of comment without what could end the comment."""
    return re.sub(_SURROGATE, "?", re.sub(_ESCAPED, " ", line))


class _Writer:
    def __init__(self, comments: Comments, opened: set[Path], lines: list[str]) -> None:
        self.comments = comments
        self.opened = opened
        self.lines = lines

    def block(self, value: Any, path: Path, indent: str, lead: str) -> None:
        """Write a collection line by line; `lead` stands before its first line, in place of the indentation."""
        if len(path) >= MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} mappings and lists are nested")
        if not value:
            self.lines.append(lead + ("[]" if isinstance(value, list) else "{}"))
        elif isinstance(value, Mapping):
            for key, member in value.items():
                self._pair(key, member, (*path, key), indent, lead)
                lead = indent
        else:
            # Objects of several lines each are easier to tell apart with a blank line between them.
            apart = path == OBJECTS and any(isinstance(element, Mapping) and len(element) > 1 for element in value)
            for index, member in enumerate(value):
                self.lines += [""] if apart and index else []
                self._element(member, (*path, index), indent, lead)
                lead = indent

    def _note(self, path: Path, indent: str, lead: str) -> str:
        """Write the comment above a path. Where a line has begun with `- `, the comment ends that line."""
        if path not in self.comments:
            return lead
        lines = comment(self.comments[path], indent).split("\n")
        if lead != indent:
            lines[0] = lead + lines[0][len(indent) :]
        self.lines += lines
        return indent

    def _pair(self, key: str, value: Any, path: Path, indent: str, lead: str) -> None:
        lead = self._note(path, indent, lead)
        name = scalar(key)
        if len(name) > _LONG_KEY:
            self.lines.append(f"{lead}? {name}")
            lead, name = indent, ""
        head = f"{lead}{name}:"
        if not self._beside(head, value, path, indent):
            self.lines.append(head)
            inner = indent + "  "
            self.block(value, path, inner, inner)

    def _element(self, value: Any, path: Path, indent: str, lead: str) -> None:
        lead = self._note(path, indent, lead)
        if not self._beside(f"{lead}-", value, path, indent):
            self.block(value, path, indent + "  ", lead + "- ")

    def _beside(self, head: str, value: Any, path: Path, indent: str) -> bool:
        """Write a value that begins in the line of its key or dash; False where it is to stand below."""
        if not isinstance(value, Mapping | list):
            first, *rest = _literal(value, indent + "  ") or [scalar(value)]
            self.lines += [f"{head} {first}", *rest]
            return True
        flat = self._flat(value, path, len(head) + 1)
        if flat is not None:
            self.lines.append(f"{head} {flat}")
        return flat is not None

    def _flat(self, value: Any, path: Path, used: int) -> str | None:
        """Return a collection in brackets, or None where it is to stand line by line."""
        if not value:
            return "[]" if isinstance(value, list) else "{}"
        if len(path) < BLOCKS and (len(path) != BLOCKS - 1 or path[:1] == OBJECTS):
            return None
        if path in self.opened or len(value) * 3 + used > WIDTH:
            return None
        text = _brackets(value, 2)
        return text if text is not None and len(text) + used <= WIDTH else None


def _brackets(value: Any, depth: int) -> str | None:
    """Return a collection in one line, or None where it holds more than `depth` levels, or too much."""
    if not isinstance(value, Mapping | list):
        return scalar(value, brackets=True)
    if not depth:
        return None
    if isinstance(value, list):
        if any(isinstance(element, Mapping) for element in value):
            return None
        members = [_brackets(element, depth - 1) for element in value]
        return None if None in members else f"[{', '.join(map(str, members))}]"
    if len(value) > MAX_MEMBERS:
        return None
    pairs = [(key, _brackets(member, depth - 1)) for key, member in value.items()]
    if any(text is None for _, text in pairs):
        return None
    return f"{{{', '.join(f'{scalar(key, brackets=True)}: {text}' for key, text in pairs)}}}"
