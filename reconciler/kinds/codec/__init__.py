"""Human form <-> wire form.

Law: pure; `encode` for what people wrote, `decode` for what people read, and neither knows a kind by name.
"""

from reconciler.kinds.codec.bare import bare_durations, has_durations
from reconciler.kinds.codec.contexts import check_expression, context_of
from reconciler.kinds.codec.decode import HIDDEN, decode, decode_pointer
from reconciler.kinds.codec.encode import Codec, with_else
from reconciler.kinds.codec.lone import spelled_out
from reconciler.kinds.codec.scalars import Mistake

__all__ = [
    "HIDDEN",
    "Codec",
    "Mistake",
    "bare_durations",
    "check_expression",
    "context_of",
    "decode",
    "decode_pointer",
    "has_durations",
    "spelled_out",
    "with_else",
]
