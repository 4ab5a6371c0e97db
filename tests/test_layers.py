"""Two targets with layers and variables of their own validate offline, and the merged view names each origin."""

from pathlib import Path

import pytest

from tests.running import Ran, command, environment, write

CONFIG = """\
targets:
  eu:
    url: https://eu.example.org
    manifests: [base, eu]
    vars: {relay: smtp.eu.example.net}
  us:
    url: https://us.example.org
    manifests: [base, us]
    vars: {relay: smtp.us.example.net}
"""
BASE = """\
kind: MtaRoute
spec:
  type: Relay
  name: relay
  address: ${var:relay}
  port: 587
  authSecret: {type: Value, secret: "${env:RELAY}"}
"""
EU = """\
kind: MtaRoute
metadata: {patch: true}
spec:
  name: relay
  port: 2525
---
kind: MtaRoute
spec: {type: Local, name: "only-${var:target}"}
"""
US = """\
kind: MtaRoute
metadata: {drop: true}
spec: {name: relay}
---
kind: MtaRoute
spec: {type: Local, name: "only-${var:target}"}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "reconciler.yaml").write_text(CONFIG)
    for name, text in (("base", BASE), ("eu", EU), ("us", US)):
        write(tmp_path / name, routes=text)
    return tmp_path


def run(place: Path, *arguments: str) -> Ran:
    return command("validate", *arguments, env=environment(""), cwd=place)


def test_every_target_is_judged_offline(place: Path) -> None:
    ran = run(place)

    assert ran.code == 0, ran
    assert "4 files, 6 documents: 3 resources, no errors." in ran.out


def test_a_mistake_in_one_target_names_the_target(place: Path) -> None:
    write(place / "us", routes=US.replace("name: relay", "name: relais"))

    ran = run(place)

    assert ran.code == 65
    assert "target us: metadata.drop has its base in no earlier directory" in ran.out


def test_the_merged_view_names_the_origin_of_each_value(place: Path) -> None:
    ran = run(place, "--target", "eu", "--show-merged")

    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
# target eu
kind: MtaRoute
spec:
  # base/routes.yaml:3
  type: Relay
  # eu/routes.yaml:4
  name: relay
  # base/routes.yaml:5
  address: smtp.eu.example.net
  # eu/routes.yaml:5
  port: 2525
  authSecret:
    # base/routes.yaml:7
    type: Value
    # base/routes.yaml:7
    secret: ${env:RELAY}
---
kind: MtaRoute
spec:
  # eu/routes.yaml:8
  type: Local
  # eu/routes.yaml:8
  name: only-eu
"""
    )


def test_the_merged_view_is_a_manifest_that_wants_the_same(place: Path) -> None:
    ran = run(place, "--target", "eu", "--show-merged")
    merged = write(place / "merged", all=ran.out)

    again = run(place, "--target", "eu", "--show-merged", str(merged))

    strip = [line for line in ran.out.splitlines() if "#" not in line]
    assert [line for line in again.out.splitlines() if "#" not in line] == strip


def test_the_merged_view_shows_no_plain_secret(place: Path) -> None:
    write(place / "base", routes=BASE.replace("${env:RELAY}", "canary"))

    ran = run(place, "--target", "eu", "--show-merged")

    assert "canary" not in ran.out + ran.err
    assert "(sensitive)" in ran.out
