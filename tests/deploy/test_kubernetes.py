"""The manifests for Kubernetes: their containers do what they say, from directories as a kubelet makes them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.running import Ran, command, environment

DIRECTORY = Path(__file__).parent.parent.parent / "deploy" / "kubernetes"
FILES = sorted(path.name for path in DIRECTORY.iterdir())


def documents(file: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DIRECTORY / file).read_text(encoding="utf-8")))


def pod(file: str) -> dict[str, Any]:
    """Return the one pod that a file's job makes."""
    (job,) = documents(file)
    spec = job["spec"]["jobTemplate"]["spec"] if job["kind"] == "CronJob" else job["spec"]
    found: dict[str, Any] = spec["template"]["spec"]
    return found


def mount(directory: Path, files: dict[str, str]) -> Path:
    """Lay files as a kubelet mounts a ConfigMap or a Secret: the real ones hidden, and links to them."""
    hidden = directory / "..2026_11_28_04_00_00.1234567890"
    hidden.mkdir(parents=True)
    (directory / "..data").symlink_to(hidden.name)
    for name, text in files.items():
        (hidden / name).write_text(text, encoding="utf-8")
        (directory / name).symlink_to(f"..data/{name}")
    return directory


def run(file: str, tmp_path: Path, url: str) -> Ran:
    """Run what a file's container runs, its volumes being directories here."""
    (container,) = pod(file)["containers"]
    held = {each["metadata"]["name"]: each["data"] for each in documents("config.yaml") if each["kind"] == "ConfigMap"}
    inside = {each["mountPath"]: tmp_path / each["name"] for each in container["volumeMounts"]}
    if not inside["/work/manifests"].exists():
        mount(inside["/work/manifests"], held["reconciler-manifests"])
        mount(inside["/run/secrets/reconciler"], {"token": "secret-token\n"})
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    config = held["reconciler-config"]["reconciler.yaml"].replace("https://mail.example.org", url)
    for path in ("/work/manifests", "/run/secrets/reconciler"):
        config = config.replace(path, str(inside[path]))
    (work / "reconciler.yaml").write_text(config)
    arguments = [str(inside.get(each, each)) for each in container["args"]]
    env = environment(url, XDG_RUNTIME_DIR=str(tmp_path), STALWART_USER="", STALWART_PASSWORD="")
    del env["RECONCILER_JOURNAL"]
    return command(*arguments, env=env, cwd=work)


@pytest.mark.parametrize("file", ["apply.yaml", "drift.yaml"])
def test_a_pod_may_do_nothing_but_talk(file: str) -> None:
    spec = pod(file)
    (container,) = spec["containers"]

    assert (spec["automountServiceAccountToken"], spec["restartPolicy"]) == (False, "Never")
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "env" not in container


def test_the_jobs_apply_and_then_find_no_drift(tmp_path: Path, token_sandbox: Any) -> None:
    before = run("drift.yaml", tmp_path, token_sandbox.url)
    applied = run("apply.yaml", tmp_path, token_sandbox.url)
    after = run("drift.yaml", tmp_path, token_sandbox.url)

    assert (before.code, applied.code, after.code) == (2, 0, 0)
    assert "relay-eu" in {each["name"] for each in token_sandbox.state()["live"]["x:MtaRoute"]}
    assert (tmp_path / "journal" / "prod.jsonl").is_file()


def test_a_job_is_tried_again_only_where_that_can_help() -> None:
    (drift,), (apply,) = documents("drift.yaml"), documents("apply.yaml")

    assert drift["spec"]["jobTemplate"]["spec"]["podFailurePolicy"] == {
        "rules": [
            {
                "action": "FailJob",
                "onExitCodes": {"containerName": "reconciler", "operator": "NotIn", "values": [69, 75]},
            }
        ]
    }
    assert apply["spec"]["backoffLimit"] == 0


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("version", ["1.31.0", "1.37.0"])
def test_the_published_schemas_of_kubernetes_take_every_file(file: str, version: str) -> None:
    program = shutil.which("kubernetes-validate")
    assert program, "kubernetes-validate is missing: run make deployed"

    ran = subprocess.run(
        [program, "--strict", "--kubernetes-version", version, DIRECTORY / file], capture_output=True, text=True
    )

    assert (ran.returncode, "INFO" in ran.stdout + ran.stderr) == (0, True), ran.stdout + ran.stderr


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("overlay", ["plan", "apply", "drift", "merge"])
def test_the_published_schemas_of_kubernetes_take_what_a_fleets_overlays_make(overlay: str, tmp_path: Path) -> None:
    program = shutil.which("kubernetes-validate")
    assert program, "kubernetes-validate is missing: run make deployed"
    directory = DIRECTORY.parent / "fleet" / "kubernetes" / overlay
    made = subprocess.run(["kubectl", "kustomize", directory], capture_output=True, text=True, check=True).stdout
    (tmp_path / "made.yaml").write_text(made)

    ran = subprocess.run(
        [program, "--strict", "--kubernetes-version", "1.37.0", tmp_path / "made.yaml"], capture_output=True, text=True
    )

    assert (ran.returncode, "INFO" in ran.stdout + ran.stderr) == (0, True), ran.stdout + ran.stderr
