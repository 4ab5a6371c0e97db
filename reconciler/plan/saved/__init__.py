"""A plan as a file: what apply shall do, and the basis that it stands on, so that it needs no manifests.

Law: a plan is carried out only against the server, catalogue and policy that it was made with, and only as long as what
it touches is as it was.
"""

from reconciler.faces import face

__getattr__ = face(__name__)
