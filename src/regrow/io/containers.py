"""Metadata in and out of files: each container has a module of its own, byte for byte.

libvips reads and writes pixels. Its own EXIF writing goes through a parser that reorders, adds and drops entries, and
it knows neither texts nor comments, so blocks are read from the file and spliced into the finished one here.
"""

import struct
from collections.abc import Callable
from typing import BinaryIO

from regrow.io import bmff, gif, jpeg, png, riff, tiff
from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import Metadata as Metadata
from regrow.io.metadata import without
from regrow.io.xmp import as_utf8

PNG_SIGNATURE, png_chunk = png.SIGNATURE, png.chunk

_READERS: dict[str, Callable[[BinaryIO, list[str]], Metadata]] = {
    "png": png.read,
    "jpeg": jpeg.read,
    "webp": riff.read,
    "tiff": tiff.read,
    "heif": bmff.read,
    "gif": gif.read,
}


def metadata_of(file: BinaryIO, format: str) -> tuple[Metadata, tuple[str, ...]]:
    """What a file of a format ("heif" also for AVIF) says beside its pixels, and what of it cannot be kept, in words.

    ICC, EXIF and XMP of AVIF and HEIF, and ICC and XMP of TIFF, are read by libvips.
    """
    notes: list[str] = []
    if format not in _READERS:
        return Metadata(), ()
    try:
        meta = _READERS[format](file, notes)
    except (struct.error, ValueError, IndexError, OverflowError, OSError, RecursionError):
        return Metadata(), (*notes, "its metadata is damaged; what could not be read is left out")
    for name, block in meta.said.items():
        size = len(block) if isinstance(block, bytes) else 0
        if size > METADATA_LIMIT:
            notes.append(f"the {name.upper()} block of {size} bytes is implausibly large; it is left out")
            meta = without(meta, name)
    return meta, tuple(notes)


def xmp_in_utf8(packet: bytes | None, notes: list[str]) -> bytes | None:
    """An XMP packet in UTF-8, which is what all these formats prescribe; with a note where it is not as it was."""
    if packet is None or b"\x00" not in packet:
        return packet
    found = as_utf8(packet)
    if found is None and packet.rstrip(b"\x00"):
        notes.append("the XMP block is unreadable; it is left out")
    elif found is not None and found != packet.rstrip(b"\x00"):
        notes.append("the XMP block was in UTF-16 or UTF-32; it is now in UTF-8")
    return found
