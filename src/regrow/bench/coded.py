"""Pictures through a lossy codec, shrunk before it or not, and what nets make of what it has left."""

from __future__ import annotations

import io
from functools import lru_cache
from math import prod

import numpy as np

from regrow import zoo
from regrow.bench import maps
from regrow.bench.pictures import as_picture, as_tensor
from regrow.bench.rivals import decoded
from regrow.errors import UsageError
from regrow.io.codecs import UNKNOWN, Codec
from regrow.io.coded import facts_of
from regrow.io.metadata import NOTHING, Metadata
from regrow.io.writer import PictureWriter
from regrow.nets.ops.resample import bicubic
from regrow.nets.restore.codec import CodecRestorer
from regrow.nets.upscale.base import Restorer
from regrow.operations.restorers import NONE

MULTIPLE = 12
"""Pictures are cut to a multiple of this, so that every scale which divides it is measured on the same ones."""
JFIF = 18
"""Bytes of the header that a JPEG of regrow's begins with, and one that the codec alone writes does not."""


class Behind:
    """What stands behind a codec: nets that restore or enlarge pictures, or none.

        picture (H, W, 3) --bicubic--> (h, w, 3) --codec--> file --codec, nets--> picture (H, W, 3)

    Args:
        name: of a net, "A+B" for one after another, or "none" for the codec at full size alone.
        device, tile: as for `regrow.upscale`.

    Raises:
        UsageError: there is no such model, it is of another kind, or `MULTIPLE` pixels cannot be shrunk by its scale.
    """

    def __init__(self, name: str, *, device: str = "auto", tile: int | None = None) -> None:
        self.tile = tile
        self.nets = [_restorer(part, device) for part in zoo.parts(name)] if name != NONE else []
        self.scale = prod(net.scale for net in self.nets)
        """How many times smaller the coded picture is."""
        side = MULTIPLE / self.scale
        for net in self.nets:
            if side % net.scale.as_integer_ratio()[1]:
                raise UsageError(f"{name}: enlarges by {self.scale:g}, which {MULTIPLE} pixels cannot be shrunk by")
            side *= net.scale

    def encode(self, picture: np.ndarray, codec: Codec, quality: int) -> bytes:
        """(H, W, 3) uint8 -> the file of the picture, shrunk by the antialiased bicubic."""
        if self.scale > 1:
            height, width = (round(n / self.scale) for n in picture.shape[:2])
            picture = as_picture(bicubic(as_tensor(picture), (height, width)))
        return codec.encode(picture, quality)

    def grow(self, data: bytes, codec: Codec, quality: int) -> np.ndarray:
        """A file -> (H, W, 3) uint8.

        Nets are told what the file states, or else, as of AVIF, what is known from elsewhere.
        """
        picture = decoded(data, codec)
        for net in self.nets:
            if isinstance(net, CodecRestorer):
                facts = facts_of(data)
                net = net.told(facts if facts != UNKNOWN else codec.facts(quality))
            picture = maps.restore(picture, net, tile=self.tile)
        return picture

    def size(self, data: bytes, codec: Codec) -> int:
        """Bytes of a file as its user has it: bare where the codec stands alone, else with what regrow writes to it."""
        return len(data) + (overhead(codec.name) if self.nets else 0)


@lru_cache
def overhead(codec: str, metadata: Metadata = NOTHING) -> int:
    """Bytes that a file of regrow's has and one of the codec alone has not: headers, and metadata.

    Args:
        codec: jpeg, webp or avif.
        metadata: what is written to the file.
    """
    written = [len(_file(codec, each)) for each in (metadata, NOTHING)]
    return written[0] - written[1] + (JFIF if codec == "jpeg" else 0)


def _file(codec: str, metadata: Metadata) -> bytes:
    """A small lossy file with metadata."""
    file = io.BytesIO()
    with PictureWriter(
        file, width=16, height=16, colors=3, format=codec, metadata=metadata, lossless=False, quality=50
    ) as writer:
        writer.write(np.full((16, 16, 3), 128, np.uint8))
    return file.getvalue()


def largest_within(
    behind: Behind,
    picture: np.ndarray,
    codec: Codec,
    limit: int,
    files: dict[tuple[float, Codec, int], bytes] | None = None,
) -> tuple[int, bytes]:
    """The highest quality of use whose file has at most so many bytes, else the lowest; and the file.

    `files` keeps those of the picture by scale, codec and quality, for whoever asks again.
    """
    files = {} if files is None else files

    def encode(quality: int) -> bytes:
        at = behind.scale, codec, quality
        if at not in files:
            files[at] = behind.encode(picture, codec, quality)
        return files[at]

    low, high = codec.qualities
    best = low, encode(low)
    low += 1
    while low <= high:
        quality = (low + high) // 2
        data = encode(quality)
        if behind.size(data, codec) > limit:
            high = quality - 1
        else:
            best, low = (quality, data), quality + 1
    return best


def _restorer(name: str, device: str) -> Restorer:
    net = zoo.on_device(zoo.load(name), device)
    if not isinstance(net, Restorer) or net.frames > 1:
        raise UsageError(f"{name}: is no model that restores or enlarges ordinary pictures")
    return net
