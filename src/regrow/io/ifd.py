"""Directories of TIFF and EXIF: tags with their values, read from anywhere and written at any offset."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value of each type."""
_UNITS = {3: 2, 4: 4, 5: 4, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes that are turned round where the byte order changes."""
_LONG, _LONG8 = 4, 16

EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
DIRECTORIES = frozenset((EXIF, GPS, INTEROPERABILITY))
"""Tags whose value is where another directory lies."""
_MOST = 4096

Read = Callable[[int, int], bytes]
"""Gives bytes from an offset on, as many as asked for, or fewer at the end."""


@dataclass(frozen=True)
class Entry:
    """A tag with its value, or with the directory it points to."""

    tag: int
    kind: int
    data: bytes
    """Values one after another, in the byte order of where they were read."""
    inside: tuple[Entry, ...] | None = None

    def turned(self) -> Entry:
        """The entry in the other byte order."""
        unit = _UNITS.get(self.kind, 1)
        parts = (self.data[at : at + unit][::-1] for at in range(0, len(self.data), unit))
        inside = None if self.inside is None else tuple(entry.turned() for entry in self.inside)
        return Entry(self.tag, self.kind, b"".join(parts) if unit > 1 else self.data, inside)


@dataclass(frozen=True)
class Layout:
    """Byte order ("<" or ">") and whether offsets have 64 bits (BigTIFF)."""

    order: str
    big: bool = False

    @property
    def _head(self) -> struct.Struct:
        return struct.Struct(self.order + ("HHQ" if self.big else "HHI"))

    @property
    def _offset(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))

    @property
    def _count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    def first(self, read: Read) -> int:
        """Where the first directory lies."""
        return int(self._offset.unpack(read(8 if self.big else 4, self._offset.size))[0])

    def directory(self, read: Read, at: int, limit: int) -> list[Entry]:
        """The entries of a directory, but those of unknown type and those beyond `limit` bytes in all.

        ValueError or struct.error where it is damaged.
        """
        return self._directory(read, at, [limit], 0)

    def _directory(self, read: Read, at: int, left: list[int], depth: int) -> list[Entry]:
        (count,) = self._count.unpack(read(at, self._count.size))
        if count > _MOST:
            raise ValueError(f"a directory of {count} entries")
        size, room = self._head.size + self._offset.size, self._offset.size
        table = read(at + self._count.size, count * size)
        found: dict[int, Entry] = {}
        for begin in range(0, len(table) - size + 1, size):
            tag, kind, number = self._head.unpack_from(table, begin)
            length, value = number * SIZES.get(kind, 0), table[begin + size - room : begin + size]
            if tag in found or not 0 < length <= left[0]:
                continue
            left[0] -= length
            if length > room:
                value = read(self._offset.unpack(value)[0], length)
            data = value[:length]
            if tag in DIRECTORIES and depth < 3 and length in (4, 8):
                there = int.from_bytes(data, "little" if self.order == "<" else "big")
                found[tag] = Entry(tag, _LONG, b"", tuple(self._directory(read, there, left, depth + 1)))
            elif len(data) == length:
                found[tag] = Entry(tag, kind, data)
        return list(found.values())

    def packed(self, entries: Iterable[Entry], at: int) -> bytes:
        """A directory that will lie at this offset, with all that it points to behind it. Entries are in this order."""
        sorted_ = sorted(entries, key=lambda entry: entry.tag)
        room = self._offset.size
        table = [self._count.pack(len(sorted_))]
        behind = b""
        begin = at + self._count.size + len(sorted_) * (self._head.size + room) + room
        for entry in sorted_:
            if entry.inside is not None:
                there = begin + len(behind)
                table.append(self._head.pack(entry.tag, _LONG8 if self.big else _LONG, 1) + self._offset.pack(there))
                behind += self.packed(entry.inside, there)
            else:
                table.append(self._head.pack(entry.tag, entry.kind, len(entry.data) // SIZES[entry.kind]))
                if len(entry.data) <= room:
                    table.append(entry.data.ljust(room, b"\0"))
                else:
                    table.append(self._offset.pack(begin + len(behind)))
                    behind += entry.data
            behind += b"\0" * (len(behind) % 2)
        return b"".join(table) + self._offset.pack(0) + behind


def layout_of(head: bytes) -> Layout | None:
    """The layout that the first bytes of a TIFF or of an EXIF block say; None where they are neither's."""
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    version = head[2:4] if order == ">" else head[3:1:-1]
    if order is None or version not in (b"\0*", b"\0+"):
        return None
    return Layout(order, version == b"\0+")


def reader(block: bytes) -> Read:
    """Reads from bytes in memory."""
    return lambda at, size: block[at : at + size]
