"""Metadata as the text of a passport's properties, and back: that of an original whose small picture cannot hold it."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

from regrow.io import png
from regrow.io.formats import METADATA_LIMIT
from regrow.io.iptc import unpacked
from regrow.io.metadata import NOTHING, Metadata, without

_CODES = re.compile(r"[0-9]{1,3}( [0-9]{1,3}){3}")
_SIDES = re.compile(r"[0-9]{1,6}\.[0-9]{1,20} [0-9]{1,6}\.[0-9]{1,20}")


def to_base64(value: bytes) -> str:
    """Base64 in one line."""
    return base64.b64encode(value).decode()


def from_base64(text: str) -> bytes:
    """The bytes of Base64. ValueError for anything else."""
    # Programs that pretty-print XML may have wrapped the line.
    return base64.b64decode("".join(text.split()), validate=True)


def _zipped(value: bytes) -> str:
    return to_base64(zlib.compress(value, 9))


def _unzipped(text: str) -> bytes:
    data = unpacked(from_base64(text))
    if not data:
        raise ValueError("it is empty")
    return data


def _joined(comments: tuple[bytes, ...]) -> bytes:
    return b"".join(struct.pack(">I", len(comment)) + comment for comment in comments)


def _comments(text: str) -> tuple[bytes, ...]:
    data, at, found = _unzipped(text), 0, []
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        if not at + 4 < end <= len(data):
            raise ValueError("a comment is cut short")
        found.append(data[at + 4 : end])
        at = end
    return tuple(found)


def _gain_map(text: str) -> bytes:
    data = _unzipped(text)
    if not data.startswith(b"\xff\xd8\xff"):
        raise ValueError("the gain map is no JPEG")
    return data


def _codes(text: str) -> tuple[int, ...]:
    found = tuple(map(int, text.split(" "))) if _CODES.fullmatch(text) else ()
    if not found or max(found) > 255:
        raise ValueError(f"{text[:40]!r} is no description of colours")
    return found


def _sides(text: str) -> tuple[float, ...]:
    found = tuple(map(float, text.split(" "))) if _SIDES.fullmatch(text) else ()
    if not found or not min(found) > 0:
        raise ValueError(f"{text[:60]!r} is no resolution")
    return found


WRITERS: dict[str, Callable[[Any], str]] = {
    "exif": to_base64,
    "icc": to_base64,
    "extended": _zipped,
    "iptc": _zipped,
    "comments": lambda value: _zipped(_joined(value)),
    "chunks": lambda value: _zipped(png.packed(value)),
    "cicp": lambda value: " ".join(map(str, value)),
    "gain_map": _zipped,
    "resolution": lambda value: " ".join(f"{side:.15f}" for side in value),
    "passport": to_base64,
}
READERS: dict[str, Callable[[str], Any]] = {
    "exif": from_base64,
    "icc": from_base64,
    "extended": _unzipped,
    "iptc": _unzipped,
    "comments": _comments,
    "chunks": lambda text: png.unpacked(_unzipped(text)),
    "cicp": _codes,
    "gain_map": _gain_map,
    "resolution": _sides,
    "passport": from_base64,
}
"""ValueError where a property says what it must not."""


def bounded(left: Metadata, packet: bytes | None) -> tuple[Metadata, Metadata]:
    """What of the metadata fits into a passport beside the picture's own XMP packet, and what is too large."""
    room = METADATA_LIMIT - 2 * len(packet or b"") - 2**16
    sizes = {name: len(WRITERS[name](value)) for name, value in left.said.items() if name in WRITERS}
    lost = {name: value for name, value in left.said.items() if name not in WRITERS}
    while sizes and sum(sizes.values()) > room:
        largest = max(sizes, key=lambda name: sizes[name])
        del sizes[largest]
        lost[largest] = getattr(left, largest)
    return without(left, *lost), Metadata(**lost) if lost else NOTHING
