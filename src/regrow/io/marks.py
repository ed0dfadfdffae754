"""Marks in a file's own code that say how many times smaller a picture was made: they cost no byte.

No decoder heeds them, and programs that take metadata out leave them in, so that a small picture is recognized that has
lost its passport. WebP: the two bits beside width and height that suggest how to enlarge a key frame (RFC 6386,
section 9.1), in pairs that encoders do not write. JPEG: an unusual pixel aspect ratio of 1 to 1 in the JFIF header.
AVIF: the minor version of its brand (ISO/IEC 14496-12, section 4.3), which encoders leave 0 and which says the quality
as well, for nothing else in the file does.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

HINTS = {1: (1, 1), 1.5: (2, 2), 2: (3, 3), 4: (3, 2)}
"""Across and down, by scale: 3 means "enlarge by 2", 2 by 5/3, 1 by 5/4."""
SCALES = tuple(HINTS)

_MOST = 4096
"""Chunks before a WebP's pixels that are looked at."""
_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
BRAND = 16
"""Bytes of an AVIF, from its beginning, that hold its mark."""
_BRAND = b"ftypavif"
_OWN = b"rg"
"""How the minor version of a marked AVIF begins; ten times the scale and the quality follow, a byte each."""


def density(scale: float) -> int:
    """The density without a unit, across and down, by which the JFIF header of a JPEG says a scale of `SCALES`."""
    return 0x0100 + round(10 * scale)


def scale_of_density(unit: int | None, across: int, down: int) -> float | None:
    """The scale that the unit and the densities of a JFIF header say; None where they say none."""
    return next((scale for scale in SCALES if (unit, across, down) == (0, density(scale), density(scale))), None)


def scale_of(data: bytes) -> float | None:
    """How many times smaller a marked picture was made: 1, 1.5, 2 or 4; None where there is no mark.

    Args:
        data: a file, from its beginning to its pixels at least.

    Examples:
        >>> from regrow.io.marks import scale_of
        >>> with open("old.jpg", "rb") as file:
        ...     print(scale_of(file.read()))
        None
    """
    if data.startswith(_JFIF):
        said = struct.unpack_from(">BHH", data, 13) if len(data) >= 18 else ()
        return scale_of_density(*said) if said else None
    if _marked_avif(data):
        return next((scale for scale in SCALES if 10 * scale == data[14]), None)
    at = _frame(data)
    if at is None:
        return None
    found = tuple(side >> 14 for side in struct.unpack_from("<HH", data, at + 6))
    return next((scale for scale, hints in HINTS.items() if hints == found), None)


def quality_of(data: bytes) -> int | None:
    """The quality that a marked AVIF says, 1 to 100; None for another file."""
    return data[15] if scale_of(data) is not None and _marked_avif(data) and 1 <= data[15] <= 100 else None


def put(file: BinaryIO, scale: float, quality: int) -> None:
    """Mark a lossy WebP or an AVIF in place with a scale of `SCALES`; nothing is done to another file."""
    file.seek(0)
    data = file.read()
    if data[4:12] == _BRAND:
        file.seek(12)
        file.write(_OWN + bytes((round(10 * scale), quality)))
    elif (at := _frame(data)) is not None:
        sides = struct.unpack_from("<HH", data, at + 6)
        marked = [side & 0x3FFF | hint << 14 for side, hint in zip(sides, HINTS[scale], strict=True)]
        file.seek(at + 6)
        file.write(struct.pack("<HH", *marked))
    file.seek(0)


def _marked_avif(data: bytes) -> bool:
    return data[4:14] == _BRAND + _OWN and len(data) >= BRAND


def _frame(data: bytes) -> int | None:
    """Where the key frame of a lossy still WebP begins."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    at = 12
    for _ in range(_MOST):
        if len(data) < at + 18:
            return None
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"VP8 ":
            return at + 8 if data[at + 11 : at + 14] == b"\x9d\x01\x2a" else None
        at += 8 + length + (length & 1)
    return None
