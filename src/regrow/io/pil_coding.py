"""What a PIL image remembers of how its file was coded: of a JPEG, and of an AVIF that is still there."""

from __future__ import annotations

import io
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from regrow.io.codecs import UNKNOWN, Facts
from regrow.io.coded import facts_of, jpeg_facts
from regrow.io.containers import metadata_of
from regrow.io.jpeg_tables import ZIGZAG
from regrow.io.marks import scale_of, scale_of_density

if TYPE_CHECKING:
    from PIL import Image


class Remembered(NamedTuple):
    """Of a file. An image that was resized in place (`thumbnail`) still remembers, and only its user knows."""

    facts: Facts = UNKNOWN
    mark: float | None = None
    """The scale that its header suggests."""
    passport: bytes | None = None
    """Where Pillow does not tell it."""


NOTHING = Remembered()
_BEGINNING = 2**20
"""Bytes of an AVIF that are looked at."""


def remembered(image: Image.Image) -> Remembered:
    """What an image from a file remembers; nothing where it was made from another image, or decoded smaller."""
    if image.format == "AVIF":
        return _of_avif(_beginning(image))
    of_jpeg: Any = image
    if not getattr(of_jpeg, "quantization", None) or getattr(of_jpeg, "decoderconfig", None):
        return NOTHING
    across, down = image.info.get("jfif_density", (0, 0))
    mark = scale_of_density(image.info.get("jfif_unit"), across, down)
    with suppress(ValueError, IndexError, KeyError, ZeroDivisionError):
        # Pillow has tables row by row, and files in zigzag order.
        tables = {number: [table[i] for i in ZIGZAG] for number, table in of_jpeg.quantization.items()}
        components = [((h, v), tables[number]) for _, h, v, number in of_jpeg.layer]
        return Remembered(jpeg_facts(components), mark)
    return Remembered(mark=mark)


def _of_avif(data: bytes) -> Remembered:
    metadata, _ = metadata_of(io.BytesIO(data), "heif")
    return Remembered(facts_of(data), scale_of(data), metadata.passport)


def _beginning(image: Any) -> bytes:
    """Of the file that an image was opened from, where that is open or can be: more than what comes before pixels."""
    with suppress(OSError, ValueError, AttributeError):
        image.fp.seek(0)
        return bytes(image.fp.read(_BEGINNING))
    with suppress(OSError, ValueError), open(image.filename, "rb") as file:
        return file.read(_BEGINNING)
    return b""
