"""The units for systemd: what the service runs, and what systemd's own tool says of them."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.running import Ran, command, environment, write

DIRECTORY = Path(__file__).parent.parent.parent / "deploy" / "systemd"
ROUTE = "kind: MtaRoute\nspec: {type: Relay, name: relay, address: a.example.net}\n"


def setting(file: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", (DIRECTORY / file).read_text(encoding="utf-8"), flags=re.MULTILINE)


def run(tmp_path: Path, url: str, line: str) -> Ran:
    """Run a service's command where its files are."""
    (tmp_path / "token").write_text("secret-token\n")
    config = (DIRECTORY / "reconciler.yaml").read_text(encoding="utf-8")
    config = config.replace("https://mail.example.org", url)
    config = config.replace("/run/credentials/reconciler-drift.service", str(tmp_path))
    (tmp_path / "reconciler.yaml").write_text(config)
    program, *arguments = shlex.split(line.replace("/var/lib/reconciler", str(tmp_path)))
    assert program == "/opt/reconciler/bin/reconciler"
    env = environment(url, STALWART_USER="", STALWART_PASSWORD="")
    return command(*arguments, env=env, cwd=tmp_path)


def test_the_service_fails_on_differences_and_says_nothing_in_sync(tmp_path: Path, token_sandbox: Any) -> None:
    (line,) = setting("reconciler-drift.service", "ExecStart")
    write(tmp_path / "manifests", routes=ROUTE)
    differs = run(tmp_path, token_sandbox.url, line)
    command("apply", "--yes", env=environment(token_sandbox.url), cwd=tmp_path)
    in_sync = run(tmp_path, token_sandbox.url, line)

    assert differs.code == 2
    assert (in_sync.code, in_sync.err) == (0, "")
    assert setting("reconciler-drift.service", "SuccessExitStatus") == []
    assert setting("reconciler-drift.service", "OnFailure") == ["reconciler-failed@%n.service"]


def test_the_drop_in_for_metrics_lets_differences_be(tmp_path: Path, token_sandbox: Any) -> None:
    cleared, line = setting("metrics.conf", "ExecStart")
    write(tmp_path / "manifests", routes=ROUTE)

    differs = run(tmp_path, token_sandbox.url, line)

    assert (cleared, differs.code, setting("metrics.conf", "SuccessExitStatus")) == ("", 2, ["2"])
    families = text_string_to_metric_families((tmp_path / "reconciler.prom").read_text())
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    assert samples["reconciler_exit_code"] == 2


def unit_directory(tmp_path: Path) -> Path:
    """Copy the units, with the program where it is here."""
    for path in DIRECTORY.glob("reconciler-*"):
        program = str(Path(sys.executable).parent / "reconciler")
        text = path.read_text(encoding="utf-8").replace("/opt/reconciler/bin/reconciler", program)
        (tmp_path / path.name).write_text(text)
    return tmp_path


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("unit", ["reconciler-drift.service", "reconciler-drift.timer", "reconciler-failed@x.service"])
@pytest.mark.parametrize("metrics", [False, True], ids=["plain", "metrics"])
def test_systemd_finds_nothing_wrong_with_a_unit(tmp_path: Path, unit: str, metrics: bool) -> None:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: install systemd"
    units = unit_directory(tmp_path)
    if metrics:
        (units / "reconciler-drift.service.d").mkdir()
        text = (DIRECTORY / "metrics.conf").read_text(encoding="utf-8")
        there = str(Path(sys.executable).parent / "reconciler")
        (units / "reconciler-drift.service.d/metrics.conf").write_text(
            text.replace("/opt/reconciler/bin/reconciler", there)
        )

    ran = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", units / unit], capture_output=True, text=True
    )

    assert (ran.returncode, [line for line in ran.stderr.splitlines() if "reconciler" in line]) == (0, [])


@pytest.mark.tools
@pytest.mark.slow
def test_systemd_finds_the_service_well_shut_in(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: install systemd"

    ran = subprocess.run(
        [program, "security", "--offline=yes", "--threshold=15", unit_directory(tmp_path) / "reconciler-drift.service"],
        capture_output=True,
        text=True,
    )

    # The threshold is ten times the exposure that is printed.
    assert (ran.returncode, "Overall exposure level" in ran.stdout) == (0, True), ran.stdout
