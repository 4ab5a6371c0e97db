"""`demo`: the whole tour on an embedded server, over real HTTP on a loopback port.

Law: it runs the same commands that users type, tells what each did, and leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from reconciler.commands import apply, drift, plan, validate
from reconciler.commands.invocation import Console, Invocation
from reconciler.commands.sandbox import exports
from reconciler.report import Paint
from reconciler.server import Call, Client, Credentials, Flow, Request
from reconciler.settings import Options
from reconciler.values import DIFFERENCES, ReconcilerError

#: Where a server of the user's own could listen afterwards.
PORT = 8080
ROUTES = """\
kind: MtaRoute
items:
  - {type: Relay, name: relay-eu, address: smtp.eu.example.net, port: 587}
  - {type: Relay, name: fallback, address: backup.example.net}
---
kind: MtaMilter
spec: {hostname: 127.0.0.1, port: 11332, stages: [rcpt, data]}
"""
STRATEGY = """\
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {if: is_local_domain(rcpt_domain), use: local}
      - {if: "rcpt_domain == 'partner.example'", use: relay-eu}
      - {if: retry_num > 1, use: fallback}
    use: mx
"""


class _Step(msgspec.Struct):
    """What a command printed, and the code that it ended with."""

    code: int
    text: str


def run(invocation: Invocation) -> int:
    """Take the tour; an unexpected step ends it with an error."""
    from reconciler.sandbox import serve

    paint = invocation.console.paint
    with TemporaryDirectory(prefix="reconciler-demo-") as directory, serve(user="admin", password="demo") as sandbox:  # noqa: S106 - no secret: this server ends with the tour
        manifests = Path(directory)
        (manifests / "routes.yaml").write_text(ROUTES, encoding="utf-8")
        (manifests / "strategy.yaml").write_text(STRATEGY, encoding="utf-8")
        tour = _Tour(invocation, sandbox.url, str(manifests))
        tell = _Teller(invocation, paint)
        tell(f"An empty mail server answers at {sandbox.url}; two manifests say what it shall hold.")
        tell("validate", tour.step(validate), 0)
        tell("plan", tour.step(plan), 0)
        tell("apply", tour.step(apply), 0)
        tell("plan", tour.step(plan), 0)
        tour.meddle()
        tell("Behind its back, somebody sends the partner's mail to port 25.")
        tell("drift", tour.step(drift), DIFFERENCES)
        tell("apply", tour.step(apply), 0)
        tell("drift", tour.step(drift), 0)
    invocation.say("Nothing of this is left: the server has ended, and its manifests are gone.\n")
    invocation.say(f"To go on, run reconciler sandbox --port {PORT}, and in another shell:\n")
    invocation.say("".join(f"{line}\n" for line in exports(f"http://127.0.0.1:{PORT}", "admin", "secret")))
    return 0


class _Teller:
    """Narrates: the command as a user would type it, and the line of its output that matters."""

    def __init__(self, invocation: Invocation, paint: Paint) -> None:
        self.invocation, self.paint = invocation, paint

    def __call__(self, text: str, step: _Step | None = None, want: int = 0) -> None:
        if step is None:
            self.invocation.say(f"{text}\n")
            return
        message = _telling(step)
        self.invocation.say(f"{self.paint(f'$ reconciler {text}', 'bold')}  ->  {message} (exit {step.code})\n")
        if step.code != want:
            raise ReconcilerError(f"the tour's {text} ended with {step.code}, not with {want}", step.text)


def _telling(step: _Step) -> str:
    """Return the line of a command's output that sums it up."""
    lines = [line.strip() for line in step.text.splitlines() if line.strip()]
    if not lines:
        return "in sync: nothing to say"
    summed = [line for line in lines if line.startswith(("Plan:", "In sync", "Apply:"))] or lines
    changed = [line for line in lines if " -> " in line]
    return f"{changed[0]}; {summed[-1]}" if len(changed) == 1 and summed[-1].startswith("Plan:") else summed[-1]


class _Tour:
    """Runs commands against the embedded server, and changes it behind their back."""

    def __init__(self, invocation: Invocation, url: str, manifests: str) -> None:
        self.invocation = invocation
        self.options = Options(paths=(manifests,), url=url, user="admin", config=_no_config(manifests))
        # The lock goes where the manifests are, and with them.
        self.environment = {"STALWART_PASSWORD": "demo", "XDG_RUNTIME_DIR": manifests}

    def step(self, command: Any) -> _Step:
        """Run one command as a user would, without a terminal."""
        written: list[str] = []
        console = Console(out=written.append, err=lambda _: None)
        mine = msgspec.structs.replace(
            self.invocation,
            options=self.options,
            console=console,
            environment=self.environment,
            # The tour tells of what they print.
            quiet=False,
            yes=True,
            journal_directory="off",
        )
        arguments = [command.Arguments()] if hasattr(command, "Arguments") else []
        code = command.run(mine, *arguments)
        return _Step(code, "".join(written))

    def meddle(self) -> None:
        """Change a route as somebody with the server's own tools would."""
        with Client(self.options.url, Credentials(user="admin", password="demo"), may_write=True) as client:  # noqa: S106 - as above
            client.run(_meddle())


def _meddle() -> Flow[None]:
    responses = yield (Request((Call("x:MtaRoute/query", {"filter": {"name": "relay-eu"}}),)),)
    result = responses[0].results[0]
    ids = result["ids"] if isinstance(result, dict) else []
    yield (Request((Call("x:MtaRoute/set", {"update": {ids[0]: {"port": 25}}}),)),)


def _no_config(manifests: str) -> str:
    """Write an empty configuration, so that the tour does not depend on the directory it is taken in."""
    path = Path(manifests) / ".reconciler.yaml"
    path.write_text("{}\n", encoding="utf-8")
    return str(path)
