"""Clips taken apart and put together again."""

from __future__ import annotations

import struct
from collections.abc import Callable

from odd_files.parts import Part

_BOXES = {b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"edts": 0, b"dinf": 0, b"udta": 0, b"iprp": 0,
          b"ipco": 0, b"meta": 4, b"iinf": 6, b"iref": 4, b"stsd": 8, b"dref": 8, b"ilst": 0, b"avc1": 78, b"hvc1": 78,
          b"mp4v": 78, b"mp4a": 28, b"moof": 0, b"traf": 0, b"mvex": 0, b"keys": 8, b"av01": 78}  # fmt: skip
"""Boxes that hold boxes, and how many bytes stand before these."""

_MASTERS = frozenset(
    map(
        bytes.fromhex,
        (
            "1a45dfa3", "18538067", "114d9b74", "4dbb", "1549a966", "1654ae6b", "ae", "e0", "55b0", "55d0", "e1",
            "1f43b675", "a0", "1c53bb6b", "bb", "b7", "1254c367", "7373", "63c0", "67c8", "1043a770", "45b9", "b6",
            "80", "1941a469", "61a7", "41e4", "7670", "6d80", "6240",
        ),
    )
)  # fmt: skip
"""Matroska elements that hold elements."""


def boxes(data: bytes) -> list[Part]:
    """Of ISO media files: MP4, MOV, AVIF, HEIF."""
    parts, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + size if size >= 8 else len(data)
        body = data[at + 8 : end]
        before = _BOXES.get(kind)
        if kind == b"meta" and body[4:8] == b"hdlr":
            before = 0  # as QuickTime has it
        parts.append(Part(kind, body) if before is None else Part(kind, body[:before], boxes(body[before:])))
        at = end
    return parts if at == len(data) else [*parts, Part(b"", data[at:])]


def boxes_file(parts: list[Part]) -> bytes:
    out = b""
    for part in parts:
        body = part.body + boxes_file(part.parts)
        length = len(body) + 8 if part.length is None else part.length
        out += struct.pack(">I", length % 2**32) + part.kind + body if part.kind else body
    return out


def elements(data: bytes) -> list[Part]:
    """Of Matroska and WebM."""
    parts, at = [], 0
    while at < len(data):
        id_size = 9 - data[at].bit_length()
        kind, at = data[at : at + id_size], at + id_size
        if id_size > 4 or at >= len(data) or not data[at]:
            return [*parts, Part(b"", kind + data[at:])]
        size_size = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + size_size], "big") - (1 << 7 * size_size)
        at += size_size
        end = len(data) if size == (1 << 7 * size_size) - 1 else at + max(0, size)
        body = data[at:end]
        part = Part(kind, b"", elements(body)) if kind in _MASTERS else Part(kind, body)
        part.width = size_size
        parts.append(part)
        at = end
    return parts


def elements_file(parts: list[Part]) -> bytes:
    out = b""
    for part in parts:
        body = part.body + elements_file(part.parts)
        length = len(body) if part.length is None else part.length % 2**56
        width = part.width if length < 1 << 7 * part.width else 8
        out += part.kind + ((1 << 7 * width) + length).to_bytes(width, "big") + body if part.kind else body
    return out


def packets(data: bytes) -> list[Part]:
    """Of MPEG-TS."""
    return [Part(data[at : at + 4], data[at + 4 : at + 188]) for at in range(0, len(data), 188)]


def objects(data: bytes) -> list[Part]:
    """Of Windows Media; the first holds others."""
    parts, at = [], 0
    while at + 24 <= len(data):
        size = max(24, int.from_bytes(data[at + 16 : at + 24], "little"))
        kind, body = data[at : at + 16], data[at + 24 : at + size]
        head = kind[:4] == b"\x30\x26\xb2\x75"
        parts.append(Part(kind, body[:6], objects(body[6:])) if head else Part(kind, body))
        at += size
    return parts if at >= len(data) else [*parts, Part(b"", data[at:])]


def objects_file(parts: list[Part]) -> bytes:
    out = b""
    for part in parts:
        body = part.body + objects_file(part.parts)
        length = len(body) + 24 if part.length is None else part.length
        out += part.kind + struct.pack("<Q", length % 2**64) + body if part.kind else body
    return out


def pieces(mark: bytes) -> Callable[[bytes], list[Part]]:
    """What takes apart a format whose parts begin with the same bytes: Ogg, MPEG-PS, y4m."""

    def split(data: bytes) -> list[Part]:
        first, *rest = data.split(mark)
        return [Part(b"", first), *(Part(mark, body) for body in rest)]

    return split
