"""What is said of requests that no answer came to."""

import pytest

from reconciler.server.jmap.answers import plainly


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[Errno 111] Connection refused", "the connection is refused; nothing listens there"),
        ("[Errno 61] Connection refused", "the connection is refused; nothing listens there"),
        ("[Errno -2] Name or service not known", "there is no host of that name"),
        ("[Errno -3] Temporary failure in name resolution", "the host name cannot be looked up now"),
        ("[Errno 104] Connection reset by peer", "the other side cut the connection"),
        ("[Errno 28] No space left on device", "No space left on device"),
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)",
            "it does not answer with TLS; is its URL http://?",
        ),
        (
            "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:1006)",
            "the other side refuses the TLS handshake",
        ),
        ("[SSL: NO_CIPHERS_AVAILABLE] no ciphers available (_ssl.c:997)", "TLS fails: no ciphers available"),
        ("EOF occurred in violation of protocol (_ssl.c:997)", "TLS fails: eof occurred in violation of protocol"),
        ("Server disconnected without sending a response.", "Server disconnected without sending a response."),
    ],
)
def test_words_of_the_system_are_told_without_its_numbers(said: str, told: str) -> None:
    assert plainly(said) == told
