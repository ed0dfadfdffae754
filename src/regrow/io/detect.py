"""Tell what a file is from its first bytes, and choose the one loader that may read it, and what it is given."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import pyvips
from pyvips import error as _words

from regrow.errors import RegrowError
from regrow.io.containers import PNG_SIGNATURE
from regrow.io.decoding import heif, jpeg, raw, tiff
from regrow.io.decoding.ifd import MAGIC
from regrow.io.decoding.signatures import RawFile, is_raw, other_format
from regrow.io.decoding.splice import Part
from regrow.io.kinds import HEIF_BRANDS


def _decoded(words: Any) -> str:
    """What libvips says, which may quote any bytes of a file: pyvips takes them for UTF-8, and fails ever after."""
    return "" if words == pyvips.ffi.NULL else str(pyvips.ffi.string(words).decode("utf-8", "backslashreplace"))


_words._to_string = _decoded

_LOADERS = {
    "png": "pngload_source",
    "jpeg": "jpegload_source",
    "webp": "webpload_source",
    "tiff": "tiffload_source",
    "heif": "heifload_source",
    "gif": "gifload_source",
}
_LONGEST = 10**7
"""Pixels a side, beyond which libvips complains to the terminal."""
_IN_PART = frozenset(("png", "jpeg", "tiff", "gif"))
_READ = "give it PNG, JPEG, WebP, TIFF, AVIF, HEIF or GIF"


@dataclass(frozen=True)
class Tall:
    """A picture that is announced taller than it is, to ask whether its last rows are whole."""

    parts: tuple[Part, ...]
    height: int
    """Rows that there are."""
    probe: int
    """The row to ask for after the last: it fails where the last rows lack data."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A format that regrow reads ("png", "jpeg", "webp", "tiff", "heif" also for AVIF, "gif" or "raw"), and how."""

    format: str
    notes: tuple[str, ...] = ()
    parts: tuple[Part, ...] | None = None
    """What the decoder is given in place of the file, where it needs help."""
    tall: Tall | None = None
    """Where the decoder does not say whether the last rows are whole."""
    change: Callable[[pyvips.Image], pyvips.Image] = lambda image: image
    """Makes grey, RGB or CMYK of the samples that the decoder gives."""
    premultiplied: bool = False
    own_colors: bool = True
    """Whether colours are still those of the file's profile."""
    tolerant: bool = False
    """Whether its decoder may warn of what is no damage, from the first row on."""
    lacks: bool = False
    """Whether data is missing that the decoder would not miss."""

    @property
    def in_part(self) -> bool:
        """Whether what there is of a file that lacks data can be read."""
        return self.format in _IN_PART

    @property
    def strict(self) -> str:
        """What makes reading fail: even warnings, where the decoder is given nothing that it warns of without need."""
        return "warning" if self.format in ("jpeg", "tiff") else "error"

    def load(self, source: pyvips.Source, access: str, fail_on: str) -> pyvips.Image:
        """The picture with its header read, its pixels to be read in "sequential" or "random" order.

        No other loader is tried, whatever the bytes contain.
        """
        image = getattr(pyvips.Image, _LOADERS[self.format])(source, access=access, fail_on=fail_on)
        # pyvips forgets the source, whose callbacks libvips may need until the last row.
        image._references.append(source)
        return image


def sniff(file: BinaryIO, name: str) -> Found:
    """The format of a file positioned at its start. Raises RegrowError when it is none that regrow reads."""
    try:
        return _sniffed(file, name)
    except RawFile:
        if not raw.available():
            raise
        return Found(format="raw", notes=raw.NOTES)


def _sniffed(file: BinaryIO, name: str) -> Found:
    head = file.read(64)
    if not head:
        raise RegrowError(f"{name}: the file is empty")
    if head.startswith(PNG_SIGNATURE):
        file.seek(8)
        return Found(format="png", notes=_png_notes(file))
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Found(format="webp")
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Found(format="gif")
    if head[4:8] == b"ftyp" and head[8:12] != b"crx " and (brands := _brands(head) & HEIF_BRANDS):
        return _heif(file, head, brands, name)
    if is_raw(head, name, tiff=head[:4] in MAGIC):
        raise RawFile(name)
    if head[:4] in MAGIC:
        return _tiff(file, name)
    if other := other_format(head):
        raise RegrowError(f"{name}: is a {other} file, which regrow does not read; convert it to PNG or TIFF first")
    raise RegrowError(f"{name}: not a picture that regrow reads; {_READ}")


def _jpeg(file: BinaryIO) -> Found:
    found = jpeg.prepare(file)
    if found is None:
        return Found(format="jpeg")
    tall = None if found.probe is None else Tall(found.tall, found.height, found.probe)
    return Found(format="jpeg", parts=found.plain, tall=tall, lacks=found.lacks)


def _tiff(file: BinaryIO, name: str) -> Found:
    found = tiff.prepare(file, name)
    return Found(
        format="tiff", notes=found.notes, parts=found.parts, change=found.change,
        premultiplied=found.premultiplied, own_colors=found.own_colors, tolerant=found.tolerant,
        lacks=found.lacks,
    )  # fmt: skip


def _brands(head: bytes) -> frozenset[bytes]:
    return frozenset((head[8:12], *(head[i : i + 4] for i in range(16, min(64, int.from_bytes(head[:4], "big")), 4))))


def _heif(file: BinaryIO, head: bytes, brands: frozenset[bytes], name: str) -> Found:
    sequence = head[8:12] in (b"avis", b"msf1", b"hevc", b"hevx")
    if sequence and not heif.has_picture(file):
        raise RegrowError(f"{name}: holds a sequence of frames; split it into single pictures first")
    if (side := heif.largest(file)) > _LONGEST:
        raise RegrowError(f"{name}: is too large, with {side} pixels a side, or damaged; get a fresh copy")
    notes = ("holds a sequence of frames; only its still picture is used",) if sequence else ()
    return Found(format="heif", notes=notes, premultiplied=heif.premultiplied(file), lacks=heif.lacks(file))


def _png_notes(file: BinaryIO) -> tuple[str, ...]:
    """Remarks on what a PNG states before its pixels and regrow cannot keep."""
    kinds = set()
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IDAT":
            break
        kinds.add(kind)
        file.seek(length + 4, 1)
    return ("animated PNG: only its still picture is used",) if b"acTL" in kinds else ()
