"""Other tools' files to documents: plans of stalwart-cli, and configurations of Stalwart 0.15 and before.

Law: a bridge translates and never guesses: what it cannot say is an error with a line and a way out, and whatever it
reads is carried, or counted as left out. Spelling, layout and comments are the importer's.

    text -> ndjson | dialect, flat -> old -> Bridged -> assemble (judged, encoded) -> export -> documents
"""

from reconciler.desired.bridges.assemble import assemble
from reconciler.desired.bridges.bridged import Bridged
from reconciler.desired.bridges.choose import bridge

__all__ = ["Bridged", "assemble", "bridge"]
