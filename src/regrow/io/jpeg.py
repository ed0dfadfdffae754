"""The segments of a JPEG beside its pixels: read, and written before the others.

EXIF, XMP and its extension are in APP1, ICC and the index of further images (MPF, CIPA DC-007) in APP2, Photoshop's
resources in APP13, comments and the passport in COM. The JPEG of a gain map lies behind the picture (Ultra HDR, ISO
21496-1).
"""

import hashlib
import re
import shutil
import struct
from typing import Any, BinaryIO

from regrow.errors import UsageError
from regrow.io import marks
from regrow.io import xmp as packets
from regrow.io.exif import PREFIX, bare
from regrow.io.formats import METADATA_LIMIT, get_format
from regrow.io.metadata import Metadata
from regrow.io.passport_text import is_passport

_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_EXTENDED = b"http://ns.adobe.com/xmp/extension/\x00"
_ICC = b"ICC_PROFILE\x00"
_MPF = b"MPF\x00"
_HDR = b"urn:iso:std:iso:ts:21496:-1\x00"
_PHOTOSHOP = b"Photoshop 3.0\x00"
_GAIN_MAPS = (b"hdr-gain-map", b"hdrgainmap", b"HDRGainMap", _HDR)
_MOST = 65533
_TAKEN = frozenset((*range(0xE0, 0xF0), 0xFE))
_KNOWN = (PREFIX, b"JFIF\0", b"JFXX\0", _XMP, _EXTENDED, _ICC, _MPF, _HDR, _PHOTOSHOP, b"Adobe", b"Ducky")
"""How segments begin that are kept, are said to be left out, or say nothing of the picture."""


def _segments(file: BinaryIO) -> list[tuple[int, int, bytes]]:
    """Marker, offset of the data and data of each segment before the pixels that may hold metadata."""
    file.seek(2)
    found: list[tuple[int, int, bytes]] = []
    total = 0
    while len(head := file.read(2)) == 2 and head[0] == 0xFF:
        while head[1] == 0xFF and (fill := file.read(1)):
            head = b"\xff" + fill
        if head[1] == 0xDA or head[1] == 0xD9 or len(size := file.read(2)) < 2:
            break
        length = struct.unpack(">H", size)[0] - 2
        at = file.tell()
        if head[1] in _TAKEN and length > 0 and total < 4 * METADATA_LIMIT and len(found) < _MOST:
            found.append((head[1], at, file.read(length)))
            total += length
        file.seek(at + max(length, 0))
    return found


def read(file: BinaryIO, notes: list[str]) -> Metadata:
    """The metadata of a JPEG; what cannot be kept is said."""
    segments = _segments(file)
    said: dict[str, Any] = {"icc": _profile(segments, notes)}
    photoshop = [data[len(_PHOTOSHOP) :] for kind, _, data in segments if kind == 0xED and data.startswith(_PHOTOSHOP)]
    said["iptc"] = b"".join(photoshop) or None
    comments = [data for kind, _, data in segments if kind == 0xFE and data.rstrip(b"\0")]
    said["comments"] = tuple(data for data in comments if not is_passport(data))
    said["passport"] = next(filter(is_passport, comments), None)
    for kind, at, data in segments:
        if kind == 0xE1 and data.startswith(PREFIX) and "exif" not in said:
            said["exif"] = bare(data)
        elif kind == 0xE1 and data.startswith(_XMP) and "xmp" not in said:
            said["xmp"] = data[len(_XMP) :]
        elif kind == 0xE0 and data.startswith(b"JFIF\0") and len(data) >= 12:
            unit, x, y = struct.unpack_from(">BHH", data, 7)
            per = {1: 25.4, 2: 10.0}.get(unit)
            said["resolution"] = (x / per, y / per) if per and x and y else None
        elif kind == 0xE2 and data.startswith(_MPF) and "gain_map" not in said:
            said["gain_map"] = _gain_map(file, at + len(_MPF), data[len(_MPF) :], notes)
    said["xmp"], said["extended"] = _with_extension(said.get("xmp"), segments, notes)
    _say_what_is_lost(said, segments, notes)
    return Metadata(**said)


def _say_what_is_lost(said: dict[str, Any], segments: list[tuple[int, int, bytes]], notes: list[str]) -> None:
    jumbf = b"".join(data for kind, _, data in segments if kind == 0xEB)
    if b"c2pa" in jumbf:
        notes.append("the content credentials (C2PA) no longer hold; left out")
    others = {
        f"APP{kind - 0xE0} {_name(data)}".strip() for kind, _, data in segments
        if kind != 0xFE and not data.startswith(_KNOWN) and not (kind == 0xEB and b"c2pa" in jumbf)
    }  # fmt: skip
    if others:
        notes.append(f"segments that regrow does not know are not kept ({', '.join(sorted(others)[:5])})")
    xmp = said["xmp"] or b""
    if b"hdr-gain-map" in xmp and b"Version" in xmp and not said.get("gain_map"):
        notes.append("the HDR gain map is not kept")
    if re.search(rb"MotionPhoto|MicroVideo", xmp):
        notes.append("the moving part of the motion photo is not kept")


def _name(data: bytes) -> str:
    """What a segment calls itself, as far as it can be printed."""
    found = re.match(rb"[\w .:/-]{2,30}", data, re.ASCII)
    return found[0].decode().strip() if found else ""


def _profile(segments: list[tuple[int, int, bytes]], notes: list[str]) -> bytes | None:
    parts: dict[int, bytes] = {}
    for kind, _, data in segments:
        if kind == 0xE2 and data.startswith(_ICC) and len(data) > len(_ICC) + 2:
            parts.setdefault(data[len(_ICC)], data[len(_ICC) :])
    if not parts:
        return None
    if sorted(parts) != list(range(1, len(parts) + 1)) or any(part[1] != len(parts) for part in parts.values()):
        notes.append("the ICC profile lacks a part; it is left out")
        return None
    return b"".join(parts[number][2:] for number in sorted(parts))


def _with_extension(
    packet: bytes | None, segments: list[tuple[int, int, bytes]], notes: list[str]
) -> tuple[bytes | None, bytes | None]:
    """The main packet, and the packet that extends it, from parts in any order."""
    extensions: dict[bytes, list[tuple[int, int, bytes]]] = {}
    begin = len(_EXTENDED)
    for kind, _, data in segments:
        if kind == 0xE1 and data.startswith(_EXTENDED) and len(data) > begin + 40:
            full, at = struct.unpack_from(">II", data, begin + 32)
            extensions.setdefault(data[begin : begin + 32].upper(), []).append((at, full, data[begin + 40 :]))
    if not extensions:
        return packet, None
    digest = (packets.extension_of(packet) or "").upper() if packet else ""
    parts = sorted(extensions.pop(digest.encode(), []))
    pieces, length, full = [], 0, parts[0][1] if parts else 0
    for at, size, data in parts:
        if at == length and size == full:
            pieces.append(data)
            length += len(data)
    if extensions or not parts:
        notes.append("extended XMP that the XMP packet does not name is left out")
    if parts and length != full:
        notes.append("the extended XMP lacks a part; it is left out")
        return packet, None
    whole = b"".join(pieces)
    if packet == packets.announcing(digest):
        return whole, None
    return packet, whole or None


def _gain_map(file: BinaryIO, base: int, index: bytes, notes: list[str]) -> bytes | None:
    """The gain map among the further images that the index names. Its offsets count from `base`."""
    found, others, order = None, 0, "<" if index[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", index, 4)
        (count,) = struct.unpack_from(order + "H", index, at)
        tags = dict.fromkeys((0xB002,), (0, 0))
        for entry in range(at + 2, at + 2 + 12 * min(count, 64), 12):
            tag, _, size, where = struct.unpack_from(order + "HHII", index, entry)
            tags[tag] = (size, where)
        size, where = tags[0xB002]
        for entry in range(where, where + min(size, 16 * 64), 16):
            _, length, offset = struct.unpack_from(order + "III", index, entry)
            if offset == 0:
                continue
            file.seek(base + offset)
            image = file.read(length) if length <= METADATA_LIMIT else b""
            if found is None and image[:2] == b"\xff\xd8" and any(mark in image[:_MOST] for mark in _GAIN_MAPS):
                found = image
            else:
                others += 1
    except (struct.error, OverflowError):
        notes.append("the index of further images (MPF) is damaged; they are left out")
    if others:
        notes.append(f"{others} further image{'s' * (others > 1)} in the file (preview or other view) not kept")
    return found


def _segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def split_xmp(packet: bytes | None, extended: bytes | None, name: str) -> tuple[bytes | None, bytes | None]:
    """The main packet and the one that extends it, as JPEG needs them. UsageError where they do not fit."""
    limit = get_format("jpeg").xmp_limit
    if packet is None or len(packet) <= limit:
        return packet, extended if packet else None
    if extended:
        packet = packets.joined(packet, extended)
    if packet is None:
        raise UsageError(
            f"{name}: the XMP block has more bytes than JPEG holds, {limit}, and extended XMP beside it; "
            "use PNG or WEBP, or take the block out first"
        )
    return packets.announcing(hashlib.md5(packet, usedforsecurity=False).hexdigest().upper()), packet


def _xmp(meta: Metadata) -> list[bytes]:
    packet, extended = split_xmp(meta.xmp, meta.extended, "the JPEG")
    if packet is None:
        return []
    found = [_segment(0xE1, _XMP + packet)]
    digest = packets.extension_of(packet)
    if extended and digest:
        size, at = len(extended), 0
        for part in _cut(extended, 65400):
            found.append(_segment(0xE1, _EXTENDED + struct.pack(">32sII", digest.encode(), size, at) + part))
            at += len(part)
    return found


def _density(resolution: tuple[float, float] | None, mark: float | None) -> bytes:
    unit, x, y = 0, 1, 1
    if mark is not None:
        x = y = marks.density(mark)
    if resolution:
        inches, centimetres = ([min(max(round(side * per), 1), 65535) for side in resolution] for per in (25.4, 10))
        off = [abs(n / per - resolution[0]) for (n, _), per in ((inches, 25.4), (centimetres, 10))]
        unit, (x, y) = (2, centimetres) if off[1] < off[0] / 2 else (1, inches)
    return _segment(0xE0, b"JFIF\x00" + struct.pack(">HBHHBB", 0x0102, unit, x, y, 0, 0))


def _index(picture: int, gain_map: int, base: int) -> bytes:
    """The index of a picture and a gain map behind it, of these sizes; its own offsets count from `base`."""
    tags = struct.pack(">HHI4s", 0xB000, 7, 4, b"0100") + struct.pack(">HHII", 0xB001, 4, 1, 2)
    tags += struct.pack(">HHII", 0xB002, 7, 32, 50)
    entries = struct.pack(">IIIHH", 0x30000, picture, 0, 0, 0)
    entries += struct.pack(">IIIHH", 0, gain_map, picture - base, 0, 0)
    return b"MM\x00*" + struct.pack(">IH", 8, 3) + tags + struct.pack(">I", 0) + entries


def splice(source: BinaryIO, target: BinaryIO, meta: Metadata, mark: float | None = None) -> None:
    """Copy a JPEG, putting a JFIF header and the metadata before everything but the start marker.

    The header says the resolution or, where there is none, the scale that a small picture is marked with.
    """
    head = [source.read(2), _density(meta.resolution, mark)]
    if meta.exif:
        head.append(_segment(0xE1, PREFIX + meta.exif))
    head += _xmp(meta)
    if meta.icc:
        parts = _cut(meta.icc, _MOST - len(_ICC) - 2)
        head += [_segment(0xE2, _ICC + bytes((number, len(parts))) + part) for number, part in enumerate(parts, 1)]
    head += [_segment(0xED, _PHOTOSHOP + part) for part in _cut(meta.iptc or b"", _MOST - len(_PHOTOSHOP))]
    if meta.passport:  # first, so that programs that show the last comment show the picture's own
        head.append(_segment(0xFE, meta.passport))
    head += [_segment(0xFE, part) for comment in meta.comments for part in _cut(comment, _MOST)]
    begin = source.read(4)
    if begin[:2] == b"\xff\xe0":
        source.seek(struct.unpack(">H", begin[2:])[0] - 2, 1)
        begin = b""
    if meta.gain_map:
        if _HDR in meta.gain_map[:_MOST]:
            head.append(_segment(0xE2, _HDR + b"\0\0\0\0"))
        at = source.tell()
        rest = source.seek(0, 2) - at + len(begin)
        source.seek(at)
        base = sum(map(len, head)) + 4 + len(_MPF)
        picture = base + len(_index(0, 0, 0)) + rest
        head.append(_segment(0xE2, _MPF + _index(picture, len(meta.gain_map), base)))
    target.write(b"".join(head) + begin)
    shutil.copyfileobj(source, target, 2**20)
    target.write(meta.gain_map or b"")
