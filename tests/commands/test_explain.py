"""`explain`: which way a message would take, from manifests or from a server."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from jsonschema import Draft202012Validator

from reconciler.commands.explain import Arguments, run
from reconciler.commands.invocation import Console, Invocation
from reconciler.report.schemas import SCHEMAS
from reconciler.sandbox import Sandbox, serve
from reconciler.settings import Options
from tests.running import Ran, command, environment, write
from tests.talk import Talk

MANIFESTS = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay
  address: smtp.example.net
  authUsername: gateway
  authSecret: {type: Value, secret: "hunter2-canary"}
---
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: retry_num > 1, use: relay}
      - {if: "key_exists('vip', rcpt)", use: nope}
    use: mx
"""
RELAY = "type: Relay, address: smtp.example.net, authUsername: gateway, authSecret: {type: Value, secret: (sensitive)}"
SVG = "{http://www.w3.org/2000/svg}"
LOCAL = ("--local-domain", "a.example")
ORDINARY = (*LOCAL, "--lookup", "key_exists('vip','b@b.example')=false")


def explained(tmp_path: Path, *args: str) -> Ran:
    write(tmp_path / "m", mail=MANIFESTS)
    return command("explain", "m", "--rcpt", "b@b.example", *args, env=environment(""), cwd=tmp_path)


def test_attempts_that_take_the_same_are_told_together(tmp_path: Path) -> None:
    ran = explained(tmp_path, *ORDINARY, "--sender", "a@a.example", "--retry", "0..3")

    assert ran == Ran(
        0,
        f"""\
Mail to b@b.example from a@a.example, by the manifests and what a new server ships.

Attempts 1 to 2 (retry_num 0 to 1, last_error none, then connection)
  connection  default  else (the server's default)
              MtaConnectionStrategy/default, as a new server ships it
  route       mx       else (m/mail.yaml:16:10)
              MtaRoute/mx, as a new server ships it: type: Mx, maxMxHosts: 2
  schedule    remote   else (the server's default)
              MtaDeliverySchedule/remote, as a new server ships it: queueId: remote
  tls         default  else (the server's default)
              MtaTlsStrategy/default, as a new server ships it

Attempts 3 to 4 (retry_num 2 to 3, last_error connection)
  connection  default  else (the server's default)
              MtaConnectionStrategy/default, as a new server ships it
  route       relay    if retry_num > 1 (m/mail.yaml:14:9)
              MtaRoute/relay: {RELAY}
  schedule    remote   else (the server's default)
              MtaDeliverySchedule/remote, as a new server ships it: queueId: remote
  tls         default  else (the server's default)
              MtaTlsStrategy/default, as a new server ships it

Assumed: every earlier attempt fails with connection, and the schedule allows that many attempts.
The schedule of an attempt is the one chosen when the attempt before had failed.
Bounces at once and never fails over: a 5xx answer; a recipient's domain that does not exist; a relay whose host name \
does not exist; a next hop at a loopback address; credentials for a relay that offers no AUTH.
The first schedule is chosen when mail is queued: size, queue_age and expires_in are 0 then.
""",
        "",
    )


def test_fallback_and_unknown_say_what_the_server_does_and_what_is_missing(tmp_path: Path) -> None:
    ran = explained(tmp_path, *LOCAL, "--lookup", "key_exists('vip', 'b@b.example') = true")
    dark = explained(tmp_path, *LOCAL)

    assert [line.strip() for line in ran.out.splitlines()[5:9]] == [
        "route       nope     if key_exists('vip', rcpt) (m/mail.yaml:15:9)",
        "MtaRoute/nope does not exist",
        "the server falls back to built-in MX delivery: at most 5 hosts, 2 addresses of each, IPv4 before IPv6",
        'its log says: WARN Strategy not found (smtp.id-not-found) id = "nope", details = "Gateway not found"',
    ]
    assert [line.strip() for line in dark.out.splitlines()[5:7]] == [
        "route       unknown  not decided: if key_exists('vip', rcpt) (m/mail.yaml:15:14)",
        "lookups has no key_exists('vip','b@b.example')",
    ]


def test_json_is_as_its_schema_says_and_holds_no_secret(tmp_path: Path) -> None:
    ran = explained(tmp_path, *ORDINARY, "--retry", "2", "--last-error", "tls", "--format", "json", "--size", "5MB")

    assert ran.code == 0
    assert "canary" not in ran.out + ran.err
    Draft202012Validator.check_schema(SCHEMAS["explanation"])
    Draft202012Validator(SCHEMAS["explanation"]).validate(ran.json)
    assert ran.json["given"] == {
        "localDomains": ["a.example"],
        "lookups": {"key_exists('vip','b@b.example')": False},
        "rcpt": "b@b.example",
        "size": 5 * 1024 * 1024,
    }
    assert (ran.json["state"], len(ran.json["neverFailsOver"])) == ("manifests", 5)
    (attempt,) = ran.json["attempts"]
    assert (attempt["attempt"], attempt["retryNum"], attempt["lastError"]) == (3, 2, "tls")
    assert {field: each["name"] for field, each in attempt["decisions"].items()} == {
        "connection": "default",
        "route": "relay",
        "schedule": "remote",
        "tls": "invalid-tls",
    }
    assert attempt["decisions"]["route"] == {
        "branch": "route/match/1",
        "if": "retry_num > 1",
        "kind": "MtaRoute",
        "name": "relay",
        "object": {
            "address": "MtaRoute/relay",
            "fields": {
                "address": "smtp.example.net",
                "authSecret": {"secret": "(sensitive)", "type": "Value"},
                "authUsername": "gateway",
                "type": "Relay",
            },
            "origin": "declared",
        },
        "origin": "declared",
        "outcome": "object",
        "source": {"column": 9, "file": "m/mail.yaml", "line": 14},
        "value": "relay",
    }


def test_json_of_fallbacks_and_unknowns_is_as_its_schema_says(tmp_path: Path) -> None:
    fallback = explained(tmp_path, *LOCAL, "--lookup", "key_exists('vip','b@b.example')=1", "--format", "json")
    dark = explained(tmp_path, "--format", "json")

    for ran in (fallback, dark):
        Draft202012Validator(SCHEMAS["explanation"]).validate(ran.json)
    assert [ran.json["attempts"][0]["decisions"]["route"]["outcome"] for ran in (fallback, dark)] == [
        "fallback",
        "unknown",
    ]


def test_control_characters_reach_no_terminal(tmp_path: Path) -> None:
    ran = explained(tmp_path, "--sender", "\x1b[2Ja@b", "--color", "always")

    assert ran.out.splitlines()[0] == (
        r"Mail to b@b.example from \x1b[2Ja@b, by the manifests and what a new server ships."
    )


def test_graph_is_a_flowchart_with_the_decided_branches_thick(tmp_path: Path) -> None:
    ran = explained(tmp_path, *ORDINARY, "--graph")

    assert ran.out.splitlines()[:14] == [
        "flowchart LR",
        '    connection{"connection"}',
        '    n0["MtaConnectionStrategy/default"]',
        '    connection ==>|"else"| n0',
        '    route{"route"}',
        '    n1["MtaRoute/local"]',
        '    route -->|"1. is_local_domain(rcpt_domain)"| n1',
        '    n2["MtaRoute/relay"]',
        '    route -->|"2. retry_num #62; 1"| n2',
        '    n3[/"MtaRoute/nope does not exist"/]',
        "    route -->|\"3. key_exists('vip', rcpt)\"| n3",
        '    n4["MtaRoute/mx"]',
        '    route ==>|"else"| n4',
        '    schedule{"schedule"}',
    ]


def test_graph_takes_a_word_for_its_form_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "svg", mail=MANIFESTS)
    run = ["explain", "--rcpt", "b@b.example", *ORDINARY, "--graph"]

    forms = [
        command(*run, *args, env=environment(""), cwd=tmp_path).out[:12]
        for args in (["mermaid", "svg"], ["./svg"], ["text", "svg"], ["svg", "svg"])
    ]
    chosen = [
        command(*run[:-1], "svg", env=environment("", RECONCILER_GRAPH=form), cwd=tmp_path).out[:12]
        for form in ("yes", "svg", "no")
    ]

    assert forms == ["flowchart LR", "flowchart LR", "=> is taken ", '<svg xmlns="']
    assert chosen == ["flowchart LR", '<svg xmlns="', "Mail to b@b."]


def test_graph_as_text_marks_what_is_taken_and_what_is_not_known(tmp_path: Path) -> None:
    taken, dark = (explained(tmp_path, *given, "--graph", "text") for given in (ORDINARY, LOCAL))

    assert (
        taken.out
        == """\
=> is taken at the first attempt.

connection
  => else  -> MtaConnectionStrategy/default

route
     1. if is_local_domain(rcpt_domain)  -> MtaRoute/local
     2. if retry_num > 1                 -> MtaRoute/relay, address: smtp.example.net, authUsername: gateway
     3. if key_exists('vip', rcpt)       -> MtaRoute/nope does not exist
  => else                                -> MtaRoute/mx, maxMxHosts: 2

schedule
     1. if is_local_domain(rcpt_domain)  -> MtaDeliverySchedule/local, queueId: local
     2. if source == 'dsn'               -> MtaDeliverySchedule/dsn, queueId: dsn
     3. if source == 'report'            -> MtaDeliverySchedule/report does not exist
  => else                                -> MtaDeliverySchedule/remote, queueId: remote

tls
     1. if retry_num > 0 && last_error == 'tls'  -> MtaTlsStrategy/invalid-tls, allowInvalidCerts: true
  => else                                        -> MtaTlsStrategy/default
"""
    )
    assert dark.out.splitlines()[:2] == ["=> is taken at the first attempt.", "? is not known, or fails."]
    assert dark.out.splitlines()[9:11] == [
        "  ?  3. if key_exists('vip', rcpt)       -> MtaRoute/nope does not exist",
        "         lookups has no key_exists('vip','b@b.example')",
    ]


def test_graph_as_svg_is_one_file_with_the_decided_branches_thick(tmp_path: Path) -> None:
    ran = explained(tmp_path, *ORDINARY, "--graph", "svg")

    root = ElementTree.fromstring(ran.out)
    groups = list(root.iter(f"{SVG}g"))
    titled = [(group.get("class"), group.findtext(f"{SVG}title")) for group in groups]
    assert (root.tag, ran.out.count("http")) == (f"{SVG}svg", 1)
    assert [text.text for text in root.iter(f"{SVG}text") if text.get("class") == "field"] == [
        "connection",
        "route",
        "schedule",
        "tls",
    ]
    assert [name for style, name in titled if style == " moves"] == ["else", "else", "else", "else"]
    assert ("", "if is_local_domain(rcpt_domain)") in titled
    assert ("gone", "does not exist") in titled


def test_graph_draws_a_result_that_is_worked_out_as_it_is_written(tmp_path: Path) -> None:
    computed = "if_then(retry_num > 1, 'mx', 'local')"
    route = {"match": [{"if": "size > 5", "then": computed}], "else": "'mx'"}
    write(tmp_path / "m", mail=json.dumps({"kind": "MtaOutboundStrategy", "spec": {"route": route}}))
    run = ("explain", "m", "--rcpt=b@b.example", "--size=6", "--graph")

    mermaid, text = (command(*run, form, env=environment(""), cwd=tmp_path) for form in ("mermaid", "text"))

    assert "    n1(\"if_then(retry_num #62; 1, 'mx', 'local')\")" in mermaid.out.splitlines()
    assert text.out.splitlines()[6:9] == [
        "route",
        f"  => 1. if size > 5  -> {computed}",
        "     else            -> MtaRoute/mx, maxMxHosts: 2",
    ]


def test_graph_draws_what_a_server_holds(tmp_path: Path) -> None:
    with serve(user="admin", password="secret") as sandbox:
        ran = command(
            *("explain", "--live", "--rcpt=b@b.example", "--graph=svg"), env=environment(sandbox.url), cwd=tmp_path
        )

    titles = [title.text for title in ElementTree.fromstring(ran.out).iter(f"{SVG}title")]
    assert (ran.code, "if is_local_domain(rcpt_domain)" in titles) == (0, True)


def test_graph_lets_no_manifest_end_what_it_stands_in(tmp_path: Path) -> None:
    condition = "rcpt == \"</text><script>\\u0007\" || sender == '<!--]]>&amp;'"
    match = [{"if": condition, "use": "mx"}]
    write(
        tmp_path / "m",
        mail=json.dumps({"kind": "MtaOutboundStrategy", "spec": {"route": {"match": match, "use": "mx"}}}),
    )

    ran = command("explain", "m", "--rcpt=b@b.example", "--graph=svg", env=environment(""), cwd=tmp_path)

    titles = [title.text for title in ElementTree.fromstring(ran.out).iter(f"{SVG}title")]
    assert (ran.code, ran.err) == (0, "")
    assert r"""if rcpt == "</text><script>\u0007" || sender == '<!--]]>&amp;'""" in titles


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--retry", "x"], "--retry 'x' is neither a number nor a range"),
        (["--retry", "3..1"], "--retry 3..1 is no range of attempts"),
        (["--retry", "0..100"], "--retry 0..100 is no range of attempts"),
        (["--retry", "1001"], "--retry 1001 is no range of attempts"),
        (["--size", "big"], "--size: 'big' is no size such as 512KB or 50MB"),
        (["--lookup", "x=1"], "--lookup 'x=1' is no question with an answer"),
        (["--lookup", "len('a')=1"], "--lookup \"len('a')=1\" is no question with an answer"),
        (["--local-domain", "<a.example>"], "given.localDomains: '<a.example>' is no domain, such as example.org"),
        (["--local-domain", "a@a.example"], "given.localDomains: 'a@a.example' is no domain, such as example.org"),
        (["--rcpt", " "], "--rcpt is empty"),
        (["--source", "dns"], "given.source cannot be 'dns'"),
        (["--last-error", "timeout"], "given.lastError cannot be 'timeout'"),
        (["--graph", "--format", "json"], "--graph prints a picture, and no report"),
        (["--graph", "svg", "--write", "json=told.json"], "--graph prints a picture, and no report"),
        (["--graph=png"], "Invalid value for '--graph': 'png' is not one of 'mermaid', 'svg', 'text'."),
        (["--live"], "--live explains what the server holds, and manifests are given"),
    ],
)
def test_wrong_options_are_usage_errors(tmp_path: Path, args: list[str], message: str) -> None:
    ran = explained(tmp_path, *args)

    reported = "json" in args
    assert (ran.code, ran.err.splitlines()[0]) == (64, f"error: {message}")
    assert (ran.json["message"] if reported else ran.out) == (message if reported else "")


def test_recipient_is_required(tmp_path: Path) -> None:
    ran = command("explain", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.err.splitlines()[0]) == (64, "error: Missing option '--rcpt'.")


def test_mistakes_in_manifests_come_first(tmp_path: Path) -> None:
    write(tmp_path / "m", mail="kind: MtaRoute\nspec: {type: Relay, name: r}\n")

    ran = command("explain", "m", "--rcpt", "b@b.example", env=environment(""), cwd=tmp_path)

    assert (ran.code, ran.out) == (65, "")


def test_live_explains_what_the_server_holds(sandbox: Any, tmp_path: Path) -> None:
    env = environment(sandbox.url)
    write(tmp_path / "m", mail=MANIFESTS.replace("use: nope", "use: mx"))
    applied = command("apply", "--yes", "m", env=env, cwd=tmp_path)

    args = ("--live", "--rcpt", "b@b.example", "--retry", "2", *LOCAL, "--format", "json")
    ran = command("explain", *args, env=env, cwd=tmp_path)

    assert (applied.code, ran.code, ran.err) == (0, 0, "")
    assert "canary" not in ran.out
    assert (ran.json["state"], ran.json["target"]["url"]) == ("live", sandbox.url)
    assert ran.json["attempts"][0]["decisions"]["route"] == {
        "branch": "route/match/1",
        "if": "retry_num > 1",
        "kind": "MtaRoute",
        "name": "relay",
        "object": {
            "address": "MtaRoute/relay",
            "fields": {
                "address": "smtp.example.net",
                "authSecret": {"secret": "(sensitive)", "type": "Value"},
                "authUsername": "gateway",
                "type": "Relay",
            },
            "origin": "live",
        },
        "origin": "live",
        "outcome": "object",
        "value": "relay",
    }


def test_live_takes_the_servers_domains(sandbox: Any, tmp_path: Path) -> None:
    ran = command("explain", "--live", "--rcpt", "b@example.org", env=environment(sandbox.url), cwd=tmp_path)

    assert "  route       local    if is_local_domain(rcpt_domain)" in ran.out


def test_live_says_when_the_servers_domains_cannot_be_read(tmp_path: Path) -> None:
    with serve(domains=None) as server:
        ran = command("explain", "--live", "--rcpt", "b@b.example", env=environment(server.url), cwd=tmp_path)

    assert ran.code == 1
    assert ran.err == (
        "note: the server's domains cannot be read: x:Domain/query fails: unknownMethod: x:Domain/query; "
        "is_local_domain is unknown; name the domains with --local-domain\n"
    )
    assert ran.out.startswith(f"{server.url}, as admin\nMail to b@b.example, by what the server holds.\n")
    assert "  route       unknown  not decided: if is_local_domain(rcpt_domain)\n" in ran.out


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        ((), 1, "To decide the route, give --local-domain for each domain of this server."),
        (LOCAL, 1, "To decide the route, give --lookup \"key_exists('vip','b@b.example')=VALUE\"."),
        (ORDINARY, 0, ""),
    ],
)
def test_a_route_that_is_not_decided_names_the_option_that_would(
    tmp_path: Path, given: tuple[str, ...], code: int, told: str
) -> None:
    ran = explained(tmp_path, *given)
    as_json = explained(tmp_path, *given, "--format", "json")

    assert (ran.code, ran.err, as_json.code) == (code, "", code)
    assert [line for line in ran.out.splitlines() if line.startswith("To decide")] == ([told] if told else [])
    assert as_json.json.get("undecided", []) == ([told] if told else [])


Answers = dict[str, tuple[str, dict[str, Any]]]


def asked_live(answers: Answers, *, rcpt: str) -> tuple[str | None, str]:
    """Explain a new server's own routing, where some methods are answered as they are given."""
    sandbox = Sandbox()

    def handle(request: httpx.Request) -> httpx.Response:
        body = request.content
        if request.method == "POST":
            (method, _, number), *others = json.loads(body)["methodCalls"]
            if method in answers and not others:
                name, arguments = answers[method]
                return httpx.Response(200, json={"methodResponses": [[name, arguments, number]], "sessionState": "0"})
        reply = sandbox.handle(request.method, request.url.path, dict(request.headers), body)
        return httpx.Response(reply.status, content=reply.body, headers={"Content-Type": "application/json"})

    out: list[str] = []
    err: list[str] = []
    invocation = Invocation(
        options=Options(url="http://127.0.0.1:1"),
        console=Console(out=out.append, err=err.append),
        environment={"STALWART_USER": "admin", "STALWART_PASSWORD": "secret"},
        format="json",
        transport=httpx.MockTransport(handle),
    )

    code = run(invocation, Arguments(rcpt=rcpt, live=True))
    name: str | None = json.loads("".join(out))["attempts"][0]["decisions"]["route"]["name"]
    # That nobody can tell is no answer.
    assert code == int(name is None)
    return name, "".join(err)


def test_live_takes_the_local_domains_from_the_server() -> None:
    answers: Answers = {
        "x:Domain/query": ("x:Domain/query", {"ids": ["b"], "total": 1}),
        "x:Domain/get": ("x:Domain/get", {"list": [{"id": "b", "name": "here.example"}], "notFound": []}),
    }

    names = [asked_live(answers, rcpt=f"b@{domain}.example") for domain in ("here", "there")]

    assert names == [("local", ""), ("mx", "")]


def test_live_without_permission_for_domains_does_not_guess() -> None:
    answers: Answers = {"x:Domain/query": ("error", {"type": "forbidden"})}

    name, said = asked_live(answers, rcpt="b@here.example")

    assert name is None
    assert said == (
        "note: the credentials may not read the server's domains; "
        "is_local_domain is unknown; name the domains with --local-domain\n"
    )


EVERY_VARIABLE = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - if: "last_status == 'Scheduled' && queue_age == 60 && expires_in == 5 && notify_num == 2"
        then: "contains(recipients, 'c@c.example') && 'local'"
    use: mx
  connection:
    match:
      - {if: "local_ip == '192.0.2.1' && starts_with(rcpt, 'b')", use: nope}
    use: default
"""


def test_every_variable_of_the_queue_has_an_option(tmp_path: Path) -> None:
    write(tmp_path / "m", mail=EVERY_VARIABLE)
    said = (
        *("--last-status", "Scheduled", "--queue-age", "60", "--expires-in", "5", "--notify-num", "2"),
        *("--recipients", "b@b.example", "--recipients", "c@c.example", "--local-ip", "192.0.2.1"),
    )

    ran = command("explain", "m", "--rcpt", "b@b.example", "--format=json", *said, env=environment(""), cwd=tmp_path)

    decisions = ran.json["attempts"][0]["decisions"]
    assert (decisions["route"].get("branch"), ran.json["given"]["recipients"]) == (
        "route/match/0",
        ["b@b.example", "c@c.example"],
    )
    assert (
        "The server decides once for all recipients of a domain and route, by the smallest address: connection. "
        "Beside other recipients, this one may get the result of another."
    ) in ran.json["assumptions"]


def test_a_message_of_the_queue_is_explained_by_what_is_stored_of_it(tmp_path: Path) -> None:
    busy = {"@type": "TemporaryFailure", "errorType": "rateLimited"}
    recipients = {
        "b@b.example": {"status": busy, "queueName": "slow"},
        "done@b.example": {"status": {"@type": "Completed"}},
    }
    with serve(queue=[{"returnPath": "<>", "recipients": recipients, "flags": {"dsn": True}}]) as server:
        [number] = Talk(server).call("x:QueuedMessage/query")["ids"]
        env = environment(server.url)

        ran = command("explain", "--queue", number, "--rcpt", "b@B.example", "--format=json", env=env, cwd=tmp_path)
        absent = command("explain", "--queue", "b", "--rcpt", "b@b.example", env=env, cwd=tmp_path)
        done = command("explain", "--queue", number, "--rcpt", "done@b.example", env=env, cwd=tmp_path)

    [attempt] = ran.json["attempts"]
    assert (attempt["retryNum"], attempt["lastError"], ran.json["state"]) == (0, "rate", "live")
    assert {name: ran.json["given"][name] for name in ("sender", "source", "queueName", "lastStatus")} == {
        "sender": "",
        "source": "dsn",
        "queueName": "slow",
        "lastStatus": "Temporary Failure for : Rate limited",
    }
    assert (absent.code, "the queue holds no such message" in absent.err) == (64, True)
    assert (done.code, "does not wait in the message" in done.err) == (64, True)


def test_a_comparison_says_what_is_taken_today(sandbox: Any, tmp_path: Path) -> None:
    write(tmp_path / "m", mail=MANIFESTS)
    said = ("--rcpt", "b@b.example", "--retry", "1..2", "--lookup", "key_exists('vip','b@b.example')=false")

    ran = command("explain", "m", "--compare", *said, env=environment(sandbox.url), cwd=tmp_path)
    read = command("explain", "m", "--compare", *said, "--format=json", env=environment(sandbox.url), cwd=tmp_path)
    both = command("explain", "--compare", "--live", *said, env=environment(sandbox.url), cwd=tmp_path)

    assert ran.code == 0
    assert "Mail to b@b.example, by what the server would hold once the plan is applied.\n" in ran.out
    assert ran.out.count("              today mx -> its MX hosts, port 25\n") == 1
    assert ran.out.count("today") == 1
    assert [each["decisions"]["route"].get("today") for each in read.json["attempts"]] == [
        None,
        "mx -> its MX hosts, port 25",
    ]
    assert read.json["state"] == "planned"
    assert both.code == 64
