"""Where the journal of a target is.

Law: pure; a name is one plain file name, and two targets never share one.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

#: Where journals are, unless an option says otherwise; below the working directory.
DEFAULT_DIRECTORY = ".reconciler/journal"
_STRANGE = re.compile(r"[^A-Za-z0-9._-]|^\.")
_LONGEST = 100


def file_name(target: str, url: str) -> str:
    """Return the name of a target's journal; a server without a target has its host and port for a name."""
    name = target or urlsplit(url).netloc or url
    plain = _STRANGE.sub("_", name)[:_LONGEST]
    # What had to be changed could meet another name that was.
    mark = "" if plain == name else "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{plain}{mark}.jsonl"
