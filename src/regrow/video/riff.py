"""The shape of pixels in AVI: a chunk of video properties (OpenDML AVI 1.02, 5.0), for which PyAV has no name."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

_MARK = "regrow "
_SIZE = 68
"""Of the chunk's content: nine numbers, and eight for its one field."""
MOST_HEADER = 2**20


def room(name: str) -> str:
    """A name for a track, whose chunk has room for the properties and for the true name."""
    wanted = _SIZE + (8 + _even(len(name.encode()) + 1) if name else 0)
    return _MARK + "." * (wanted - 1 - len(_MARK))


def state_aspect(path: Path, size: tuple[int, int], aspect: Fraction, name: str) -> None:
    """Write the shape of pixels where the track of these frames has that `room`, and its name; no byte moves."""
    placeholder = room(name).encode() + b"\0"
    with path.open("r+b") as file:
        at = file.read(MOST_HEADER).find(b"strn" + struct.pack("<I", len(placeholder)) + placeholder)
        if at < 0:
            return
        chunks = b"vprp" + struct.pack("<I", _SIZE) + _properties(size, aspect)
        if name:
            text = name.encode() + b"\0"
            text += bytes(_even(len(text)) - len(text))
            chunks += b"strn" + struct.pack("<I", len(text)) + text
        file.seek(at)
        file.write(chunks)


def _properties(size: tuple[int, int], aspect: Fraction) -> bytes:
    width, height = size
    shown = Fraction(width, height) * aspect
    while max(shown.numerator, shown.denominator) > 0xFFFF:  # each has two bytes
        shown = shown.limit_denominator(shown.denominator // 2) if shown.denominator > 1 else Fraction(0xFFFF)
    head = struct.pack("<5I2H3I", 0, 0, 25, width, height, shown.denominator, shown.numerator, width, height, 1)
    return head + struct.pack("<8I", height, width, height, width, 0, 0, 0, 0)


def _even(size: int) -> int:
    return size + size % 2
