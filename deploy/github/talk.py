"""What the actions say to GitHub: one comment on a pull request, one issue of drift, and the digest that was approved.

Law: a comment or an issue is ours only if we wrote it and its first line says so for this target; it is edited, never
doubled. Python's own library is all that it needs.

    talk.py comment FILE             writes or edits the comment of the pull request that the event is of
    talk.py approved TARGET          prints the digest of the plan that the pull request of this commit showed
    talk.py issue FILE CODE TARGET   opens, updates or closes the issue of drift, by drift's exit code
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The first line of everything that the reconciler writes in Markdown.
MARK = "<!-- reconciler "
LABEL = "mail-drift"
#: How often a request is tried, and for how many seconds.
TRIES, SECONDS = 4, 30
PAGE = 100
IN_SYNC, DIFFERENCES = 0, 2


def main(arguments: list[str]) -> int:
    """Run one of the commands."""
    match arguments:
        case ["comment", file]:
            comment(Path(file).read_text(encoding="utf-8"))
        case ["approved", target]:
            sys.stdout.write(approved(target) + "\n")
        case ["issue", file, code, target]:
            issue(Path(file).read_text(encoding="utf-8"), int(code), target)
        case _:
            sys.stderr.write(__doc__ or "")
            return 64
    return 0


def comment(text: str) -> None:
    """Show a text on the pull request; where one for the same target is there, it is edited."""
    number = event()["pull_request"]["number"]
    here = f"{repository()}/issues/{number}/comments"
    found = next((each for each in pages(here) if ours(each, mark(text)["target"])), None)
    if found is None:
        ask("POST", here, {"body": text})
    elif found["body"] != text:
        ask("PATCH", f"{repository()}/issues/comments/{found['id']}", {"body": text})


def approved(target: str) -> str:
    """Return the digest that the comment on this commit's pull request shows; "" where there is none."""
    commit = os.environ["GITHUB_SHA"]
    for pull in pages(f"{repository()}/commits/{commit}/pulls"):
        if not pull.get("merged_at"):
            continue
        for each in pages(f"{repository()}/issues/{pull['number']}/comments"):
            if ours(each, target):
                return str(mark(each["body"])["plan"])
    return ""


def issue(text: str, code: int, target: str) -> None:
    """Open one issue for differences, update it while they last, and close it once there are none.

    A run that could not compare says nothing of the server, so that it leaves the issue as it is.
    """
    found = next(
        (each for each in pages(f"{repository()}/issues?state=open&labels={LABEL}") if ours(each, target)), None
    )
    name = f" on {target}" if target else ""
    if code == DIFFERENCES and found is None:
        title = f"The mail server{name} differs from its manifests"
        ask("POST", f"{repository()}/issues", {"title": title, "body": text, "labels": [LABEL]})
    elif code == DIFFERENCES and found is not None and found["body"] != text:
        ask("PATCH", f"{repository()}/issues/{found['number']}", {"body": text})
    elif code == IN_SYNC and found is not None:
        ask("POST", f"{repository()}/issues/{found['number']}/comments", {"body": "In sync again."})
        ask("PATCH", f"{repository()}/issues/{found['number']}", {"state": "closed"})


def ours(found: dict[str, Any], target: str) -> bool:
    """Whether we wrote a comment or an issue, for this target."""
    author = os.environ.get("COMMENT_AUTHOR", "github-actions[bot]")
    return found["user"]["login"] == author and mark(found["body"] or "").get("target") == target


def mark(text: str) -> dict[str, Any]:
    """Return what the first line says; nothing where it is not ours."""
    line = text.partition("\n")[0].strip()
    if not (line.startswith(MARK) and line.endswith("-->")):
        return {}
    try:
        found = json.loads(line[len(MARK) : -3])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def event() -> dict[str, Any]:
    """Return what the workflow runs for."""
    found: dict[str, Any] = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    return found


def repository() -> str:
    """Return the path of this repository."""
    return f"/repos/{os.environ['GITHUB_REPOSITORY']}"


def pages(path: str) -> Iterator[dict[str, Any]]:
    """Yield everything that a listing holds."""
    number = 1
    while True:
        sign = "&" if "?" in path else "?"
        found = ask("GET", f"{path}{sign}per_page={PAGE}&page={number}")
        yield from found
        if len(found) < PAGE:
            return
        number += 1


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request, and return the JSON of its answer; what GitHub could not do just now is tried again."""
    request = urllib.request.Request(  # noqa: S310 - the URL is the runner's own
        os.environ["GITHUB_API_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "User-Agent": "stalwart-reconciler",
        },
    )
    for tried in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - as above
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            # A comment that was made although the answer got lost would be made twice.
            again = error.code in (429, 502, 503, 504) and (method != "POST" or error.code == 429)
            if tried == TRIES or not again:
                sys.exit(f"{method} {path}: GitHub answers {error.code}")
        except OSError as error:
            if tried == TRIES or method == "POST":
                sys.exit(f"{method} {path}: GitHub cannot be reached: {error}")
        time.sleep(float(os.environ.get("RETRY_SECONDS", "2")) * tried)
    raise AssertionError


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
