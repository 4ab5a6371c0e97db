"""A plan as a file: what apply shall do, and the basis that it stands on, so that it needs no manifests.

Law: a plan is carried out only against the server, catalogue and policy that it was made with, and only as long as what
it touches is as it was.
"""

from reconciler.plan.saved.basis import (
    Basis,
    Fingerprint,
    check_for,
    differing,
    digest,
    fingerprint,
    make_basis,
    pending,
    policy_digest,
    stale,
    unmet,
)
from reconciler.plan.saved.document import MAX_BYTES, load, plan_digest, save
from reconciler.plan.saved.file import read, write
from reconciler.plan.saved.guard import Guard
from reconciler.plan.saved.resume import kinds_of, take_up
from reconciler.plan.saved.schema import BASIS_SCHEMA, saved_plan_schema

__all__ = [
    "BASIS_SCHEMA",
    "MAX_BYTES",
    "Basis",
    "Fingerprint",
    "Guard",
    "check_for",
    "differing",
    "digest",
    "fingerprint",
    "kinds_of",
    "load",
    "make_basis",
    "pending",
    "plan_digest",
    "policy_digest",
    "read",
    "save",
    "saved_plan_schema",
    "stale",
    "take_up",
    "unmet",
    "write",
]
