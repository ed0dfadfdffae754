"""The header of an opened file: checks, and conversion to the pixels that regrow supports."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyvips

from regrow.errors import RegrowError
from regrow.io.allowed import allowed
from regrow.io.containers import xmp_in_utf8
from regrow.io.detect import Found
from regrow.io.exif import bare, orientation, with_orientation
from regrow.io.exif_passport import taken
from regrow.io.formats import METADATA_LIMIT
from regrow.io.metadata import Metadata
from regrow.size import Size

MAX_SIDE = 10**6
"""The longest side read, in pixels."""

MAX_WHOLE_PIXELS = 2**28
"""The largest picture read, in pixels, in a format that can only be decoded whole (AVIF, interlaced PNG, ...)."""

RESOLUTIONS = (1e-6, 1e5)
"""Least and most pixels per millimetre: of maps, and of microscopes. Passports hold no others."""

_SAMPLES = {
    "uint": "whole numbers",
    "int": "signed whole numbers",
    "short": "signed whole numbers",
    "char": "signed whole numbers",
    "float": "floating-point numbers",
    "double": "floating-point numbers",
    "complex": "complex numbers",
    "dpcomplex": "complex numbers",
}


def get_field(image: pyvips.Image, key: str) -> Any:
    """A metadata field, or None when the file does not have it."""
    return image.get(key) if image.get_typeof(key) else None


def resolution_of(image: pyvips.Image) -> tuple[float, float] | None:
    """Pixels per millimetre; None for the defaults that libvips gives when a file states none: 1, or 72 per inch."""
    x, y = float(image.xres), float(image.yres)
    unsaid = any(abs(x - default) < 0.002 and abs(y - default) < 0.002 for default in (1.0, 72 / 25.4))
    return (x, y) if min(x, y) > 0 and not unsaid else None


def check_size(image: pyvips.Image, found: Found, name: str) -> None:
    """Raise RegrowError for more pixels than regrow reads."""
    size = f"{image.width}x{image.height}"
    if max(image.width, image.height) > MAX_SIDE:
        raise RegrowError(f"{name}: {size} is too large; regrow reads up to {MAX_SIDE} pixels a side")
    whole = (
        found.format in ("heif", "webp", "gif") or get_field(image, "interlaced") or get_field(image, "jpeg-multiscan")
    )
    if whole and image.width * image.height > MAX_WHOLE_PIXELS:
        raise RegrowError(
            f"{name}: {size} is too large for a file that must be decoded whole, at most {MAX_WHOLE_PIXELS} pixels; "
            "save it as plain PNG, TIFF or baseline JPEG"
        )
    allowed().check(name, Size(image.width, image.height))


def conversion(image: pyvips.Image, bits: int, name: str) -> tuple[Callable[[pyvips.Image], pyvips.Image], list[str]]:
    """The conversion of this image to 8- or 16-bit grey or RGB, and its description."""
    kind, bands, sample = image.interpretation, image.bands, image.format
    save = "save it as grey or RGB with 8 or 16 bits"
    if sample not in ("uchar", "ushort"):
        raise RegrowError(f"{name}: its samples are {bits}-bit {_SAMPLES.get(sample, sample)}; {save}")
    if kind == "cmyk" and bands in (4, 5):
        depth = 16 if sample == "ushort" else 8
        return lambda im: im.icc_transform("srgb", embedded=True, input_profile="cmyk", depth=depth), [
            "CMYK converted to sRGB"
        ]
    grey, color = ("b-w", "grey16"), ("srgb", "rgb", "rgb16")
    if not (kind in grey and bands in (1, 2)) and not (kind in color and bands in (3, 4)):
        raise RegrowError(f"{name}: has {bands} bands of the kind {kind!r}; {save}")
    notes = ["palette expanded"] if get_field(image, "palette") else []
    if bits < 8 and not notes:
        notes.append(f"{bits}-bit samples widened to 8 bits")
    if sample == "ushort" and 8 < bits < 16:
        # libvips shifts samples up, which leaves white short of 65535; repeating their high bits below fills the range.
        return lambda im: im | (im >> bits), [*notes, f"{bits}-bit samples widened to 16 bits"]
    return lambda im: im, notes


def block_of(image: pyvips.Image, key: str, notes: list[str]) -> bytes | None:
    """A metadata block as bytes; None when there is none or, with a note, when it is implausibly large."""
    data = get_field(image, key)
    if data is None:
        return None
    if len(data) > METADATA_LIMIT:
        notes.append(f"the {key.split('-')[0].upper()} block of {len(data)} bytes is implausibly large; it is left out")
        return None
    return bytes(data) or None


def completed(metadata: Metadata, image: pyvips.Image, format: str, notes: list[str]) -> tuple[Metadata, int]:
    """What a file says beside its pixels with what libvips reads of it, and its orientation, 1 to 8.

    The profile of inks that are converted is left out.
    """
    if format in ("heif", "tiff"):
        icc, xmp = block_of(image, "icc-profile-data", notes), block_of(image, "xmp-data", notes)
        metadata = replace(metadata, icc=icc, xmp=xmp)
    if format == "heif":
        metadata = replace(metadata, exif=bare(block_of(image, "exif-data", notes)))
    if metadata.exif:
        exif, passport = taken(metadata.exif)
        metadata = replace(metadata, exif=exif, passport=metadata.passport or passport)
    if format == "heif" and metadata.exif:
        # libvips has turned the pixels already, and HEIF readers ignore what EXIF says.
        metadata = replace(metadata, exif=with_orientation(metadata.exif, 1))
    if metadata.exif and not metadata.exif.startswith((b"II*\0", b"MM\0*")):
        notes.append("the EXIF block is damaged; it is left out")  # AVIF readers refuse a picture that has such a one
        metadata = replace(metadata, exif=None)
    if image.interpretation == "cmyk":
        metadata = replace(metadata, icc=None)
    said = get_field(image, "orientation") or 1 if format == "tiff" else orientation(metadata.exif)
    resolution = metadata.resolution or resolution_of(image)
    if resolution and not all(RESOLUTIONS[0] <= side <= RESOLUTIONS[1] for side in resolution):
        notes.append("the resolution is implausible; it is left out")
        resolution = None
    return replace(metadata, xmp=xmp_in_utf8(metadata.xmp, notes), resolution=resolution), said
