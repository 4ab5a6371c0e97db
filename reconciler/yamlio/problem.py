"""What reading a manifest yields: documents, and what is wrong with the text, each with its place.

Law: values only; nothing here reads, and every limit on what a text may hold stands here.
"""

from __future__ import annotations

from msgspec import Struct

from reconciler.values import MAX_FILE

#: Most mappings and lists that may be open inside each other. Whoever walks a document may recurse.
MAX_DEPTH = 100
#: Most nodes that the aliases of one text may stand for, counted as if each were written out.
MAX_ALIASED_NODES = 1_000_000
#: Most problems reported of one text: a file of nothing but mistakes shall not fill the memory.
MAX_PROBLEMS = 1000
#: Most characters of a number; Python refuses to print integers of more than 4300 digits.
MAX_NUMBER = 1000


class Problem(Struct, frozen=True):
    """One thing that is wrong with a text. `line` and `column` count from 1, and columns in characters."""

    line: int
    column: int
    code: str
    message: str
    hint: str = ""


class YamlDocument(Struct, frozen=True):
    """One document: a value of dict (with str keys), list, str, int, float, bool and None.

    Parts of the value that came through aliases, or stand in equal lines, are shared objects: treat it as immutable.
    """

    value: object
    #: The line where the content starts.
    line: int
    #: The line of the value of each top-level key; of a merged key, the line of what was merged.
    lines: dict[str, int] = {}
    #: The line of each element of the top-level list `items`.
    item_lines: tuple[int, ...] = ()
    #: A problem stands in this document, so that its value may not be what was meant.
    flawed: bool = False


def check_size(size: int) -> Problem | None:
    """Return the problem of a file of `size` bytes, or None where it is small enough to be read."""
    if size <= MAX_FILE:
        return None
    message = f"the file has {size} bytes, over the limit of {MAX_FILE} (256 MB)"
    return Problem(1, 1, "file-too-large", message, "split it into several files")


def decode(content: bytes) -> str | Problem:
    """Return a file's text, without a byte order mark, or the problem of a file too large or not in UTF-8."""
    too_large = check_size(len(content))
    if too_large is not None:
        return too_large
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # `utf-8-sig` counts from behind the mark that it skipped
        start = error.start + (len(content) - len(error.object))
        line_start = content.rfind(b"\n", 0, start) + 1
        column = len(content[line_start:start].decode("utf-8-sig")) + 1
        message = f"byte 0x{content[start]:02x} is not part of UTF-8 text"
        wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
        hint = "the file is in UTF-16: save it as UTF-8" if wide else "save the file as UTF-8"
        return Problem(content.count(b"\n", 0, start) + 1, column, "not-utf8", message, hint)
