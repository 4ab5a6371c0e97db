"""Answers in a coding that nobody asked for, and answers to something else, at every step of an apply.

Law: as for odd shapes. A read is tried again or ends the run; after a write the outcome tells what is so.
"""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.test_shapes import CONFIG, WANTED, applied, at_one, before, check, sent
from tests.running import write

#: Answers of the run, and those of them that the normal run tries: a listing, and a set of several kinds.
ANSWERS = 18
QUICK = (1, 9)


def plain(content: bytes) -> bytes:
    return content


Coding = tuple[str, Callable[[bytes], bytes]]
#: Content codings (RFC 9110 section 8.4.1) in which an answer can be read all the same.
READABLE: dict[str, Coding] = {
    "gzip": ("gzip", gzip.compress),
    "gzip in capitals": ("GZIP", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "a name that nobody knows": ("\x7f; q=1", plain),
}
#: … and in which it cannot.
UNREADABLE: dict[str, Coding] = {
    "gzip that is none": ("gzip", plain),
    "gzip cut off": ("gzip", lambda content: gzip.compress(content)[:-20]),
    "gzip twice": ("gzip, gzip", lambda content: gzip.compress(gzip.compress(content))),
    "gzip of nothing": ("gzip", lambda _: b""),
    "deflate that is none": ("deflate", plain),
    "deflate of gzip": ("deflate", gzip.compress),
    "gzip untold": ("", gzip.compress),
    "brotli": ("br", lambda _: b"\x0b\x02\x80{}\x03"),
    "zstd": ("zstd", lambda _: b"\x28\xb5\x2f\xfd\x00"),
    "UTF-16": ("", lambda content: content.decode().encode("utf-16")),
}


def coded(coding: Coding, document: Any) -> httpx.Response:
    name, encode = coding
    body = httpx.ByteStream(encode(json.dumps(document).encode()))
    return httpx.Response(200, stream=body, headers={"Content-Encoding": name})


def another(responses: list[Any]) -> list[Any]:
    """Answer each call as if another method had been called."""
    return [["x:MtaSts/get" if name != "x:MtaSts/get" else "x:MtaRoute/get", *rest] for name, *rest in responses]


#: What stands in place of the method responses of an answer.
MISMATCHED: dict[str, Callable[[list[Any]], list[Any]]] = {
    "another method": another,
    "another verb": lambda responses: [[name.partition("/")[0] + "/changes", *rest] for name, *rest in responses],
    "another call": lambda responses: [[name, result, "99"] for name, result, _ in responses],
    "each twice": lambda responses: [*responses, *responses],
    "one more": lambda responses: [*responses, ["x:MtaSts/get", {"list": [], "notFound": []}, "1000"]],
    "none": lambda _: [],
}


def marked(nth: int) -> Any:
    return pytest.param(nth, marks=() if nth in QUICK else pytest.mark.slow)


NUMBERS = [marked(nth) for nth in range(ANSWERS)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("envelopes")
    write(directory / "m", m=WANTED)
    (directory / "reconciler.yaml").write_text(CONFIG)
    return directory


def as_it_is(_: int, document: Any) -> Any:
    return document


def test_the_run_has_as_many_answers_as_are_tried(place: Path) -> None:
    ran, answers = applied(before(), place, as_it_is)

    assert (ran.code, answers) == (0, ANSWERS)


@pytest.mark.parametrize("name", READABLE)
def test_answers_in_a_coding_that_was_not_asked_for_are_read(place: Path, name: str) -> None:
    ran = check(place, as_it_is, lambda _, document: coded(READABLE[name], document))

    assert ran.code == 0, ran


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("nth", NUMBERS)
def test_an_answer_that_cannot_be_decoded(place: Path, nth: int, name: str) -> None:
    check(
        place,
        as_it_is,
        lambda number, document: coded(UNREADABLE[name], document) if number == nth else sent(number, document),
    )


@pytest.mark.parametrize("name", MISMATCHED)
@pytest.mark.parametrize("nth", NUMBERS)
def test_an_answer_to_another_call(place: Path, nth: int, name: str) -> None:
    def mismatched(document: Any) -> Any:
        if "methodResponses" not in document:
            return document
        return {**document, "methodResponses": MISMATCHED[name](document["methodResponses"])}

    check(place, at_one(nth, mismatched))
