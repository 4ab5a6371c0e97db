"""The commands: each gathers what it needs, lets the core decide, and does what was decided.

Law: one module a command, with a function `run(invocation) -> exit code`; what several share is in `gather`.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
