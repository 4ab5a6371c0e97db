"""The TOML of 0.15 is read as that server read it, which no other reader of TOML does."""

import re

import pytest

from reconciler.desired.bridges.dialect import DialectError, read_toml


def flat(text: str) -> dict[str, str]:
    return {each.key: each.value for each in read_toml(text)}


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("[A.B]\nC = 1\n[a.b]\nd = 2", {"a.b.C": "1", "a.b.d": "2"}),
        ('[queue.route."Eu.1"]\ntype = "mx"', {"queue.route.Eu.1.type": "mx"}),
        ("[[a]]\nx = 1\n[[a]]\nx = 2\n[a.y]\nz = 3", {"a.0000.x": "1", "a.0001.x": "2", "a.y.z": "3"}),
        (
            "a = [\n { if = 'x',\n   then = 'y' }, # why\n { else = false },\n]",
            {"a.0000.if": "x", "a.0000.then": "y", "a.0001.else": "false"},
        ),
        ("a = { b = 1,\n c.d = '2', }\n", {"a.b": "1", "a.c.d": "2"}),
        ('a = "\\.com \\\\.net \\n \\u0041"', {"a": ".com \\.net \n A"}),
        ("a = 'it\\'s'", {"a": "it's"}),
        ('a = """\none\ntwo"""', {"a": "one\ntwo"}),
        ("protocol = smtp # plain\naddress = a.b.c\nwait=8m", {"protocol": "smtp", "address": "a.b.c", "wait": "8m"}),
        ("x = is_local_domain('*', rcpt_domain) && size > 5", {"x": "is_local_domain('*', rcpt_domain) && size > 5"}),
        ("x = [plain, login]\ny = [1, 2]", {"x": "[plain, login]", "y.0000": "1", "y.0001": "2"}),
        ("x = 'a' + b", {"x": "'a' + b"}),
        ("\ufeffa.'b.c'.d = ''\r\n", {"a.b.c.d": ""}),
    ],
)
def test_a_text_is_read_into_flat_keys(text: str, keys: dict[str, str]) -> None:
    assert flat(text) == keys


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a = 1\n\na = 2", 3, "the key a stands twice, first in line 1"),
        ("[a\nb = 1", 2, "']' must stand here, not 'b'"),
        ("\na = 'x", 2, "the text has no end"),
        ("a = [1,\n2", 2, "the list has no end"),
        ("a = {b = 1\n", 2, "the table has no end"),
        ("= 1", 1, "a key must stand here"),
        ("a\n", 2, "'=' must stand here, not the end of the file"),
        ("a = " + "[" * 99, 1, "lists and tables stand too deep in each other"),
    ],
)
def test_what_cannot_be_read_has_a_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DialectError, match=re.escape(message)) as error:
        read_toml(text)

    assert (str(error.value), error.value.line) == (message, line)
