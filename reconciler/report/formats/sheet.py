"""A page of Markdown that has a limit: parts, of which some stay whole and the others take what room is left.

Law: counted in bytes; nothing is cut within a fence, and what is left out is said; no text of a server or a file is
taken for markup, since it stands in fences and spans of code that it cannot end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.json import encode

from reconciler import __version__
from reconciler.report.page import Page
from reconciler.report.parts import Target

#: What GitHub takes in a comment, in bytes.
LIMIT = 65_536
#: Lines of a diff up to which it is open.
OPEN = 12
#: Room for the sentences that say what was left out.
_MARGIN = 600


class Section:
    """A part of the page: a head and a foot that stay, and lines of which as many stand between as there is room.

    Those of a lower rank take their room first, wherever they stand.
    """

    def __init__(
        self, head: str, lines: Iterable[str] = (), foot: str = "", *, whole: bool = False, rank: int = 1
    ) -> None:
        self.head, self.lines, self.foot, self.whole, self.rank = head, list(lines), foot, whole, rank

    def fit(self, room: int) -> tuple[str, bool]:
        """Return as much of the part as there is room for, in bytes, and whether that is all of it."""
        every = "".join([self.head, *self.lines, self.foot])
        if self.whole or len(every.encode()) <= room:
            return every, True
        kept, used = [], len((self.head + self.foot).encode()) + _MARGIN // 4
        for line in self.lines:
            used += len(line.encode())
            if used > room:
                break
            kept.append(line)
        if not kept:
            return "", False
        mark = "- " if kept[-1].startswith("- ") and "```" not in self.head else ""
        return "".join([self.head, *kept, f"{mark}… and {len(self.lines) - len(kept)} more lines\n", self.foot]), False


def sheet(target: Target | None, digest: str, sections: Sequence[Section], page: Page) -> str:
    """Put parts together: what must stay is counted first, then the others take what room is left, by their rank."""
    limit = page.limit_bytes or LIMIT
    room = limit - _MARGIN - sum(len(section.fit(0)[0].encode()) for section in sections if section.whole)
    texts, complete = [""] * len(sections), True
    for at, section in sorted(enumerate(sections), key=lambda pair: pair[1].rank):
        texts[at], all_of_it = section.fit(room)
        room -= 0 if section.whole else len(texts[at].encode())
        complete &= all_of_it
    head = {"target": target.name if target else "", "plan": digest, "truncated": not complete, "version": __version__}
    # `--` would end the comment.
    mark = encode(head).decode().replace("-", "\\u002d").replace(">", "\\u003e")
    rest = "" if complete else "\n_Not everything is shown: the page has a limit, and the JSON report has it all._\n"
    return f"<!-- reconciler {mark} -->\n{''.join(texts)}{rest}"


def code(content: str) -> str:
    """Return a text as a span of code, which no backtick within it ends."""
    ticks = "`" * (max((len(run) for run in re.findall("`+", content)), default=0) + 1)
    blank = " " if content.startswith("`") or content.endswith("`") or not content.strip() else ""
    return f"{ticks}{blank}{content}{blank}{ticks}"


def _fence(lines: Sequence[str], language: str) -> tuple[str, str]:
    """Return what opens and what closes a fence around some lines."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    ticks = "`" * max(3, max(runs, default=0) + 1)
    return f"{ticks}{language}\n", f"{ticks}\n"


def fenced(
    title: str, lines: Iterable[str], language: str = "text", *, folded: bool = True, rank: int = 1
) -> list[Section]:
    """Return a section of lines in a fence, folded where there are many."""
    closed = [f"{line}\n" for line in lines]
    if not closed:
        return []
    opening, closing = _fence(closed, language)
    if not folded:
        return [Section(f"\n{title}\n\n{opening}", closed, closing, rank=rank)]
    state = " open" if len(closed) < OPEN else ""
    head = f"\n<details{state}><summary>{title}</summary>\n\n{opening}"
    return [Section(head, closed, f"{closing}\n</details>\n", rank=rank)]


def where(target: Target) -> str:
    """Return which server a page is about, and as whom it was asked."""
    instead = f"; {code(target.instead)}" if target.instead else ""
    user = f", as {code(target.user)}" if target.user else ""
    return f"{code(target.url or 'no server')}{user}{instead}"
