"""JPEG in such a form that libvips tells a picture that lacks data from one that is whole.

libjpeg invents what it misses, and only warns. So every warning is to be an error, and what it warns of without harm
is mended before it sees it: bytes that belong to nothing, a missing end marker, odd versions. libvips reports a
warning when the next strip of rows is asked for; of the last strip it would never tell. So where that matters the file
is read once more, announced a little taller than it is, and one strip more is asked for.
"""

import re
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from regrow.io.decoding.splice import Part

_EOI = b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL = (0xC0, 0xC1)
_PROGRESSIVE = (0xC2, 0xC6, 0xCA)
_ALONE = (0x01, *range(0xD0, 0xD9))
_SOS, _APP0, _APP14 = 0xDA, 0xE0, 0xEE
_STRIP = 8
_TALLEST = 65500
"""Rows beyond which libjpeg reads no JPEG."""
_MOST_SEGMENTS = 10_000
_MOST_HEADER, _MOST_JUNK, _MOST_SCANS = 2**27, 2**16, 2**28
"""Bytes that are looked at before the first scan, between two segments, and for further scans."""


@dataclass
class _Header:
    """What stands before the first scan, and what of it matters here."""

    segments: list[tuple[int, bytes]] = field(default_factory=list)
    frame: int = 0
    size: bytes = b""
    components: dict[int, int] = field(default_factory=dict)
    """Vertical sampling factors by identifier."""
    body: int = 0

    @property
    def height(self) -> int:
        return int(struct.unpack_from(">H", self.size, 1)[0])

    @property
    def tallest(self) -> int:
        """The largest vertical sampling factor; a single component has none, whatever it says."""
        return max(self.components.values()) if len(self.components) > 1 else 1

    @property
    def one_scan(self) -> bool:
        return self.frame in _SEQUENTIAL and self.segments[-1][1][:1] == bytes((len(self.components),))


@dataclass(frozen=True)
class Jpeg:
    """What the decoder is given, and how to ask it whether all was there."""

    plain: tuple[Part, ...]
    """With an end marker, and what libjpeg warns of without harm mended."""
    tall: tuple[Part, ...]
    """Taller than the picture, where there is a row to ask for; good for nothing else, for its last rows are smoothed
    with what comes below."""
    height: int
    probe: int | None
    """A row below the picture; asking for it fails where the last rows lack data. None where none is needed."""
    lacks: bool
    """Whether whole scans are missing, which libjpeg does not even warn of."""


def prepare(file: BinaryIO) -> Jpeg | None:
    """Look at a JPEG that is positioned at its start. None where its header is damaged, which libjpeg will say."""
    header = _header(file)
    if header is None:
        return None
    end = file.seek(0, 2)
    probe = _probe(header) if header.one_scan else None
    several = header.frame in _PROGRESSIVE or (header.frame in _SEQUENTIAL and not header.one_scan)
    lacks = several and _lacks_scans(file, header)
    body = range(header.body, end)

    def parts(row: int | None) -> tuple[Part, ...]:
        return (b"\xff\xd8", *_mended(header, row), body, _EOI)

    return Jpeg(parts(None), parts(probe), header.height, probe, lacks)


def _header(file: BinaryIO) -> _Header | None:
    file.seek(2)
    header = _Header()
    while True:
        marker = _next_marker(file)
        if marker is None or marker == 0xD9:
            return None
        if marker in _ALONE:
            continue
        head = file.read(2)
        length = int.from_bytes(head, "big") - 2
        data = file.read(max(length, 0))
        if len(head) < 2 or length < 0 or len(data) < length:
            return None
        if file.tell() > _MOST_HEADER or len(header.segments) > _MOST_SEGMENTS:
            return None
        header.segments.append((marker, data))
        if marker in _FRAMES:
            if header.frame or len(data) < 6 or len(data) < 6 + 3 * data[5]:
                return None
            header.frame, header.size = marker, data
            header.components = {data[at]: data[at + 1] & 15 for at in range(6, 6 + 3 * data[5], 3)}
        if marker == _SOS:
            header.body = file.tell()
            return header if header.frame and header.height and len(data) >= 4 else None


def _next_marker(file: BinaryIO) -> int | None:
    """The next marker; bytes before it belong to nothing. None at the end of the file, or where there are many such."""
    before = b""
    for _ in range(_MOST_JUNK):
        byte = file.read(1)
        if not byte:
            return None
        if before == b"\xff" and byte not in (b"\x00", b"\xff"):
            return byte[0]
        before = byte
    return None


def _probe(header: _Header) -> int | None:
    """The row to ask for last: of the first strip that begins after libjpeg has decoded the last row of blocks.

    Where it smooths between rows of blocks (twice subsampled) it decodes the next one before it gives the last strip.
    """
    tallest = header.tallest
    block = 8 * tallest
    below = -(-header.height // block) * block
    probe = below - _STRIP if tallest == 2 else below
    return probe if 1 <= tallest <= 4 and header.height <= probe <= _TALLEST - _STRIP else None


def _mended(header: _Header, probe: int | None) -> list[bytes]:
    known = {3: (0, 1), 4: (0, 2)}.get(len(header.components))
    mended = []
    for marker, data in header.segments:
        if marker in _FRAMES and probe is not None:
            data = data[:1] + struct.pack(">H", probe + _STRIP) + data[3:]
            data = data if len(header.components) > 1 else data[:7] + b"\x11" + data[8:]
        elif marker == _APP0 and data[:5] == b"JFIF\x00":
            data = data[:5] + b"\x01" + data[6:]
        elif marker == _APP14 and data[:5] == b"Adobe" and len(data) >= 12 and known and data[11] not in known:
            data = data[:11] + bytes((known[1],)) + data[12:]  # as libjpeg takes it, with a warning
        elif marker == _SOS and header.frame in _SEQUENTIAL:
            data = data[:-3] + b"\x00\x3f\x00"  # the only values there are, which some encoders do not write
        mended.append(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data)
    return mended


def _lacks_scans(file: BinaryIO, header: _Header) -> bool:
    """Whether scans are missing at the end: whole components or, with no end marker either, any bit."""
    file.seek(header.body)
    data = file.read(_MOST_SCANS)
    bits = {name: np.full(64, 255) for name in header.components}
    scans = [header.segments[-1][1]]
    ended = False
    for found in re.finditer(rb"\xff[\xd9\xda]", data):
        at = found.start()
        if data[at + 1] == 0xD9:
            ended = True
            break
        scans.append(data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")])
    for scan in scans:
        if not scan or len(scan) < 4 + 2 * scan[0]:
            return True
        first, last, step = scan[1 + 2 * scan[0] :][:3]
        for name in scan[1 : 1 + 2 * scan[0] : 2]:
            if name in bits:
                bits[name][slice(None) if header.frame in _SEQUENTIAL else slice(first, last + 1)] = step & 15
    needed = 1 if ended else 64
    missing = 254 if ended else 0
    return any((known[:needed] > missing).any() for known in bits.values())
