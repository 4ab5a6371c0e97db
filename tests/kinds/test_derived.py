"""Objects that the server names itself, by what is in their certificate."""

import pytest

from reconciler.desired.manifest import ManifestText, parse
from reconciler.values import LiveObject, Resource
from tests.keys import certificate, ed25519
from tests.whole import CATALOGUE, held, state, surveyed


def document(pem: str, metadata: str = "") -> str:
    text = "".join(f"      {line}\n" for line in pem.splitlines())
    key = "{type: EnvironmentVariable, variableName: TLS_KEY}"
    return (
        f"kind: Certificate\n{metadata}spec:\n  privateKey: {key}\n  certificate:\n    type: Text\n    value: |\n{text}"
    )


FILE = "spec:\n  certificate: {type: File, filePath: /a.pem}\n  privateKey: {type: File, filePath: /a.key}\n"


def test_certificate_is_called_by_the_first_of_its_names() -> None:
    (resource,) = wanted(document(certificate(ed25519(), "mail.example.org", "imap.example.org")))

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


def test_newest_of_two_certificates_of_one_name_is_meant() -> None:
    def one(id_: str, ends: str) -> LiveObject:
        return held(
            "Certificate",
            "mail.example.org",
            id_,
            certificate={"@type": "File", "filePath": f"/{id_}.pem"},
            privateKey={"@type": "File", "filePath": "/a.key"},
            subjectAlternativeNames={"mail.example.org": True},
            notValidAfter=ends,
        )

    live = state(one("old", "2026-12-01T00:00:00Z"), one("new", "2027-03-01T00:00:00Z"))

    found = surveyed(live, f"kind: Certificate\nmetadata: {{name: mail.example.org}}\n{FILE}").plan

    assert [(each.id, each.patch) for each in found.changes] == [
        ("new", {"certificate": {"@type": "File", "filePath": "/a.pem"}})
    ]
