"""Which proxy a request goes through."""

from collections.abc import Mapping

import pytest

from reconciler.server.proxy import Proxy, proxy_for
from reconciler.values import UsageError

URL = "https://mail.example.org"
BOTH = {"HTTPS_PROXY": "http://secure:1", "HTTP_PROXY": "http://plain:2", "ALL_PROXY": "http://all:3"}


@pytest.mark.parametrize(
    ("url", "environment", "expected"),
    [
        (URL, {}, None),
        (URL, BOTH, Proxy("http://secure:1", "HTTPS_PROXY")),
        ("http://mail.example.org", BOTH, Proxy("http://plain:2", "HTTP_PROXY")),
        (URL, {"ALL_PROXY": "proxy:3128"}, Proxy("http://proxy:3128", "ALL_PROXY")),
        (
            URL,
            {"https_proxy": "http://small:1", "HTTPS_PROXY": "http://large:2"},
            Proxy("http://small:1", "https_proxy"),
        ),
        ("http://mail.example.org", {"HTTP_PROXY": "http://a:1", "REQUEST_METHOD": "GET"}, None),
        ("https://127.0.0.1:8443", BOTH, None),
        ("https://[::1]", BOTH, None),
        ("https://localhost", BOTH, None),
        ("https://a.localhost.", BOTH, None),
    ],
)
def test_variable_of_the_scheme_names_the_proxy(
    url: str, environment: Mapping[str, str], expected: Proxy | None
) -> None:
    assert proxy_for(url, environment) == expected


@pytest.mark.parametrize(
    ("excepted", "url"),
    [
        ("*", URL),
        ("mail.example.org", URL),
        ("example.org", URL),
        (".example.org", URL),
        ("*.example.org", URL),
        ("other, EXAMPLE.org", URL),
        ("mail.example.org:443", URL),
        ("192.0.2.0/24", "https://192.0.2.7"),
        ("192.0.2.7", "https://192.0.2.7"),
        ("2001:db8::/32", "https://[2001:db8::7]"),
        ("[2001:db8::7]:8443", "https://[2001:db8::7]:8443"),
    ],
)
def test_no_proxy_excepts_names_suffixes_addresses_and_networks(excepted: str, url: str) -> None:
    assert proxy_for(url, {**BOTH, "NO_PROXY": excepted}) is None


@pytest.mark.parametrize(
    "excepted", ["ample.org", "mail.example.org:8443", "192.0.2.0/24", "mail.example.org.evil", "", " , "]
)
def test_no_proxy_excepts_nothing_else(excepted: str) -> None:
    assert proxy_for(URL, {**BOTH, "NO_PROXY": excepted}) is not None


def test_socks_proxy_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError) as error:
        proxy_for(URL, {"ALL_PROXY": "socks5://127.0.0.1:9"})

    assert str(error.value) == (
        "ALL_PROXY names a socks5 proxy, and the package socksio is not installed"
        " (install it, name an http proxy, or except the server by NO_PROXY)"
    )


@pytest.mark.parametrize("value", ["http://", "http://a:port", "://x"])
def test_what_is_no_proxy_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="HTTPS_PROXY holds no URL of a proxy"):
        proxy_for(URL, {"HTTPS_PROXY": value})


def test_proxy_is_named_without_its_credentials() -> None:
    proxy = Proxy("http://user:hunter2@proxy.example.org:3128", "HTTPS_PROXY")

    assert str(proxy) == "the proxy http://proxy.example.org:3128 of HTTPS_PROXY"
    assert "hunter2" not in repr(proxy)
