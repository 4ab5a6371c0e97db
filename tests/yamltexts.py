"""Texts near the border of plain YAML: manifests in many styles, excerpts of real ones, and damage of all sorts.

Each function draws from a `random.Random`, so that long runs are quick, and hypothesis can shrink what it finds.
"""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

_ROOT = Path(__file__).parent.parent
MANIFESTS = sorted(path for path in (_ROOT / "manifests").rglob("*.y*ml") if path.is_file())
#: Every YAML text of manifests and tests.
TEXTS = [
    path.read_text(encoding="utf-8")
    for path in [*MANIFESTS, *sorted((_ROOT / "tests").rglob("*.y*ml"))]
    if path.is_file() and "go" not in path.parts
]
#: The characters that YAML is made of, and some that it is not.
MARKS = "\n -:#{}[]\"',&*!|>%@?~a1."
PIECES: list[str] = [
    *MARKS,
    *["\t", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\xa0", "\ufeff", "\0", "\x7f", "é", "\u3000", "\ud800"],
    *["\\", "`", "(", ")", "=", "<", "  ", "\n  ", "\n- ", "\n---\n", "\n...\n", ": ", "- ", " #", "''"],
    *['\\"', "\\u0041", "\\x41"],
]
BEGINNINGS = ["- ", "? ", "'", '"', "- - ", "{", "[", "x: ", "-", "#", "---", "--- ", "...", "%", "&a ", "!a ", "*"]
ENDS = [" ", "  ", " # x", "#", ":", ": x", ": ", " |", " >-", "'", '"', "]", "}", ",", "\\", "\r"]
#: Lines that are read in an uncommon way, or not at all.
LINES = r"""
key: a: b | key: -1 | key:value | key: 'it''s' | "a#b" # c | a #b | a#b | key: | key:   # b | - - a | -a | -  | - # c
---a | --- a | --- # a | ---: a | ... | ...: a | ... a | ... a: b | --- a: b | a | 'a' | %YAML 1.2 | ? a | : f | - ? a
a: - b | - - | -: a | a: é ü … | a: b  c | if: a || b # c
{a: } | {a: b,} | {"a":b} | {"a": b} | {a:b} | {a} | [a: b] | [a, , b] | [] | {} | a: {b: 1, b: 2} | a: [ b , c ]
1: a | true: b | null: c | no: d | ~: e | 0755: f | 'no': g | <<: {a: b} | '<<': {a: b} | {<<: a} | "": a | =: a
a: b: c | a:: b | a:b: c | ::a: b | a: ::1 | a: [::1] | a: [1:2] | a: {b: c:d} | a : b | 'a' : b | 'a':b | 'a'b: c
k: a?b | k: [a?b] | k: a & b | k: [a & b] | k: [a!b] | k: [-] | k: [-1] | k: [- a] | a: !x y | a: &b c | d: *b
a: @b | a: `b` | a: %b | a: =b | a: {b: [c, {d: e}]} | a: {b: c} : d | a: "b" : c | a: [b] c | a: [b]# c | a: [b] # c
a: 'b'# c | a: 'b' # c | a: 'b'c | a: '' | a: "" | a: ' ' | x: 0x1F | x: ~ | x: .inf | x: .nan | x: 12:30 | x: no
x: y | x: 2001-01-01 | x: 1_000 | x: 00 | x: 1e3 | x: +1 | x: -0 | x: 1. | x: --1 | x: -.5 | x: -a | x: # 1
a: b # c: d | a: b#c | a: "x\ty\u00e9" | a: "\ud800" | a: "\x41" | a: "\/" | a: "\ " | a: "b\ | a: "\"b\\"
if: x == 'y' && f(z) | if: a + | if: f( | {if: f(x, y), use: z} | - {if: "x, y", use: z} | if: f(a #b) | if: it's
if: 'a' == b
"""
#: The same of several lines.
TEXTS_OF_LINES = [
    *["a: 1\na: 2", "a: b\n  c", "a:\n  b", "a: 'b\n  c'", "a: [b,\n  c]", "#c\na: 1 #d\n #e\nb: 2", "a: # c\n  b: c"],
    *["a:\n- b\n- c\nd: e", "a:\n  - - 1\n    - 2\n  - - 3", "- a\n- b: c\n  d: e", "-  - a\n   - b", "-\n - a"],
    *[
        "- # c\n  a: b",
        "a:\n- - b\n  - c\n-\n  - d",
        "a:\n - b\n - c\nd:\n- e",
        "- a:\n  - b\n  c:\n  -\n- d",
        "- a\n  - b",
    ],
    *[
        "k: |\n  a\n   b\n\n  c\n",
        "k: >-\n  a\n  b\n\n  c\nd: 1",
        "k: |-\n  x # y\n",
        "a: | # c\n  b",
        "a: |+\n  b\n\n",
    ],
    *[
        "a: |\nb: 1",
        "a: |2\n   b\n",
        "a: >\n  b\n   c\n  d\n",
        "a: >\n\n  b\n\n\n",
        "- |\n a\n- >\n  b\n",
        "a: |\n  b\n c\n",
    ],
    *[
        "a: |\n    b\n  c\n",
        "a: |\n  b\n # c\nd: e\n",
        "a: |\n  b\n  \nc: d",
        "a: |\n    b\n  \n    # c\n",
        "a:\n- |\n b\n- c\n",
        "a: >\n  b \n  c\n\nd: e",
    ],
    *["items:\n- a: 1\n-\n  b: 2\n- [x]\n-", "items: [a, b]", "---\n---\na: 1\n...\n---\nb: 2\n", "  a: 1\n  b: 2"],
    *[
        "a: \n\nb:\n",
        "%YAML 1.2\n---\na: 1",
        "? a\n: b",
        "a: 1\n...\nb: 2",
        "...\na: 1",
        "---\n...\n...\n---\na: 1",
        "\n\n---",
    ],
    *[
        "a: \U0001f600",
        "a: \x85 b",
        "a: \u2028",
        "a: b\xa0c",
        "a:\tb",
        "\ta: b",
        "a: b\t",
        "# \t",
        "a: b\r",
        "\ufeffa: b",
    ],
    *[f"{'k' * length}: a" for length in (1000, 1001, 1024, 1025)],
    *[f"a: {{{'k' * length}: a}}" for length in (1000, 1001, 1024, 1025)],
    *["a: " + "[" * depth + "]" * depth for depth in (9, 11, 99, 101)],
    *["- " * depth + "a" for depth in (9, 49, 51, 101)],
    *["".join(" " * column + "a:\n" for column in range(depth)) for depth in (49, 101)],
]
SPECIMENS = [*re.split(r" \| |\n", LINES.strip()), *TEXTS_OF_LINES]
_KEYS = ["kind", "spec", "items", "metadata", "name", "type", "if", "use", "match", "a b", "0", "x-y", "a/b", "$c", "é"]
_COMMON = [
    *["relay-eu", "MtaRoute", "587", "true", "null", "~", "-1", "1.5", "2m", "127.0.0.1:25", "2001:db8::1", "a/b", "="],
    *["Relay number 7", "rcpt == 'x'", "'x'", '"x"', "'it''s'", '"a: b"', "' # '", '""', "''", '"!f(x)"', '"\\n"', "ü"],
    *["a@example.org", ".5", "f(x)", "it's", "50%", "a#1", "/x", "y"],
]
_RARE = [
    "f(a) && b",
    "*.example.org",
    "a, b",
    "${env:X}",
    "no",
    "0755",
    "a #1",
    "&a b",
    "x: y",
    "f(a, b)",
    "[",
    "'",
    ":",
]


def _scalar(random: Random) -> str:
    return random.choice(_COMMON if random.random() < 0.97 else _RARE)


def _key(random: Random) -> str:
    key = random.choice(_KEYS)
    return random.choice([key, key, key, key, f"'{key}'", f'"{key}"'])


def _brackets(random: Random, depth: int) -> str:
    if depth > 2 or random.random() < 0.5:
        return _scalar(random)
    blank = random.choice(["", "", " "])
    comma = random.choice([", ", ", ", ",", " , "])
    members = [_brackets(random, depth + 1) for _ in range(random.randrange(4))]
    if random.random() < 0.5:
        return f"[{blank}{comma.join(members)}{blank}]"
    return f"{{{blank}{comma.join(f'{_key(random)}: {member}' for member in members)}{blank}}}"


def _behind(random: Random) -> str:
    """Return what may stand behind a value."""
    return random.choice(["", "", "", "", " ", "  ", " # note", "   # a: 'b", " #"])


def _between(random: Random) -> list[str]:
    """Return lines that may stand between others."""
    return [random.choice(["", "# note", "    # - a: b", " #", "  "])] if random.random() < 0.15 else []


def _indented(lines: list[str], margin: str) -> list[str]:
    return [margin + line if line else line for line in lines]


def _value(random: Random, depth: int, *, behind_dash: bool) -> list[str]:
    """Return what follows a key or a dash, up to the end of its line, and the lines below."""
    kind = random.randrange(9) if depth < 4 else random.randrange(4)
    space = random.choice([" ", " ", " ", "  "])
    if kind < 3:
        return [space + _scalar(random) + _behind(random)]
    if kind == 3:
        return [space + _brackets(random, 0) + _behind(random)]
    if kind == 4:
        return [_behind(random)]
    margin = " " * random.choice([1, 2, 2, 2, 4])
    if kind == 5:
        below = ["text", "two words ", "", "", "# no comment", "a: b", "- c"]
        lines = [random.choice(below) for _ in range(random.randint(1, 4))]
        lines[random.randrange(len(lines))] = random.choice(["text", "text", "  deeper", "'"])
        if random.random() < 0.1:
            lines.insert(random.randrange(len(lines)), " " * random.randint(1, 3))
        return [space + random.choice(["|", "|-", ">", ">-", "|", "|+"]), *_indented(lines, margin)]
    inner = _lines(random, depth + 1)
    if behind_dash and kind == 6:
        # the first line stands behind the dash, and the others below it
        return [space + inner[0], *_indented(inner[1:], " " + space)]
    if not behind_dash and inner[0].startswith("-") and random.random() < 0.5:
        margin = ""
    return [_behind(random), *_between(random), *_indented(inner, margin)]


def _lines(random: Random, depth: int) -> list[str]:
    """Return the lines of a mapping or a list."""
    lines = []
    if depth and random.random() < 0.4:
        for _ in range(random.randint(1, 3)):
            first, *rest = _value(random, depth, behind_dash=True)
            lines += [f"-{first}", *rest, *_between(random)]
    else:
        keys = dict.fromkeys(_key(random) for _ in range(random.randint(1, 4)))
        for key in keys:
            first, *rest = _value(random, depth, behind_dash=False)
            lines += [f"{key}:{first}", *rest, *_between(random)]
    return lines


def styled(random: Random) -> str:
    """Return documents in some style, most of them plain."""
    text = ""
    for _ in range(random.randint(1, 3)):
        text += random.choice(["", "---\n", "--- # note\n", "...\n---\n"]) if text else random.choice(["", "", "---\n"])
        text += "\n".join([*_between(random), *_lines(random, 0), ""])
    return text.removesuffix(random.choice(["", "", "", "\n"]))


def excerpt(random: Random) -> str:
    """Return some lines of a real file."""
    lines = random.choice(TEXTS).split("\n")
    start = random.randrange(len(lines))
    return "\n".join(lines[start : start + random.randint(1, 14)]) + random.choice(["\n", ""])


def odd(random: Random) -> str:
    """Return specimens below each other, indented somehow."""
    parts = []
    for _ in range(random.randint(1, 4)):
        margin = " " * random.choice([0, 0, 0, 1, 2, 2, 4])
        parts += [margin + line for line in random.choice(SPECIMENS).split("\n")]
        parts += random.choice([[], [], ["---"]])
    return "\n".join(parts) + random.choice(["\n", ""])


def noise(random: Random) -> str:
    """Return marks of YAML without any order."""
    return "".join(random.choice(MARKS) for _ in range(random.randint(1, 25)))


def damaged(random: Random, text: str) -> str:
    """Return a text with one change of a character, or of a line."""
    at = random.randint(0, len(text))
    if random.random() < 0.4:
        inner = text[at : at + 1] * random.randint(0, 2) + random.choice(["", *PIECES])
        return text[:at] + inner + text[at + random.randint(1, 2) :]
    lines = text.split("\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    line = lines[at]
    bare = line.lstrip(" ")
    margin = line[: len(line) - len(bare)]
    changes: list[list[str]] = [
        [],
        [line, line],
        [line, lines[other]],
        [line, random.choice(SPECIMENS)],
        [" " * random.randint(1, 4) + line],
        [line[random.randint(1, 3) :]],
        [line + random.choice(ENDS)],
        [margin + random.choice(BEGINNINGS) + bare],
        [line.replace(random.choice(":- '\",ae"), random.choice(PIECES), random.choice([1, -1]))],
    ]
    lines[at : at + 1] = random.choice(changes)
    return "\n".join(lines)


def strange(random: Random) -> str:
    """Return a text of any of these sorts, often damaged."""
    sorts: list[Callable[[Random], str]] = [styled, excerpt, odd, odd, noise]
    text = random.choice(sorts)(random)
    for _ in range(random.choice([0, 1, 1, 1, 2, 2, 3, 5])):
        text = damaged(random, text)
    return text
