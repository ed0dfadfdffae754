"""IPTC, and Photoshop's image resources, which hold it in most files; in PNG, as ImageMagick and ExifTool write it."""

from __future__ import annotations

import re
import struct
import zlib

from regrow.io.formats import METADATA_LIMIT

_IPTC = 1028
_RAW_PROFILE = re.compile(rb"\n?([\w-]+)\s*\n\s*(\d+)\s*\n")
RAW_PROFILE = b"Raw profile type "


def wrapped(records: bytes) -> bytes:
    """Bare IPTC records as the one image resource that holds them."""
    return b"8BIM" + struct.pack(">H2xI", _IPTC, len(records)) + records + b"\0" * (len(records) % 2)


def records_in(resources: bytes) -> bytes | None:
    """The IPTC records among image resources; None where there are none."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
        (number,) = struct.unpack_from(">H", resources, at + 4)
        at += 6 + (resources[at + 6] | 1) + 1  # a name, with its length before it, padded to even
        if at + 4 > len(resources):
            return None
        (length,) = struct.unpack_from(">I", resources, at)
        if number == _IPTC:
            return resources[at + 4 : at + 4 + length] or None
        at += 4 + length + length % 2
    return None


def unpacked(packed: bytes) -> bytes:
    """What zlib packed. ValueError where it is damaged, or more than 16 MiB."""
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(packed, METADATA_LIMIT + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if len(data) > METADATA_LIMIT or not unpacker.eof:
        raise ValueError("cut short, or too much")
    return data


def raw_profile(text: bytes) -> bytes | None:
    """The bytes of a "Raw profile type ..." text of PNG, in hexadecimal; None where it is damaged."""
    head = _RAW_PROFILE.match(text)
    if not head:
        return None
    try:
        data = bytes.fromhex(text[head.end() :].decode("ascii"))
    except ValueError:
        return None
    return data if len(data) == int(head[2][:9]) else None


def as_raw_profile(kind: str, data: bytes) -> bytes:
    """The data of a zTXt chunk that says image resources ("iptc") as ImageMagick and ExifTool do."""
    digits = data.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{kind}\n{len(data):8}\n{lines}\n".encode()
    return RAW_PROFILE + kind.encode() + b"\0\0" + zlib.compress(text)
