"""Whatever happened before, a clean apply ends in sync, and nothing outside the policy is ever destroyed.

Law: the model is a dictionary of wanted ports; the program is the real command over a socket.
"""

import base64
import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reconciler.sandbox import parse_fault, serve
from tests.running import Ran, command, environment, write

NAMES = ("a", "b", "c", "d")
KEPT = "keep-me"
SHIPPED = {"mx", "local"}
FAULTS = ("drop", "drop,after", "status=500,after", "status=503", "truncate", "leave-out", "html")
CONFIG = "policy: {prune: {MtaRoute: true}, keep: [MtaRoute/keep-*], maxDestroy: 100%}\n"


class Unattended(RuleBasedStateMachine):
    """Edits of manifests, edits behind the back, plans saved and applied late, and faults."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.directory = Path(tempfile.mkdtemp())
        self.stack.callback(shutil.rmtree, self.directory)
        self.sandbox: Any = self.stack.enter_context(serve(user="admin", password="secret"))
        (self.directory / "config.yaml").write_text(CONFIG)
        config = {"RECONCILER_CONFIG": str(self.directory / "config.yaml"), "XDG_RUNTIME_DIR": str(self.directory)}
        self.env = environment(self.sandbox.url, **config)
        self.wanted: dict[str, int] = {"a": 25}
        self.plan = self.directory / "plan.json"
        self.meddle("create", {"new": {"@type": "Local", "name": KEPT}})

    def teardown(self) -> None:
        self.stack.close()

    def run(self, *arguments: str) -> Ran:
        items = "".join(
            f"  - {{type: Relay, name: {name}, address: {name}.example.net, port: {port}}}\n"
            for name, port in sorted(self.wanted.items())
        )
        manifests = write(self.directory / "manifests", routes=f"kind: MtaRoute\nitems:\n{items}")
        paths = [] if "--plan" in arguments else [str(manifests)]
        return command(*arguments, *paths, env=self.env)

    def routes(self) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.sandbox.state()["stored"]["x:MtaRoute"]}

    def meddle(self, verb: str, argument: Any) -> None:
        body = {"using": ["urn:ietf:params:jmap:core"], "methodCalls": [["x:MtaRoute/set", {verb: argument}, "0"]]}
        token = base64.b64encode(b"admin:secret").decode()
        headers = {"authorization": f"Basic {token}"}
        assert self.sandbox.handle("POST", "/jmap/", headers, json.dumps(body).encode()).status == 200

    @rule(name=st.sampled_from(NAMES), port=st.sampled_from([25, 587, 2525]))
    def declare(self, name: str, port: int) -> None:
        self.wanted[name] = port

    @precondition(lambda self: len(self.wanted) > 1)
    @rule(name=st.sampled_from(NAMES))
    def undeclare(self, name: str) -> None:
        if len(self.wanted) > 1:
            self.wanted.pop(name, None)

    @rule(name=st.sampled_from(NAMES), port=st.integers(1, 65535))
    def change_behind_the_back(self, name: str, port: int) -> None:
        if name in self.routes():
            self.meddle("update", {self.routes()[name]["id"]: {"port": port}})
        else:
            body = {"@type": "Relay", "name": name, "address": "z.example.net", "port": port}
            self.meddle("create", {"new": body})

    @rule(name=st.sampled_from(NAMES))
    def destroy_behind_the_back(self, name: str) -> None:
        if name in self.routes():
            self.meddle("destroy", [self.routes()[name]["id"]])

    @rule()
    def save_a_plan(self) -> None:
        assert self.run("plan", "--out", str(self.plan)).code == 0

    @precondition(lambda self: self.plan.exists())
    @rule()
    def apply_the_saved_plan(self) -> None:
        before = self.sandbox.state()["stored"]

        ran = self.run("apply", "--plan", str(self.plan))

        assert ran.code in (0, 4), ran
        if ran.code == 4:
            assert self.sandbox.state()["stored"] == before

    @rule(fault=st.sampled_from(FAULTS), nth=st.integers(1, 3))
    def apply_with_a_fault(self, fault: str, nth: int) -> None:
        self.sandbox.set_faults(parse_fault(f"{fault},method=*/set,nth={nth}"))

        ran = self.run("apply", "--yes")

        self.sandbox.set_faults()
        assert ran.code == 0, ran

    @rule()
    def apply_cleanly(self) -> None:
        ran = self.run("apply", "--yes")

        state = self.sandbox.state()
        assert ran.code == 0, ran
        assert self.run("plan", "--detailed-exitcode").code == 0
        assert state["stored"] == state["live"]
        held = {name: each["port"] for name, each in self.routes().items() if name in NAMES}
        assert held == self.wanted

    @invariant()
    def nothing_outside_the_policy_is_destroyed(self) -> None:
        assert self.routes().keys() >= {KEPT, *SHIPPED}


TestUnattended = Unattended.TestCase
TestUnattended.settings = settings(max_examples=25, stateful_step_count=12)
