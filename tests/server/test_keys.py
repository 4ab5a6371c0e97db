"""A private key is held against its certificate before anything is written."""

from typing import Any

import pytest

from reconciler.server import Allowed, Secrets
from reconciler.server.keys import unfit
from reconciler.values import Address, Change, ConfigError, Sensitive
from tests.keys import certificate, ed25519, pem
from tests.whole import CATALOGUE

KEY, OTHER = ed25519(), ed25519()
HERE = {"@type": "Text", "value": f"junk before\n{certificate(KEY)}"}
ELSEWHERE = {"@type": "File", "filePath": "/a.pem"}


@pytest.mark.parametrize(
    ("shown", "key", "because"),
    [
        (HERE, pem(KEY), ""),
        (HERE, pem(OTHER), "it is not the key of its certificate"),
        (HERE, "canary", "it is no private key in PEM, or one with a password"),
        ({"@type": "Text", "value": "-----BEGIN CERTIFICATE-----\nx"}, pem(KEY), "its certificate cannot be read"),
        (ELSEWHERE, pem(OTHER), ""),
        (ELSEWHERE, "canary", "it is no private key in PEM, or one with a password"),
    ],
)
def test_key_is_held_against_its_certificate(shown: dict[str, str], key: str, because: str) -> None:
    assert unfit(shown, key) == because


def change(key: dict[str, Any]) -> Change:
    wire = {"certificate": HERE, "privateKey": key}
    return Change(action="create", address=Address("Certificate", "mx"), patch=wire, after=wire)


def test_key_that_does_not_fit_ends_a_run_before_it_writes() -> None:
    secrets = Secrets({"KEY": pem(OTHER)}, Allowed())

    with pytest.raises(ConfigError) as caught:
        secrets.gather(CATALOGUE, [change({"@type": "Text", "secret": Sensitive(reference="${env:KEY}")})])

    told = "Certificate/mx privateKey: it is not the key of its certificate (nothing was written)"
    assert str(caught.value) == told


@pytest.mark.parametrize(
    "key", [{"@type": "Text", "secret": Sensitive(reference="${env:KEY}")}, {"@type": "File", "filePath": "/a.key"}]
)
def test_key_that_fits_or_is_not_known_here_is_sent(key: dict[str, Any]) -> None:
    Secrets({"KEY": pem(KEY)}, Allowed()).gather(CATALOGUE, [change(key)])
