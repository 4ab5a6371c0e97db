"""Live and desired states for tests: from wire objects and from the text of manifests.

Law: live state is read through `read_flow` and desired state through the manifests' own reader, as in a real run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from reconciler.desired.manifest import ManifestText, parse
from reconciler.kinds.catalogue import Kind, load
from reconciler.server.jmap.protocol import Call, Flow, Limits, MethodError, Request, Response
from reconciler.server.live import read_flow
from reconciler.values.model import LiveState, Resource

CATALOGUE = load()
LIMITS = Limits()
Objects = Mapping[str, Sequence[Mapping[str, Any]]]


def filled(kind: Kind, wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return a wire object as `get` shows it: what is not given is at its default."""
    shape = kind.legible(wire.get("@type", ""))
    return {**{name: prop.default for name, prop in shape.items() if prop.default is not UNSET}, **wire}


class Server:
    """Answers reads over some wire objects, which a test may replace at any time."""

    def __init__(self, objects: Objects, forbidden: Iterable[str] = ()) -> None:
        self.forbidden = frozenset(forbidden)
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.put(objects)

    def put(self, objects: Objects) -> None:
        """Hold these objects of these kinds from now on."""
        for name, held in objects.items():
            kind = CATALOGUE.kinds[name]
            ids = {"id": "singleton"} if kind.singleton else {}
            self.objects[name] = [filled(kind, {**ids, **each}) for each in held]

    def answer(self, call: Call) -> dict[str, Any] | MethodError:
        """Answer one query or get."""
        name, _, verb = call.method.removeprefix("x:").partition("/")
        if name in self.forbidden:
            return MethodError("forbidden", "You are not authorized to perform this action")
        held = {each["id"]: each for each in self.objects.get(name, ())}
        if CATALOGUE.kinds[name].singleton and not held:
            held = {"singleton": filled(CATALOGUE.kinds[name], {"id": "singleton"})}
        if verb == "query":
            ids = list(held)
            start, limit = call.arguments["position"], call.arguments["limit"]
            return {"ids": ids[start : start + limit], "total": len(ids), "position": start}
        asked = call.arguments["ids"]
        found = [dict(held[each]) for each in asked if each in held]
        return {"list": found, "notFound": [each for each in asked if each not in held]}

    def respond(self, request: Request) -> Response:
        """Answer the calls of a request that only reads."""
        return Response(tuple(self.answer(call) for call in request.calls))


def read(server: Server, kinds: Iterable[str] = tuple(CATALOGUE.kinds)) -> LiveState:
    """Read live state from a server; what may not be read is left out."""
    flow: Flow[LiveState] = read_flow(CATALOGUE, (), LIMITS, checks=kinds)
    requests = next(flow)
    try:
        while True:
            requests = flow.send(tuple(map(server.respond, requests)))
    except StopIteration as end:
        state: LiveState = end.value
        return state


def live_of(objects: Objects, forbidden: Iterable[str] = ()) -> LiveState:
    """Return the live state of a server that holds some wire objects, of all kinds."""
    return read(Server(objects, forbidden))


def desired_of(text: str) -> tuple[Resource, ...]:
    """Return what a manifest declares. Raises ManifestError."""
    return parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked().resources


def locals_of(count: int) -> str:
    """Return a manifest of so many routes, `r0` and on."""
    return "kind: MtaRoute\nitems:\n" + "".join(f"  - {{type: Local, name: r{n}}}\n" for n in range(count))
