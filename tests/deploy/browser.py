"""Opens a page in a headless Chromium, and asks it what a person would see.

Law: the browser is spoken to over a pipe, and reaches nothing: whatever a page asks for is noted, and comes to nothing.
"""

import json
import os
import shutil
import subprocess
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

#: Nothing outside is asked, whether by a page or by the browser itself.
OFFLINE = ("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--disable-sync")
QUIET = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars")
#: The browser takes commands on its third stream and answers on its fourth.
SHELL = 'exec "$@" 3<&"$COMMANDS" 4>&"$ANSWERS"'


class Browser:
    """One browser with one page; the protocol is that of Chrome's developer tools, a message up to each NUL."""

    def __init__(self, commands: FileIO, answers: FileIO) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._rest, self._session = 0, b"", ""
        self.told: list[dict[str, Any]] = []
        page = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        """Send a command and return its result; what the browser tells meanwhile is kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._commands.write(json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, told
                return told["result"]
            self.told.append(told)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            chunk = self._answers.read(1 << 20)
            assert chunk, "the browser has ended"
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        return found

    def open(self, path: Path, *, width: int = 1280, dark: bool = False, script: bool = True) -> None:
        """Open a file in a window of some pixels, and wait until all of it is there."""
        self.told.clear()
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        window = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.ask("Emulation.setDeviceMetricsOverride", **window)
        self.ask("Page.navigate", url=path.as_uri())
        while not any(each.get("method") == "Page.loadEventFired" for each in self.told):
            self.told.append(self._next())

    def value(self, expression: str) -> Any:
        """Return what an expression comes to in the page."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def requests(self) -> list[str]:
        """Return the URLs that the page asked for, but for those that carry their content with them."""
        sent = (each["params"] for each in self.told if each.get("method") == "Network.requestWillBeSent")
        return [each["request"]["url"] for each in sent if not each["request"]["url"].startswith("data:")]

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the page wrote to its console, and what the browser found wrong with it."""
        names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [each["params"] for each in self.told if each.get("method") in names]

    def picture(self, path: Path) -> None:
        """Save a picture of the whole page."""
        taken = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(b64decode(taken["data"]))


@contextmanager
def browser(place: Path) -> Iterator[Browser]:
    """Run a browser whose profile is in a directory."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: install Debian's package, and run make browser"
    theirs, ours = os.pipe()
    mine, answers = os.pipe()
    environment = {**os.environ, "COMMANDS": str(theirs), "ANSWERS": str(answers)}
    words = [program, *QUIET, *OFFLINE, "--remote-debugging-pipe", f"--user-data-dir={place}", "about:blank"]
    with (place / "browser.log").open("wb") as log:
        running = subprocess.Popen(
            ["bash", "-c", SHELL, "bash", *words], env=environment, pass_fds=(theirs, answers), stdout=log, stderr=log
        )
        os.close(theirs)
        os.close(answers)
        try:
            with os.fdopen(ours, "wb", buffering=0) as commands, os.fdopen(mine, "rb", buffering=0) as told:
                opened = Browser(commands, told)
                yield opened
                opened.ask("Browser.close")
        finally:
            running.terminate()
            running.wait()
