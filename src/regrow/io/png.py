"""The chunks of a PNG beside its pixels: read, wherever they are, and written right behind the header."""

import shutil
import struct
import zlib
from typing import Any, BinaryIO

from regrow.io import iptc
from regrow.io.exif import bare
from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import Chunk, Metadata
from regrow.io.passport_text import is_passport

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp\x00"
_PASSPORT = b"regrow"
_SRGB = {
    b"gAMA": struct.pack(">I", 45455),
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
}
_OWN = frozenset((b"iCCP", b"eXIf", b"cICP", b"pHYs", b"sRGB"))
"""Kinds that say what other formats can say, too."""
_KEPT = frozenset((b"pHYs", b"tIME", b"gAMA", b"cHRM", b"mDCV", b"cLLI"))
_SIZES = {b"pHYs": 9, b"tIME": 7, b"gAMA": 4, b"cHRM": 32, b"mDCV": 24, b"cLLI": 8, b"cICP": 4, b"sRGB": 1}
"""Bytes of those that have a fixed size, and are there once."""
_OF_PIXELS = frozenset(
    (
        b"IHDR",
        b"PLTE",
        b"IDAT",
        b"IEND",
        b"tRNS",
        b"bKGD",
        b"hIST",
        b"sBIT",
        b"acTL",
        b"fcTL",
        b"fdAT",
        b"iDOT",
        b"caBX",
    )
)
"""Kinds that say how pixels lie, or are said on their own."""
_MOST = 10**6
"""Chunks that are looked at: a picture of 2 gigapixels has fewer."""
_RAW = {b"exif": "exif", b"APP1": "exif", b"xmp": "xmp", b"iptc": "iptc", b"8bim": "iptc", b"icc": "icc", b"icm": "icc"}


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, kind, data, CRC-32."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def may_be_kept(kind: bytes) -> bool:
    """Whether a chunk may be copied beside changed pixels: its name says so, or it says nothing of them."""
    ancillary_and_safe = kind.isalpha() and len(kind) == 4 and kind[:1].islower() and kind[3:].islower()
    return kind in _KEPT or (ancillary_and_safe and kind not in _OWN)


def _whole(kind: bytes, data: bytes) -> bool:
    return len(data) == _SIZES.get(kind, len(data))


def packed(chunks: tuple[Chunk, ...]) -> bytes:
    """Chunks one after another, as they are in a file."""
    return b"".join(chunk(kind, data) for kind, data in chunks)


def unpacked(data: bytes) -> tuple[Chunk, ...]:
    """The chunks that `packed` packed. ValueError for anything else, and for chunks that may not be kept."""
    found, at = [], 0
    while at < len(data):
        kind, length = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4], "big")
        content = data[at + 8 : at + 8 + length]
        if not (may_be_kept(kind) and _whole(kind, content)) or data[at : at + 12 + length] != chunk(kind, content):
            raise ValueError("not PNG chunks")
        found.append((kind, content))
        at += 12 + length
    return tuple(found)


def _chunks(file: BinaryIO, notes: list[str]) -> list[Chunk]:
    """Those chunks that may hold metadata, before the pixels and behind them."""
    file.seek(8)
    found, total, others = [], 0, set()
    for _ in range(_MOST):
        if len(head := file.read(8)) < 8:
            break
        length, kind = struct.unpack(">I4s", head)
        if kind.isalpha() and kind not in _OF_PIXELS and not (kind in _OWN or may_be_kept(kind)):
            others.add(kind.decode())
        taken = kind in _OWN or may_be_kept(kind) or kind == b"caBX"
        if kind == b"IEND" or length >= 2**31:
            break
        if taken and (total := total + length) <= METADATA_LIMIT:
            data = file.read(length)
            if len(data) < length:
                break
            found.append((kind, data))
            length = 0
        elif taken:
            name = kind.decode("latin-1")
            notes.append(f"the {name} chunk of {length} bytes is implausibly large; it is left out")
            total -= length
        file.seek(length + 4, 1)
    if others:
        notes.append(f"the PNG data {', '.join(sorted(others)[:8])} is not kept: it may not hold for other pixels")
    return found


def _sound(chunks: list[Chunk], notes: list[str]) -> list[Chunk]:
    """Chunks without those of a wrong size, and of kinds that may be there once the first."""
    found: list[Chunk] = []
    seen, damaged = set(), set()
    for kind, data in chunks:
        if not _whole(kind, data):
            damaged.add(kind.decode())
        elif kind not in _SIZES or kind not in seen:
            seen.add(kind)
            found.append((kind, data))
    notes += [f"the {kind} chunk is damaged; it is left out" for kind in sorted(damaged)]
    return found


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """The metadata of a PNG; what cannot be kept is said."""
    said: dict[str, Any] = {}
    kept, raw, found = [], [], _sound(_chunks(file, notes), notes)
    for kind, data in found:
        if kind == b"iTXt" and data.startswith(_XMP):
            said.setdefault("xmp", _international(data, notes))
        elif passport := _passport(kind, data):
            said.setdefault("passport", passport)
        elif kind in (b"tEXt", b"zTXt") and data.startswith(iptc.RAW_PROFILE):
            raw.append((kind, data))
        elif kind == b"iCCP":
            said.setdefault("icc", _profile(data, notes))
        elif kind == b"eXIf":
            said.setdefault("exif", bare(data))
        elif kind == b"cICP":
            said["cicp"] = tuple(data)
        elif kind == b"pHYs" and data[8] == 1:
            x, y = struct.unpack_from(">II", data)
            said["resolution"] = (x / 1000, y / 1000) if x and y else None
        elif kind == b"caBX":
            notes.append("the content credentials (C2PA) no longer hold; left out")
        elif may_be_kept(kind):
            kept.append((kind, data))
    for kind, data in raw:
        if not _take_profile(kind, data, said):
            kept.append((kind, data))
    described = said.get("icc") or said.get("cicp") or any(kind == b"sRGB" for kind, _ in found)
    colors = {kind: data for kind, data in kept if kind in _SRGB}
    if described or all(_SRGB[kind] == data for kind, data in colors.items()):
        kept = [(kind, data) for kind, data in kept if kind not in _SRGB]
    return Metadata(**said, chunks=tuple(kept))


def _international(data: bytes, notes: list[str]) -> bytes | None:
    """The text of an iTXt chunk that holds XMP."""
    compressed, rest = data[len(_XMP) : len(_XMP) + 1], data[len(_XMP) + 2 :]
    parts = rest.split(b"\0", 2)
    try:
        text = parts[2]
        return iptc.unpacked(text) if compressed == b"\1" else text
    except (ValueError, IndexError):
        notes.append("the XMP block is unreadable; it is left out")
        return None


def _passport(kind: bytes, data: bytes) -> bytes | None:
    """The passport that a text is, compressed or, as it was written, not; None where it is another one."""
    keyword, _, text = data.partition(b"\0")
    if keyword != _PASSPORT or kind not in (b"tEXt", b"zTXt"):
        return None
    try:
        found = iptc.unpacked(text[1:]) if kind == b"zTXt" else text
    except ValueError:
        return None
    return found if is_passport(found) else None


def _profile(data: bytes, notes: list[str]) -> bytes | None:
    rest = data.partition(b"\0")[2]
    try:
        return iptc.unpacked(rest[1:])
    except ValueError:
        notes.append("the ICC profile is damaged; it is left out")
        return None


def _take_profile(kind: bytes, data: bytes, said: dict[str, Any]) -> bool:
    """Take what a "Raw profile type ..." text says. False where it is of another kind, damaged or said already."""
    keyword, _, text = data.partition(b"\0")
    field = _RAW.get(keyword.removeprefix(iptc.RAW_PROFILE))
    try:
        found = iptc.raw_profile(iptc.unpacked(text[1:]) if kind == b"zTXt" else text)
    except ValueError:
        return False
    if field is None or not found or said.get(field):
        return False
    if field == "exif":
        found = bare(found)
        if not found or found[:2] not in (b"II", b"MM"):
            return False
    if field == "iptc" and not found.startswith(b"8BIM"):
        found = iptc.wrapped(found)
    said[field] = found
    return True


def _ours(meta: Metadata) -> list[bytes]:
    """The chunks that say the metadata."""
    found = []
    if meta.cicp:
        found.append(chunk(b"cICP", bytes((*meta.cicp[:2], 0, meta.cicp[3]))))
    if meta.icc:
        found.append(chunk(b"iCCP", b"icc\x00\x00" + zlib.compress(meta.icc)))
    if meta.resolution:
        x, y = (min(round(side * 1000), 2**31 - 1) for side in meta.resolution)
        found.append(chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    if meta.exif:
        found.append(chunk(b"eXIf", meta.exif))
    if meta.passport:
        found.append(chunk(b"tEXt", _PASSPORT + b"\0" + meta.passport))
    if meta.xmp:
        found.append(chunk(b"iTXt", _XMP + b"\x00\x00\x00\x00" + meta.xmp))
    if meta.iptc:
        found.append(chunk(b"zTXt", iptc.as_raw_profile("iptc", meta.iptc)))
    return [*found, packed(meta.chunks)]


def splice(source: BinaryIO, target: BinaryIO, meta: Metadata) -> None:
    """Copy a PNG, putting the metadata right after IHDR in place of any pHYs it had."""
    target.write(source.read(8))
    while True:
        head = source.read(8)
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            target.write(head)
            shutil.copyfileobj(source, target, 2**20)
            return
        content = head + source.read(length + 4)
        if kind != b"pHYs":
            target.write(content)
        if kind == b"IHDR":
            target.write(b"".join(_ours(meta)))
