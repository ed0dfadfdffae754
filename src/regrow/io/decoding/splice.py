"""A file as a decoder is to see it: pieces of the file itself, with other bytes before, between and after them."""

import io
import os
import weakref
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

import pyvips

Part = bytes | range
"""Bytes as they are, or a range of bytes of the file."""


ReadAt = Callable[[int, int], bytes]
"""Gives as many bytes of a file as asked for, from an offset on, or fewer."""


def reading(path: str | os.PathLike[str]) -> ReadAt:
    """Opens a file, which is closed when nobody holds what is returned."""
    return _OpenFile(path).read_at


class _OpenFile:
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._descriptor)

    def read_at(self, offset: int, size: int) -> bytes:
        os.lseek(self._descriptor, offset, os.SEEK_SET)
        return os.read(self._descriptor, size)


class Spliced:
    """Parts one after another, to be read and sought like a file."""

    def __init__(self, read_at: ReadAt, parts: Sequence[Part]) -> None:
        self._read_at = read_at
        self._parts = [part for part in parts if len(part)]
        self._starts = [0, *accumulate(len(part) for part in self._parts)]
        self._at = 0

    def read(self, size: int) -> bytes:
        """At most `size` bytes, fewer where a part ends; b"" at the end."""
        number = bisect_right(self._starts, self._at) - 1
        if number >= len(self._parts):
            return b""
        part = self._parts[number]
        piece = part[self._at - self._starts[number] :][:size]
        if isinstance(piece, range):
            piece = self._read_at(piece.start, len(piece))
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int) -> int:
        """As of a file; never beyond the end, where no decoder finds anything."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._starts[-1]}[whence]
        wanted = base + offset
        if not 0 <= wanted <= self._starts[-1]:
            return -1
        self._at = wanted
        return wanted

    def source(self) -> pyvips.Source:
        """For libvips. It must live as long as what is read from it."""
        source = pyvips.SourceCustom()
        source.on_read(self.read)
        source.on_seek(self.seek)
        return source
