"""What every page is made of: one file, and no request to anywhere.

Law: every text is escaped where it is put into the page; all of it can be read without a script, which only searches.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pkgutil import get_data

from reconciler.report.parts import Target

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def asset(name: str) -> str:
    """Return a file that goes into every page."""
    return (get_data(__package__, name) or b"").decode()


def document(title: str, parts: Iterable[str], *, search: bool = False) -> str:
    """Return a page of some parts; where it can be searched, `<!--search-->` in one of them says where."""
    field = '<input type="search" placeholder="Search changes" aria-label="Search changes">'
    box = f'<div class="search" hidden>{field}<span class="dim" role="status"></span></div>' if search else ""
    script = f"<script>{asset('page.js')}</script>" if search else ""
    body = "\n".join(part.replace("<!--search-->", box) for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{asset('picture.css')}{asset('page.css')}</style></head>\n"
        f"<body><main>\n{body}\n</main>{script}</body></html>\n"
    )


def head(title: str, target: Target, *more: str) -> str:
    """Return the top of a page; what is told more is markup."""
    instead = f'<br><span class="bad">{escape(target.instead)}</span>' if target.instead else ""
    rest = "".join(f"<br>{name}" for name in more if name)
    return f'<header><h1>{escape(title)}</h1><p class="dim">{escape(str(target))}{instead}{rest}</p></header>'


def folded(title: str, content: str, *, opened: bool = False) -> str:
    """Return a text that can be opened; nothing where there is none."""
    state = " open" if opened else ""
    inner = f"<details{state}><summary>{escape(title)}</summary><pre class=mono>{escape(content)}</pre></details>"
    return inner if content.strip() else ""


def doomed(rows: Iterable[tuple[str, str, str]]) -> str:
    """Return what is destroyed: address, why, and what is lost. It is never folded."""
    listed = [
        f"<li><code>{escape(address)}</code> <span class=dim>{escape(because)}</span>"
        f"{f'<br><code>{escape(content)}</code>' if content else ''}</li>"
        for address, because, content in rows
    ]
    title = f"<h2>Destroys ({len(listed)})</h2>"
    return f'<section class="doomed">{title}<ul>{"".join(listed)}</ul></section>' if listed else ""
