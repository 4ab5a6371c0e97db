"""Why and from where an apply was run: what a CI system's variables say, and the reason that somebody gave.

Law: pure, and taken at its word; a text from outside is cut short, and nothing depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from msgspec import Struct

#: Most characters that are kept of each text.
LONGEST = 500
_VARIABLE = re.compile(r"{(\w+)}")
#: Per field, the texts that tell it, the first whose variables are all set. Forgejo and Gitea set GitHub's.
_SOURCES: dict[str, tuple[str, ...]] = {
    "commit": ("{GITHUB_SHA}", "{CI_COMMIT_SHA}", "{BITBUCKET_COMMIT}", "{BUILD_SOURCEVERSION}", "{GIT_COMMIT}"),
    "branch": (
        *("{GITHUB_HEAD_REF}", "{GITHUB_REF_NAME}", "{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}", "{CI_COMMIT_REF_NAME}"),
        *("{CI_COMMIT_BRANCH}", "{BITBUCKET_BRANCH}", "{BUILD_SOURCEBRANCHNAME}", "{CHANGE_BRANCH}", "{BRANCH_NAME}"),
    ),
    "actor": (
        *("{GITHUB_ACTOR}", "{GITLAB_USER_LOGIN}", "{BITBUCKET_STEP_TRIGGERER_UUID}", "{BUILD_REQUESTEDFOR}"),
        *("{CHANGE_AUTHOR}", "{BUILD_USER_ID}", "{CI_COMMIT_AUTHOR}"),
    ),
    "request": (
        *("!{CI_MERGE_REQUEST_IID}", "#{BITBUCKET_PR_ID}"),
        *("#{SYSTEM_PULLREQUEST_PULLREQUESTNUMBER}", "#{CHANGE_ID}", "#{CI_COMMIT_PULL_REQUEST}"),
    ),
    "job": (
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        *("{CI_JOB_URL}", "{CI_PIPELINE_URL}"),
        "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        *("{BUILD_URL}", "{CI_BUILD_LINK}"),
    ),
}
_PULL = r"refs/pull/(\d+)/\w+"


class Origin(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a run comes from; "" for what nobody says."""

    commit: str = ""
    branch: str = ""
    #: Who began the pipeline.
    actor: str = ""
    #: The pull or merge request, as `#7` or `!7`.
    request: str = ""
    #: URL of the pipeline's run.
    job: str = ""
    #: What --reason said.
    reason: str = ""


NOWHERE = Origin()


def find_origin(environment: Mapping[str, str], reason: str = "") -> Origin:
    """Return where a run comes from, as far as a CI system's variables and a reason tell."""
    fields = {field: next(_told(texts, environment), "")[:LONGEST] for field, texts in _SOURCES.items()}
    pull = re.fullmatch(_PULL, environment.get("GITHUB_REF", ""))
    if pull:
        fields["request"] = f"#{pull[1]}"
    return Origin(**fields, reason=reason[:LONGEST])


def _told(texts: tuple[str, ...], environment: Mapping[str, str]) -> Iterator[str]:
    for text in texts:
        if all(environment.get(name) for name in _VARIABLE.findall(text)):
            yield _VARIABLE.sub(lambda match: environment[match[1]], text)
