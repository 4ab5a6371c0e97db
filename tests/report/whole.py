"""A plan that has something of everything that a page can show."""

from msgspec.structs import replace

from reconciler.kinds.catalogue import load
from reconciler.mail import live_state, movement_between
from reconciler.plan import Goal, take_survey
from reconciler.report import Headline, PlanReport, Target, ending_of, movement_part, plan_report
from reconciler.values.errors import Diagnostic
from reconciler.values.policy import Policy
from tests.states import Objects, desired_of, live_of

CATALOGUE = load()
CANARY = "c4n4ry"
TARGET = Target(name="prod", url="http://mail.example.org", user="admin", instead="--url stands in place of another")
MANIFEST = f"""
kind: MtaRoute
spec: {{type: Relay, name: gateway, address: smtp.example.net, port: 2525, description: "`new`",
  authSecret: {{type: Value, secret: {CANARY}}}}}
---
kind: MtaRoute
spec: {{type: Relay, name: fresh, address: fresh.example.net, port: 25}}
---
kind: MtaOutboundStrategy
spec:
  route:
    match:
      - {{if: "rcpt_domain == 'partner.example'", use: fresh}}
      - {{if: "key_exists('vip', rcpt)", use: gateway}}
    use: mx
---
kind: MtaMilter
spec: {{hostname: 127.0.0.1, port: 11332, stages: [data], enable: true}}
"""
LIVE: Objects = {
    "MtaRoute": [
        {"id": "a", "@type": "Mx", "name": "mx"},
        {
            "id": "b",
            "@type": "Relay",
            "name": "gateway",
            "address": "smtp.example.net",
            "port": 587,
            "authSecret": {"@type": "Value", "secret": "****"},
            "description": "old",
        },
        {"id": "c", "@type": "Relay", "name": "retired", "address": "old.example.net", "port": 25},
    ],
    "MtaOutboundStrategy": [
        {
            "id": "singleton",
            "route": {
                "match": {"0": {"if": "rcpt_domain == 'partner.example'", "then": "'retired'"}},
                "else": "'mx'",
            },
        }
    ],
    "MtaMilter": [
        {"id": "d", "hostname": "127.0.0.1", "port": 11332, "stages": {"data": True}, "timeoutData": 120000},
    ],
}


def whole_plan() -> PlanReport:
    """Return a plan that destroys, creates, updates, moves mail, turns a test, and cannot be undone in full."""
    goal = Goal(
        resources=desired_of(MANIFEST), policy=Policy(prune={"MtaRoute": True}, max_destroy=0), rotate=("MtaRoute/*",)
    )
    live = live_of(LIVE)
    found = take_survey(CATALOGUE, goal, live)
    moves = movement_between(CATALOGUE, *(live_state(CATALOGUE, each) for each in (found.live, found.after)))
    told = (*found.diagnostics, Diagnostic(severity="warning", code="one-node", message="asked one node"))
    report = plan_report(CATALOGUE, found.plan, TARGET, told, states=(found.live, found.after))
    return replace(
        report,
        headline=Headline(
            commit="0123456789abcdef",
            request="#7",
            version="0.16.19",
            unprotected=("plain http",),
            policy=("maxDestroy 30% -> 0",),
        ),
        ending=ending_of(CATALOGUE, found.plan, reload=True, rollback="reconciler rollback j.jsonl"),
        movement=movement_part(CATALOGUE, moves, ("partners go to the old gateway (t.yaml:3)",)),
    )
