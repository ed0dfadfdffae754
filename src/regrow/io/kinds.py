"""Whether a file is a picture or a clip: by its first bytes, whatever its name, or else by its name."""

from __future__ import annotations

import os
import stat
from typing import Literal

from regrow.io.paths import OTHER_PICTURES, PICTURE_SUFFIXES, RAW_SUFFIXES, VIDEO_SUFFIXES, suffix_of

Kind = Literal["picture", "clip"]

HEAD = 512
"""First bytes of a file that are looked at."""

_PICTURES = (
    b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+",
)  # fmt: skip
_CLIPS = (b"YUV4MPEG2", b"\x1aE\xdf\xa3", b"FLV\x01", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"\0\0\x01\xba")
HEIF_BRANDS = frozenset(
    (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf")
)
"""Of files in the container of HEIF whose content is a picture."""
_AUDIO = (b"M4A ", b"M4B ", b"M4P ")
_CAMERA = (b"crx ",)
_PACKET = 188
"""Bytes of a packet of MPEG-TS, each of which begins with a G."""


def kind_of_bytes(head: bytes) -> Kind | None:
    """What a file that begins like this is; None for anything else, or where its bytes do not tell."""
    if head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "picture"
    if head[4:8] == b"ftyp":
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, 64, 4))}
        if head[8:12] in _AUDIO + _CAMERA:
            return None
        return "picture" if brands & HEIF_BRANDS else "clip"
    if head.startswith(_CLIPS) or (head[:4] == b"RIFF" and head[8:12] == b"AVI ") or head[4:8] in (b"moov", b"mdat"):
        return "clip"
    if head[:4] == b"OggS" and b"\x80theora" in head:
        return "clip"
    packets = head[::_PACKET][:3]
    return "clip" if len(packets) == 3 and set(packets) == {ord("G")} else None


def kind_of(path: str | os.PathLike[str]) -> Kind | None:
    """What an ordinary file is by its bytes; None for anything else. OSError where it cannot be read."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # to open a pipe would wait for whoever writes to it
        return None
    with open(path, "rb") as file:
        return kind_of_bytes(file.read(HEAD))


def kind_by_name(path: str | os.PathLike[str]) -> Kind | None:
    """What a name says that a file is, be it of a kind that regrow reads or not."""
    suffix = suffix_of(path)
    if suffix in VIDEO_SUFFIXES:
        return "clip"
    return "picture" if suffix in PICTURE_SUFFIXES | RAW_SUFFIXES | OTHER_PICTURES else None
