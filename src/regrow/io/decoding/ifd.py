"""The directories of a TIFF file: tags and their values, and a directory written anew."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO

from regrow.errors import RegrowError
from regrow.io.ifd import SIZES

MAGIC = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_CODES = {1: "B", 2: "B", 3: "H", 4: "I", 6: "b", 7: "B", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q",
          18: "Q"}  # fmt: skip
_RATIONALS = {5: "I", 10: "i"}
MOST_ENTRIES = 4096
MOST_ENTRIES_IN_ALL = 10**5
MOST_DIRECTORIES = 10_000
MOST_VALUES = 256
"""Of a tag that says something of each sample."""


@dataclass(frozen=True)
class Entry:
    """One tag of a directory: its type, how many values, and the bytes in which they lie or that say where."""

    kind: int
    count: int
    field: bytes


class Tiff:
    """A TIFF file, classic or big. RegrowError where a directory lies beyond the end of the file."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        file.seek(0)
        head = file.read(16)
        self.order, self.big = ("<" if head[:2] == b"II" else ">"), head[2:4] in (b"+\x00", b"\x00+")
        self.size = file.seek(0, 2)
        self.head = head[: 16 if self.big else 8]
        self.word = "Q" if self.big else "I"
        self._count, self._entry = ("Q", "HHQ8s") if self.big else ("H", "HHI4s")
        try:
            (self.first,) = struct.unpack_from(self.order + self.word, head, 8 if self.big else 4)
        except struct.error as error:
            raise self._no_directory() from error

    @cached_property
    def directories(self) -> list[Directory]:
        """Those that follow one another, from the first."""
        return list(self._chain())

    def _chain(self) -> Iterator[Directory]:
        at, seen, entries = self.first, set[int](), 0
        while at and at not in seen and len(seen) < MOST_DIRECTORIES and entries < MOST_ENTRIES_IN_ALL:
            seen.add(at)
            try:
                directory = self.directory(at)
            except RegrowError:
                if len(seen) == 1:
                    raise
                return  # a chain that breaks off; the pictures before it are whole
            yield directory
            at, entries = directory.next, entries + len(directory.entries)

    def directory(self, at: int) -> Directory:
        """The directory at an offset."""
        try:
            self.file.seek(at)
            (count,) = self._unpacked(self._count)
            if count > MOST_ENTRIES:
                raise RegrowError(
                    f"{self.name}: the file is damaged (a directory of {count} entries); get a fresh copy"
                )
            size = struct.calcsize(self.order + self._entry)
            data = self.file.read(count * size)
            entries = {
                tag: Entry(kind, number, field)
                for tag, kind, number, field in struct.iter_unpack(self.order + self._entry, data)
            }
            if len(data) < count * size:
                raise self._no_directory()
            following = self.file.read(struct.calcsize(self.order + self.word))
            after = struct.unpack(self.order + self.word, following)[0] if following else 0
        except (struct.error, OverflowError, ValueError, OSError) as error:
            raise self._no_directory() from error
        return Directory(self, entries, after)

    def _unpacked(self, code: str) -> tuple[int, ...]:
        return struct.unpack(self.order + code, self.file.read(struct.calcsize(self.order + code)))

    def _no_directory(self) -> RegrowError:
        return RegrowError(f"{self.name}: the file is damaged or cut short (no directory); get a fresh copy")

    def with_directory(self, entries: dict[int, Entry]) -> tuple[bytes, bytes]:
        """What to put in place of the file's head and at its end, so that it has this directory alone."""
        room = struct.calcsize(self.word)
        data = bytes(self.size & 1)
        fields = {}
        for tag, entry in entries.items():
            fields[tag] = entry.field.ljust(room, b"\x00")
            if len(entry.field) > room:
                fields[tag] = struct.pack(self.order + self.word, self.size + len(data))
                data += entry.field + bytes(len(entry.field) & 1)
        start = self.head[: 8 if self.big else 4] + struct.pack(self.order + self.word, self.size + len(data))
        data += struct.pack(self.order + self._count, len(entries))
        for tag in sorted(entries):
            data += struct.pack(self.order + self._entry, tag, entries[tag].kind, entries[tag].count, fields[tag])
        return start, data + struct.pack(self.order + self.word, 0)

    def shorts(self, *values: int) -> Entry:
        """An entry of 16-bit numbers."""
        return Entry(3, len(values), struct.pack(f"{self.order}{len(values)}H", *values))


@dataclass(frozen=True)
class Directory:
    """The tags of one picture."""

    tiff: Tiff
    entries: dict[int, Entry]
    next: int

    def values(self, tag: int, most: int = MOST_VALUES) -> tuple[float, ...]:
        """The numbers of a tag, not more than so many; none where it is missing or lies beyond the end of the file."""
        entry = self.entries.get(tag)
        if entry is None or (entry.kind not in _CODES and entry.kind not in _RATIONALS):
            return ()
        data = self._data(entry, most)
        count = len(data) // SIZES[entry.kind]
        if entry.kind in _RATIONALS:
            pairs = struct.unpack_from(f"{self.tiff.order}{2 * count}{_RATIONALS[entry.kind]}", data)
            return tuple(a / b if b else 0.0 for a, b in zip(pairs[::2], pairs[1::2], strict=True))
        return struct.unpack_from(f"{self.tiff.order}{count}{_CODES[entry.kind]}", data)

    def integers(self, tag: int, most: int = MOST_VALUES) -> tuple[int, ...]:
        """The whole numbers of a tag, as `values`."""
        return tuple(int(value) for value in self.values(tag, most))

    def number(self, tag: int, default: int) -> int:
        """The first number of a tag."""
        return (*self.integers(tag), default)[0]

    def _data(self, entry: Entry, most: int) -> bytes:
        length = entry.count * SIZES[entry.kind]
        wanted = min(entry.count, most) * SIZES[entry.kind]
        if length <= len(entry.field):
            return entry.field[:wanted]
        at = self._offset(entry)
        if at + length > self.tiff.size:
            return b""
        self.tiff.file.seek(at)
        return self.tiff.file.read(wanted)

    def _offset(self, entry: Entry) -> int:
        return int(struct.unpack(self.tiff.order + self.tiff.word, entry.field)[0])

    def check_whole(self) -> None:
        """RegrowError for a value beyond the end, of which libtiff would only warn and a colour profile be lost."""
        for entry in self.entries.values():
            length = entry.count * SIZES.get(entry.kind, 0)
            if length > len(entry.field) and self._offset(entry) + length > self.tiff.size:
                raise RegrowError(f"{self.tiff.name}: the file is cut short; get a fresh copy")
