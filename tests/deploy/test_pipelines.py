"""The whole story on a bare git repository and an embedded server, by the shell that the actions and templates run.

Pull request, plan, merge, apply of what was shown, a change behind the back, drift with metrics and issue, repair.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from reconciler.sandbox import serve
from tests.deploy.hub import Hub, hub
from tests.deploy.runner import Ended, outer_environment, run
from tests.receiving import receive
from tests.running import command, environment

DEPLOY = Path(__file__).parent.parent.parent / "deploy"
#: Where this checkout's own command is.
BIN = str(Path(sys.executable).parent)
ROUTES = """\
kind: MtaRoute
items:
  - {{type: Relay, name: relay-eu, address: smtp.eu.example.net, port: {port}}}
"""
POLICY = "policy: {maxDestroy: 30%}\n"


def git(cwd: Path, *words: str) -> str:
    settings = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"]
    ran = subprocess.run(["git", *settings, *words], cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


class World:
    """A bare repository, a clone of it, a mail server, and GitHub."""

    def __init__(self, place: Path, sandbox: Any, running: Hub) -> None:
        self.place, self.sandbox, self.hub = place, sandbox, running
        self.origin, self.clone = place / "origin.git", place / "clone"
        self.journal = place / "journal"
        git(place, "init", "--quiet", "--bare", str(self.origin))
        git(place, "clone", "--quiet", str(self.origin), str(self.clone))
        config = f"targets:\n  prod: {{url: '{sandbox.url}', token: '${{env:STALWART_TOKEN}}'}}\n{POLICY}"
        (self.clone / "reconciler.yaml").write_text(config)
        (self.clone / "manifests").mkdir()
        self.commit(587, "begin")
        git(self.clone, "push", "--quiet", "origin", "HEAD:main")

    def commit(self, port: int, message: str) -> str:
        (self.clone / "manifests" / "routes.yaml").write_text(ROUTES.format(port=port))
        git(self.clone, "add", ".")
        git(self.clone, "commit", "--quiet", "--message", message)
        return git(self.clone, "rev-parse", "HEAD")

    def action(self, name: str, event: str, *, sha: str = "", **more: str) -> Ended:
        """Run an action on the clone as it is checked out."""
        temp = self.place / f"temp-{len(list(self.place.iterdir()))}"
        temp.mkdir()
        (temp / "event.json").write_text(json.dumps({"pull_request": {"number": 7}}))
        context = {
            "github.token": "hub-token",
            "github.event_name": event,
            "runner.temp": str(temp),
        }
        env = {
            **outer_environment(),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(self.place),
            "STALWART_TOKEN": "mail-token",
            "GITHUB_API_URL": self.hub.url,
            "GITHUB_REPOSITORY": "ops/mail",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_SHA": sha or git(self.clone, "rev-parse", "HEAD"),
            "GITHUB_ACTOR": "ada",
            "RETRY_SECONDS": "0.01",
            **more,
        }
        given = {"target": "prod", "command": "reconciler"}
        return run(DEPLOY / "github" / name, given, context, env, self.clone)

    def pull_request(self) -> Ended:
        return self.action(
            "plan", "pull_request", GITHUB_BASE_REF="main", GITHUB_HEAD_REF="relay", GITHUB_REF="refs/pull/7/merge"
        )

    def merge(self) -> str:
        git(self.clone, "push", "--quiet", "origin", "HEAD:main")
        sha = git(self.clone, "rev-parse", "HEAD")
        self.hub.pulls[sha] = [{"number": 7, "merged_at": "2026-11-28T05:00:00Z"}]
        return sha

    def port(self) -> int:
        (found,) = [each for each in self.sandbox.state()["live"]["x:MtaRoute"] if each["name"] == "relay-eu"]
        return int(found["port"])

    def meddle(self, port: int) -> None:
        """Change the server behind git's back."""
        other = self.place / "other"
        other.mkdir(exist_ok=True)
        (other / "routes.yaml").write_text(ROUTES.format(port=port))
        ran = command("apply", "--yes", str(other), env=environment(self.sandbox.url))
        assert ran.code == 0, ran.err


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serve(user="admin", password="secret", tokens={"mail-token": "admin"}) as sandbox, hub() as running:
        made = World(tmp_path, sandbox, running)
        made.meddle(587)
        yield made


def test_the_story_on_github(world: World) -> None:
    # A pull request, and one more push to it: one comment, that of the last plan.
    git(world.clone, "checkout", "--quiet", "-b", "relay")
    world.commit(2525, "use the other port")
    first = world.pull_request()
    world.commit(2526, "no, this one")
    second = world.pull_request()

    assert (first.code, second.code) == (0, 0), second.log
    digests = [ended.outputs.pop("digest") for ended in (first, second)]
    assert first.outputs == second.outputs == {"exit-code": "2", "changes": "1", "destroys": "0"}
    assert digests[0] != digests[1]
    (comment,) = world.hub.comments[7]
    assert digests[1] in json.loads(comment["body"].split("\n")[0][len("<!-- reconciler ") : -4])["plan"]
    assert "2526" in comment["body"]
    assert comment["body"] in second.summary
    assert [each["name"] for each in second.used] == ["mail-plan-prod"]
    assert world.port() == 587

    # The merge applies what was shown.
    sha = world.merge()
    applied = world.action("apply", "push", sha=sha)

    assert (applied.code, applied.outputs) == (0, {"exit-code": "0"}), applied.log
    assert world.port() == 2526
    (journal,) = (world.clone / ".reconciler").rglob("*.jsonl")
    record = json.loads(journal.read_text().splitlines()[0])
    assert (record["origin"]["commit"], record["origin"]["actor"]) == (sha, "ada")

    # A change behind the back is drift: one issue, kept up to date.
    world.meddle(25)
    drift = world.action("drift", "schedule")
    again = world.action("drift", "schedule")

    assert (drift.code, drift.outputs, again.code) == (2, {"exit-code": "2"}, 2), drift.log
    (issue,) = world.hub.issues
    assert (issue["state"], issue["title"]) == ("open", "The mail server on prod differs from its manifests")
    assert "25" in issue["body"]
    assert metrics(world)["reconciler_exit_code"] == 2

    # The repair closes it.
    world.meddle(2526)
    repaired = world.action("drift", "schedule")

    assert repaired.code == 0, repaired.log
    assert world.hub.issues[0]["state"] == "closed"
    assert metrics(world)["reconciler_exit_code"] == 0


def metrics(world: World) -> dict[str, float]:
    """Return the newest metrics that a drift wrote, by their names."""
    newest = max(world.place.glob("temp-*/mail-drift/drift.prom"), key=lambda path: path.stat().st_mtime_ns)
    families = text_string_to_metric_families(newest.read_text())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_other_changes_than_those_that_were_shown_are_not_applied(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "relay")
    world.commit(2525, "use the other port")
    shown = world.pull_request()
    world.meddle(26)
    sha = world.merge()

    refused = world.action("apply", "push", sha=sha)

    assert shown.code == 0
    assert (refused.code, refused.outputs) == (4, {"exit-code": "4"}), refused.log
    assert world.port() == 26


def test_a_commit_without_a_shown_plan_applies_nothing(world: World) -> None:
    sha = world.commit(2525, "straight to main")

    ended = world.action("apply", "push", sha=sha)

    assert (ended.code, world.port()) == (0, 587)
    assert "::notice::" in ended.log


def test_a_pull_request_cannot_lead_the_token_elsewhere(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "elsewhere")
    config = world.clone / "reconciler.yaml"
    with receive() as elsewhere:
        monitors = f"ping: {elsewhere.url}/ping\nnotify: {elsewhere.url}/notify\n"
        config.write_text(config.read_text().replace(world.sandbox.url, elsewhere.url) + monitors)
        world.commit(2525, "another server")
        ended = world.pull_request()
        asked = elsewhere.requests

    assert (ended.code, asked) == (64, []), ended.log
    assert "credentials go to no other server" in ended.log


def test_a_pull_request_cannot_allow_itself_more_and_shows_where_it_allows_less(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "policy")
    config = world.clone / "reconciler.yaml"
    config.write_text(config.read_text().replace("30%", "100%"))
    world.commit(2525, "more room")
    more = world.pull_request()
    (refused,) = [each["body"] for each in world.hub.comments[7]]
    config.write_text(config.read_text().replace("100%", "10%"))
    world.commit(2525, "less room")
    less = world.pull_request()
    (shown,) = [each["body"] for each in world.hub.comments[7]]

    assert (more.code, less.code, less.outputs["changes"]) == (3, 0, "1"), less.log
    assert "allows more than" in refused
    assert "policy.maxDestroy" in refused
    assert "`policy: maxDestroy 30% -> 10%`" in shown


def test_wrong_manifests_are_annotations_and_no_plan(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "wrong")
    (world.clone / "manifests" / "wrong.yaml").write_text("kind: MtaRoute\nspec: {type: Relay, nam: x}\n")
    world.commit(587, "wrong")

    ended = world.pull_request()

    assert ended.code == 65
    assert re.search(r"^::error file=manifests/wrong\.yaml,line=2", ended.log, flags=re.MULTILINE)
    assert world.hub.comments == {}


def jobs(**inputs: str) -> dict[str, Any]:
    """Return the jobs of GitLab's template, its inputs filled in and what they extend merged."""
    header, body = (DEPLOY / "gitlab" / "template.yml").read_text(encoding="utf-8").split("\n---\n")
    spec = yaml.safe_load(header)["spec"]["inputs"]
    for name, each in spec.items():
        body = body.replace(f"$[[ inputs.{name} ]]", inputs.get(name, each["default"]))
    assert "$[[" not in body
    found = yaml.safe_load(body)
    return {name: {**found[job["extends"]], **job} for name, job in found.items() if "extends" in job}


def job(world: World, name: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script of a job in the clone."""
    found = jobs(target="prod", install="true")[name]
    lines = [*found["before_script"], *found["script"]]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
        env={
            **outer_environment(),
            **{key: str(text) for key, text in found["variables"].items()},
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "XDG_RUNTIME_DIR": str(world.place),
            "STALWART_TOKEN": "mail-token",
            **env,
        },
        cwd=world.clone,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_story_on_gitlab(world: World) -> None:
    git(world.clone, "checkout", "--quiet", "-b", "relay")
    world.commit(2525, "use the other port")
    request: Mapping[str, str] = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_IID": "7"}
    validated = job(world, "mail-validate", **request)
    planned = job(world, "mail-plan", **request)

    assert (validated.returncode, planned.returncode) == (0, 0), validated.stderr + planned.stderr
    assert json.loads((world.clone / "mail-quality.json").read_text()) == []
    assert json.loads((world.clone / "mail-counts.json").read_text()) == {"create": 0, "update": 1, "delete": 0}

    world.merge()
    on_main = job(world, "mail-plan")
    applied = job(world, "mail-apply", CI_COMMIT_SHA="c0ffee", GITLAB_USER_LOGIN="ada")
    in_sync = job(world, "mail-drift")
    world.meddle(25)
    drift = job(world, "mail-drift")

    assert (on_main.returncode, applied.returncode, world.port()) == (0, 0, 25), on_main.stderr + applied.stderr
    assert (in_sync.returncode, drift.returncode) == (0, 2), in_sync.stderr + drift.stderr
    families = text_string_to_metric_families((world.clone / "mail-metrics.txt").read_text())
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    assert samples["reconciler_exit_code"] == 2


def test_gitlab_shows_no_plan_to_the_world_and_applies_one_at_a_time() -> None:
    found = jobs()

    assert [name for name, each in found.items() if each.get("artifacts", {}).get("public") is False] == [
        *("mail-plan", "mail-apply", "mail-drift"),
    ]
    assert (found["mail-apply"]["rules"][0]["when"], found["mail-apply"]["resource_group"]) == ("manual", "mail")
    assert found["mail-validate"]["artifacts"]["reports"].keys() == {"junit", "codequality"}
    assert found["mail-plan"]["artifacts"]["reports"].keys() == {"terraform"}
