"""Tell what a file is from its first bytes, and choose the one loader that may read it."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

import pyvips

from regrow.errors import RegrowError
from regrow.io.containers import PNG_SIGNATURE

_LOADERS = {
    "png": "pngload_source",
    "jpeg": "jpegload_source",
    "webp": "webpload_source",
    "tiff": "tiffload_source",
    "heif": "heifload_source",
    "gif": "gifload_source",
}
_HEIF_BRANDS = frozenset(
    (b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"miaf")
)
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}


@dataclass(frozen=True)
class Found:
    """A format that regrow reads ("png", "jpeg", "webp", "tiff", "heif" also for AVIF, or "gif"), and remarks."""

    format: str
    notes: tuple[str, ...] = ()

    def load(self, source: pyvips.Source, access: str) -> pyvips.Image:
        """The picture with its header read, its pixels to be read in "sequential" or "random" order.

        No other loader is tried, whatever the bytes contain.
        """
        load = getattr(pyvips.Image, _LOADERS[self.format])
        return load(source, access=access, fail_on="error")


def sniff(file: BinaryIO, name: str) -> Found:
    """The format of a file positioned at its start. Raises RegrowError when it is none that regrow reads."""
    head = file.read(64)
    if not head:
        raise RegrowError(f"{name}: the file is empty")
    if head.startswith(PNG_SIGNATURE):
        file.seek(8)
        return Found("png", _png_notes(file))
    if head.startswith(b"\xff\xd8\xff"):
        return Found("jpeg")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Found("webp")
    if head[:4] in (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"):
        return Found("tiff", _tiff_notes(file, head, name))
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return Found("gif")
    if head[4:12] in (b"ftypavis", b"ftypmsf1", b"ftyphevc", b"ftyphevx"):
        raise RegrowError(f"{name}: holds a sequence of frames; split it into single pictures first")
    if head[4:8] == b"ftyp" and _HEIF_BRANDS & {head[8:12], *(head[i : i + 4] for i in range(16, 64, 4))}:
        return Found("heif")
    raise RegrowError(f"{name}: not a picture that regrow reads; give it PNG, JPEG, WebP, TIFF, AVIF, HEIF or GIF")


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


def _tiff_notes(file: BinaryIO, head: bytes, name: str) -> tuple[str, ...]:
    """Remarks on parts of a TIFF that libvips does not read. RegrowError when its directory points past the end.

    libvips only warns about a tag that it cannot reach, and would lose a truncated colour profile.
    """
    order, big = ("<" if head[:2] == b"II" else ">"), head[2:4] in (b"+\x00", b"\x00+")
    size = file.seek(0, 2)
    try:
        (directory,) = struct.unpack_from(order + ("Q" if big else "I"), head, 8 if big else 4)
        file.seek(directory)
        count_format, entry_format = order + ("Q" if big else "H"), order + ("HHQQ" if big else "HHII")
        (count,) = struct.unpack(count_format, file.read(struct.calcsize(count_format)))
        if count > 4096:
            raise RegrowError(f"{name}: the file is damaged (a directory of {count} entries); get a fresh copy")
        entries = file.read(count * struct.calcsize(entry_format))
        for _, kind, number, at in struct.iter_unpack(entry_format, entries):
            length = number * _TIFF_SIZES.get(kind, 0)
            if length > (8 if big else 4) and at + length > size:
                raise RegrowError(f"{name}: the file is cut short; get a fresh copy")
    except (struct.error, OverflowError, ValueError, OSError) as error:
        raise RegrowError(f"{name}: the file is damaged or cut short (no directory); get a fresh copy") from error
    return ()
