"""The tags of a TIFF that are not of its pixels: read as an EXIF block, and written from one."""

from __future__ import annotations

import shutil
import struct
from typing import Any, BinaryIO

from regrow.io import iptc
from regrow.io.exif import ORIENTATION, entries, resolution_entries, resolution_in
from regrow.io.formats import METADATA_LIMIT
from regrow.io.ifd import DIRECTORIES, Entry, Layout, layout_of
from regrow.io.metadata import Metadata

_IPTC, _PHOTOSHOP, _ICC, _CREDENTIALS = 33723, 34377, 34675, 52545
_DESCRIPTION = 270
_OF_ARRAYS = (b'{"shape"', b"ImageJ=", b"<?xml", b"<OME")
"""How descriptions begin that programs write for programs: they say how many pixels there are."""
_DESCRIPTIVE = frozenset(
    (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432, 0x4746, 0x4749, *range(40091, 40096), *DIRECTORIES)
)
"""Names of the document, camera and people, dates, ratings, what Windows says of them; EXIF and GPS."""
_OF_PIXELS = frozenset(
    (*range(254, 269), *range(273, 285), 288, 289, 290, 291, 292, 293, 296, 297, 317, *range(320, 348), 351, 512, 513,
     514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559, 700, 32995, 32996, 32997, 32998, 34675, 37439, 50674,
     65535)
)  # fmt: skip
"""Tags that say how pixels lie, or are read elsewhere."""


def _reading(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(min(size, 2 * METADATA_LIMIT))


def _directory(file: BinaryIO, limit: int) -> tuple[Layout, list[Entry]]:
    """The layout and the first directory. ValueError or struct.error where it is damaged."""
    layout = layout_of(_reading(file, 0, 4))
    if layout is None:
        raise ValueError("no TIFF")

    def read(at: int, size: int) -> bytes:
        return _reading(file, at, size)

    return layout, layout.directory(read, layout.first(read), limit)


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """EXIF, IPTC and resolution of a TIFF; what cannot be kept is said."""
    layout, found = _directory(file, METADATA_LIMIT)
    tags = {entry.tag: entry for entry in found}
    said: dict[str, Any] = {"resolution": resolution_in(found, layout.order)}
    resources, records = (tags[tag].data if tag in tags else b"" for tag in (_PHOTOSHOP, _IPTC))
    if records[:1] != b"\x1c" and _IPTC in tags and tags[_IPTC].turned().data[:1] == b"\x1c":
        records = tags[_IPTC].turned().data  # libtiff took them for numbers, and turned those
    if records and _PHOTOSHOP in tags and iptc.records_in(resources):
        records = b""
    said["iptc"] = resources + (iptc.wrapped(records) if records else b"") or None
    if _DESCRIPTION in tags and tags[_DESCRIPTION].data.lstrip().startswith(_OF_ARRAYS):
        notes.append("the TIFF's description of its arrays (tifffile, ImageJ, OME) is not kept")
        found.remove(tags[_DESCRIPTION])
    kept = [entry for entry in found if entry.tag in _DESCRIPTIVE]
    if kept:
        if ORIENTATION in tags:
            kept.append(tags[ORIENTATION])
        # Types of 64 bits are BigTIFF's alone, and say nothing of a picture.
        kept = [entry for entry in kept if entry.kind not in (16, 17, 18)]
        head = (b"II*\0" if layout.order == "<" else b"MM\0*") + struct.pack(layout.order + "I", 8)
        said["exif"] = head + Layout(layout.order).packed(kept, 8)
    if _CREDENTIALS in tags:
        notes.append("the content credentials (C2PA) no longer hold; left out")
    known = _DESCRIPTIVE | _OF_PIXELS | {_IPTC, _PHOTOSHOP, _CREDENTIALS, ORIENTATION}
    others = sorted(tag for tag in tags if tag not in known)
    if others:
        more = f" and {len(others) - 8} more" if len(others) > 8 else ""
        notes.append(f"TIFF tags {', '.join(map(str, others[:8]))}{more} are not kept")
    return Metadata(**said)


def can_say(exif: bytes) -> bool:
    """Whether tags of a TIFF can say what an EXIF block does: whether it can be read."""
    return bool(entries(exif)[1])


def _tags(meta: Metadata, order: str) -> list[Entry]:
    """The tags that say the metadata, but those that libvips writes."""
    own, found = entries(meta.exif)
    tags = [entry for entry in found if entry.tag not in _OF_PIXELS and entry.tag != ORIENTATION]
    tags = [entry for entry in tags if entry.tag not in (_IPTC, _PHOTOSHOP)]
    if own != order:
        tags = [entry.turned() for entry in tags]
    if meta.icc:
        tags.append(Entry(_ICC, 7, meta.icc))  # libvips leaves out those that it does not understand
    if meta.iptc:
        records = iptc.records_in(meta.iptc)
        tags.append(Entry(_PHOTOSHOP, 7, meta.iptc))
        tags += [Entry(_IPTC, 7, records)] if records else []
    return tags


def splice(source: BinaryIO, target: BinaryIO, meta: Metadata) -> None:
    """Copy a TIFF that libvips wrote, with a directory behind it that has its tags and those of the metadata.

    libvips says 72 dots per inch where no resolution is known.
    """
    layout, found = _directory(source, 2**30)
    resolution = resolution_entries(meta.resolution, layout.order)
    tags = {entry.tag: entry for entry in (*_tags(meta, layout.order), *found, *resolution)}
    end = source.seek(0, 2)
    at = end + end % 2
    source.seek(0)
    head = source.read(16 if layout.big else 8)
    width = 8 if layout.big else 4
    offset = at.to_bytes(width, "little" if layout.order == "<" else "big")
    target.write(head[:-width] + offset)
    shutil.copyfileobj(source, target, 2**20)
    target.write(b"\0" * (at - end) + layout.packed(tags.values(), at))
