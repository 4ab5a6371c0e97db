"""`fleet`: runs a command on many targets, and tells what they said together.

Law: each target is run by the same command as one alone, with credentials, lock, journal and failure of its own.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import cast

from msgspec import Struct
from msgspec.structs import replace

from reconciler.apply import signals
from reconciler.commands.invocation import Console, Invocation
from reconciler.fleet import (
    Shard,
    TargetResult,
    TargetWork,
    Verb,
    Wave,
    changed_since,
    merge_results,
    most_failed,
    read_results,
    read_shard,
    read_waves,
    run_fleet,
    select_targets,
    share,
    write_result,
)
from reconciler.report import members
from reconciler.settings import Config, read_config
from reconciler.values import DIFFERENCES, ReconcilerError, UsageError

#: Seconds that the command of --bake may take.
BAKE_SECONDS = 600


class Arguments(Struct, frozen=True, kw_only=True):
    """What the command line says to this command alone. A verb has those that make sense for it."""

    select: str = ""
    targets: tuple[str, ...] = ()
    changed_since: str = ""
    shard: str = ""
    parallel: int = 20
    results: str = ""
    waves: str = ""
    max_failed: str = ""
    bake: str = ""
    resume: bool = False
    directory: str = ""
    #: The directory to write to, or "".
    out: str = ""


def run(invocation: Invocation, arguments: Arguments) -> int:
    """Run the verb that was asked for."""
    verb = invocation.command.removeprefix("fleet ")
    config = read_config(invocation.options)
    invocation = replace(invocation, config=config)
    names = _chosen(config, arguments)
    if verb == "merge":
        return _merged(invocation, names, Path(arguments.directory))
    if verb == "import":
        from reconciler.commands.fleet_import import import_fleet

        return import_fleet(invocation, names, arguments.out, arguments.parallel)
    which = read_shard(arguments.shard, invocation.environment)
    return _run(invocation, arguments, cast("Verb", verb), share(names, which), which)


def _chosen(config: Config, arguments: Arguments) -> tuple[str, ...]:
    """Return the targets that the options choose."""
    names = select_targets(config.targets, arguments.select, arguments.targets)
    return changed_since(arguments.changed_since, config, names) if arguments.changed_since else names


def _merged(invocation: Invocation, names: tuple[str, ...], directory: Path) -> int:
    """Report the results that shards left in a directory."""
    read = read_results(directory)
    commands = sorted({result.command for results in read.results.values() for result in results})
    if len(commands) > 1:
        raise UsageError(f"{directory} holds results of {' and '.join(commands)}", "keep each command's results apart")
    report = merge_results(commands[0] if commands else "drift", names, read.results, read.diagnostics)
    return invocation.report(report, report.exit_code)


def _run(invocation: Invocation, arguments: Arguments, verb: Verb, names: tuple[str, ...], which: Shard) -> int:
    """Run a verb on some targets and report what they said."""
    config = invocation.config or Config()
    directory = Path(arguments.results) if arguments.results else None
    done = _resumed(invocation, directory, names) if arguments.resume else {}
    left = tuple(name for name in names if name not in done)
    waves = read_waves(arguments.waves, config.targets, left) if left else (Wave("all", ()),)
    most = most_failed(arguments.max_failed, len(names)) if arguments.max_failed else None
    if verb == "apply" and left and not invocation.yes:
        left = _agreed(invocation, arguments, left, which)
        if not left:
            return 1
    with signals() as caught, _progress(invocation, len(left)) as advance:

        def one(name: str) -> TargetResult:
            return run_target(invocation, verb, name, which)

        def keep(result: TargetResult) -> None:
            if directory is not None:
                write_result(directory, result)
            advance(result)

        bake = (
            _baker(invocation, arguments.bake, which)
            if verb == "apply" and (arguments.waves or arguments.bake)
            else None
        )
        work = TargetWork(run=one, keep=keep, bake=bake, stopped=lambda: bool(caught))
        ran = run_fleet(waves, work, parallel=arguments.parallel, most_failed=most)
    results = {**done, **{result.target: result for result in ran.results}}
    report = merge_results(
        verb, names, {name: (result,) for name, result in results.items()}, skipped=ran.skipped, because=ran.because
    )
    code = 128 + caught[0] if caught else report.exit_code or bool(ran.skipped)
    return invocation.report(replace(report, exit_code=int(code)), int(code))


def run_target(invocation: Invocation, verb: Verb, name: str, which: Shard) -> TargetResult:
    """Run a command on one target; whatever stops it is in the result."""
    console = Console(out=lambda _: None, err=lambda _: None)
    started = time.monotonic()
    alone = replace(
        invocation,
        command=verb,
        options=replace(invocation.options, target=name, paths=()),
        console=console,
        format="json",
        quiet=True,
        yes=True,
        reported=[],
        facts={},
        kept=[],
    )
    message = hint = ""
    try:
        module = import_module(f"reconciler.commands.{verb}")
        own = getattr(module, "Arguments", None)
        code = module.run(alone, *([own()] if own else []))
    except ReconcilerError as error:
        code, message, hint = error.exit_code, str(error.message), error.hint
        details = [str(element) for element in getattr(error, "diagnostics", ())]
        message = "; ".join([message, *details[:3]])
    except Exception as error:  # noqa: BLE001 - a target's failure is its own, whatever it is
        code, message = 1, f"the program failed: {type(error).__name__}"
        hint = f"run reconciler {verb} --target {shlex.quote(name)} alone, and report what it says"
    config = invocation.config or Config()
    return TargetResult(
        target=name,
        url=config.targets[name].url,
        command=verb,
        exit_code=int(code),
        report=members(alone.reported[-1]) if alone.reported else None,
        message=message,
        hint=hint,
        basis=alone.facts.get("basis", ""),
        server=alone.facts.get("server", ""),
        shard=str(which),
        time=datetime.now(UTC).isoformat(),
        seconds=time.monotonic() - started,
    )


def _resumed(invocation: Invocation, directory: Path | None, names: tuple[str, ...]) -> dict[str, TargetResult]:
    """Return the results of an earlier run that were done and still hold: a second plan of these is empty."""
    if directory is None:
        raise UsageError("--resume needs the results of the run before", "name their directory with --results")
    if not directory.is_dir():
        return {}
    results = read_results(directory).results
    applied = {
        name: result
        for name in names
        for result in results.get(name, ())
        if result.command == "apply" and not result.exit_code
    }
    return {
        name: result for name, result in applied.items() if not run_target(invocation, "drift", name, Shard()).exit_code
    }


def _agreed(invocation: Invocation, arguments: Arguments, names: tuple[str, ...], which: Shard) -> tuple[str, ...]:
    """Show what apply would do on the targets and ask; return those to change, none where the answer is no.

    Raises:
        UsageError: nobody can be asked.
    """
    if not invocation.console.in_tty:
        raise UsageError("fleet apply asks before it changes anything, and nobody is there to answer", "give --yes")
    work = TargetWork(run=lambda name: run_target(invocation, "plan", name, which))
    ran = run_fleet([Wave("all", names)], work, parallel=arguments.parallel)
    invocation.report(merge_results("plan", names, {result.target: (result,) for result in ran.results}))
    import click

    return names if click.confirm(f"Apply on {len(names)} targets?", default=False, err=True) else ()


def _baker(invocation: Invocation, command: str, which: Shard) -> Callable[[str], TargetResult]:
    """Return what checks a changed target: a second plan is empty, and a command of the user's ends with 0."""

    def bake(name: str) -> TargetResult:
        result = run_target(invocation, "drift", name, which)
        if result.exit_code == DIFFERENCES:
            result = replace(result, exit_code=5, message="it differs again after it was changed")
        if command and not result.exit_code:
            result = _commanded(invocation, command, result)
        return replace(result, command="apply")

    return bake


def _commanded(invocation: Invocation, command: str, result: TargetResult) -> TargetResult:
    environment = {**invocation.environment, "RECONCILER_TARGET": result.target, "RECONCILER_TARGET_URL": result.url}
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own command
            shlex.split(command), env=environment, capture_output=True, check=False, timeout=BAKE_SECONDS
        ).returncode
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        return replace(result, exit_code=1, message=f"--bake cannot be run: {type(error).__name__}")
    return replace(result, exit_code=1, message=f"--bake ended with {ended}") if ended else result


@contextmanager
def _progress(invocation: Invocation, total: int) -> Iterator[Callable[[TargetResult], None]]:
    """Count the targets that are done: on one line of a terminal, else now and then."""
    done, failed, last = 0, 0, time.monotonic()
    tty = invocation.console.err_tty

    def advance(result: TargetResult) -> None:
        nonlocal done, failed, last
        done += 1
        failed += result.exit_code not in (0, DIFFERENCES)
        line = f"{done} of {total} targets{f', {failed} failed' if failed else ''}"
        if tty:
            invocation.tell(f"\r{line}\x1b[K")
        elif time.monotonic() - last > 10:
            last = time.monotonic()
            invocation.tell(f"{line}\n")

    yield advance
    if tty and done:
        invocation.tell("\r\x1b[K")
