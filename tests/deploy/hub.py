"""A stand-in for the part of GitHub's API that the actions talk to, over HTTP.

Law: it answers as GitHub documents it (pages, authors, states), and keeps what it is told.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct, field

BOT = "github-actions[bot]"


class Hub(Struct):
    """One repository."""

    url: str = ""
    #: Token -> who it is of.
    tokens: dict[str, str] = field(default_factory=lambda: {"hub-token": BOT})
    #: Per issue or pull request: its comments.
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)
    #: Commit -> the pull requests that it came by.
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    #: Statuses that the next requests end with, before any is answered.
    failing: list[int] = field(default_factory=list)

    def comment(self, number: int, body: str, author: str = BOT) -> dict[str, Any]:
        comments = self.comments.setdefault(number, [])
        total = sum(map(len, self.comments.values()))
        made = {"id": 1000 + total, "body": body, "user": {"login": author}}
        comments.append(made)
        return made

    def answer(self, method: str, target: str, token: str, body: Any) -> tuple[int, Any]:
        """Answer one request."""
        self.requests.append(f"{method} {target}")
        if self.failing:
            return self.failing.pop(0), {"message": "no"}
        author = self.tokens.get(token)
        if author is None:
            return 401, {"message": "Bad credentials"}
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        path = parts.path.removeprefix("/repos/ops/mail")
        match method, path.strip("/").split("/"):
            case "GET", ["issues", number, "comments"]:
                return 200, page(self.comments.get(int(number), []), query)
            case "POST", ["issues", number, "comments"]:
                return 201, self.comment(int(number), body["body"], author)
            case "PATCH", ["issues", "comments", id_]:
                (found,) = [each for held in self.comments.values() for each in held if each["id"] == int(id_)]
                found["body"] = body["body"]
                return 200, found
            case "GET", ["issues"]:
                labelled = [each for each in self.issues if query["labels"] in each["labels"]]
                return 200, page([each for each in labelled if each["state"] == query["state"]], query)
            case "POST", ["issues"]:
                made = {"number": len(self.issues) + 1, "state": "open", "user": {"login": author}, **body}
                self.issues.append(made)
                return 201, made
            case "PATCH", ["issues", number]:
                (found,) = [each for each in self.issues if each["number"] == int(number)]
                found.update(body)
                return 200, found
            case "GET", ["commits", commit, "pulls"]:
                return 200, page(self.pulls.get(commit, []), query)
        return 404, {"message": "Not Found"}


def page(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, number = int(query["per_page"]), int(query["page"])
    return found[size * (number - 1) : size * number]


@contextmanager
def hub() -> Iterator[Hub]:
    """Run the stand-in in a thread for as long as the block lasts."""
    running = Hub()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            text = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = re.sub("^Bearer ", "", self.headers.get("authorization", ""))
            status, body = running.answer(self.command, self.path, token, json.loads(text) if text else None)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = _any  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        running.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
