"""A client of a few lines for tests of the sandbox: no HTTP library, no retries, no opinions.

Law: it sends what a test says and returns what came back.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from reconciler.sandbox import Reply, Sandbox

USING = ["urn:ietf:params:jmap:core", "urn:stalwart:jmap"]


class Talk:
    """A conversation with a sandbox in this process, as one user."""

    def __init__(self, sandbox: Sandbox | None = None, user: str = "admin", password: str = "secret") -> None:
        self.sandbox = sandbox or Sandbox()
        credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}

    def send(self, body: bytes | str, method: str = "POST", path: str = "/jmap/", **headers: str) -> Reply:
        """Send any bytes to any path; a header is left out by giving it the value ""."""
        content = body.encode() if isinstance(body, str) else body
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.sandbox.handle(method, path, {name: value for name, value in given.items() if value}, content)

    def get(self, path: str, **headers: str) -> Reply:
        """Ask for a resource."""
        return self.send(b"", "GET", path, **headers)

    def request(self, *calls: tuple[str, Any], **members: Any) -> Any:
        """Send several calls, numbered from 0; return the whole answer."""
        numbered = [[name, arguments, str(index)] for index, (name, arguments) in enumerate(calls)]
        body = {"using": USING, "methodCalls": numbered, **members}
        return json.loads(self.send(json.dumps(body)).body)

    def calls(self, *calls: tuple[str, Any], **members: Any) -> list[Any]:
        """Send several calls; return (name, arguments) of each response, without account ids."""
        answers = self.request(*calls, **members)["methodResponses"]
        return [(name, _without_account(arguments)) for name, arguments, _ in answers]

    def call(self, method: str, **arguments: Any) -> Any:
        """Send one call; return its arguments, or those of the error."""
        return self.calls((method, arguments))[0][1]

    def create(self, kind: str, **properties: Any) -> str:
        """Create one object and return its id."""
        answer = self.call(f"x:{kind}/set", create={"a": typed(properties)})
        new: str = answer["created"]["a"]["id"]
        return new

    def refusal(self, kind: str, **properties: Any) -> Any:
        """Create one object that is refused; return the SetError."""
        return self.call(f"x:{kind}/set", create={"a": typed(properties)})["notCreated"]["a"]

    def update(self, kind: str, number: str, **patch: Any) -> Any:
        """Update one object; return its SetError, or None where it was updated. `__` in a name stands for a slash."""
        keys = {name.replace("__", "/"): value for name, value in typed(patch).items()}
        answer = self.call(f"x:{kind}/set", update={number: keys})
        return answer["notUpdated"][number] if "notUpdated" in answer else answer["updated"][number]

    def read(self, kind: str, number: str) -> Any:
        """Return one object."""
        return self.call(f"x:{kind}/get", ids=[number])["list"][0]


def typed(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties with `variant` spelled as the wire does."""
    return {("@type" if name == "variant" else name): value for name, value in properties.items()}


def invalid_patch(description: str, path: str) -> dict[str, Any]:
    """Return the SetError of a value that cannot be applied."""
    return {"type": "invalidPatch", "description": description, "properties": [path]}


def failed(*errors: dict[str, Any]) -> dict[str, Any]:
    """Return the SetError of an object that does not pass validation."""
    return {"type": "validationFailed", "validationErrors": list(errors)}


def _without_account(arguments: Any) -> Any:
    return {name: value for name, value in arguments.items() if name != "accountId"}
