"""The EXIF block as bytes: find and change its orientation, nothing else.

A block here is the TIFF structure itself, from "II" or "MM" on, without the six-byte "Exif" prefix that JPEG has.
It is copied without parsing, so that makers' private notes, whose offsets are undocumented, survive.
"""

import struct
from contextlib import suppress

from regrow.io.ifd import Entry, layout_of, reader

PREFIX = b"Exif\x00\x00"
ORIENTATION = 0x0112
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
_SHORT = 3


def bare(block: bytes | None) -> bytes | None:
    """The block without the prefix that some containers and libraries add; None when there is nothing in it."""
    if block is not None and block.startswith(PREFIX):
        block = block[len(PREFIX) :]
    return block or None


def _orientation_at(block: bytes) -> tuple[int, str] | None:
    """Offset and byte order of the orientation's 16-bit value, or None if the block has none."""
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return None
    (directory,) = struct.unpack_from(order + "I", block, 4)
    if directory + 2 > len(block):
        return None
    (entries,) = struct.unpack_from(order + "H", block, directory)
    for at in range(directory + 2, min(directory + 2 + 12 * entries, len(block) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", block, at)
        if tag == ORIENTATION:
            return (at + 8, order) if kind == _SHORT and count == 1 else None
    return None


def orientation(block: bytes | None) -> int:
    """How a viewer must turn the picture, 1 (as stored) to 8, as in the EXIF standard; 1 when not stated."""
    found = _orientation_at(block) if block else None
    if not block or not found:
        return 1
    value = int(struct.unpack_from(found[1] + "H", block, found[0])[0])
    return value if 1 <= value <= 8 else 1


def with_orientation(block: bytes | None, value: int) -> bytes | None:
    """The block with the orientation `value` (1 to 8); every other byte stays as it was.

    Without a block, one is made that states only the orientation, unless `value` is 1, the default. A block that has no
    orientation is returned as it is: inserting an entry would move the data that entries point to.
    """
    if not 1 <= value <= 8:
        raise ValueError(f"orientation must be 1 to 8, not {value}")
    if block is None:
        if value == 1:
            return None
        return struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, _SHORT, 1, value, 0, 0)
    found = _orientation_at(block)
    if found is None or orientation(block) == value:
        return block
    at, order = found
    return block[:at] + struct.pack(order + "H", value) + block[at + 2 :]


def entries(block: bytes | None) -> tuple[str, list[Entry]]:
    """The byte order of the block and the entries of its first directory; none where it is damaged."""
    layout = layout_of(block) if block else None
    if block and layout and not layout.big:
        with suppress(struct.error, ValueError, OverflowError, RecursionError):
            return layout.order, layout.directory(reader(block), layout.first(reader(block)), len(block))
    return ">", []


def resolution_in(found: list[Entry], order: str) -> tuple[float, float] | None:
    """Pixels per millimetre that a directory says; None where it does not, or says only the pixels' shape."""
    values = {entry.tag: entry for entry in found}
    sides = [values.get(tag) for tag in (X_RESOLUTION, Y_RESOLUTION)]
    unit = values.get(RESOLUTION_UNIT)
    per = {2: 25.4, 3: 10.0}.get(int.from_bytes(unit.data[:2], "little" if order == "<" else "big") if unit else 2)
    pairs = [struct.unpack(order + "II", side.data[:8]) for side in sides if side and side.kind == 5]
    if per is None or len(pairs) != 2 or not all(top and below for top, below in pairs):
        return None
    (x, y) = (top / below / per for top, below in pairs)
    return x, y


def stated_resolution(block: bytes | None) -> tuple[float, float] | None:
    """Pixels per millimetre, (x, y), that the block says; None where it does not."""
    order, found = entries(block)
    return resolution_in(found, order)


def resolution_entries(resolution: tuple[float, float] | None, order: str) -> list[Entry]:
    """The entries that say a resolution in pixels per millimetre, or that none is known."""
    said = resolution or (1 / 25.4, 1 / 25.4)
    sides = [struct.pack(order + "II", min(round(side * 254000), 2**32 - 1), 10000) for side in said]
    return [
        Entry(X_RESOLUTION, 5, sides[0]),
        Entry(Y_RESOLUTION, 5, sides[1]),
        Entry(RESOLUTION_UNIT, _SHORT, struct.pack(order + "H", 2 if resolution else 1)),
    ]
