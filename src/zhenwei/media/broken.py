"""What decoders of pictures raise."""

from __future__ import annotations

import struct

# What Pillow's readers raise for broken bytes, found by feeding them damaged files.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
)
