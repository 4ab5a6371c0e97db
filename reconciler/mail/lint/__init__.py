"""Finds what the server would accept and its owner would regret: in objects, expressions and the names between them.

Law: pure; each rule says what the server (0.16.19) would really do, and what to write instead.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
