"""A plan as files for stalwart-cli, where a site lets nothing else write.

Law: what a guard refuses is not written, since that program has no guards; what is lost on the way is told.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from reconciler.commands.files import check_plain, write_whole
from reconciler.commands.gather import Wanted
from reconciler.commands.invocation import Invocation
from reconciler.plan import Survey
from reconciler.report import printable
from reconciler.values import UsageError

FORMAT = "stalwart-ndjson"


def hand_over(invocation: Invocation, wanted: Wanted, survey: Survey) -> None:
    """Write the plan's operations where that is wanted.

    Raises:
        ManifestError: stalwart-cli cannot be told to do this.
        UsageError: it takes two files, and there is only one place.
    """
    files = [Path(file) for chosen, file in invocation.writes if chosen == FORMAT]
    if not files and invocation.format != FORMAT:
        return
    if survey.plan.refusals:
        invocation.warn("nothing is written for stalwart-cli: the plan is refused, and that program has no guards")
        return
    from reconciler.plan import as_operations

    work = as_operations(wanted.catalogue, survey.plan, survey.live)
    texts = ["".join(f"{json.dumps(operation, ensure_ascii=True)}\n" for operation in held) for held in work.files]
    if invocation.format == FORMAT:
        if len(texts) > 1:
            hint = f"write --write {FORMAT}=plan.ndjson"
            raise UsageError("the plan is two files, to be applied one after the other", hint)
        invocation.say("".join(texts))
    for path in files:
        second = path.with_name(f"{path.stem}.2{path.suffix}")
        paths = [path, second][: max(1, len(texts))]
        for file, text in zip(paths, texts or [""], strict=True):
            check_plain(file)
            write_whole(file, text.encode())
        if len(paths) == 1 and second.exists():
            invocation.warn(f"{second} is not of this plan, which takes fewer files", "take it away")
        steps = [f"stalwart-cli apply --file {shlex.quote(str(path))}" for path in paths if texts]
        steps += ["stalwart-cli create Action/ReloadSettings"] * work.reload
        if steps:
            invocation.tell(f"To carry it out: {printable(', then '.join(steps))}")
    if texts:
        invocation.tell(
            "It names objects of this server by their ids. stalwart-cli checks nothing before it writes: "
            "neither guards nor changes that somebody made meanwhile stop it."
        )
