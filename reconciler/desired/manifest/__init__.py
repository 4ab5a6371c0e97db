"""From files to desired state: read, judged by schema, encoded, and told apart by address.

Law: no network and no environment; all mistakes of a run are found together, and none is lost.

    paths -> files -> parsing (documents, layers) -> Desired, or what was kept of it under the same name -> Desired
"""

from reconciler.faces import face

__getattr__ = face(__name__)
