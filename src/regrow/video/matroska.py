"""Fields in the header of a Matroska track that PyAV has no names for: the shape of pixels, and the light of HDR.

A file is a tree of elements (RFC 8794): a number that says what it is, its length, and its content, which are elements
again in those of `_MASTERS` (RFC 9559).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from regrow.video.light import Light

Element = tuple[int, "bytes | list[Element]"]

_EBML, _SEGMENT, _TRACKS, _ENTRY, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0xAE, 0x1F43B675
_TYPE, _NAME, _VIDEO, _COLOUR, _MASTERING = 0x83, 0x536E, 0xE0, 0x55B0, 0x55D0
_WIDTH, _HEIGHT, _SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT = 0xB0, 0xBA, 0x54B0, 0x54BA, 0x54B2
_LEVELS, _CHROMATICITIES, _MOST, _LEAST = (0x55BC, 0x55BD), range(0x55D1, 0x55D9), 0x55D9, 0x55DA
_VOID, _CRC = 0xEC, 0xBF
_MASTERS = frozenset((_TRACKS, _ENTRY, _VIDEO, _COLOUR, _MASTERING))
_UNKNOWN = b"\x01" + 7 * b"\xff"
"""The length of an element that ends where the file does."""

ROOM = "regrow " + 200 * "."
"""A name for a track that `with_aspect` replaces by what it has to say."""
MOST_HEADER = 2**20


def with_light(piece: bytes, light: Light) -> bytes:
    """A file, or the beginning of one, whose video track states the light of HDR too."""
    at = _segment(piece)
    kept = [piece[:at]]
    for number, begin, start, end in _children(piece, at, len(piece)):
        if number == _CLUSTER:
            kept.append(piece[begin:])
            break
        if number == _TRACKS:
            tree = _parsed(piece[start:end])
            for _, entry in (e for e in tree if e[0] == _ENTRY):
                _illuminate(_child(_child(entry, _VIDEO), _COLOUR), light)  # type: ignore[arg-type]
            kept.append(_written((_TRACKS, [e for e in tree if e[0] != _CRC])))
    head = kept[0][: at - 8] + _UNKNOWN if kept[0][at - 8 : at - 7] == b"\x01" else kept[0]
    return b"".join([head, *kept[1:]])


def with_aspect(head: bytes, aspect: Fraction, name: str) -> bytes:
    """The beginning of a file whose track that is named `ROOM` states the shape of pixels and is named `name`.

    It has the same length, so that whatever points into the file stays true.
    """
    for number, _, start, end in _children(head, _segment(head), len(head)):
        if number == _TRACKS:
            return head[:start] + _tracks_with(head[start:end], aspect, name) + head[end:]
    return head


def state_aspect(path: Path, aspect: Fraction, name: str) -> None:
    """The same for a file, in place."""
    with path.open("r+b") as file:
        changed = with_aspect(file.read(MOST_HEADER), aspect, name)
        file.seek(0)
        file.write(changed)


def _tracks_with(tracks: bytes, aspect: Fraction, name: str) -> bytes:
    elements = []
    for number, begin, start, end in _children(tracks, 0, len(tracks)):
        whole = tracks[begin:end]
        if number == _ENTRY and (_NAME, ROOM.encode()) in (entry := _parsed(tracks[start:end])):
            video = _child(entry, _VIDEO)
            sides = {n: int.from_bytes(value, "big") for n, value in video if n in (_WIDTH, _HEIGHT)}  # type: ignore[arg-type]
            width, height = _shown(sides[_WIDTH], sides[_HEIGHT], aspect)
            video[:] = [e for e in video if e[0] not in (_SHOWN_WIDTH, _SHOWN_HEIGHT, _UNIT)]
            video += [(_SHOWN_WIDTH, width.to_bytes(4, "big")), (_SHOWN_HEIGHT, height.to_bytes(4, "big"))]
            entry = [e for e in entry if e[0] not in (_NAME, _VOID)] + ([(_NAME, name.encode())] if name else [])
            content = b"".join(map(_written, entry))
            content += _void(end - start - len(content))
            whole = tracks[begin:start] + content
        elements.append((number, whole))
    rest = b"".join(whole for number, whole in elements if number != _CRC)
    if elements and elements[0][0] == _CRC:
        return b"\xbf\x84" + zlib.crc32(rest).to_bytes(4, "little") + rest
    return rest


def _shown(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """The size that players give a frame: the least multiple of the width that says the ratio exactly, if it can be."""
    if (exact := width * aspect).denominator == 1:
        return min(int(exact), 2**31), height
    whole = (width * aspect.numerator, height * aspect.denominator)
    return whole if max(whole) < 2**20 else (min(max(1, round(exact)), 2**31), height)


def _illuminate(colour: list[Element], light: Light) -> None:
    mastering: list[Element] = []
    for number, value in zip(_CHROMATICITIES, light.chromaticities or (), strict=False):
        mastering.append((number, struct.pack(">d", value)))
    if light.luminances:
        mastering += [(_MOST, struct.pack(">d", light.luminances[1])), (_LEAST, struct.pack(">d", light.luminances[0]))]
    colour[:] = [e for e in colour if e[0] not in (*_LEVELS, _MASTERING)]
    colour += [(n, value.to_bytes(4, "big")) for n, value in zip(_LEVELS, light.levels or (), strict=False)]
    if mastering:
        colour.append((_MASTERING, mastering))


def _child(elements: list[Element], number: int) -> list[Element]:
    """The children of a child, which is made where there is none."""
    for found, value in elements:
        if found == number and isinstance(value, list):
            return value
    made: list[Element] = []
    elements.append((number, made))
    return made


def _segment(data: bytes) -> int:
    """Where the children of the one segment begin."""
    return next(start for number, _, start, _ in _children(data, 0, len(data)) if number == _SEGMENT)


def _children(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, where it begins, where its content begins and ends, of each element."""
    while at < end - 1:
        begin = at
        length = 9 - data[at].bit_length()
        number = int.from_bytes(data[at : at + length], "big")
        at += length
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
        unknown = size == (1 << 7 * length) - 1
        at += length
        stop = end if unknown else min(end, at + size)
        yield number, begin, at, stop
        at = stop


def _parsed(data: bytes) -> list[Element]:
    return [
        (number, _parsed(data[start:end]) if number in _MASTERS else data[start:end])
        for number, _, start, end in _children(data, 0, len(data))
    ]


def _written(element: Element) -> bytes:
    number, value = element
    content = b"".join(map(_written, value)) if isinstance(value, list) else value
    return number.to_bytes((number.bit_length() + 7) // 8, "big") + _length(len(content)) + content


def _length(size: int, bytes_of_it: int = 0) -> bytes:
    count = bytes_of_it or next(n for n in range(1, 9) if size < (1 << 7 * n) - 1)
    return ((1 << 7 * count) | size).to_bytes(count, "big")


def _void(size: int) -> bytes:
    """An element of nothing, of so many bytes."""
    return bytes([_VOID]) + _length(size - 3, 2) + bytes(size - 3)
