"""gzip as CloudTrail writes it: one member and nothing after it, of a bounded size.

ISA-L unpacks twice as fast as zlib; where it is not to be had, zlib does the same.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

LARGEST = 256 << 20  # bytes of one file unpacked; CloudTrail's own stay far below
WINDOW = 31  # zlib's word for "gzip, with its header"


class UnpackError(ValueError):
    """Bytes that are not one whole gzip member; the message says why."""


def choose() -> ModuleType:
    """The faster of two modules with one interface."""
    try:
        from isal import isal_zlib
    except ImportError:  # no wheel for this machine
        return zlib
    return isal_zlib


FAST = choose()


def unpack(content: bytes, largest: int = LARGEST, library: Any = FAST) -> bytes:
    """The content of a gzip file."""
    inflater = library.decompressobj(WINDOW)
    try:
        found: bytes = inflater.decompress(content, largest)
    except library.error:
        raise UnpackError("is not gzip") from None
    if inflater.unconsumed_tail:
        raise UnpackError(f"unpacks to more than {largest >> 20} MiB")
    if not inflater.eof:
        raise UnpackError("is cut off")
    if inflater.unused_data:
        raise UnpackError("has data after its end")
    return found
