"""Faults on demand: their grammar, whom they befall, and what they leave behind."""

import json
from typing import Any

import pytest

from reconciler.sandbox import ConnectionClosed, FaultError, InjectedFault, Reply, Sandbox, parse_fault
from tests.talk import Talk

ROUTE = {"@type": "Mx", "name": "new"}


def talk_with(*faults: str) -> Talk:
    return Talk(Sandbox(faults=[parse_fault(fault) for fault in faults]))


def create(talk: Talk, name: str = "new") -> Any:
    return talk.call("x:MtaRoute/set", create={name: {"@type": "Mx", "name": name}})


def post(talk: Talk, method: str = "x:MtaRoute/set", **arguments: Any) -> Reply:
    return talk.send(json.dumps({"using": [], "methodCalls": [[method, arguments, "0"]]}))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop", InjectedFault(action="drop")),
        ("drop, after", InjectedFault(action="drop", after=True)),
        ("delay=250ms,nth=2", InjectedFault(action="delay", seconds=0.25, nth=2)),
        ("delay=3s", InjectedFault(action="delay", seconds=3)),
        ("status=429,retry-after=7", InjectedFault(action="status", status=429, retry_after=7)),
        ("unavailable", InjectedFault(action="unavailable")),
        ("unavailable=0,method=*/set", InjectedFault(action="unavailable", objects=0, method="*/set")),
        (
            "html,path=/jmap/session,every=3,times=2",
            InjectedFault(action="html", path="/jmap/session", every=3, times=2),
        ),
    ],
)
def test_faults_are_read(text: str, fault: InjectedFault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("explode", "'explode' is none of drop, delay, status, html, truncate, repeat-ids, leave-out, unavailable"),
        ("", "'' is none of"),
        ("delay", "delay takes a time such as 250ms or 2s"),
        ("delay=5", "delay takes a time"),
        ("delay=-1s", "delay takes a time"),
        ("status", "status takes a number from 201 to 599"),
        ("status=200", "status takes a number from 201 to 599"),
        ("drop=1", "drop takes no value"),
        ("truncate,after", "'after' does not fit"),
        ("drop,nth=0", "nth takes a number from 1 to"),
        ("drop,retry-after=1", "'retry-after=1' does not fit"),
        ("drop,colour=red", "'colour=red' does not fit"),
        ("drop,method=", "'method=' does not fit"),
    ],
)
def test_faults_that_make_no_sense_are_refused(text: str, message: str) -> None:
    with pytest.raises(FaultError, match=message):
        parse_fault(text)


def test_connection_is_dropped_before_or_after_the_write() -> None:
    before, after = talk_with("drop,nth=1"), talk_with("drop,after,nth=1")

    for talk in (before, after):
        with pytest.raises(ConnectionClosed):
            create(talk)

    assert (before.sandbox.registry.writes, after.sandbox.registry.writes) == (0, 1)
    assert list(create(before)) == ["created"]
    assert list(create(after)) == ["notCreated"]


def test_status_stands_in_for_the_answer() -> None:
    talk = talk_with("status=503,nth=1", "status=429,retry-after=3,nth=2", "status=500,after,nth=3")
    replies = [post(talk, create={str(n): {"@type": "Mx", "name": str(n)}}) for n in range(4)]

    assert [reply.status for reply in replies] == [503, 429, 500, 200]
    assert ("Retry-After", "3") in replies[1].headers
    assert talk.sandbox.registry.writes == 2
    assert json.loads(replies[0].body)["title"] == "Service Unavailable"


def test_page_or_half_an_answer() -> None:
    html, cut = post(talk_with("html")), post(talk_with("truncate"), create={"a": ROUTE})

    assert (html.status, html.headers) == (200, (("Content-Type", "text/html"),))
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut.body)


def test_delay_changes_nothing_else() -> None:
    assert list(create(talk_with("delay=1ms"))) == ["created"]


def test_query_page_repeats_an_id() -> None:
    talk = talk_with("repeat-ids,method=x:MtaVirtualQueue/query,nth=1")

    assert talk.call("x:MtaRoute/query")["ids"][0] != talk.call("x:MtaRoute/query")["ids"][1]
    assert talk.call("x:MtaVirtualQueue/query")["ids"] == ["d", "c", "b", "d"]
    assert talk.call("x:MtaVirtualQueue/query")["ids"] == ["d", "c", "b", "a"]


def test_set_leaves_an_id_out_that_was_done() -> None:
    talk = talk_with("leave-out,nth=1", "leave-out,nth=2", "leave-out,nth=3")

    assert create(talk) == {}
    new = talk.call("x:MtaRoute/query", filter={"name": "new"})["ids"][0]
    assert talk.call("x:MtaRoute/set", update={new: {"maxMxHosts": 9}, "zz": {}}) == {
        "notUpdated": {"zz": {"type": "notFound"}}
    }
    assert talk.read("MtaRoute", new)["maxMxHosts"] == 9
    others = [id_ for id_ in talk.call("x:MtaRoute/query")["ids"] if id_ != new]
    assert talk.call("x:MtaRoute/set", destroy=[*others, new]) == {"destroyed": others}


def test_unavailable_server_keeps_what_it_wrote() -> None:
    talk = talk_with("unavailable=2,nth=1", "unavailable=0,nth=2")
    creates = {name: {"@type": "Mx", "name": name} for name in ("a", "b", "c")}
    words = "This server is temporarily unavailable. Attempting this same operation later may succeed."

    assert talk.call("x:MtaRoute/set", create=creates) == {"type": "serverUnavailable", "description": words}
    assert talk.sandbox.registry.writes == 2
    assert talk.call("x:MtaRoute/set", destroy=["zz"]) == {"notDestroyed": {"zz": {"type": "notFound"}}}
    assert list(talk.call("x:MtaRoute/set", create=creates)) == ["created", "notCreated"]


def test_selectors_choose_the_request() -> None:
    talk = talk_with("status=500,every=2,times=2,method=x:MtaRoute/*")
    statuses = [post(talk).status for _ in range(7)]

    assert statuses == [200, 500, 200, 500, 200, 200, 200]
    assert post(talk, "x:MtaMilter/get").status == 200
    assert talk.get("/jmap/session").status == 200


def test_path_chooses_other_resources() -> None:
    talk = talk_with("status=503,path=/jmap/session,nth=1")

    assert post(talk).status == 200
    assert [talk.get("/jmap/session").status for _ in range(2)] == [503, 200]


def test_faults_can_be_set_while_it_runs() -> None:
    talk = Talk()
    assert post(talk).status == 200

    talk.sandbox.set_faults(InjectedFault(action="status", status=500))
    assert post(talk).status == 500
    talk.sandbox.set_faults()
    assert post(talk).status == 200
