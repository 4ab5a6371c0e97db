"""From desired and live state to a plan.

Law: pure.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
