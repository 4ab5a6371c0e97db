"""From live state to the documents that declare it.

Law: pure; what is declared here and compared with the same live state is no change. What a manifest cannot say is left
out, left alone by `metadata.unmanaged`, and told in a comment; nothing is guessed.

    LiveState -> exporter (a spec each, faults left out) -> documents (brought together) -> printed (YAML)
"""

from reconciler.desired.export.documents import Export, NewDocument, file_name, printed, printed_tests
from reconciler.desired.export.exporter import Remark, export_state

__all__ = ["Export", "NewDocument", "Remark", "export_state", "file_name", "printed", "printed_tests"]
