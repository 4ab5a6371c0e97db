"""Values that every room speaks in: errors, the model, units and policy.

Law: frozen values; nothing here reads or writes.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
