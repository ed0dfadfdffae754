"""The chunks of a WebP beside its pixels: read, and written around them."""

import struct
from typing import BinaryIO

from regrow.io.exif import bare
from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import Metadata

_FIELDS = {b"ICCP": "icc", b"EXIF": "exif", b"XMP ": "xmp"}

_MOST = 65536
"""Chunks that are looked at."""


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """The metadata of a WebP; what cannot be kept is said."""
    file.seek(12)
    said: dict[str, bytes] = {}
    for _ in range(_MOST):
        if len(head := file.read(8)) < 8:
            break
        kind, length = struct.unpack("<4sI", head)
        at, name = file.tell(), _FIELDS.get(kind)
        if name and name not in said and length <= METADATA_LIMIT:
            data = file.read(length)
            said[name] = (bare(data) if name == "exif" else data) or b""
        elif name and length > METADATA_LIMIT:
            notes.append(f"the {name.upper()} block of {length} bytes is implausibly large; it is left out")
        elif kind == b"C2PA":
            notes.append("the content credentials (C2PA) no longer hold; left out")
        file.seek(at + length + (length & 1))
    return Metadata(icc=said.get("icc") or None, exif=said.get("exif") or None, xmp=said.get("xmp") or None)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A RIFF chunk: kind, length and data, padded to even."""
    return kind + struct.pack("<I", len(data)) + data + b"\x00" * (len(data) & 1)


def splice(source: BinaryIO, target: BinaryIO, meta: Metadata, *, width: int, height: int, alpha: bool) -> None:
    """Copy a still WebP, giving it the extended header (VP8X) with ICCP before and EXIF and XMP after the pixels."""
    source.seek(12)
    pixels = b""
    while head := source.read(8):
        kind, length = struct.unpack("<4sI", head)
        data = source.read(length + (length & 1))[:length]
        if kind in (b"VP8 ", b"VP8L", b"ALPH"):
            pixels += chunk(kind, data)
    blocks = ((b"ICCP", meta.icc, 0x20), (b"EXIF", meta.exif, 0x08), (b"XMP ", meta.xmp, 0x04))
    flags = (0x10 if alpha else 0) | sum(flag for _, block, flag in blocks if block)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + chunk(b"VP8X", struct.pack("<I", flags) + size)
    written = [chunk(kind, block) if block else b"" for kind, block, _ in blocks]
    body += written[0] + pixels + written[1] + written[2]
    target.write(b"RIFF" + struct.pack("<I", len(body)) + body)
