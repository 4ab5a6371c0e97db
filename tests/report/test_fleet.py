"""A fleet's report: equal changes once, and whoever stands out by name."""

import json

import jsonschema_rs

from reconciler.report import (
    SCHEMAS,
    FleetChange,
    FleetCounts,
    FleetDeviation,
    FleetGroup,
    FleetImportReport,
    FleetReport,
    FleetTarget,
    Page,
    Report,
    render,
)

CHANGE = FleetChange(action="destroy", address="MtaRoute/old", because="no manifest declares it")
REPORT = FleetReport(
    command="drift",
    exit_code=77,
    summary=FleetCounts(targets=11, well=1, differing=8, failed=1, missing=1, skipped=0),
    targets=(
        FleetTarget(target="mx0", exit_code=0),
        *(FleetTarget(target=f"mx{n}", exit_code=2, counts={"destroy": 1}) for n in range(1, 9)),
        FleetTarget(target="<mx|9>", exit_code=77, message="the credentials are refused", hint="set STALWART_TOKEN"),
    ),
    groups=(FleetGroup(targets=tuple(f"mx{n}" for n in range(1, 9)), changes=(CHANGE,)),),
    missing=("mx10",),
    skipped=(),
    because="",
    diagnostics=(),
)
IMPORT = FleetImportReport(
    targets=("a", "b"),
    manifests={"a": ["base"], "b": ["base", "overlays/b"]},
    deviations=(
        FleetDeviation(target="b", address="MtaRoute/x", pointer="port", common=25, own=587),
        FleetDeviation(target="b", address="MtaRoute/y", pointer="", common={"name": "y"}, own=None),
        FleetDeviation(target="b", address="MtaRoute/z", pointer="", common=None, own={"name": "z"}),
    ),
)


def printed(report: Report, chosen: str = "text") -> str:
    return render(report, chosen, Page())


def test_text_tells_of_equal_changes_once_and_of_each_target_that_failed() -> None:
    assert printed(REPORT) == (
        "8 targets (mx1, mx2, mx3, mx4, mx5, mx6 and 2 more): this change\n"
        "  - MtaRoute/old, no manifest declares it\n"
        "\n"
        "<mx|9>: not allowed (exit 77): the credentials are refused\n"
        "    set STALWART_TOKEN\n"
        "no result: mx10\n"
        "11 targets: 1 in sync, 8 differ, 1 failed, 1 without a result.\n"
    )


def test_markdown_names_what_stands_out_in_a_table_that_no_name_breaks() -> None:
    assert printed(REPORT, "markdown") == (
        "### reconciler fleet drift: 11 targets: 1 in sync, 8 differ, 1 failed, 1 without a result\n"
        "\n"
        "| target | state | |\n"
        "| --- | --- | --- |\n"
        "| &lt;mx\\|9> | not allowed (exit 77) | the credentials are refused |\n"
        "| mx10 | no result | |\n"
        "\n"
        "<details><summary>8 targets (mx1, mx2, mx3, mx4, mx5, mx6 and 2 more): this change</summary>\n"
        "\n"
        "```diff\n"
        "- MtaRoute/old, no manifest declares it\n"
        "```\n"
        "\n"
        "</details>\n"
    )


def test_import_tells_who_deviates_where_and_the_layers_of_each_target() -> None:
    assert printed(IMPORT) == (
        "2 targets read, 3 deviations.\n"
        "b: MtaRoute/x port: 587, where most have 25\n"
        "b: MtaRoute/y is not there\n"
        "b: MtaRoute/z is only here, or with few\n"
        "\n"
        "In reconciler.yaml:\n"
        "  a: manifests: [base]\n"
        "  b: manifests: [base, overlays/b]\n"
    )


def test_json_is_accepted_by_its_schema() -> None:
    for report in (REPORT, IMPORT):
        jsonschema_rs.validate(SCHEMAS[report.name], json.loads(printed(report, "json")))
