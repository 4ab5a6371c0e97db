"""Runs the program as users do: real sockets, fresh processes or the command line in this one."""

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct

from reconciler.cli import invoke


class Ran(Struct):
    """What a run printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(url: str, **more: str) -> dict[str, str]:
    keep = {name: value for name, value in os.environ.items() if not name.startswith(("STALWART_", "RECONCILER_"))}
    credentials = {"STALWART_URL": url, "STALWART_USER": "admin", "STALWART_PASSWORD": "secret"}
    # Nothing is kept from test to test: below a device, no directory can be made.
    return {**keep, **credentials, "RECONCILER_JOURNAL": "off", "XDG_CACHE_HOME": os.devnull, **more}


def process(*args: str, env: Mapping[str, str], cwd: Path | None = None, text: str | None = None) -> Ran:
    """Run the program in a process of its own."""
    command = [sys.executable, "-m", "reconciler", *args]
    ran = subprocess.run(command, env=env, cwd=cwd, input=text or "", capture_output=True, text=True, timeout=120)
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def terminal(*args: str, env: Mapping[str, str], typed: str = "", cwd: Path | None = None) -> Ran:
    """Run the program on a terminal, which shows everything that is printed, and what is typed as well."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "reconciler", *args]
    with subprocess.Popen(command, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave) as running:
        os.close(slave)
        os.write(master, typed.encode())
        shown = b"".join(_shown(master))
    os.close(master)
    return Ran(running.returncode, shown.decode().replace("\r\n", "\n"), "")


def _shown(master: int) -> Iterator[bytes]:
    with suppress(OSError):
        # Reading fails once nobody holds the other end.
        while chunk := os.read(master, 65536):
            yield chunk


@contextmanager
def _surroundings(env: Mapping[str, str], cwd: Path | None) -> Iterator[None]:
    before, place = dict(os.environ), Path.cwd()
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd or place)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)


def command(*args: str, env: Mapping[str, str], cwd: Path | None = None, kept: list[object] | None = None) -> Ran:
    """Run the command line in this process, which is faster; it is the same program."""
    out, err = io.StringIO(), io.StringIO()
    stdin, sys.stdin = sys.stdin, io.StringIO()
    try:
        with _surroundings(env, cwd), redirect_stdout(out), redirect_stderr(err):
            code = invoke(list(args), kept)
    finally:
        sys.stdin = stdin
    return Ran(code, out.getvalue(), err.getvalue())


def write(directory: Path, **files: str) -> Path:
    """Write manifests, `name="text"`, and return their directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return directory
