"""What every command starts with: manifests are judged by the policy of their target, too."""

from pathlib import Path

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
