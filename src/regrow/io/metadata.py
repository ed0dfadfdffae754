"""What a picture carries beside its pixels, and what of it a file of some format can hold."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from regrow.io.exif import stated_resolution
from regrow.io.formats import Format, icc_fits, printable

SRGB = (1, 13)
"""Primaries and transfer, by ITU-T H.273, of what a picture is in that does not say otherwise."""

Chunk = tuple[bytes, bytes]
"""A PNG chunk: kind and data."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Metadata of a picture, as raw blocks; what is not there is None, or empty."""

    icc: bytes | None = None
    """Colour profile."""
    exif: bytes | None = None
    """TIFF structure, without the six-byte prefix of JPEG."""
    xmp: bytes | None = None
    """XMP packet, UTF-8."""
    extended: bytes | None = None
    """Extended XMP of a JPEG: the packet that the main one names by its MD5, whole."""
    iptc: bytes | None = None
    """Photoshop's image resources, one after another ("8BIM"); IPTC is number 1028 of them."""
    comments: tuple[bytes, ...] = ()
    """Those of JPEG and GIF."""
    chunks: tuple[Chunk, ...] = ()
    """PNG chunks that may be copied whatever becomes of the pixels: texts, times, descriptions of colours."""
    cicp: tuple[int, int, int, int] | None = None
    """Primaries, transfer and matrix as ITU-T H.273 numbers them, and 1 for full range."""
    gain_map: bytes | None = None
    """The JPEG that makes an HDR picture of a JPEG, as it lies after it."""
    resolution: tuple[float, float] | None = None
    """Pixels per millimetre, (x, y)."""
    passport: bytes | None = None
    """The line by which a small picture says how it was shrunk: `regrow.io.passport_text`."""

    @property
    def said(self) -> dict[str, Any]:
        """What there is, by its name."""
        found = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {name: value for name, value in found if value}


NOTHING = Metadata()


def without(meta: Metadata, *names: str) -> Metadata:
    """The metadata without the fields of these names."""
    return replace(meta, **{name: getattr(NOTHING, name) for name in names})


def split(meta: Metadata, form: Format, *, colors: int) -> tuple[Metadata, Metadata]:
    """What a file of this format, of 1 or 3 colours, holds as it is, and the rest.

    What says nothing is in neither: a resolution that EXIF says as well, colours that are sRGB.
    """
    lost = {name for name in meta.said if name not in form.holds}
    if meta.icc and not icc_fits(meta.icc, colors=colors, format=form.name):
        lost.add("icc")
    if meta.cicp and meta.cicp[3] == 0 and form.name != "png":
        lost.add("cicp")  # AVIF's pixels are of full range
    left = {name: getattr(meta, name) for name in lost}
    if meta.cicp and meta.cicp[:2] == SRGB and meta.cicp[3]:
        left.pop("cicp", None)
    if "resolution" in left and "exif" not in lost and same_resolution(stated_resolution(meta.exif), meta.resolution):
        del left["resolution"]
    return without(meta, *lost), Metadata(**left)


def same_resolution(a: tuple[float, float] | None, b: tuple[float, float] | None) -> bool:
    """Whether two resolutions are one, as far as formats round them."""
    return a is not None and b is not None and all(abs(m - n) < 0.01 * n + 0.02 for m, n in zip(a, b, strict=True))


_DEFAULT = (72 / 25.4, 72 / 25.4)
"""The resolution that a viewer assumes where none is said, as EXIF has it."""
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
COLORS = (b"gAMA", b"cHRM", b"mDCV", b"cLLI")
"""Kinds of PNG chunks that describe colours."""


def in_words(left: Metadata) -> list[str]:
    """What there is, each thing in words."""
    words = {
        "exif": "the EXIF block",
        "xmp": "the XMP packet",
        "extended": "the extended XMP",
        "iptc": "the IPTC and Photoshop data",
        "comments": "the comments",
        "gain_map": "the HDR gain map",
        "passport": "the passport",
    }
    found = [text for name, text in words.items() if name in left.said]
    if left.cicp:
        found.append("the colour description (CICP {}/{}; pixel values are kept)".format(*left.cicp))
    if left.resolution and not same_resolution(left.resolution, _DEFAULT):
        found.append(f"the resolution ({left.resolution[0] * 25.4:.4g} dpi)")
    texts = [printable(data.split(b"\0")[0].decode("latin-1")) for kind, data in left.chunks if kind in _TEXTS]
    if texts:
        more = f" and {len(texts) - 5} more" if len(texts) > 5 else ""
        found.append(f"the PNG text ({', '.join(text[:40] for text in texts[:5])}{more})")
    kinds = {kind for kind, _ in left.chunks if kind not in _TEXTS}
    colors = sorted(kind.decode() for kind in kinds.intersection(COLORS))
    if colors:
        found.append(f"the PNG's colour description ({', '.join(colors)}; pixel values are kept)")
    others = sorted(kind.decode() for kind in kinds.difference(COLORS))
    if others:
        found.append(f"the PNG data {', '.join(others)}")
    return found


def notes_on(left: Metadata, form: Format) -> list[str]:
    """What a file of this format does not hold, each thing in words."""
    notes = [f"{form.name.upper()} cannot hold {what}; left out" for what in in_words(left)]
    if left.icc:
        notes.append("the ICC profile is not for such pixels; it is left out")
    return notes
