"""What is imported from another tool does what that tool did.

A plan of stalwart-cli, played on one server as its documentation says, leaves what its import leaves once it is applied
to another. Mail goes by an imported strategy as the configuration of 0.15 let it go, by rules that are worked out here
and not by the expression language.
"""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired import assemble, bridge
from reconciler.expression import envelope, evaluate_if
from reconciler.kinds import context_of, load
from reconciler.sandbox import serve
from tests.desired.bridges.importing import lines
from tests.playing import Player
from tests.running import command, environment
from tests.talk import Talk

CATALOGUE = load()
KINDS = ("MtaRoute", "MtaVirtualQueue", "MtaDeliverySchedule", "MtaMilter", "MtaInboundThrottle", "MtaOutboundStrategy")

names = st.sampled_from(["r0", "r1", "r2"])
relays = st.fixed_dictionaries(
    {"@type": st.just("Relay"), "name": names, "address": st.sampled_from(["a.example.net", "b.example.net"])},
    optional={
        "port": st.sampled_from([25, 587]),
        "implicitTls": st.booleans(),
        "description": st.sampled_from(["d", None]),
    },
)
exchangers = st.fixed_dictionaries(
    {"@type": st.just("Mx"), "name": st.sampled_from(["m0", "m1"])}, optional={"maxMxHosts": st.integers(1, 9)}
)
milters = st.fixed_dictionaries(
    {"hostname": st.sampled_from(["127.0.0.1", "127.0.0.2", "127.0.0.3"])},
    optional={
        "timeoutData": st.sampled_from([1000, 60000]),
        "stages": st.sampled_from([{"data": True}, {"rcpt": True}]),
    },
)
throttles = st.fixed_dictionaries(
    {
        "description": st.sampled_from(["t0", "t1"]),
        "key": st.sampled_from([{"rcpt": True}, {"rcpt": True, "sender": True}]),
        "rate": st.fixed_dictionaries({"count": st.integers(1, 9), "period": st.just(60000)}),
    }
)
results = st.sampled_from(["'mx'", "'local'"])
patches = st.one_of(
    st.fixed_dictionaries({"route": st.fixed_dictionaries({"else": results})}),
    st.fixed_dictionaries({"route/else": results}),
    st.fixed_dictionaries({"route/match/0/then": results}),
    st.fixed_dictionaries({"route/match/1": st.fixed_dictionaries({"if": st.just("retry_num > 1"), "then": results})}),
    st.just({"route/match/0": None}),
    st.just({"connection": {"match": {}, "else": "'default'"}}),
)


@st.composite
def plans(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a plan that the CLI can play on a new server."""
    counter = iter(range(1000))

    def value(bodies: st.SearchStrategy[Any], key: Callable[[Any], Any]) -> dict[str, Any]:
        return {f"c{next(counter)}": each for each in draw(st.lists(bodies, min_size=1, max_size=3, unique_by=key))}

    def made(kind: str, bodies: st.SearchStrategy[Any], label: str) -> dict[str, Any]:
        op = draw(st.sampled_from(["upsert", "reconcile"]))
        return {"@type": op, "object": kind, "value": value(bodies, lambda each: each[label])}

    plan: list[dict[str, Any]] = []
    for part in draw(st.lists(st.sampled_from("rmtxuqsd"), max_size=6, unique=True)):
        if part == "r":
            plan.append(made("MtaRoute", relays, "name"))
        elif part == "x":
            plan.append(
                {"@type": "upsert", "object": "MtaRoute", "value": value(exchangers, lambda each: each["name"])}
            )
        elif part == "m":
            plan.append(made("MtaMilter", milters, "hostname"))
        elif part == "t":
            plan.append(made("MtaInboundThrottle", throttles, "description"))
        elif part == "u":
            plan += [{"@type": "update", "object": "MtaOutboundStrategy", "value": each} for each in _fitting(draw)]
        elif part == "q":
            plan.append({"@type": "create", "object": "MtaVirtualQueue", "value": {"q": {"name": "bulk"}}})
            body = {"name": "news", "queueId": "#q", "notify": {"@type": "Default"}}
            plan.append({"@type": "create", "object": "MtaDeliverySchedule", "value": {"#s": body}})
            plan.append({"@type": "update", "object": "MtaDeliverySchedule", "id": "#s", "value": {"description": "x"}})
        elif part == "s":
            scope = {"description": "Sender IP throttle"}
            plan.append({"@type": "reconcile", "object": "MtaInboundThrottle", "scope": scope, "value": {}})
        elif part == "d":
            filters = draw(st.sampled_from([{"name": "local"}, {"name": "r1"}, None]))
            plan.append({"@type": "destroy", "object": "MtaRoute", **({"value": filters} if filters else {})})
    return plan


def _fitting(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw updates that the server takes one after the other: a branch is never reached into once it may be gone."""
    drawn = draw(st.lists(patches, max_size=3))
    return [each for at, each in enumerate(drawn) if not any("route/match/0" in other for other in drawn[:at])]


def held(talk: Talk) -> dict[str, list[Any]]:
    """Return what a server holds, by content: milters in order, references by name."""
    queues = {each["id"]: each["name"] for each in talk.call("x:MtaVirtualQueue/get", ids=None)["list"]}
    found = {}
    for kind in KINDS:
        objects = []
        ids = ["singleton"] if CATALOGUE.kinds[kind].singleton else None
        for each in talk.call(f"x:{kind}/get", ids=ids)["list"]:
            named = {
                name: queues[value] if name == "queueId" else value for name, value in each.items() if name != "id"
            }
            objects.append(named)
        found[kind] = objects if kind == "MtaMilter" else sorted(objects, key=repr)
    return found


@settings(max_examples=25)
@given(plan=plans())
def test_a_plan_played_and_its_import_applied_leave_the_same(plan: list[dict[str, Any]]) -> None:
    text = lines(*plan)
    if not plan:
        return
    with serve(user="admin", password="secret") as played, serve(user="admin", password="secret") as applied:
        Player(Talk(played)).play(text)
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            (directory / "plan.ndjson").write_text(text)
            env = environment(applied.url)
            ran = command("import", "--from", "plan.ndjson", "--out", "manifests", env=env, cwd=directory)
            assert ran.code == 0, ran.err
            policy = ran.err.partition("reconciler.yaml:\n")[2].splitlines()
            config = "\n".join(line[2:] for line in policy if line.startswith("  "))
            (directory / "reconciler.yaml").write_text(config or "policy: {}\n")
            options = [
                "--yes",
                "--no-reload",
                "--max-destroy",
                "100%",
                *(f"--allow-empty={kind}" for kind in KINDS[:1]),
            ]
            if not any((directory / "manifests").glob("*.yaml")):
                # A plan that only destroys all of a kind declares nothing: it is policy, and apply wants documents.
                assert {each["@type"] for each in plan} <= {"destroy", "reconcile"}
                assert "prune" in config
                return
            ran = command("apply", "manifests", *options, env=env, cwd=directory)
            assert ran.code == 0, ran.err + ran.out

        assert held(Talk(applied)) == held(Talk(played))


# A condition of 0.15: its text, and what it is for a message.
Rule = tuple[str, Callable[[Mapping[str, Any]], bool]]

DOMAINS = ("local.test", "a.test", "b.test")


def _atoms() -> st.SearchStrategy[Rule]:
    def domain(variable: str, field: str, name: str) -> Rule:
        return f"{variable} = '{name}'", lambda given: given[field].endswith(f"@{name}")

    def retries(operator: str, number: int) -> Rule:
        compared: dict[str, Callable[[int], bool]] = {
            ">": lambda n: n > number,
            "<": lambda n: n < number,
            ">=": lambda n: n >= number,
            "==": lambda n: n == number,
        }
        return f"retry_num {operator} {number}", lambda given: compared[operator](given["retryNum"])

    def source(name: str) -> Rule:
        return f"source == '{name}'", lambda given: given["source"] == name

    def local(directory: str) -> Rule:
        return f"is_local_domain('{directory}', rcpt_domain)", lambda given: given["rcpt"].endswith("@local.test")

    return st.one_of(
        st.builds(domain, st.just("rcpt_domain"), st.just("rcpt"), st.sampled_from(DOMAINS)),
        st.builds(domain, st.just("sender_domain"), st.just("sender"), st.sampled_from(DOMAINS)),
        st.builds(retries, st.sampled_from([">", "<", ">=", "=="]), st.integers(0, 4)),
        st.builds(source, st.sampled_from(["dsn", "authenticated"])),
        st.builds(local, st.sampled_from(["", "*", "sql"])),
    )


def _compound(inner: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
    def both(one: Rule, other: Rule) -> Rule:
        return f"({one[0]} && {other[0]})", lambda given: one[1](given) and other[1](given)

    def either(one: Rule, other: Rule) -> Rule:
        return f"({one[0]} || {other[0]})", lambda given: one[1](given) or other[1](given)

    def neither(one: Rule) -> Rule:
        return f"!({one[0]})", lambda given: not one[1](given)

    return st.one_of(st.builds(both, inner, inner), st.builds(either, inner, inner), st.builds(neither, inner))


rules = st.recursive(_atoms(), _compound, max_leaves=4)
choices = st.sampled_from(["'r0'", "'r1'", "'mx'", "'local'", "false", "'default'"])
MESSAGES = [
    {"sender": f"a@{sender}", "rcpt": f"b@{rcpt}", "retryNum": retry, "source": source, "localDomains": ["local.test"]}
    for sender in DOMAINS
    for rcpt in DOMAINS
    for retry in range(37)
    for source in ("unauthenticated", "authenticated", "dsn")
]


@settings(max_examples=30)
@given(branches=st.lists(st.tuples(rules, choices), max_size=4), otherwise=choices)
def test_mail_goes_by_an_imported_strategy_as_0_15_let_it_go(branches: list[tuple[Rule, str]], otherwise: str) -> None:
    assert len(MESSAGES) == 999
    text = "".join(
        f'queue.strategy.route.{at:04}.if = "{rule[0]}"\nqueue.strategy.route.{at:04}.then = "{result}"\n'
        for at, (rule, result) in enumerate(branches)
    )
    ending = f'queue.strategy.route.{len(branches):04}.else = "{otherwise}"\n'
    whole = text + ending if branches else f'queue.strategy.route = "{otherwise}"\n'
    bridged = bridge(CATALOGUE, [("old.toml", whole)])
    export = assemble(CATALOGUE, bridged, CATALOGUE.kinds)
    (declared,) = export.declared["MtaOutboundStrategy"]
    prop = CATALOGUE.kinds["MtaOutboundStrategy"].properties["route"]

    def old(message: Mapping[str, Any]) -> str:
        result = next((result for rule, result in branches if rule[1](message)), otherwise)
        # No name, and one that is none, was delivery by MX.
        return "mx" if result in ("false", "'default'") else result.strip("'")

    def new(message: Mapping[str, Any]) -> Any:
        variables, lookups = envelope(message)
        return evaluate_if(declared.wire["route"], context_of(CATALOGUE, prop), variables, lookups).value

    assert [new(message) for message in MESSAGES] == [old(message) for message in MESSAGES]
