"""Posts a text to somebody who is told of a run, such as a monitor of cron jobs.

Law: an address to tell is a secret, so that no message holds more of it than its host; it is never worth a run, so that
tries and seconds are few.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from reconciler.server.jmap.answers import TOO_MANY_REQUESTS
from reconciler.server.jmap.endpoint import check_url, tls_context
from reconciler.values import UsageError

#: How often it is tried, and for how many seconds each time.
TRIES, SECONDS = 3, 10.0


def post(
    url: str,
    content: bytes,
    content_type: str,
    *,
    tries: int = TRIES,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Post once; again, a little later, where there was no answer or one of a server in trouble.

    Args:
        url: where to; with its query.
        content: the body.
        content_type: what it is.
        tries: how often at most.
        transport: what carries the request; a test's own in place of a socket.
        sleep: waits some seconds.

    Returns:
        "" where it was taken, else why it was not.
    """
    host = _host(url)
    if not host:
        return "its address is no http or https URL"
    headers = {"Content-Type": content_type, "User-Agent": "stalwart-reconciler"}
    because = ""
    with httpx.Client(verify=tls_context(url), transport=transport, timeout=SECONDS) as client:
        for number in range(tries):
            if number:
                sleep(0.5 * 2**number)
            try:
                answer = client.post(url, content=content, headers=headers)
            except (httpx.HTTPError, httpx.InvalidURL):
                # What httpx says of it may hold the address.
                because = f"{host} cannot be reached"
                continue
            if answer.is_success:
                return ""
            because = f"{host} answers {answer.status_code}"
            if answer.status_code != TOO_MANY_REQUESTS and not answer.is_server_error:
                break
    return because


def _host(url: str) -> str:
    """Return the host of a URL; "" where it is none that can be posted to."""
    try:
        parts = urlsplit(url)
        check_url(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    except (ValueError, UsageError):
        return ""
    return parts.hostname or ""
