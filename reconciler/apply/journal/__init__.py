"""What an apply did, line by line, and how to undo it: JSON lines at `.reconciler/journal/<target>.jsonl`.

Law: what is about to be done stands on the disk, with its inverse, before the first write leaves; no secret is ever
in a journal, and nothing but rollback and audits reads one.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
