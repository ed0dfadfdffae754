"""Boxes of ISO media files: what AVIF and HEIF say beside pixels and libheif does not pass on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

_LONGEST = 2**24
"""Size in bytes of the longest `meta` box that is looked at."""
_MOST_BOXES = 1000
"""Boxes of a file among which it is looked for."""


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box, to the first that does not fit."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1 and at + 16 <= len(data):
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        size = size or len(data) - at
        if size < head or at + size > len(data):
            return
        yield kind, data[at + head : at + size]
        at += size


def premultiplied(file: BinaryIO) -> bool:
    """Whether colours of the primary item are multiplied by alpha: an item reference "prem" (ISO/IEC 23008-12)."""
    meta = dict(boxes(_meta(file)[4:]))
    primary, references = meta.get(b"pitm", b""), meta.get(b"iref", b"")
    if len(primary) < 6 or len(references) < 4:
        return False
    wide = primary[0] > 0
    item = int.from_bytes(primary[4 : 8 if wide else 6], "big")
    length = 4 if references[0] else 2
    return any(
        kind == b"prem" and int.from_bytes(content[:length], "big") == item for kind, content in boxes(references[4:])
    )


def lacks(file: BinaryIO) -> bool:
    """Whether any item lies, in part, beyond the end of the file; its decoder would make up the rest."""
    meta = dict(boxes(_meta(file)[4:]))
    end = file.seek(0, 2)
    try:
        return any(at > end for at in _ends(meta.get(b"iloc", b"")))
    except IndexError:
        return True


def _ends(table: bytes) -> Iterator[int]:
    """Where the extents of items end in the file: the item location box, ISO/IEC 14496-12, 8.11.3."""
    if len(table) < 8:
        return
    version, sizes = table[0], (table[4] >> 4, table[4] & 15, table[5] >> 4, table[5] & 15 if table[0] else 0)
    at = 6

    def number(size: int) -> int:
        nonlocal at
        at += size
        if at > len(table):
            raise IndexError("the item location box ends too early")
        return int.from_bytes(table[at - size : at], "big")

    for _ in range(number(4 if version == 2 else 2)):
        number(4 if version == 2 else 2)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(sizes[2])
        for _ in range(number(2)):
            number(sizes[3])
            offset, length = number(sizes[0]), number(sizes[1])
            if method == 0:
                yield base + offset + length


def largest(file: BinaryIO) -> int:
    """The longest side, in pixels, that any image item says it has."""
    meta = dict(boxes(_meta(file)[4:]))
    properties = dict(boxes(meta.get(b"iprp", b""))).get(b"ipco", b"")
    extents = [content for kind, content in boxes(properties) if kind == b"ispe" and len(content) >= 12]
    return max((max(struct.unpack_from(">II", extent, 4)) for extent in extents), default=0)


def has_picture(file: BinaryIO) -> bool:
    """Whether there is a still picture, beside or instead of a sequence of frames."""
    return any(kind == b"pitm" for kind, _ in boxes(_meta(file)[4:]))


def _meta(file: BinaryIO) -> bytes:
    """The content of the file's `meta` box."""
    end = file.seek(0, 2)
    at = 0
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            break
        file.seek(at)
        size, kind = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            size, head = int.from_bytes(file.read(8), "big"), 16
        size = size or end - at
        if size < head:
            break
        if kind == b"meta":
            return file.read(min(size - head, _LONGEST))
        at += size
    return b""
