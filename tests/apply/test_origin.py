"""Where a run comes from is what each CI system's own variables say."""

from typing import Any

import pytest

from reconciler.apply.journal.origin import LONGEST, Origin, find_origin

GITHUB = {
    "GITHUB_SHA": "c0ffee",
    "GITHUB_REF": "refs/pull/7/merge",
    "GITHUB_REF_NAME": "7/merge",
    "GITHUB_HEAD_REF": "relay",
    "GITHUB_ACTOR": "ada",
    "GITHUB_SERVER_URL": "https://github.example",
    "GITHUB_REPOSITORY": "ops/mail",
    "GITHUB_RUN_ID": "42",
}
GITLAB = {
    "CI_COMMIT_SHA": "c0ffee",
    "CI_COMMIT_REF_NAME": "main",
    "GITLAB_USER_LOGIN": "ada",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_JOB_URL": "https://gitlab.example/ops/mail/-/jobs/42",
}
AZURE = {
    "BUILD_SOURCEVERSION": "c0ffee",
    "BUILD_SOURCEBRANCHNAME": "main",
    "BUILD_REQUESTEDFOR": "Ada",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.example/ops/",
    "SYSTEM_TEAMPROJECT": "mail",
    "BUILD_BUILDID": "42",
}


@pytest.mark.parametrize(
    ("environment", "origin"),
    [
        (GITHUB, Origin("c0ffee", "relay", "ada", "#7", "https://github.example/ops/mail/actions/runs/42")),
        (
            {**GITHUB, "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main", "GITHUB_HEAD_REF": ""},
            Origin("c0ffee", "main", "ada", "", "https://github.example/ops/mail/actions/runs/42"),
        ),
        (GITLAB, Origin("c0ffee", "main", "ada", "!7", "https://gitlab.example/ops/mail/-/jobs/42")),
        (AZURE, Origin("c0ffee", "main", "Ada", "", "https://dev.azure.example/ops/mail/_build/results?buildId=42")),
        (
            {"GIT_COMMIT": "c0ffee", "BUILD_URL": "https://ci.example/42/"},
            Origin("c0ffee", job="https://ci.example/42/"),
        ),
        ({"HOME": "/root"}, Origin()),
    ],
    ids=["github-pull", "github-push", "gitlab", "azure", "jenkins", "none"],
)
def test_each_systems_variables_are_read(environment: dict[str, str], origin: Origin) -> None:
    assert find_origin(environment) == origin


def test_a_text_from_outside_is_cut_short() -> None:
    found: Any = find_origin({"GITHUB_HEAD_REF": "x" * 10_000}, "y" * 10_000)

    assert (found.branch, found.reason) == ("x" * LONGEST, "y" * LONGEST)
