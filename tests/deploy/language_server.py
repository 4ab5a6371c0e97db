"""Talks to yaml-language-server as an editor does, over its standard streams.

Law: a request waits for its own answer, up to a bound; what the server asks for is given.
"""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

SECONDS = 60


class Editor:
    """One server, with the schemas of a directory by the files that they are for."""

    def __init__(self, running: subprocess.Popen[bytes], root: Path, schemas: dict[str, str]) -> None:
        self._running, self._root, self._schemas = running, root, schemas
        self._answers: Queue[dict[str, Any]] = Queue()
        self._told: Queue[dict[str, Any]] = Queue()
        self._number = 0
        threading.Thread(target=self._read, daemon=True).start()
        self.ask("initialize", {"processId": os.getpid(), "rootUri": root.as_uri(), "capabilities": CAPABILITIES})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": {"yaml": self._settings()}}})

    def _settings(self) -> dict[str, Any]:
        schemas = {(self._root / name).as_uri(): files for name, files in self._schemas.items()}
        off = {"enable": False}
        return {"schemas": schemas, "schemaStore": off, "completion": True, "hover": True, "validate": True}

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Send a request and return its result."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            answer = self._answers.get(timeout=SECONDS)
            if answer["id"] == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def show(self, name: str, text: str) -> tuple[str, list[dict[str, Any]]]:
        """Open a text as a file; return its URI and what the server finds wrong with it."""
        uri = (self._root / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while True:
            told = self._told.get(timeout=SECONDS)
            if told["uri"] == uri:
                found: list[dict[str, Any]] = told["diagnostics"]
                return uri, found

    def complete(self, name: str, text: str) -> list[str]:
        """Return what is offered at the sign `|` of a text."""
        return [each["label"] for each in self._at("textDocument/completion", name, text)["items"]]

    def documented(self, name: str, text: str) -> dict[str, str]:
        """Return what is told of each choice that is offered at the sign `|` of a text."""
        items = self._at("textDocument/completion", name, text)["items"]
        told = {each["label"]: each.get("documentation") or "" for each in items}
        return {label: str(found["value"] if isinstance(found, dict) else found) for label, found in told.items()}

    def hover(self, name: str, text: str) -> str:
        """Return what is told of the word at the sign `|` of a text."""
        found = self._at("textDocument/hover", name, text)
        return str(found["contents"]["value"]) if found else ""

    def _at(self, method: str, name: str, text: str) -> Any:
        before = text[: text.index("|")]
        place = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2])}
        uri, _ = self.show(name, text.replace("|", "", 1))
        return self.ask(method, {"textDocument": {"uri": uri}, "position": place})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._running.stdin is not None
        self._running.stdin.write(f"Content-Length: {len(content)}\r\n\r\n".encode() + content)
        self._running.stdin.flush()

    def _read(self) -> None:
        stream = self._running.stdout
        assert stream is not None
        while line := stream.readline():
            size = int(line.partition(b":")[2])
            while stream.readline().strip():
                pass
            message = json.loads(stream.read(size))
            method = message.get("method")
            if method == "textDocument/publishDiagnostics":
                self._told.put(message["params"])
            elif method == "workspace/configuration":
                asked = [item.get("section") for item in message["params"]["items"]]
                settings = [self._settings() if section == "yaml" else None for section in asked]
                self._send({"id": message["id"], "result": settings})
            elif method and "id" in message:
                self._send({"id": message["id"], "result": None})
            elif "id" in message:
                self._answers.put(message)


CAPABILITIES = {
    "workspace": {"configuration": True},
    "textDocument": {
        "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
    },
}


@contextmanager
def editor(root: Path, schemas: dict[str, str]) -> Iterator[Editor]:
    """Run the server for as long as the block lasts.

    Args:
        root: the directory that is open.
        schemas: path of a schema below it -> glob of the files that it is for.
    """
    program = shutil.which("yaml-language-server")
    assert program, "yaml-language-server is missing: run make deployed"
    with subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        try:
            yield Editor(running, root, schemas)
        finally:
            running.kill()
