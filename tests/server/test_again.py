"""What a run is about to touch is looked at again as if everything had been read, and costs what is touched alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.sandbox import Sandbox
from reconciler.server.again import KnownObjects
from reconciler.server.jmap.client import Client
from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Response
from reconciler.values.errors import NotAllowed, Unreachable
from reconciler.values.model import Address, LiveState
from tests.applying import embedded, read_all
from tests.states import CATALOGUE, LIMITS, Server, live_of, read
from tests.talk import Talk

KINDS = ("MtaMilter", "MtaVirtualQueue", "MtaDeliverySchedule")
Twist = Callable[[Call, Any], Any]


def run(
    server: Server, flow: Flow[LiveState], twist: Twist = lambda _, result: result
) -> tuple[LiveState, list[list[str]]]:
    """Answer a look, and return what it found and the methods of each of its requests."""
    requests, asked = next(flow), []
    try:
        while True:
            asked += [[call.method for call in request.calls] for request in requests]
            requests = flow.send(
                tuple(
                    Response(tuple(twist(call, server.answer(call)) for call in request.calls)) for request in requests
                )
            )
    except StopIteration as end:
        state: LiveState = end.value
        return state, asked


def milters(*ports: int, prefix: str = "m") -> list[dict[str, Any]]:
    return [{"hostname": "127.0.0.1", "port": port, "id": f"{prefix}{port:06}"} for port in ports]


class Neighbours:
    """A run that knows what it read and does, and somebody else who does as much beside it."""

    def __init__(self) -> None:
        self.talk = Talk(Sandbox())
        self.client: Client = embedded(self.talk.sandbox)
        for port in range(3):
            self.milter(port)
        for name in ("slow", "fast"):
            queue = self.talk.create("MtaVirtualQueue", name=name)
            self.talk.create("MtaDeliverySchedule", name=f"for-{name}", queueId=queue)
        self.live = read_all(self.client, KINDS)
        self.known = KnownObjects(self.live)
        self.own = {held.id for held in self.live.of("MtaMilter")}

    def milter(self, port: int) -> str:
        return self.talk.create("MtaMilter", hostname="127.0.0.1", port=port + 1)

    def do(self, what: str, number: int) -> None:
        now = [held.id for held in read_all(self.client, KINDS).of("MtaMilter")]
        id_ = now[number % len(now)] if now else ""
        if what.endswith("create"):
            made = self.milter(number)
            if what == "we create":
                self.known.made("MtaMilter", made)
                self.own.add(made)
        elif what.endswith("destroy") and id_:
            self.talk.call("x:MtaMilter/set", destroy=[id_])
            if what == "we destroy":
                self.known.destroyed("MtaMilter")
        elif what == "they update" and id_:
            self.talk.call("x:MtaMilter/set", update={id_: {"port": number + 100}})
        elif what == "they slow down":
            schedule = self.live.of("MtaDeliverySchedule")[number % 3].id
            self.talk.call("x:MtaDeliverySchedule/set", update={schedule: {"queueId": self.queue(number)}})
        elif what == "look":
            self.look()

    def queue(self, number: int) -> str:
        queues = self.live.of("MtaVirtualQueue")
        return queues[number % len(queues)].id

    def look(self) -> None:
        """Look again, and hold what is seen beside a whole read."""
        touched = {kind: [held.id for held in self.live.of(kind)][:2] for kind in ("MtaMilter", "MtaDeliverySchedule")}
        flow = self.known.look_flow(CATALOGUE, touched, ["MtaMilter"], LIMITS)

        state, whole = self.client.run(flow), read_all(self.client, KINDS)

        strangers = {held.id for held in whole.of("MtaMilter")} - self.own
        for kind, ids in touched.items():
            seen = {held.id: (held.key, held.wire) for held in state.of(kind)}
            there = {held.id: (held.key, held.wire) for held in whole.of(kind)}
            wanted = {*ids, *(strangers if kind == "MtaMilter" else ())}
            assert seen == {id_: held for id_, held in there.items() if id_ in wanted}
        assert self.known.strangers.get("MtaMilter", set()) >= strangers


STEPS = ("they create", "we create", "they destroy", "we destroy", "they update", "they slow down", "look")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=12))
def test_a_look_sees_what_a_whole_read_would(steps: Sequence[tuple[str, int]]) -> None:
    neighbours = Neighbours()

    for step in steps:
        neighbours.do(*step)
    neighbours.look()


def test_a_look_costs_one_request_however_many_objects_there_are() -> None:
    server = Server({"MtaMilter": milters(*range(7000))})
    known = KnownObjects(read(server))

    state, asked = run(server, known.look_flow(CATALOGUE, {"MtaMilter": ["m000007"]}, ["MtaMilter"], LIMITS))

    assert [held.id for held in state.of("MtaMilter")] == ["m000007"]
    assert asked == [["x:MtaMilter/get", "x:MtaMilter/query"]]


def test_what_a_run_has_made_is_listed_once_and_read_never() -> None:
    server = Server({"MtaMilter": milters(*range(10))})
    known = KnownObjects(read(server))
    server.put({"MtaMilter": milters(*range(700))})
    for held in milters(*range(10, 700)):
        known.made("MtaMilter", held["id"])

    listed: list[int] = []

    def note(_: Call, result: Any) -> Any:
        listed.append(len(result["ids"]))
        return result

    looks = [run(server, known.look_flow(CATALOGUE, {}, ["MtaMilter"], LIMITS), note) for _ in range(2)]

    assert looks == [(LiveState({"MtaMilter": ()}), [["x:MtaMilter/query"]])] * 2
    assert listed == [691, 1]


@pytest.mark.parametrize(
    ("now", "strangers"),
    [
        (milters(0, 1, 2, 3), {"m000003"}),
        (milters(0, 1, 3), {"m000003"}),
        (milters(1, 2, 3), {"m000003"}),
        (milters(0, 1, prefix="k") + milters(0, 1, 2), {"k000000", "k000001"}),
        (milters(5, 6, prefix="n"), {"n000005", "n000006"}),
        (milters(0, 1), set()),
        ([], set()),
    ],
)
def test_what_is_new_is_seen_wherever_it_stands(now: Sequence[Mapping[str, Any]], strangers: set[str]) -> None:
    server = Server({"MtaMilter": milters(0, 1, 2)})
    known = KnownObjects(read(server))
    server.put({"MtaMilter": now})

    state, _ = run(server, known.look_flow(CATALOGUE, {}, ["MtaMilter"], LIMITS))

    assert {held.id for held in state.of("MtaMilter")} == known.strangers.get("MtaMilter", set()) == strangers


def test_a_stranger_that_is_gone_again_is_seen_no_more() -> None:
    server = Server({"MtaMilter": milters(0)})
    known = KnownObjects(read(server))
    server.put({"MtaMilter": milters(0, 1)})
    run(server, known.look_flow(CATALOGUE, {}, ["MtaMilter"], LIMITS))
    server.put({"MtaMilter": milters(0)})

    state, _ = run(server, known.look_flow(CATALOGUE, {}, ["MtaMilter"], LIMITS))

    assert state.of("MtaMilter") == ()


def test_references_have_the_names_of_their_targets() -> None:
    before = {
        "MtaVirtualQueue": [{"name": "q", "id": "b"}, {"name": "other", "id": "c"}],
        "MtaDeliverySchedule": [{"name": "s", "queueId": "b", "id": "d"}],
    }
    server = Server(before)
    known = KnownObjects(read(server))
    flow = known.look_flow(CATALOGUE, {"MtaDeliverySchedule": ["d"]}, (), LIMITS)

    state, asked = run(server, flow)

    assert state.of("MtaDeliverySchedule")[0].wire["queueId"] == Address("MtaVirtualQueue", "q")
    assert asked == [["x:MtaDeliverySchedule/get"], ["x:MtaVirtualQueue/get"]]


def test_what_could_not_be_read_before_is_called_by_its_id_again() -> None:
    objects = {
        "MtaVirtualQueue": [{"name": "q", "id": "b"}],
        "MtaDeliverySchedule": [{"name": "s", "queueId": "b", "id": "d"}],
    }
    known = KnownObjects(live_of(objects, ["MtaVirtualQueue"]))
    flow = known.look_flow(CATALOGUE, {"MtaDeliverySchedule": ["d"]}, (), LIMITS)

    state, _ = run(Server(objects), flow)

    assert state.of("MtaDeliverySchedule")[0].wire["queueId"] == Address("MtaVirtualQueue", id="b")


def test_a_listing_that_contradicts_itself_is_not_trusted() -> None:
    server = Server({"MtaMilter": milters(0, 1)})
    known = KnownObjects(read(server))

    def twist(_: Call, result: Any) -> Any:
        return {**result, "total": 9}

    with pytest.raises(Unreachable, match="the listing of MtaMilter cannot be trusted"):
        run(server, known.look_flow(CATALOGUE, {}, ["MtaMilter"], LIMITS), twist)


def test_a_kind_that_may_not_be_read_any_more_names_the_permission() -> None:
    server = Server({"MtaMilter": milters(0)})
    known = KnownObjects(read(server))
    flow = known.look_flow(CATALOGUE, {"MtaMilter": ["m000000"]}, (), LIMITS)

    with pytest.raises(NotAllowed, match="they need the permission sysMtaMilterGet"):
        run(server, flow, lambda *_: MethodError("forbidden", "no"))


def test_requests_keep_to_the_limits_of_the_session() -> None:
    server = Server({"MtaMilter": milters(*range(50))})
    known = KnownObjects(read(server))
    small = Limits(max_objects_in_get=3, max_calls_in_request=2, max_ids_in_query=7)
    server.put({"MtaMilter": milters(*range(50), 98, 99)})
    touched = [held["id"] for held in milters(*range(0, 50, 5))]
    sizes: list[int] = []

    def note(call: Call, result: Any) -> Any:
        sizes.append(len(call.arguments.get("ids", ())))
        return result

    state, asked = run(server, known.look_flow(CATALOGUE, {"MtaMilter": touched}, ["MtaMilter"], small), note)

    assert {held.id for held in state.of("MtaMilter")} == {*touched, "m000098", "m000099"}
    assert max(map(len, asked)) == 2
    assert max(sizes) == 3
