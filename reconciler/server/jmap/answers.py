"""What an answer says beside its document, and what one means that is none.

Law: reading is bounded in size and time; what a server echoes is never shown from here.
"""

from __future__ import annotations

import re
import ssl
import time
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx

from reconciler.server.decode import decode
from reconciler.server.jmap.protocol import AnswerLost
from reconciler.server.redaction import Redactor
from reconciler.values import NotAllowed, ReconcilerError, Unreachable

#: An answer over this many bytes is refused; 8,000 objects of the largest kind are about 10 MB.
MAX_ANSWER = 256 * 1024 * 1024
TOO_MANY_REQUESTS = 429
#: How the types of request-level errors begin, after which nothing was done (RFC 8620 section 3.6.1).
NOTHING_RUN = "urn:ietf:params:jmap:error:"
#: The number of an error of the system, and what OpenSSL says: a word, a sentence, and a line of its own source.
_NUMBER = r"\A\[Errno -?[0-9]+\] "
_SSL = r"(?:\[(?:SSL|X509)(?:: (?P<word>[A-Z0-9_]+))?\] )?(?P<said>.*?) \(_ssl\.c:[0-9]+\)"
_NO_TLS = "it does not answer with TLS; is its URL http://?"
#: What the words of OpenSSL begin with, and what that means.
_TLS = {
    **dict.fromkeys(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH"), _NO_TLS),
    "UNEXPECTED_EOF": "the other side ended the TLS handshake",
    **dict.fromkeys(("TLSV1_ALERT", "TLSV13_ALERT", "SSLV3_ALERT"), "the other side refuses the TLS handshake"),
    "UNSUPPORTED_PROTOCOL": "the other side knows no version of TLS that is safe",
}
#: What the system says, and what that means.
_SYSTEM = {
    "Connection refused": "the connection is refused; nothing listens there",
    "All connection attempts failed": "the connection is refused; nothing listens there",
    "Connection reset by peer": "the other side cut the connection",
    "Broken pipe": "the other side cut the connection",
    "Network is unreachable": "there is no way to its network",
    "No route to host": "there is no way to this host",
    "Connection timed out": "there is no answer",
    "timed out": "there is no answer",
    "The handshake operation timed out": "there is no answer to the TLS handshake",
    "Temporary failure in name resolution": "the host name cannot be looked up now",
    **dict.fromkeys(
        ("Name or service not known", "nodename nor servname provided", "No address associated with hostname"),
        "there is no host of that name",
    ),
}


class Again(Exception):
    """The server did nothing with the request; it may be sent again after `seconds` (None: back off)."""

    def __init__(
        self, reason: str, seconds: float | None = None, *, busy: bool = False, starting: bool = False
    ) -> None:
        self.reason, self.seconds, self.busy = reason, seconds, busy
        #: A server that is about to start gives no answer, or has a proxy give this one.
        self.starting = starting


class Redirected(Unreachable):
    """The server answers with another address, which is not followed."""

    def __init__(self, message: str, hint: str, target: str) -> None:
        super().__init__(message, hint)
        self.target = target


def bounded(answer: httpx.Response, deadline: float) -> list[bytes]:
    """Read an answer up to a size and a time: httpx bounds the wait for each piece of it, and not their number."""
    if "," in answer.headers.get("content-encoding", ""):
        # One coding makes a piece a thousand times as large at most, two of them a million times.
        raise httpx.StreamError("the answer is coded more than once")
    chunks, size = [], 0
    for chunk in answer.iter_bytes():
        size += len(chunk)
        if time.monotonic() > deadline:
            raise httpx.StreamError(f"only {size} bytes of the answer came")
        if size > MAX_ANSWER:
            raise httpx.StreamError(f"the answer is larger than {MAX_ANSWER} bytes")
        chunks.append(chunk)
    return chunks


def untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """Return why a certificate was refused, if that is what is behind a failure."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def refuse(url: str, answer: httpx.Response, content: bytes, redactor: Redactor, *, writes: bool) -> NoReturn:
    """Raise what an answer other than 200 means. Its `detail` is never shown: it may echo the request.

    Args:
        url: what was asked.
        answer: its head.
        content: its body.
        redactor: takes our own credentials out of what is shown.
        writes: whether the request could change the server.

    Raises:
        Again: nothing was done, and the request may be sent again.
        AnswerLost: it is unknown whether a write was made.
        NotAllowed, Unreachable, ReconcilerError: as the answer says.
    """
    status = answer.status_code
    problem = _problem_of(content)
    if status == httpx.codes.UNAUTHORIZED:
        raise NotAllowed(f"{url} refuses these credentials", "they are not tried again: repeated failures ban a host")
    if status in (httpx.codes.FORBIDDEN, httpx.codes.PAYMENT_REQUIRED):
        raise NotAllowed(
            f"{url} answers {status}",
            "the account lacks the permission `authenticate`, or this host's address is blocked",
        )
    if status == TOO_MANY_REQUESTS:
        if problem.get("title") == "Too Many Authentication Attempts":
            raise NotAllowed(f"{url} counts too many failed logins from this host", "its address is about to be banned")
        raise Again("the server limits the rate of requests", _retry_after(answer), busy=True)
    limit = problem.get("limit")
    if status == httpx.codes.BAD_REQUEST and limit == "maxConcurrentRequests":
        raise Again("too many requests at once", busy=True)
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        hint = "raise the limit of the proxy before the server, such as client_max_body_size of nginx"
        raise ReconcilerError(f"{url} answers 413: the request is larger than is taken there", hint)
    certain = str(problem.get("type")).startswith(NOTHING_RUN)
    if writes and not certain:
        # Whatever answers may stand between here and the server, which may have done its work.
        raise AnswerLost(f"the server answered {status}")
    if status == httpx.codes.BAD_REQUEST:
        raise ReconcilerError(f"{url} refuses the request: {limit or 'malformed'}", "this is a fault of reconciler")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        starting = status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE)
        raise Again(f"the server answered {status}", _retry_after(answer), starting=starting)
    if answer.is_redirect:
        target = urlsplit(redactor.sentence(answer.headers.get("location", "")))
        raise Redirected(
            f"{url} redirects to {target.scheme}://{target.netloc}" if target.netloc else f"{url} redirects",
            "redirects are not followed: give the URL of the server itself",
            target.path,
        )
    raise Unreachable(f"{url} answers {status}", "is this the URL of a Stalwart 0.16 server?")


def own_address(answer: httpx.Response) -> str:
    """Return the address of this end of a connection; "" where there is no socket, or no longer one."""
    stream = answer.extensions.get("network_stream")
    try:
        address = stream.get_extra_info("client_addr") if stream is not None else None
    except OSError:
        # The other side may have closed it behind its answer.
        return ""
    return str(address[0]) if address else ""


def _problem_of(content: bytes) -> dict[str, Any]:
    """Return the problem details (RFC 7807) that an answer holds, or nothing."""
    try:
        problem = decode(content)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}


def _retry_after(answer: httpx.Response) -> float | None:
    """Return how many seconds a server asks to wait, or None."""
    value = answer.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else None


def reason(error: Exception) -> str:
    """Return why a request failed, in words of ours where what carried it has only its own."""
    return plainly(str(error) or type(error).__name__)


def plainly(text: str) -> str:
    """Return what the system or OpenSSL says of a failure without their numbers, and in our words where we know it."""
    named = re.fullmatch(_SSL, text)
    if named:
        word, said = named["word"] or "", named["said"]
        return next(
            (meaning for begin, meaning in _TLS.items() if word.startswith(begin)), f"TLS fails: {said.lower()}"
        )
    text = re.sub(_NUMBER, "", text)
    return next((meaning for said, meaning in _SYSTEM.items() if text.startswith(said)), text)
