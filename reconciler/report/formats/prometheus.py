"""Metrics for node_exporter's textfile collector.

Law: the same names and the same help for every target, no timestamps in samples; the last success outlives a failure,
taken from the file before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.report.changes import OutcomeReport, PlanReport
from reconciler.report.checks import ErrorReport
from reconciler.report.page import Page
from reconciler.values import DIFFERENCES

_LAST = "reconciler_last_success_timestamp_seconds"


class _Metrics:
    """The metrics of one run, all of which every run has."""

    def __init__(self, page: Page, target: str) -> None:
        self.registry = CollectorRegistry()
        ran = self.gauge("reconciler_last_run_timestamp_seconds", "When the last run ended.", ["target"])
        ran.labels(target).set(page.now)
        success = self.gauge(_LAST, "When the last run ended that found out what it was asked, or did it.", ["target"])
        last = page.now if page.exit_code in (0, DIFFERENCES) else _before(page.previous, target)
        if last is not None:
            success.labels(target).set(last)
        self.differences = self.gauge(
            "reconciler_differences", "Changes that are needed, or that were not made.", ["target", "kind", "action"]
        )
        self.undeclared = self.gauge("reconciler_undeclared", "Objects that no manifest declares.", ["target", "kind"])
        self.gauge("reconciler_exit_code", "What the last run exited with.", ["target"]).labels(target).set(
            page.exit_code
        )
        took = self.gauge("reconciler_duration_seconds", "How long the last run took.", ["target", "phase"])
        for phase, seconds in page.seconds.items():
            took.labels(target, phase).set(seconds)

    def gauge(self, name: str, text: str, labels: list[str]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def text(self) -> str:
        return generate_latest(self.registry).decode()


def _before(previous: str, target: str) -> float | None:
    """Return when the last success was, as a file of an earlier run says; None where it says nothing."""
    try:
        samples = (sample for family in text_string_to_metric_families(previous) for sample in family.samples)
        return next(
            (sample.value for sample in samples if sample.name == _LAST and sample.labels.get("target") == target), None
        )
    except ValueError:
        return None


def plan(report: PlanReport, page: Page) -> str:
    """Print a plan, or drift."""
    name = report.target.name or report.target.url
    metrics = _Metrics(page, name)
    _count(metrics.differences, name, ((_kind(planned.address), planned.action) for planned in report.changes))
    _count(metrics.differences, name, ((_kind(address), "undeclared") for address in report.surplus))
    _count(metrics.undeclared, name, ((_kind(address),) for address in report.undeclared))
    return metrics.text()


def outcome(report: OutcomeReport, page: Page) -> str:
    """Print an outcome: differences are what was not made, and what reading back shows."""
    name = report.target.name or report.target.url
    metrics = _Metrics(page, name)
    left = [done for done in report.changes if done.result != "applied"]
    _count(
        metrics.differences,
        name,
        ((_kind(planned.address), planned.action) for planned in [*left, *(report.residue or ())]),
    )
    return metrics.text()


def error(report: ErrorReport, page: Page) -> str:
    """Print a run that failed: its time and its code."""
    return _Metrics(page, page.target).text()


def _count(gauge: Gauge, target: str, labels: Iterable[tuple[str, ...]]) -> None:
    for key, count in sorted(Counter(labels).items()):
        gauge.labels(target, *key).inc(count)


def _kind(address: str) -> str:
    return address.partition("/")[0]
