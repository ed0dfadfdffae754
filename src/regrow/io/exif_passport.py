"""The passport as the tag DocumentName of an EXIF block, which can be taken out again without a trace.

A picture's own block is not touched but for the offset of its first directory: a copy of that directory, with one more
entry, lies behind the block, and what the block needs to be as it was lies behind that. So nothing in it moves, makers'
private notes included.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass

from regrow.io.formats import METADATA_LIMIT
from regrow.io.passport_text import is_passport

TAG = 0x010D
"""DocumentName: of the tags that the libraries in use keep, the one that cameras and editors write least."""
_ASCII = 2
_BYTES = (1, 2, 7)
"""Types whose values are single bytes, as other programs may write a text."""
_MOST = 4096


@dataclass(frozen=True)
class _Directory:
    """The first directory of a block: byte order, offset, its entries of 12 bytes and the offset of the next."""

    order: str
    at: int
    entries: tuple[bytes, ...]
    next: bytes

    @property
    def end(self) -> int:
        return self.at + 2 + 12 * len(self.entries) + 4

    def packed(self, entries: list[bytes]) -> bytes:
        """The directory with other entries."""
        return struct.pack(self.order + "H", len(entries)) + b"".join(entries) + self.next

    def tag(self, entry: bytes) -> int:
        """The tag of an entry."""
        return int(struct.unpack_from(self.order + "H", entry)[0])


def _directory(block: bytes) -> _Directory:
    """ValueError where the block is damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 14:
        raise ValueError("no EXIF block")
    (at,) = struct.unpack_from(order + "I", block, 4)
    count = struct.unpack_from(order + "H", block, at)[0] if 8 <= at <= len(block) - 2 else 0
    table = block[at + 2 : at + 2 + 12 * count + 4]
    if not 0 < count <= _MOST or len(table) < 12 * count + 4:
        raise ValueError("the EXIF block is damaged")
    return _Directory(order, at, tuple(table[i : i + 12] for i in range(0, 12 * count, 12)), table[-4:])


def fits(block: bytes | None) -> bool:
    """Whether a passport can be added to a block: whether that is sound, and not too large already."""
    with suppress(ValueError):
        return block is None or len(added(block, b"")) < METADATA_LIMIT - 2**10
    return False


def added(block: bytes | None, text: bytes) -> bytes:
    """The block with a passport in it, or a block that says nothing else. ValueError for one that is damaged."""
    value = text + b"\0"
    if block is None:
        return struct.pack(">2sHIHHHIII", b"MM", 42, 8, 1, TAG, _ASCII, len(value), 26, 0) + value
    own = _directory(block)
    kept = [entry for entry in own.entries if own.tag(entry) != TAG]
    at = len(block) + len(block) % 2
    entry = struct.pack(own.order + "HHII", TAG, _ASCII, len(value), at + 2 + 12 * (len(kept) + 1) + 4)
    head = block[:4] + struct.pack(own.order + "I", at) + block[8:] + bytes(at - len(block))
    before = struct.pack(own.order + "II", len(block), own.at)
    return head + own.packed(sorted([*kept, entry], key=own.tag)) + value + before


def taken(block: bytes) -> tuple[bytes | None, bytes | None]:
    """The picture's own block, None where it has none, and the passport that was in it, None where there is none.

    The own block is what it was, byte for byte. Where another program has rewritten it since, it is that program's
    block without the entry, and nothing in it moves.
    """
    try:
        found = _directory(block)
    except ValueError:
        return block, None
    for index, entry in enumerate(found.entries):
        tag, kind, length, at = struct.unpack(found.order + "HHII", entry)
        value = block[at : at + length]
        if tag == TAG and kind in _BYTES and len(value) == length > 4 and is_passport(value):
            text = value.removesuffix(b"\0")
            if block == added(None, text):
                return None, text
            own = _before(block, found.order, at + length, text)
            return own or _without(block, found, index, at, length), text
    return block, None


def _before(block: bytes, order: str, at: int, text: bytes) -> bytes | None:
    """The block that `added` was given, by what it says at an offset; None where that is not so."""
    with suppress(struct.error, ValueError):
        length, directory = struct.unpack_from(order + "II", block, at)
        own = (block[:4] + struct.pack(order + "I", directory) + block[8:])[:length]
        if added(own, text) == block:
            return own
    return None


def _without(block: bytes, found: _Directory, index: int, at: int, length: int) -> bytes | None:
    """The block without an entry and its value: entries behind it move up by one, and nothing else moves."""
    kept = [entry for number, entry in enumerate(found.entries) if number != index]
    if not kept:
        return None
    if at >= found.end:
        block = block[:at] + bytes(length) + block[at + length :]
    return block[: found.at] + found.packed(kept) + bytes(12) + block[found.end :]
