"""Wrong input gets a clear error and changes nothing."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from reconciler.sandbox import serve
from tests.running import command, environment, process, write

GOOD = "kind: MtaRoute\nspec: {type: Local, name: good}\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Any]:
    with serve(user="admin", password="secret") as running:
        yield running


WRONG = {
    "broken YAML": ("kind: MtaRoute\nspec: {type: Local, name: x\n", "wrong.yaml:2:7"),
    "a duplicate key": (
        "kind: MtaRoute\nspec:\n  type: Local\n  name: x\n  name: y\n",
        "wrong.yaml:5:3",
    ),
    "an unknown field": (
        "kind: MtaRoute\nspec: {type: Relay, name: x, address: a.example.net, prot: 25}\n",
        "wrong.yaml:2:54 MtaRoute/x prot: unknown field prot [unknown-field]\n    did you mean port?",
    ),
    "a value out of range": (
        "kind: MtaRoute\nspec:\n  type: Relay\n  name: relay\n  address: a.example.net\n  port: 70000\n",
        "wrong.yaml:6:9 MtaRoute/relay port: 70000 is over 65535",
    ),
    "an unknown kind": (
        "kind: MtaRuote\nspec: {type: Local, name: x}\n",
        "wrong.yaml:1:7: unknown kind 'MtaRuote' [unknown-kind]\n    did you mean MtaRoute?",
    ),
    "two resources with one address": (
        "kind: MtaRoute\nspec: {type: Local, name: x}\n---\nkind: MtaRoute\nspec: {type: Local, name: x}\n",
        "MtaRoute/x: this address is declared twice, first at ",
    ),
    "a missing field": (
        "kind: MtaRoute\nspec: {type: Relay, name: x}\n",
        "MtaRoute/x: the required field address is missing",
    ),
    "an unknown variant": (
        "kind: MtaRoute\nspec: {type: Relais, name: x}\n",
        "'Relais' is none of Mx, Relay, Local [choice]\n    did you mean Relay?",
    ),
    "a wrong duration": (
        "kind: MtaConnectionStrategy\nspec: {name: x, connectTimeout: 5 minutes}\n",
        "MtaConnectionStrategy/x connectTimeout: '5 minutes' is no duration such as 30s, 1h30m or 500 (ms)",
    ),
    "the mask as a secret": (
        (
            "kind: MtaRoute\n"
            "spec: {type: Relay, name: x, address: a.example.net, authSecret: {type: Value, secret: '****'}}\n"
        ),
        "MtaRoute/x authSecret/secret: **** is what the server shows in place of a secret",
    ),
    "a bare word as a name": (
        "kind: MtaOutboundStrategy\nspec:\n  tls: {else: 'require'}\n",
        "MtaOutboundStrategy tls/else: the bare word require names no variable here",
    ),
    "an expression that the server refuses": (
        "kind: MtaOutboundStrategy\nspec:\n  route: {match: [{if: subject == 'x', use: mx}], use: mx}\n",
        "MtaOutboundStrategy route/match/0/if: the server would refuse this expression: ",
    ),
    "a rename of what is always there": (
        "kind: MtaOutboundStrategy\nmetadata: {was: x}\nspec: {route: {use: mx}}\n",
        "metadata.was is for objects that come and go, and there is always one MtaOutboundStrategy",
    ),
    "more than the key of an absent object": (
        "kind: MtaRoute\nmetadata: {absent: true}\nspec: {name: x, port: 25}\n",
        "MtaRoute/x port: unknown field port",
    ),
    "a reference to a secret where none is": (
        'kind: MtaRoute\nspec: {type: Local, name: x, description: "${env:HOME}"}\n',
        "MtaRoute/x description: ${env:…} and ${file:…} are for secrets, and this field holds none",
    ),
    "a declared part that is unmanaged": (
        "kind: MtaMilter\nmetadata: {unmanaged: [enable/else]}\nspec: {hostname: a.example.net, enable: true}\n",
        "MtaMilter/a.example.net:11332: enable/else is declared and unmanaged at once",
    ),
    "a pointer into a list": (
        "kind: MtaMilter\nmetadata: {unmanaged: [stages/data]}\nspec: {hostname: a.example.net}\n",
        "MtaMilter/a.example.net:11332: stages/data is no property of MtaMilter that can be left alone",
    ),
    "a declared field that is unmanaged": (
        "kind: MtaRoute\nmetadata: {unmanaged: [description]}\nspec: {type: Local, name: x, description: d}\n",
        "MtaRoute/x: description is declared and unmanaged at once",
    ),
    "a document without a kind": ("spec: {type: Local, name: x}\n", "the required field kind is missing"),
    "spec and items": (
        "kind: MtaRoute\nspec: {type: Local, name: x}\nitems: [{type: Local, name: y}]\n",
        "spec and items exclude each other",
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_manifest_is_refused_and_nothing_is_sent(sandbox: Any, tmp_path: Path, text: str, message: str) -> None:
    manifests = write(tmp_path, wrong=text, good=GOOD)
    before = sandbox.state()

    ran = command("apply", "--yes", str(manifests), env=environment(sandbox.url))

    after = sandbox.state()
    assert (ran.code, ran.out) == (65, "")
    assert message in ran.err
    assert after["requests"] == before["requests"]
    assert after["stored"] == before["stored"]


def test_all_mistakes_are_told_together(tmp_path: Path) -> None:
    manifests = write(tmp_path, **{f"m{n}": text for n, (text, _) in enumerate(WRONG.values())})

    ran = command("validate", str(manifests), env=environment(""))

    assert ran.code == 65
    for number in range(len(WRONG)):
        assert f"m{number}.yaml" in ran.out


def test_an_unreachable_server_is_69(tmp_path: Path) -> None:
    manifests = write(tmp_path, good=GOOD)

    ran = process("plan", "--timeout", "2s", str(manifests), env=environment("http://127.0.0.1:9"))

    assert (ran.code, ran.out) == (69, "")
    assert ran.err.startswith("error: http://127.0.0.1:9/jmap/session: cannot be reached: ")


def test_wrong_credentials_are_77_and_tried_once(sandbox: Any, tmp_path: Path) -> None:
    manifests = write(tmp_path, good=GOOD)
    before = sandbox.state()

    ran = command("apply", "--yes", str(manifests), env=environment(sandbox.url, STALWART_PASSWORD="wrong"))

    after = sandbox.state()
    assert (ran.code, ran.out) == (77, "")
    assert "refuses these credentials" in ran.err
    assert after["requests"] - before["requests"] == 1


def test_no_credentials_are_77(tmp_path: Path) -> None:
    env = environment("http://127.0.0.1:9")
    del env["STALWART_PASSWORD"]

    ran = command("plan", str(write(tmp_path, good=GOOD)), env=env)

    assert ran.code == 77
    assert (
        ran.err == "error: there are no credentials\n    set STALWART_TOKEN, or STALWART_USER and STALWART_PASSWORD\n"
    )


class Page(BaseHTTPRequestHandler):
    """Answers everything with a web page."""

    def do_GET(self) -> None:
        body = b"<!doctype html><title>Welcome</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that the standard library calls

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_answers_html_is_69(tmp_path: Path) -> None:
    manifests = write(tmp_path, good=GOOD)

    with web_server() as url:
        ran = command("plan", str(manifests), env=environment(url))

    assert (ran.code, ran.out) == (69, "")
    assert "answers with a web page, not with JMAP" in ran.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plan", "--prnue"], "No such option '--prnue'.\n    did you mean --prune?"),
        (["plan", "--timout", "5m"], "No such option '--timout'.\n    did you mean --timeout?"),
        (["plan", "--yes"], "No such option '--yes'.\n    apply, rollback and fleet apply have it, and plan has not"),
        (["plan", "--dry-run"], "No such option '--dry-run'.\n    plan shows what apply would do"),
        (["apply", "--auto-approve"], "No such option '--auto-approve'.\n    write --yes"),
        (["drift", "-o", "json"], "No such option '-o'.\n    write --format json"),
        (["explain", "--from", "a@b.example"], "No such option '--from'.\n    write --sender ADDRESS"),
        (["plan", "-f", "x"], "No such option '-f'.\n    name files and directories without an option"),
        (
            ["plan", "--password", "x"],
            "No such option '--password'.\n    set STALWART_PASSWORD: everybody on the machine reads options",
        ),
        # Where a command has not got what another tool's option would be, the option is an unknown one.
        (["validate", "--dest-url", "x"], "No such option '--dest-url'.\n    try reconciler validate --help"),
        (["lint"], "No such command 'lint'. Did you mean validate?\n    try reconciler --help"),
        (["diff"], "No such command 'diff'. Did you mean plan?\n    try reconciler --help"),
        (["fleet", "pln"], "No such command 'pln'. Did you mean plan?\n    try reconciler fleet --help"),
    ],
)
def test_unknown_options_and_commands_are_answered_with_what_was_meant(arguments: list[str], told: str) -> None:
    ran = command(*arguments, env=environment("http://127.0.0.1:9"))

    assert (ran.code, ran.out, ran.err) == (64, "", f"error: {told}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["frobnicate"], "No such command 'frobnicate'."),
        (["aply"], "Did you mean apply?"),
        (["plan", "--prnue"], "No such option '--prnue'"),
        (["plan", "--format", "junit"], "plan has no format"),
        (["plan", "--write", "sarif=x"], "plan has no format sarif"),
        (["validate", "nowhere"], "nowhere does not exist"),
        (["plan", "--kind", "MtaRuote", "."], "--kind: unknown kind MtaRuote"),
        (["plan", "--max-destroy", "many", "."], "--max-destroy 'many' is no number and no share"),
    ],
)
def test_wrong_usage_is_64(tmp_path: Path, arguments: list[str], message: str) -> None:
    ran = command(*arguments, env=environment("http://127.0.0.1:9"), cwd=tmp_path)

    assert (ran.code, ran.out) == (64, "")
    assert message in ran.err
