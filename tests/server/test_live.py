"""Live state is read completely, or not trusted at all."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from reconciler.kinds.catalogue import load
from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Request, Response
from reconciler.server.live import kinds_for_checks, read_flow
from reconciler.values.errors import NotAllowed, Unreachable
from reconciler.values.model import Address, LiveObject, LiveState
from tests import whole

LIMITS = Limits()
CATALOGUE = load()
Result = dict[str, Any] | MethodError
Twist = Callable[[Call, Result], Result]


class Store:
    """Answers queries and gets over some objects, twisted as a test wants it."""

    def __init__(self, objects: dict[str, Sequence[dict[str, Any]]], twist: Twist = lambda _, result: result) -> None:
        self.objects = objects
        self.twist = twist
        self.requests: list[Request] = []

    def call(self, call: Call) -> Result:
        kind, _, verb = call.method.removeprefix("x:").partition("/")
        held = self.objects.get(kind, ())
        if verb == "query":
            ids = [each["id"] for each in held]
            start, limit = call.arguments["position"], call.arguments["limit"]
            return {"ids": ids[start : start + limit], "total": len(ids), "position": start}
        by_id = {"singleton": {"id": "singleton"}, **{each["id"]: each for each in held}}
        return {
            "list": [dict(by_id[id_]) for id_ in call.arguments["ids"] if id_ in by_id],
            "notFound": [id_ for id_ in call.arguments["ids"] if id_ not in by_id],
        }

    def run(self, flow: Flow[LiveState]) -> LiveState:
        requests = next(flow)
        try:
            while True:
                self.requests += requests
                requests = flow.send(
                    tuple(Response(tuple(self.twist(call, self.call(call)) for call in r.calls)) for r in requests)
                )
        except StopIteration as end:
            state: LiveState = end.value
            return state


def routes(count: int) -> list[dict[str, Any]]:
    return [{"@type": "Local", "name": f"r{n}", "description": None, "id": f"a{n:05}"} for n in range(count)]


def test_every_object_is_read_in_order_of_creation() -> None:
    store = Store({"MtaRoute": routes(2)})

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))

    wires = [{"@type": "Local", "name": f"r{n}", "description": None} for n in range(2)]
    assert state == LiveState(
        {
            "MtaRoute": tuple(
                LiveObject(address=Address("MtaRoute", f"r{n}"), key=(f"r{n}",), id=f"a{n:05}", wire=wires[n])
                for n in range(2)
            )
        }
    )


def test_the_query_asks_for_a_sorted_and_counted_page() -> None:
    store = Store({})

    store.run(read_flow(CATALOGUE, ["MtaRoute", "MtaOutboundStrategy"], LIMITS))

    asked = {"sort": [{"property": "id", "isAscending": True}], "calculateTotal": True, "position": 0, "limit": 5000}
    assert store.requests[0] == Request(
        (Call("x:MtaOutboundStrategy/get", {"ids": ["singleton"]}), Call("x:MtaRoute/query", asked))
    )


@pytest.mark.parametrize(("count", "gets"), [(0, 0), (1, 1), (500, 1), (501, 2), (1200, 3), (12_345, 25)])
def test_any_number_of_objects_is_read_completely(count: int, gets: int) -> None:
    store = Store({"MtaRoute": routes(count)})

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))

    calls = [call for request in store.requests for call in request.calls]
    assert [each.id for each in state.of("MtaRoute")] == [each["id"] for each in routes(count)]
    assert sum(call.method == "x:MtaRoute/get" for call in calls) == gets
    assert max(len(request.calls) for request in store.requests) <= LIMITS.max_calls_in_request
    assert all(len(call.arguments.get("ids", ())) <= 500 for call in calls)


def test_a_thousand_objects_take_two_requests() -> None:
    store = Store({"MtaRoute": routes(1000)})

    store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS, checks=kinds_for_checks(CATALOGUE, ["MtaRoute"])))

    assert len(store.requests) == 2


def test_a_server_with_a_smaller_page_is_read_completely() -> None:
    def short(call: Call, result: Result) -> Result:
        return (
            {**result, "ids": result["ids"][:100]}
            if call.method.endswith("query") and isinstance(result, dict)
            else result
        )

    store = Store({"MtaRoute": routes(250)}, short)

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))

    assert len(state.of("MtaRoute")) == 250


def repeats(call: Call, result: Result) -> Result:
    if call.method.endswith("query") and isinstance(result, dict) and call.arguments["position"]:
        return {**result, "ids": ["a00000", *result["ids"][1:]]}
    return result


def drops(call: Call, result: Result) -> Result:
    if call.method.endswith("query") and isinstance(result, dict):
        return {**result, "ids": [each for each in result["ids"] if each != "a00700"]}
    return result


def loses(call: Call, result: Result) -> Result:
    if call.method.endswith("get") and isinstance(result, dict):
        return {**result, "list": [each for each in result["list"] if each["id"] != "a00700"]}
    return result


def doubles(call: Call, result: Result) -> Result:
    if call.method.endswith("get") and isinstance(result, dict):
        return {**result, "list": [*result["list"], *result["list"][:1]]}
    return result


def misses(call: Call, result: Result) -> Result:
    return {**result, "notFound": ["a00700"]} if call.method.endswith("get") and isinstance(result, dict) else result


def grows(call: Call, result: Result) -> Result:
    if call.method.endswith("query") and isinstance(result, dict):
        return {**result, "total": result["total"] + call.arguments["position"]}
    return result


def uncounted(call: Call, result: Result) -> Result:
    return {"ids": result["ids"]} if call.method.endswith("query") and isinstance(result, dict) else result


@pytest.mark.parametrize("twist", [repeats, drops, loses, doubles, misses, grows, uncounted])
def test_a_listing_that_contradicts_itself_is_not_trusted(twist: Twist) -> None:
    store = Store({"MtaRoute": routes(6000)}, twist)

    with pytest.raises(Unreachable, match="the listing of MtaRoute cannot be trusted"):
        store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))


def forbid(*kinds: str) -> Twist:
    def twist(call: Call, result: Result) -> Result:
        if call.method.removeprefix("x:").partition("/")[0] in kinds:
            return MethodError("forbidden", "You are not authorized to perform this action")
        return result

    return twist


def test_a_needed_kind_that_may_not_be_read_names_the_permission() -> None:
    store = Store({}, forbid("MtaRoute"))

    with pytest.raises(NotAllowed, match="they need the permission sysMtaRouteQuery"):
        store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))


def test_a_kind_that_is_only_checked_may_be_forbidden() -> None:
    store = Store({"MtaRoute": routes(1)}, forbid("MtaVirtualQueue"))

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS, checks=["MtaVirtualQueue"]))

    assert state.forbidden == {"MtaVirtualQueue"}
    assert len(state.of("MtaRoute")) == 1


def test_a_listing_that_changed_while_it_was_read_is_read_again() -> None:
    told: list[str] = []

    def once(call: Call, result: Result) -> Result:
        if call.method.endswith("get") and isinstance(result, dict) and not told:
            told.append(call.method)
            return {**result, "list": result["list"][1:], "notFound": ["a00000"]}
        return result

    store = Store({"MtaRoute": routes(3)}, once)

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS))

    assert len(state.of("MtaRoute")) == 3


def test_a_reference_is_held_by_the_address_of_its_target() -> None:
    store = Store(
        {
            "MtaVirtualQueue": [{"name": "q", "id": "b"}],
            "MtaDeliverySchedule": [
                {"name": "known", "queueId": "b", "id": "c"},
                {"name": "unknown", "queueId": "zz", "id": "d"},
            ],
        }
    )

    state = store.run(read_flow(CATALOGUE, ["MtaVirtualQueue", "MtaDeliverySchedule"], LIMITS))

    assert [each.wire["queueId"] for each in state.of("MtaDeliverySchedule")] == [
        Address("MtaVirtualQueue", "q"),
        Address("MtaVirtualQueue", id="zz"),
    ]


def test_objects_that_share_a_key_are_told_apart_by_id() -> None:
    milter = {"hostname": "::1", "port": 11332}
    store = Store(
        {"MtaMilter": [{**milter, "id": "a"}, {**milter, "id": "b"}, {"hostname": "h", "port": 1, "id": "c"}]}
    )

    state = store.run(read_flow(CATALOGUE, ["MtaMilter"], LIMITS))

    assert [str(each.address) for each in state.of("MtaMilter")] == [
        "MtaMilter/[::1]:11332#a",
        "MtaMilter/[::1]:11332#b",
        "MtaMilter/h:1",
    ]


def test_related_kinds_are_those_referred_to_and_those_that_refer() -> None:
    assert kinds_for_checks(CATALOGUE, ["MtaRoute"]) == {"MtaOutboundStrategy"}
    assert kinds_for_checks(CATALOGUE, ["MtaOutboundStrategy"]) == {
        "MtaConnectionStrategy",
        "MtaDeliverySchedule",
        "MtaRoute",
        "MtaTlsStrategy",
    }
    assert kinds_for_checks(CATALOGUE, ["MtaVirtualQueue"]) == {"MtaDeliverySchedule"}


@pytest.mark.parametrize(
    ("kind", "wire", "shown"),
    [
        (
            "MtaRoute",
            {"@type": "Relay", "name": "r", "authSecret": {"@type": "Value", "secret": "canary"}},
            {"@type": "Relay", "name": "r", "authSecret": {"@type": "Value", "secret": "****"}},
        ),
        (
            "MtaRoute",
            {"@type": "Newer", "name": "r", "authSecret": {"@type": "Newer", "secret": "canary", "text": "plain"}},
            {"@type": "Newer", "name": "r", "authSecret": {"@type": "Newer", "secret": "****", "text": "plain"}},
        ),
        (
            "MtaHook",
            {
                "url": "https://h",
                "httpAuth": {"@type": "Bearer", "bearerToken": {"@type": "Value", "secret": "canary"}},
            },
            {"url": "https://h", "httpAuth": {"@type": "Bearer", "bearerToken": {"@type": "Value", "secret": "****"}}},
        ),
        (
            "MtaRoute",
            {"@type": "Relay", "name": "r", "authSecret": {"@type": "Value", "secret": None}},
            {"@type": "Relay", "name": "r", "authSecret": {"@type": "Value", "secret": None}},
        ),
    ],
)
def test_a_secret_that_the_server_does_not_mask_is_masked_here(
    kind: str, wire: dict[str, Any], shown: dict[str, Any]
) -> None:
    store = Store({kind: [{**wire, "id": "a"}]})

    assert store.run(read_flow(CATALOGUE, [kind], LIMITS)).of(kind)[0].wire == shown


def test_a_kind_that_is_only_checked_may_be_one_that_nobody_reads() -> None:
    store = Store({"MtaRoute": routes(1)})

    state = store.run(read_flow(CATALOGUE, ["MtaRoute"], LIMITS, checks=["PublicKey"]))

    assert (list(state.objects), state.forbidden) == (["MtaRoute"], frozenset())


def test_whole_new_server_is_read_in_few_requests() -> None:
    ones = {f"One{at}": replace(CATALOGUE.kinds["MtaSts"], kind=f"One{at}") for at in range(45)}
    many = {f"Many{at}": replace(CATALOGUE.kinds["MtaTlsStrategy"], kind=f"Many{at}") for at in range(31)}
    store = Store({name: [{"id": "a", "name": "a"}] for name in many})
    flow = read_flow(replace(CATALOGUE, kinds={**ones, **many}), [*ones, *many], LIMITS)
    requests = next(flow)
    sent = len(requests)
    try:
        while True:
            answers = [Response(tuple(map(store.call, each.calls))) for each in requests]
            requests = flow.send(tuple(answers))
            sent += len(requests)
    except StopIteration as end:
        live = end.value

    assert (sum(len(held) for held in live.objects.values()), sent) == (76, 7)


def test_what_is_referred_to_and_is_no_kind_here_is_known_by_its_id() -> None:
    schedule = CATALOGUE.kinds["MtaDeliverySchedule"]
    catalogue = replace(CATALOGUE, kinds={"MtaDeliverySchedule": schedule})
    store = Store({"MtaDeliverySchedule": [{"id": "a", "name": "a", "queueId": "q"}]})
    flow = read_flow(catalogue, ["MtaDeliverySchedule"], LIMITS, checks=["MtaVirtualQueue"])
    requests = next(flow)
    try:
        while True:
            requests = flow.send(tuple(Response(tuple(map(store.call, each.calls))) for each in requests))
    except StopIteration as end:
        (found,) = end.value.of("MtaDeliverySchedule")

    assert found.wire["queueId"] == Address("MtaVirtualQueue", id="q")


def test_object_whose_variant_lacks_a_part_of_the_key_is_read() -> None:
    store = Store({"Tracer": [{"id": "a", "@type": "Stdout", "level": "info"}]})
    flow = read_flow(whole.CATALOGUE, ["Tracer"], LIMITS)
    requests = next(flow)
    try:
        while True:
            requests = flow.send(tuple(Response(tuple(map(store.call, each.calls))) for each in requests))
    except StopIteration as end:
        (found,) = end.value.of("Tracer")

    assert str(found.address) == "Tracer/Stdout"
