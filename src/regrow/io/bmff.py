"""The boxes of an AVIF or HEIF beside its pixels: colours (CICP), the passport, and EXIF where libheif left room.

The passport is the name of the handler, a text of any length that is there for people: it costs no byte beside itself.

Boxes are those of ISO/IEC 14496-12 and 23008-12.
"""

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from regrow.io.exif import PREFIX
from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import SRGB, Metadata
from regrow.io.passport_text import is_passport

_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_UNSAID = 2
Box = tuple[int, int]
"""Where the content of a box starts and ends."""


def _boxes(data: bytes, at: int, end: int) -> list[tuple[bytes, Box]]:
    """The boxes between two offsets, in order."""
    found: list[tuple[bytes, Box]] = []
    while at + 8 <= min(end, len(data)) and len(found) < 65536:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            break
        found.append((kind, (at + 8, at + size)))
        at += size
    return found


def _first(data: bytes, box: Box, kind: bytes, skip: int = 0) -> Box:
    return next((place for name, place in _boxes(data, box[0] + skip, box[1]) if name == kind), (0, 0))


def _meta(file: BinaryIO) -> tuple[int, bytes, bool]:
    """Where the meta box begins, the box, and whether the file has content credentials."""
    end, at, found, credentials = file.seek(0, 2), 0, (0, b""), False
    for _ in range(1000):
        file.seek(at)
        head = file.read(32)
        if len(head) < 8:
            break
        size, kind = struct.unpack_from(">I4s", head)
        size = struct.unpack_from(">Q", head, 8)[0] if size == 1 and len(head) >= 16 else size or end - at
        credentials = credentials or (kind == b"uuid" and head[8:24] == _C2PA)
        if kind == b"meta" and not found[1] and size <= 2 * METADATA_LIMIT:
            file.seek(at)
            found = at, file.read(size)
        if size < 8:
            break
        at += size
    return *found, credentials


def _properties(data: bytes, item: int) -> list[tuple[bytes, Box]]:
    """The properties of an item, in a meta box."""
    holder = _first(data, (8, len(data)), b"iprp", 4)
    every = _boxes(data, *_first(data, holder, b"ipco"))
    at, end = _first(data, holder, b"ipma")
    if not at:
        return []
    version, flags, count = data[at], data[at + 3], struct.unpack_from(">I", data, at + 4)[0]
    at += 8
    for _ in range(min(count, 65536)):
        number = struct.unpack_from(">I" if version else ">H", data, at)[0]
        at += 5 if version else 3
        width = 2 if flags & 1 else 1
        indices = [int.from_bytes(data[i : i + width], "big") & (0x7FFF if width == 2 else 0x7F)
                   for i in range(at, at + width * data[at - 1], width)]  # fmt: skip
        at += width * data[at - 1]
        if number == item:
            return [every[index - 1] for index in indices if 0 < index <= len(every)]
        if at >= end:
            break
    return []


def _primary(data: bytes) -> int:
    at, _ = _first(data, (8, len(data)), b"pitm", 4)
    return int(struct.unpack_from(">I" if data[at] else ">H", data, at + 4)[0]) if at else 0


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """The passport of an AVIF or HEIF, and its colours where they are not those of sRGB or of its profile.

    What cannot be kept is said in `notes`.
    """
    _, data, credentials = _meta(file)
    if credentials or b"c2pa" in data:
        notes.append("the content credentials (C2PA) no longer hold; left out")
    if not data:
        return Metadata()
    kinds = {data[at + 8 : at + 12] for kind, (at, _) in _items(data)}
    auxiliary = re.findall(rb"auxC\0\0\0\0([\x21-\x7e]{1,100})\0", data)
    auxiliary = [name for name in auxiliary if not re.search(rb":aux(iliary)?:alpha|hevc:2015:auxid:1$", name)]
    if b"tmap" in kinds or any(b"hdrgainmap" in name for name in auxiliary):
        notes.append("the HDR gain map is not kept")
    names = {name.rsplit(b":", 1)[-1].decode() for name in auxiliary if b"hdrgainmap" not in name}
    if names:
        notes.append(f"auxiliary pictures ({', '.join(sorted(names))}) are not kept")
    properties = _properties(data, _primary(data))
    if not any(kind == b"colr" for kind, _ in properties):  # a grid of tiles, of which each says it
        properties = _boxes(data, *_first(data, _first(data, (8, len(data)), b"iprp", 4), b"ipco"))
    colors = [data[begin:end] for kind, (begin, end) in properties if kind == b"colr"]
    begin, end = _name(data)
    passport = data[begin:end].rstrip(b"\0")
    return Metadata(cicp=_said(colors), passport=passport if is_passport(passport) else None)


def _said(colors: list[bytes]) -> tuple[int, int, int, int] | None:
    """The primaries and the transfer of colour boxes, where they are not those of sRGB and there is no profile."""
    if any(color[:4] in (b"prof", b"rICC") for color in colors):
        return None
    for color in colors:
        if color[:4] == b"nclx" and len(color) >= 11:
            primaries, transfer = struct.unpack_from(">HH", color, 4)
            said = (primaries, transfer) != SRGB and _UNSAID not in (primaries, transfer)
            if said and max(primaries, transfer) < 256:
                return primaries, transfer, 0, 1
    return None


def _name(data: bytes) -> Box:
    """Where the name of the handler is in a meta box, with the zero that ends it."""
    begin, end = _first(data, (8, len(data)), b"hdlr", 4)
    return min(begin + 24, end), end


def _items(data: bytes) -> list[tuple[bytes, Box]]:
    at, end = _first(data, (8, len(data)), b"iinf", 4)
    return _boxes(data, at + (8 if at and data[at] else 6), end) if at else []


def splice(source: BinaryIO, target: BinaryIO, meta: Metadata, *, matrix: int) -> None:
    """Copy an AVIF that libheif wrote with `exif_placeholder`, with its EXIF, its CICP and its passport.

    `matrix` is of its pixels.

    Raises ValueError when the file does not have the layout that libheif writes.
    """
    at, data, _ = _meta(source)
    source.seek(0)
    target.write(source.read(at))
    source.seek(at + len(data))
    rest = source.read()
    if meta.exif:
        data, rest = _with_exif(data, rest, at + len(data), meta.exif)
    if meta.cicp:
        data = _with_colors(data, meta.cicp, matrix)
    if meta.icc:
        data = _with_property(data, _primary(data), struct.pack(">I8s", len(meta.icc) + 12, b"colrprof") + meta.icc)
    if meta.passport:
        begin, end = _name(data)
        data = _inserted(data, begin, meta.passport + bytes(begin == end), [_first(data, (8, len(data)), b"hdlr", 4)])
    target.write(data + rest)


def _with_colors(data: bytes, cicp: tuple[int, int, int, int], matrix: int) -> bytes:
    """The meta box with these primaries and transfer: overwritten in place, or added."""
    item = _primary(data)
    for kind, (begin, _) in _properties(data, item):
        if kind == b"colr" and data[begin : begin + 4] == b"nclx":
            return data[: begin + 4] + struct.pack(">HH", *cicp[:2]) + data[begin + 8 :]
    return _with_property(data, item, struct.pack(">I8sHHHB", 19, b"colrnclx", *cicp[:2], matrix, 0x80))


def _with_property(data: bytes, item: int, box: bytes) -> bytes:
    """The meta box with one more property of an item; what lies behind the box moves on, and the item table says so."""
    holder = _first(data, (8, len(data)), b"iprp", 4)
    properties, association = _first(data, holder, b"ipco"), _first(data, holder, b"ipma")
    at = association[0] + 8  # of the one entry of the primary item, which libheif writes first
    if data[association[0]] or data[association[0] + 3] or item != _number(data, at):
        raise ValueError("this AVIF is not laid out as expected")
    index = len(_boxes(data, *properties)) + 1
    last = at + 3 + data[at + 2]
    edited = data[: at + 2] + bytes((data[at + 2] + 1,)) + data[at + 3 :]
    # From behind, so that what lies before keeps its place.
    edited = _inserted(edited, last, bytes((index,)), [association, holder])
    return _inserted(edited, properties[1], box, [properties, holder])


def _inserted(data: bytes, at: int, more: bytes, around: list[Box]) -> bytes:
    """The meta box with bytes inserted within boxes; what lies behind it moves on, and the item table says so."""
    table, end = _first(data, (8, len(data)), b"iloc", 4)
    if not _plain(data, table) or not all(begin <= at <= last for begin, last in around):
        raise ValueError("this AVIF is not laid out as expected")
    edited = bytearray(data)
    for place, _, _, extents, _, _ in _places(data, table, end):
        for extent in range(place + 10, place + 10 + 8 * extents, 8):
            struct.pack_into(">I", edited, extent, struct.unpack_from(">I", data, extent)[0] + len(more))
    for begin, _ in [(8, len(data)), *around]:
        struct.pack_into(">I", edited, begin - 8, struct.unpack_from(">I", data, begin - 8)[0] + len(more))
    return bytes(edited[:at] + more + edited[at:])


def _number(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">H", data, at)[0])


def _plain(data: bytes, table: int) -> bool:
    """Whether an item table is of the version, with the sizes of fields, that libheif writes."""
    return table > 0 and data[table] == 0 and data[table + 4 : table + 6] == b"\x44\x40"


def _places(data: bytes, table: int, end: int) -> Iterator[tuple[int, int, int, int, int, int]]:
    """Offset of each entry of such a table, its item, base, number of extents, and the first extent and its length."""
    at = table + 8
    while at + 18 <= end:
        number, base, extents, offset, length = struct.unpack_from(">HxxIHII", data, at)
        yield at, number, base, extents, offset, length
        at += 10 + 8 * extents


def exif_placeholder(size: int) -> bytes:
    """An EXIF block, with prefix, that stays longer than `size` bytes even if libvips rewrites it."""
    text = size + 64
    entry = struct.pack(">2sHIHHHIII", b"MM", 42, 8, 1, 0x010E, 2, text, 26, 0)
    return PREFIX + entry + b"x" * (text - 1) + b"\x00"


def _with_exif(data: bytes, rest: bytes, start: int, exif: bytes) -> tuple[bytes, bytes]:
    """The meta box and what follows it, from an offset on, with this EXIF block in place of `exif_placeholder`.

    What is left of the placeholder goes; what lies behind it moves up, and the item table says so. ValueError when the
    file does not have the layout that libheif writes.
    """
    item = next((_number(data, at + 4) for _, (at, _) in _items(data) if data[at + 8 : at + 12] == b"Exif"), None)
    table, end = _first(data, (8, len(data)), b"iloc", 4)
    if item is None or not _plain(data, table) or rest[:8] != struct.pack(">I4s", len(rest), b"mdat"):
        raise ValueError("this AVIF is not laid out as expected")
    places = list(_places(data, table, end))
    content = bytes(4) + exif  # how many bytes come before the block: none
    ours = [one for one in places if one[1] == item and one[3] == 1 and one[5] >= len(content)]
    if not ours:
        raise ValueError("this AVIF has no room for its EXIF block")
    _, _, base, _, offset, length = ours[0]
    begin, left, edited = base + offset, length - len(content), bytearray(data)
    for place, number, base, extents, _, _ in places:
        struct.pack_into(">I", edited, place + 4, 0)
        for at in range(place + 10, place + 10 + 8 * extents, 8):
            (offset,) = struct.unpack_from(">I", data, at)
            lies = base + offset
            struct.pack_into(">I", edited, at, lies - left if lies > begin else lies)
        if number == item:
            struct.pack_into(">I", edited, place + 14, len(content))
    before, behind = rest[8 : begin - start], rest[begin - start + length :]
    return bytes(edited), struct.pack(">I4s", len(rest) - left, b"mdat") + before + content + behind
