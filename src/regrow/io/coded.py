"""What a lossily coded file says of how much was lost: what nets that restore coded pictures are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from regrow.io import marks, vp8
from regrow.io.codecs import UNKNOWN, Codec, Facts
from regrow.io.jpeg_tables import CHROMA, LUMA, coarseness

_TABLES, _SCAN = 0xDB, 0xDA
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG: of quantization tables, of the first scan, and of frames, whatever their process."""


def facts_of(data: bytes) -> Facts:
    """The facts that a file states; unknown where nothing can be read.

    Of JPEG they come from the tables, whoever wrote them; of WebP from the index of the first segment's steps, as
    libwebp sets it; of AVIF from the mark of a small picture, for other files do not say their quality.

    Examples:
        >>> from regrow.io.coded import facts_of
        >>> with open("old.jpg", "rb") as file:
        ...     facts_of(file.read()).jpeg
        1.0
    """
    # A damaged file may state anything; whoever decodes it says so.
    with suppress(ValueError, IndexError, KeyError, ZeroDivisionError):
        if data[:2] == b"\xff\xd8":
            return _of_jpeg(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            coarse = 1 - vp8.quality(_chunks(data)[b"VP8 "]) / 50
            return Facts(webp=1.0, luma=coarse, chroma=coarse)
        if (quality := marks.quality_of(data)) is not None:
            return Codec(name="avif", tuned=True).facts(quality)
    return UNKNOWN


def _of_jpeg(data: bytes) -> Facts:
    """Of a JPEG; tables may come before or after the frame's header, but come before its first scan."""
    tables: dict[int, list[int]] = {}
    frame = b""
    for marker, body in _segments(data):
        if marker == _TABLES:
            tables |= _tables(body)
        elif marker in _FRAMES:
            frame = body
    # number, sampling, table
    components = [frame[i : i + 3] for i in range(6, 6 + 3 * frame[5], 3)]
    return jpeg_facts([(sampling, tables[table]) for _, sampling, table in components])


def jpeg_facts(components: Sequence[tuple[object, Sequence[int]]]) -> Facts:
    """The facts of a JPEG's components: how each is sampled, and its quantization table in zigzag order."""
    luma = coarseness(components[0][1], LUMA)
    chroma = coarseness(components[-1][1], CHROMA) if len(components) > 1 else luma
    full = len(components) == 3 and len({sampling for sampling, _ in components}) == 1
    return Facts(jpeg=1.0, luma=luma, chroma=chroma, full_chroma=float(full))


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The markers of a JPEG before its first scan, and what follows each."""
    at = 2
    while data[at] == 0xFF and data[at + 1] != _SCAN:
        if data[at + 1] == 0xFF:  # a marker may be filled up from before
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : end]
        at = end


def _tables(body: bytes) -> dict[int, list[int]]:
    """The quantization tables of a segment, in zigzag order, by number."""
    found = {}
    while body:
        wide, number = 1 + (body[0] >> 4), body[0] & 15
        end = 1 + 64 * wide
        found[number] = [int.from_bytes(body[i : i + wide], "big") for i in range(1, end, wide)]
        body = body[end:]
    return found


def _chunks(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a WebP by kind, the first of each."""
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        found.setdefault(data[at : at + 4], data[at + 8 : at + 8 + size])
        at += 8 + size + (size & 1)
    return found
