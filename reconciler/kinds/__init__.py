"""What kinds are: the catalogue, and what follows from it alone.

Law: a kind is data; no module here names one.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
