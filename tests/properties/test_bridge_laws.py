"""What is imported from another tool does what that tool did.

A plan of stalwart-cli, played on one server as its documentation says, leaves what its import leaves once it is applied
to another. Mail goes by an imported strategy as the configuration of 0.15 let it go, by rules that are worked out here
and not by the expression language.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.desired import assemble, bridge, printed
from reconciler.desired.manifest import ManifestText, parse
from reconciler.expression import decide, envelope, parse_if
from reconciler.kinds import context_of, load
from reconciler.mail import check_documents
from reconciler.sandbox import serve
from reconciler.yamlio import emit
from tests.desired.bridges.importing import adds_up, lines
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
MESSAGES = [
    {"sender": f"a@{sender}", "rcpt": f"b@{rcpt}", "retryNum": retry, "source": source, "localDomains": ["local.test"]}
    for sender in DOMAINS
    for rcpt in DOMAINS
    for retry in range(38)
    for source in ("unauthenticated", "authenticated", "dsn")
]
#: What a strategy may choose, and what 0.15 did where it chose nothing.
STRATEGIES = {
    "route": (["'r0'", "'r1'", "'mx'", "'local'", "false", "'default'"], "mx"),
    "schedule": (["'local'", "'remote'", "'s0'", "false"], "default"),
    "connection": (["'c0'", "'c1'", "'default'", "false"], "default"),
    "tls": (["'t0'", "'default'", "'invalid-tls'", "false"], "default"),
}


def old_text(key: str, branches: list[tuple[Rule, str]], otherwise: str) -> str:
    """Write a conditional value as 0.15 had it."""
    if not branches:
        return f'{key} = "{otherwise}"\n'
    lines_ = [
        f'{key}.{at:04}.if = "{rule[0]}"\n{key}.{at:04}.then = "{result}"' for at, (rule, result) in enumerate(branches)
    ]
    return "\n".join([*lines_, f'{key}.{len(branches):04}.else = "{otherwise}"', ""])


def new_results(kind: str, pointer: str, text: str, messages: list[dict[str, Any]]) -> list[Any]:
    """Return what 0.16 makes of each message by a configuration that was imported."""
    bridged = bridge(CATALOGUE, [("old.toml", text)])
    (declared,) = assemble(CATALOGUE, bridged, CATALOGUE.kinds).declared[kind]
    assert not bridged.failed
    context = context_of(CATALOGUE, CATALOGUE.kinds[kind].properties[pointer])
    block = parse_if(declared.wire[pointer], context)
    return [decide(block, *envelope(message)).value for message in messages]


@st.composite
def strategies(draw: st.DrawFn) -> tuple[str, list[tuple[Rule, str]], str]:
    field = draw(st.sampled_from(sorted(STRATEGIES)))
    choices = st.sampled_from(STRATEGIES[field][0])
    return field, draw(st.lists(st.tuples(rules, choices), max_size=4)), draw(choices)


@settings(max_examples=30)
@given(strategies())
def test_mail_goes_by_an_imported_strategy_as_0_15_let_it_go(drawn: tuple[str, list[tuple[Rule, str]], str]) -> None:
    assert len(MESSAGES) == 1026
    field, branches, otherwise = drawn
    nothing = STRATEGIES[field][1]

    def old(message: Mapping[str, Any]) -> str:
        result = next((result for rule, result in branches if rule[1](message)), otherwise)
        # No name, and one that is none, was delivery by MX.
        return nothing if result == "false" or (field == "route" and result == "'default'") else result.strip("'")

    text = old_text(f"queue.strategy.{field}", branches, otherwise)
    assert new_results("MtaOutboundStrategy", field, text, MESSAGES) == [old(message) for message in MESSAGES]


#: Stages of a session: the key of 0.15, the kind and property of 0.16, and what it may give.
STAGES = [
    ("session.data.limits.messages", "MtaStageData", "maxMessages", ["5", "100"]),
    ("session.rcpt.relay", "MtaStageRcpt", "allowRelaying", ["true", "false"]),
    ("session.mail.is-allowed", "MtaStageMail", "isSenderAllowed", ["true", "false"]),
    ("session.rcpt.max-recipients", "MtaStageRcpt", "maxRecipients", ["25", "1"]),
    ("session.data.spam-filter", "MtaStageData", "enableSpamFilter", ["true", "false"]),
    ("session.milter.m.enable", "MtaMilter", "enable", ["true", "false"]),
]
SESSIONS: list[dict[str, Any]] = [
    {"sender": f"a@{sender}", "listener": listener, "authenticatedAs": user, "remoteIp": f"192.0.2.{n}"}
    for sender in DOMAINS
    for listener in ("smtp", "submission", "lmtp")
    for user in ("", "a@local.test")
    for n in range(56)
]


def _conditions() -> st.SearchStrategy[Rule]:
    def sender(name: str) -> Rule:
        return f"sender_domain = '{name}'", lambda given: given["sender"].endswith(f"@{name}")

    def listener(name: str) -> Rule:
        return f"listener != '{name}'", lambda given: given["listener"] != name

    def client(number: int) -> Rule:
        return f"remote_ip == '192.0.2.{number}'", lambda given: given["remoteIp"] == f"192.0.2.{number}"

    known: Rule = ("!is_empty(authenticated_as)", lambda given: given["authenticatedAs"] != "")
    return st.one_of(
        st.builds(sender, st.sampled_from(DOMAINS)),
        st.builds(listener, st.sampled_from(["smtp", "submission"])),
        st.builds(client, st.integers(0, 60)),
        st.just(known),
    )


@settings(max_examples=30)
@given(data=st.data(), stage=st.sampled_from(STAGES))
def test_a_session_goes_by_an_imported_stage_as_0_15_let_it_go(data: st.DataObject, stage: tuple[Any, ...]) -> None:
    assert len(SESSIONS) == 1008
    key, kind, pointer, results = stage
    conditions = st.recursive(_conditions(), _compound, max_leaves=4)
    branches = data.draw(st.lists(st.tuples(conditions, st.sampled_from(results)), max_size=4))
    otherwise = data.draw(st.sampled_from(results))
    more = "session.milter.m.hostname = m.test\n" if kind == "MtaMilter" else ""

    def old(message: Mapping[str, Any]) -> Any:
        return json.loads(next((result for rule, result in branches if rule[1](message)), otherwise))

    found = new_results(kind, pointer, more + old_text(key, branches, otherwise), SESSIONS)
    assert found == [old(message) for message in SESSIONS]


#: Values that no plan and no configuration should hold somewhere.
ODD = st.sampled_from(
    [
        *(None, True, 0, -1, 1.5, 10**30, "", "#x", "****", "${x}", "\ud800", "a" * 300, [], {}, [1], {"0": 1}),
        *({"@type": ["x"]}, {"else": 5}, {"match": 5}, {"match": [5], "else": []}, {"0": {"if": 1, "then": 2}}),
    ]
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(each for name, held in members for each in _places(held, (*path, name)))]


def _altered(plan: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    made = plan.copy()
    made[path[0]] = _altered(plan[path[0]], path[1:], value)
    return made


def judged(text: str, file: str) -> None:
    """Import, and hold that nothing is lost, and that manifests are written which are right, or none."""
    bridged = bridge(CATALOGUE, [(file, text)])
    export = assemble(CATALOGUE, bridged, CATALOGUE.kinds)
    assert adds_up(bridged.ledger)
    if not bridged.failed:
        written = printed(export, export.documents, "x") + "".join(f"---\n{emit(each)}" for each in bridged.tests)
        desired = parse(CATALOGUE, [[ManifestText("m.yaml", written)]]).checked()
        assert check_documents(CATALOGUE, desired.resources, desired.locate, desired.tests) == ()


@settings(max_examples=100)
@given(plan=plans(), data=st.data())
def test_a_plan_with_an_odd_value_is_imported_rightly_or_refused(plan: list[Any], data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(0, 2))):
        if len(_places(plan)) > 1:
            plan = _altered(plan, data.draw(st.sampled_from(_places(plan)[1:])), data.draw(ODD))

    judged("".join(f"{json.dumps(each)}\n" for each in plan), "plan.ndjson")


OLD = """\
[queue.strategy]
route = [ { if = "source == 'dsn' && priority > 2", then = "'relay'" }, { else = "'mx'" }, ]
schedule = "'slow'"
[queue.route."relay"]
type = relay
address = smtp.example.net
auth = { username = "u", secret = "%{env:PW}%" }
tls.implicit = false
[queue.schedule.slow]
queue-name = "local"
retry = ["1h", "2h"]
expire = 2d
[queue.connection.c]
ehlo-hostname = "a.example.org"
source-ips = ['192.0.2.10']
[queue.source-ip."192.0.2.10"]
ehlo-hostname = "b.example.org"
[[queue.limiter.inbound]]
key = ["rcpt_domain", "sender"]
rate = "25 / 1h"
match = "sender_domain = 'news.example.org'"
[session.milter.b]
hostname = filter.example.net
stages = ["data"]
enable = "listener = 'smtp'"
[session.data]
limits.messages = 5
spam-filter = true
"""
WORDS = [
    *("''", "true", "-1", "1e9", "[]", "['a']", "{}", "[{if='a',then='b'}]", "[{else='b'}]", "'%{cfg:a.b}%'", "1d2h"),
    *("5/0s", "\"'q'\"", "{a={b=1}}", "\"config_get('a.b')\"", "'${x}'", "= [", "{in-list = 'x'}"),
]


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, OLD.count("\n") - 1), st.sampled_from([*WORDS, None])), max_size=3))
def test_a_configuration_with_an_odd_line_is_imported_rightly_or_refused(odd: list[tuple[int, str | None]]) -> None:
    rows = OLD.splitlines()
    for at, word in odd:
        rows[at] = f"{rows[at].partition('=')[0]}= {word}" if word is not None else ""

    judged("\n".join(rows), "old.toml")
