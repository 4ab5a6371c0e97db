"""Objects that the server names itself, by what is in their certificate."""

from datetime import UTC, datetime

import pytest

from reconciler.desired.manifest import ManifestText, parse
from reconciler.values import Resource
from tests.whole import CATALOGUE, held, state, surveyed


def certificate(*names: str) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key, called = Ed25519PrivateKey.generate(), x509.Name([])
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2036, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False)
        .sign(key, None)
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


def document(pem: str, metadata: str = "") -> str:
    text = "".join(f"      {line}\n" for line in pem.splitlines())
    key = "{type: EnvironmentVariable, variableName: TLS_KEY}"
    return (
        f"kind: Certificate\n{metadata}spec:\n  privateKey: {key}\n  certificate:\n    type: Text\n    value: |\n{text}"
    )


FILE = "spec:\n  certificate: {type: File, filePath: /a.pem}\n  privateKey: {type: File, filePath: /a.key}\n"


def test_certificate_is_called_by_the_first_of_its_names() -> None:
    (resource,) = wanted(document(certificate("mail.example.org", "imap.example.org")))

    assert (str(resource.address), resource.key) == ("Certificate/imap.example.org", (("imap.example.org",),))


def wanted(text: str) -> tuple[Resource, ...]:
    return parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).checked().resources


def test_certificate_that_lies_on_the_server_is_called_by_metadata() -> None:
    (resource,) = wanted(f"kind: Certificate\nmetadata: {{name: mail.example.org}}\n{FILE}")

    assert str(resource.address) == "Certificate/mail.example.org"


@pytest.mark.parametrize("text", [f"kind: Certificate\n{FILE}", document("-----BEGIN CERTIFICATE-----\nx\n")])
def test_certificate_whose_names_are_not_known_asks_for_one(text: str) -> None:
    found = parse(CATALOGUE, [[ManifestText("m.yaml", text)]]).diagnostics

    assert [(each.code, each.message, each.hint) for each in found] == [
        (
            "unnamed",
            "the server works out what it is called, and that cannot be told here",
            "metadata.name says it: the first of its names",
        )
    ]


def test_live_certificate_is_the_one_of_the_same_first_name() -> None:
    live = held(
        "Certificate",
        "mail.example.org",
        "c",
        certificate={"@type": "File", "filePath": "/a.pem"},
        privateKey={"@type": "File", "filePath": "/old.key"},
        subjectAlternativeNames={"mail.example.org": True, "www.example.org": True},
        issuer="A",
    )

    found = surveyed(state(live), f"kind: Certificate\nmetadata: {{name: mail.example.org}}\n{FILE}").plan

    assert [(each.action, each.id, each.patch) for each in found.changes] == [
        ("update", "c", {"privateKey": {"@type": "File", "filePath": "/a.key"}})
    ]


def test_what_the_server_works_out_is_not_sent() -> None:
    found = surveyed(state(), f"kind: Certificate\nmetadata: {{name: mail.example.org}}\n{FILE}").plan

    assert [sorted(each.patch) for each in found.changes] == [["certificate", "privateKey"]]
