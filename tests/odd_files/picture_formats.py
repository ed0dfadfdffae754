"""Picture files taken apart and put together again."""

from __future__ import annotations

import struct
import zlib

from odd_files.parts import Part

_BARE = frozenset((0x01, *range(0xD0, 0xDA)))
"""JPEG markers without a length."""
_IN_SCAN = frozenset((0, *range(0xD0, 0xD8)))


def png_parts(data: bytes) -> list[Part]:
    parts, at = [Part(b"", data[:8])], 8
    while at + 12 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        parts.append(Part(data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += size + 12
    return parts


def png_file(parts: list[Part]) -> bytes:
    """The signature is the part without a kind."""
    out = b""
    for part in parts:
        body = part.body + png_file(part.parts)
        checksum = zlib.crc32(part.kind + body) if part.checksum is None else part.checksum
        length = len(body) if part.length is None else part.length % 2**32
        out += struct.pack(">I", length) + part.kind + body + struct.pack(">I", checksum) if part.kind else body
    return out


def jpeg_parts(data: bytes) -> list[Part]:
    """Segments; what follows the head of a scan belongs to it."""
    parts, at = [], 0
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        size = 0 if marker in _BARE else int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + size
        parts.append(Part(data[at : at + 2], data[at + 4 : end]))
        if marker == 0xDA:
            after = end
            while after + 1 < len(data) and (data[after] != 0xFF or data[after + 1] in _IN_SCAN):
                after += 1
            parts.append(Part(b"", data[end:after]))
            end = after
        at = end
    return [*parts, Part(b"", data[at:])]


def jpeg_file(parts: list[Part]) -> bytes:
    out = b""
    for part in parts:
        body = part.body + jpeg_file(part.parts)
        length = len(body) + 2 if part.length is None else part.length
        bare = not part.kind or part.kind[-1] in _BARE
        out += part.kind + (b"" if bare else struct.pack(">H", length % 2**16)) + body
    return out


def riff_parts(data: bytes) -> list[Part]:
    """Chunks of WebP and AVI; lists hold others."""
    parts, at = [], 0
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + size]
        holds = kind in (b"RIFF", b"LIST")
        parts.append(Part(kind, body[:4], riff_parts(body[4:])) if holds else Part(kind, body))
        at += 8 + size + size % 2
    return parts


def riff_file(parts: list[Part]) -> bytes:
    out = b""
    for part in parts:
        body = part.body + riff_file(part.parts)
        length = len(body) if part.length is None else part.length
        out += part.kind + struct.pack("<I", length % 2**32) + body + bytes(len(body) % 2)
    return out


def gif_parts(data: bytes) -> list[Part]:
    """Header with the table of colours, then blocks that begin with ! or a comma."""
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 128 else 0)
    parts = [Part(b"", data[:at])]
    while at < len(data) and data[at : at + 1] in b"!,":
        start = at
        if data[at : at + 1] == b"!":
            at += 2
        else:
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 128 else 0)
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
        parts.append(Part(data[start : start + 1], data[start + 1 : at]))
    return [*parts, Part(b"", data[at:])]


def plain_file(parts: list[Part]) -> bytes:
    """Of a format whose parts know their own length."""
    return b"".join(part.kind + part.body + plain_file(part.parts) for part in parts)
