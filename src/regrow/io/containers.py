"""Write ICC, EXIF and XMP into a file that contains only pixels, byte for byte.

libvips writes the pixels. Its own EXIF writing goes through a parser that reorders, adds and drops entries, so the
blocks are spliced into the finished container here instead: PNG chunks, JPEG segments, WebP chunks. In AVIF, libvips
writes a placeholder and its bytes are overwritten where they lie.
"""

import shutil
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from regrow.io.exif import PREFIX
from regrow.io.formats import METADATA_LIMIT

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_IN_JPEG = b"http://ns.adobe.com/xap/1.0/\x00"
_ICC_IN_JPEG = b"ICC_PROFILE\x00"
_ICC_PART = 65533 - len(_ICC_IN_JPEG) - 2


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of a picture: raw blocks, and pixels per millimetre (x, y) when known."""

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    resolution: tuple[float, float] | None = None


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data, CRC-32."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def splice_png(source: BinaryIO, target: BinaryIO, meta: Metadata) -> None:
    """Copy a PNG, putting iCCP, pHYs, eXIf and iTXt right after IHDR in place of any pHYs it had."""
    target.write(source.read(8))
    while True:
        head = source.read(8)
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            target.write(head)
            shutil.copyfileobj(source, target, 2**20)
            return
        chunk = head + source.read(length + 4)
        if kind != b"pHYs":
            target.write(chunk)
        if kind == b"IHDR":
            if meta.icc:
                target.write(png_chunk(b"iCCP", b"icc\x00\x00" + zlib.compress(meta.icc)))
            if meta.resolution:
                x, y = (round(r * 1000) for r in meta.resolution)
                target.write(png_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
            if meta.exif:
                target.write(png_chunk(b"eXIf", meta.exif))
            if meta.xmp:
                target.write(png_chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + meta.xmp))


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def splice_jpeg(source: BinaryIO, target: BinaryIO, meta: Metadata) -> None:
    """Copy a JPEG, putting a JFIF header, EXIF, XMP and ICC before everything but the start marker."""
    target.write(source.read(2))
    if meta.resolution:
        x, y = (min(max(round(r * 25.4), 1), 65535) for r in meta.resolution)
        target.write(_segment(0xE0, b"JFIF\x00" + struct.pack(">HBHHBB", 0x0102, 1, x, y, 0, 0)))
    else:
        target.write(_segment(0xE0, b"JFIF\x00" + struct.pack(">HBHHBB", 0x0102, 0, 1, 1, 0, 0)))
    if meta.exif:
        target.write(_segment(0xE1, PREFIX + meta.exif))
    if meta.xmp:
        target.write(_segment(0xE1, _XMP_IN_JPEG + meta.xmp))
    if meta.icc:
        parts = [meta.icc[i : i + _ICC_PART] for i in range(0, len(meta.icc), _ICC_PART)]
        for number, part in enumerate(parts, 1):
            target.write(_segment(0xE2, _ICC_IN_JPEG + bytes((number, len(parts))) + part))
    head = source.read(4)
    if head[:2] == b"\xff\xe0":
        source.seek(struct.unpack(">H", head[2:])[0] - 2, 1)
    else:
        target.write(head)
    shutil.copyfileobj(source, target, 2**20)


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) & 1)


def splice_webp(source: BinaryIO, target: BinaryIO, meta: Metadata, *, width: int, height: int, alpha: bool) -> None:
    """Copy a still WebP, giving it the extended header (VP8X) with ICCP before and EXIF and XMP after the pixels."""
    source.seek(12)
    pixels = b""
    while head := source.read(8):
        kind, length = struct.unpack("<4sI", head)
        data = source.read(length + (length & 1))[:length]
        if kind in (b"VP8 ", b"VP8L", b"ALPH"):
            pixels += _riff_chunk(kind, data)
    blocks = ((b"ICCP", meta.icc, 0x20), (b"EXIF", meta.exif, 0x08), (b"XMP ", meta.xmp, 0x04))
    flags = (0x10 if alpha else 0) | sum(flag for _, block, flag in blocks if block)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + _riff_chunk(b"VP8X", struct.pack("<I", flags) + size)
    written = [_riff_chunk(kind, block) if block else b"" for kind, block, _ in blocks]
    body += written[0] + pixels + written[1] + written[2]
    target.write(b"RIFF" + struct.pack("<I", len(body)) + body)


def exif_placeholder(size: int) -> bytes:
    """An EXIF block, with prefix, that stays longer than `size` bytes even if libvips rewrites it."""
    text = size + 64
    entry = struct.pack(">2sHIHHHIII", b"MM", 42, 8, 1, 0x010E, 2, text, 26, 0)
    return PREFIX + entry + b"x" * (text - 1) + b"\x00"


def _boxes(data: bytes, at: int, end: int) -> dict[bytes, tuple[int, int]]:
    """The boxes of an ISO media file between two offsets: kind -> where its content starts and ends."""
    found = {}
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            break
        found[kind] = (at + 8, at + size)
        at += size
    return found


def overwrite_avif_exif(file: BinaryIO, exif: bytes) -> None:
    """Overwrite the EXIF item of an AVIF, written with `exif_placeholder`, and set its length in the item table.

    Raises ValueError when the file does not have the layout that libheif writes.
    """
    file.seek(0)
    data = file.read(2 * METADATA_LIMIT)
    meta = _boxes(data, 0, len(data)).get(b"meta", (0, 0))
    inside = _boxes(data, meta[0] + 4, meta[1])
    item = None
    at, end = inside.get(b"iinf", (0, 0))
    at += 6
    while at + 20 <= end:
        size, number, kind = *struct.unpack_from(">I", data, at), *struct.unpack_from(">H2x4s", data, at + 12)
        if kind == b"Exif":
            item = number
        at += max(size, 8)
    at, end = inside.get(b"iloc", (0, 0))
    if item is None or data[at : at + 1] != b"\x00" or data[at + 4 : at + 6] != b"\x44\x40":
        raise ValueError("this AVIF is not laid out as expected")
    at += 8
    while at + 18 <= end:
        number, base, extents, offset, length = struct.unpack_from(">HxxIHII", data, at)
        if number == item and extents == 1 and length >= len(exif) + 10:
            file.seek(base + offset)
            file.write(struct.pack(">I", len(PREFIX)) + PREFIX + exif)
            file.seek(at + 14)
            file.write(struct.pack(">I", len(exif) + 10))
            return
        at += 10 + 8 * extents
    raise ValueError("this AVIF has no room for its EXIF block")
