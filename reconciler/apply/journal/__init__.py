"""What an apply did, line by line, and how to undo it: JSON lines at `.reconciler/journal/<target>.jsonl`.

Law: what is about to be done stands on the disk, with its inverse, before the first write leaves; no secret is ever
in a journal, and nothing but rollback and audits reads one.
"""

from reconciler.apply.journal.inverse import Cannot, Undo, cannot_undo, inverse, masked
from reconciler.apply.journal.origin import Origin, find_origin
from reconciler.apply.journal.records import Begin, begin_record, read
from reconciler.apply.journal.run import RecordedResult, Run, Who
from reconciler.apply.journal.standing import not_live
from reconciler.apply.journal.writer import DEFAULT_DIRECTORY, Journal, file_name, whoami

__all__ = [
    "DEFAULT_DIRECTORY",
    "Begin",
    "Cannot",
    "Journal",
    "Origin",
    "RecordedResult",
    "Run",
    "Undo",
    "Who",
    "begin_record",
    "cannot_undo",
    "file_name",
    "find_origin",
    "inverse",
    "masked",
    "not_live",
    "read",
    "whoami",
]
