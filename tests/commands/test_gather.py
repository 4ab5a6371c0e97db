"""What every command starts with: manifests are judged by the policy of their target, too."""

from pathlib import Path
from typing import Any

import pytest

from tests.running import command, environment, write

CONFIG = "targets: {a: {url: 'https://x.example.org', policy: {owns: {MtaRoute: %s}}}}\n"


def judged(place: Path, owns: str, manifest: str) -> tuple[int, str]:
    """Return how a manifest is judged where only some names of routes are owned."""
    (place / "reconciler.yaml").write_text(CONFIG % owns)
    write(place / "manifests", a=manifest)
    ran = command("validate", "--quiet", env=environment(""), cwd=place)
    return ran.code, ran.out


@pytest.mark.parametrize(
    ("owns", "was", "name", "told"),
    [
        ("[acme-*]", "", "acme-a", []),
        ("[acme-*]", "acme-b", "acme-a", []),
        ("[acme-*]", "", "mine", ["policy.owns lets these manifests declare only acme-* of MtaRoute"]),
        ("[a*, b*]", "", "mine", ["policy.owns lets these manifests declare only a*, b* of MtaRoute"]),
        ("[]", "", "mine", ["policy.owns lets these manifests declare no MtaRoute"]),
        (
            "[acme-*]",
            "mx",
            "acme-a",
            ["metadata.was names mx, and policy.owns lets these manifests rename only acme-* of MtaRoute"],
        ),
        (
            "[]",
            "mx",
            "mine",
            [
                "metadata.was names mx, and policy.owns lets these manifests rename no MtaRoute",
                "policy.owns lets these manifests declare no MtaRoute",
            ],
        ),
    ],
)
def test_only_owned_names_are_declared_and_renamed(
    tmp_path: Path, owns: str, was: str, name: str, told: list[str]
) -> None:
    metadata = f"metadata: {{was: {was}}}\n" if was else ""

    code, out = judged(tmp_path, owns, f"kind: MtaRoute\n{metadata}spec: {{type: Mx, name: {name}}}\n")

    assert code == (65 if told else 0)
    place = f"manifests/a.yaml:1 MtaRoute/{name}"
    errors = [line for line in out.splitlines() if line.startswith("error:")]
    assert errors == [f"error: {place}: {message} [not-owned]" for message in told]


def test_what_is_large_outlives_the_command_that_made_it(sandbox: Any, tmp_path: Path) -> None:
    write(tmp_path / "manifests", a="kind: MtaRoute\nspec: {type: Mx, name: a}\n")
    kept: list[Any] = []

    ran = command("plan", env=environment(sandbox.url), cwd=tmp_path, kept=kept)

    wanted, survey = kept
    assert ran.code == 0
    assert [resource.address.name for resource in wanted.desired.resources] == ["a"]
    assert [change.address.name for change in survey.plan.changes] == ["a"]


def test_a_fleet_keeps_nothing_of_its_targets(sandbox: Any, tmp_path: Path) -> None:
    write(tmp_path / "manifests", a="kind: MtaRoute\nspec: {type: Mx, name: a}\n")
    where = f"{{url: '{sandbox.url}', manifests: [manifests]}}"
    (tmp_path / "reconciler.yaml").write_text(f"targets: {{a: {where}, b: {where}}}\n")
    kept: list[Any] = []

    ran = command("fleet", "plan", env=environment(sandbox.url), cwd=tmp_path, kept=kept)

    assert (ran.code, kept) == (0, [])
