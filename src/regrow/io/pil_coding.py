"""What a PIL image remembers of how its JPEG file was coded; of other formats Pillow tells nothing."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from regrow.io.codecs import UNKNOWN, Facts
from regrow.io.coded import jpeg_facts
from regrow.io.jpeg_tables import ZIGZAG
from regrow.io.marks import scale_of_density

if TYPE_CHECKING:
    from PIL import Image


class Remembered(NamedTuple):
    """Of a file. An image that was resized in place (`thumbnail`) still remembers, and only its user knows."""

    facts: Facts = UNKNOWN
    mark: float | None = None
    """The scale that its header suggests."""


NOTHING = Remembered()


def remembered(image: Image.Image) -> Remembered:
    """What an image from a JPEG file remembers; nothing where it was made from another image, or decoded smaller."""
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
