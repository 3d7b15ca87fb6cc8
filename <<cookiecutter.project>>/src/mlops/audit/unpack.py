"""gzip as CloudTrail writes it: one member and nothing after it, of a bounded size."""

from __future__ import annotations

import zlib

LARGEST = 256 << 20  # bytes of one file unpacked; CloudTrail's own stay far below
WINDOW = 31  # zlib's word for "gzip, with its header"


class UnpackError(ValueError):
    """Bytes that are not one whole gzip member; the message says why."""


def unpack(content: bytes, largest: int = LARGEST) -> bytes:
    """The content of a gzip file."""
    inflater = zlib.decompressobj(WINDOW)
    try:
        found = inflater.decompress(content, largest)
    except zlib.error:
        raise UnpackError("is not gzip") from None
    if inflater.unconsumed_tail:
        raise UnpackError(f"unpacks to more than {largest >> 20} MiB")
    if not inflater.eof:
        raise UnpackError("is cut off")
    if inflater.unused_data:
        raise UnpackError("has data after its end")
    return found
