"""Pictures through a lossy codec, shrunk before it or not, and what nets make of what it has left."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import NamedTuple

import numpy as np

from regrow import zoo
from regrow.bench import maps
from regrow.bench.rivals import decoded
from regrow.errors import UsageError
from regrow.io.carrying import with_passport
from regrow.io.codecs import Codec, Facts
from regrow.io.formats import get_format
from regrow.io.metadata import NOTHING
from regrow.io.passport import SCALES
from regrow.io.writer import PictureWriter
from regrow.nets.restore.codec import CodecRestorer
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.nets.upscale.base import Restorer
from regrow.operations.coded.curve import facts
from regrow.operations.coded.nets import codec as coder
from regrow.operations.coded.nets import default_net, shrinker
from regrow.operations.coded.passport import passport_of
from regrow.operations.coded.search import Choice
from regrow.operations.coded.smaller import Smaller
from regrow.operations.coded.wish import Wish
from regrow.operations.restorers import NONE
from regrow.size import Size

TUNED = "tuned"
"""Stands for the codec alone with the settings that `regrow shrink` gives it."""
MULTIPLE = 12
"""Pictures are cut to a multiple of this, so that every scale which divides it is measured on the same ones."""


class Before(NamedTuple):
    """What makes the file that nets stand behind."""

    scale: float
    """How many times smaller the coded picture is."""
    shrinker: Callable[[Facts], CodecShrinker] | None
    """Gives the net that shrinks; None where the bicubic does."""
    codec: Codec


class Behind:
    """What stands behind a codec: nets that restore or enlarge pictures, or none.

        picture (H, W, 3) --bicubic--> (h, w, 3) --codec--> file --codec, nets--> picture (H, W, 3)

    Args:
        name: of a net, "A+B" for one after another, "none" for the codec at full size alone, or "tuned" for that with
            the settings that small files have.
        device, tile: as for `regrow.upscale`.

    Raises:
        UsageError: there is no such model, it is of another kind, or `MULTIPLE` pixels cannot be shrunk by its scale.
    """

    def __init__(self, name: str, *, device: str = "auto", tile: int | None = None) -> None:
        self.tile = tile
        self.nets = [_restorer(part, device) for part in zoo.parts(name)] if name not in (NONE, TUNED) else []
        self.tuned = name == TUNED or any(isinstance(net, CodecRestorer) for net in self.nets)
        self.scale = prod(net.scale for net in self.nets)
        """How many times smaller the coded picture is."""
        ours = name in (default_net(self.scale), default_net(self.scale, light=True))
        self.shrinker = shrinker(self.scale, device) if ours else None
        side = MULTIPLE / self.scale
        for net in self.nets:
            if side % net.scale.as_integer_ratio()[1]:
                raise UsageError(f"{name}: enlarges by {self.scale:g}, which {MULTIPLE} pixels cannot be shrunk by")
            side *= net.scale

    def before(self, codec: Codec) -> Codec:
        """The codec as it stands before this."""
        return replace(coder(codec.name), effort=codec.effort) if self.tuned else codec

    def file(self, codec: Codec) -> Before:
        """What makes the file; models with the same grow the same file."""
        return Before(self.scale, self.shrinker, self.before(codec))

    def encode(self, picture: np.ndarray, codec: Codec, quality: int) -> bytes:
        """(H, W, 3) uint8 -> the file of the picture, shrunk as for the nets, or by the antialiased bicubic."""
        return codec.encode(Smaller(picture, codec, self.scale, self.shrinker).at(quality), quality)

    def grow(self, data: bytes, codec: Codec, quality: int) -> np.ndarray:
        """A file -> (H, W, 3) uint8.

        Nets are told what the file states, or else, as of AVIF, what is known from elsewhere.
        """
        picture = decoded(data, codec)
        if not self.nets:
            return codec.shown(picture, quality)
        for net in self.nets:
            if isinstance(net, CodecRestorer):
                net = net.told(facts(data, codec, quality))
            picture = maps.restore(picture, net, tile=self.tile)
        return picture

    def size(self, data: bytes, codec: Codec, quality: int, full: Size) -> int:
        """Bytes of a file as its user has it: bare where the codec stands alone, else with what regrow writes to it.

        The picture had the size `full`.
        """
        return len(data) + (overhead(codec, quality, self.scale, full) if self.nets else 0)


@lru_cache(maxsize=1024)
def overhead(codec: Codec, quality: int, scale: float, full: Size) -> int:
    """Bytes that `regrow shrink` writes beside what the codec alone does: headers, and a passport.

    Args:
        codec, quality: of the small picture.
        scale: how many times smaller it is than the picture; one that no passport has counts as the next.
        full: size of the picture.
    """
    scale = min(known for known in SCALES if known >= scale)
    passport = passport_of(Choice(scale, codec, True, quality), Wish(quality=quality), full)
    metadata = with_passport(passport, NOTHING, get_format(codec.name), colors=3)
    blank, file = np.zeros((16, 16, 3), np.uint8), io.BytesIO()
    with PictureWriter(
        file, width=16, height=16, colors=3, format=codec.name, metadata=metadata, codec=codec, quality=quality
    ) as writer:
        writer.write(blank)
    return len(file.getvalue()) - len(codec.encode(blank, quality))


def largest_within(
    behind: Behind,
    picture: np.ndarray,
    codec: Codec,
    limit: int,
    files: dict[tuple[Before, int], bytes] | None = None,
) -> tuple[int, bytes]:
    """The highest quality of use whose file has at most so many bytes, else the lowest; and the file.

    `files` keeps those of the picture by what makes them and quality, for whoever asks again.
    """
    files = {} if files is None else files

    def encode(quality: int) -> bytes:
        at = Before(behind.scale, behind.shrinker, codec), quality
        if at not in files:
            files[at] = behind.encode(picture, codec, quality)
        return files[at]

    full = Size(picture.shape[1], picture.shape[0])
    low, high = codec.qualities
    best = low, encode(low)
    low += 1
    while low <= high:
        quality = (low + high) // 2
        data = encode(quality)
        if behind.size(data, codec, quality, full) > limit:
            high = quality - 1
        else:
            best, low = (quality, data), quality + 1
    return best


def _restorer(name: str, device: str) -> Restorer:
    net = zoo.on_device(zoo.load(name), device)
    if not isinstance(net, Restorer) or net.frames > 1:
        raise UsageError(f"{name}: is no model that restores or enlarges ordinary pictures")
    return net
