"""Carries a plan out, and accounts for every change of it.

Law: apply sends what the plan says and nothing else; it may leave a change out, and never adds, alters or reorders one.
A change is applied only if the server confirmed it or a new read shows it; after a lost answer it reads, then decides.
No httpx: the conversation is a generator.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
