"""Rate and distortion of a picture that is coded at one scale: what each quality of the codec costs, and gives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.restore import restore_rows
from regrow.io.codecs import UNKNOWN, Codec, Facts
from regrow.io.coded import facts_of
from regrow.io.memory import read_pixels
from regrow.operations.coded.sample import Sample
from regrow.operations.coded.smaller import Smaller
from regrow.size import Size

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer

LOWEST, HIGHEST = 1, 100
"""Qualities that codecs have."""


def facts(data: bytes, codec: Codec, quality: int) -> Facts:
    """What a net is told of a file: what that states, else, as of AVIF, what is known of how it was made."""
    stated = facts_of(data)
    return stated if stated != UNKNOWN else codec.facts(quality)


class Curve:
    """A sample of a picture through a codec at one scale, quality by quality; what was tried is remembered.

    Args:
        sample: of the picture.
        smaller: what is coded of it, by which codec.
        net: gives the net that grows a file, told of it; None for the codec alone.
    """

    def __init__(self, sample: Sample, smaller: Smaller, net: Callable[[Facts], CodecRestorer] | None) -> None:
        self.sample, self.smaller, self.net = sample, smaller, net
        self.codec, self.scale = smaller.codec, smaller.scale
        self._files: dict[int, bytes] = {}
        self._psnr: dict[int, float] = {}

    def file(self, quality: int) -> bytes:
        """The coded sample."""
        if quality not in self._files:
            self._files[quality] = self.codec.encode(self.smaller.at(quality), quality)
        return self._files[quality]

    def bytes(self, quality: int) -> int:
        """How many the coded sample has."""
        return len(self.file(quality))

    def psnr(self, quality: int) -> float:
        """PSNR `rgb` in dB of what is grown from that, against the sample."""
        if quality not in self._psnr:
            self._psnr[quality] = self.sample.psnr(self._grown(quality))
        return self._psnr[quality]

    def with_net(self, net: Callable[[Facts], CodecRestorer]) -> Curve:
        """The same files, grown by another net."""
        twin = Curve(self.sample, self.smaller, net)
        twin._files = self._files
        return twin

    def _grown(self, quality: int) -> np.ndarray:
        data, bands = self.file(quality), self.sample.pixels.shape[2]
        pixels = read_pixels(data)
        if pixels.shape[2] > bands:  # a format without grey
            pixels = np.concatenate([pixels[..., :1], pixels[..., 3:]], 2)
        if self.net is None:
            return self.codec.shown(pixels, quality)
        height, width = pixels.shape[:2]
        colors = bands - self.sample.alpha
        net = self.net(facts(data, self.codec, quality))
        grown = np.concatenate(list(restore_rows([pixels], Size(width, height), colors, net)))
        return grown[: self.sample.pixels.shape[0], : self.sample.pixels.shape[1]]

    def largest(self, limit: float, guess: int = 60) -> int | None:
        """The highest quality whose file has at most so many bytes; None where none has."""
        if limit < 1:
            return None
        return highest(lambda quality: math.log(self.bytes(quality)), math.log(limit), self.qualities, guess)

    def smallest(self, psnr: float, guess: int = 60) -> int | None:
        """The lowest quality from which at least this PSNR is grown; None where none is."""
        low, high = self.qualities
        below = highest(self.psnr, math.nextafter(psnr, 0), self.qualities, guess)
        return low if below is None else below + 1 if below < high else None

    @property
    def qualities(self) -> tuple[int, int]:
        """The lowest and the highest that is tried."""
        return tried(self.codec, net=self.net is not None)


def tried(codec: Codec, *, net: bool) -> tuple[int, int]:
    """The lowest and the highest quality that is tried: of those that nets have learned, or of all."""
    return codec.qualities if net else (LOWEST, HIGHEST)


def highest(
    value: Callable[[int], float], most: float, between: tuple[int, int], guess: int, near: float = 0
) -> int | None:
    """The highest whole number in a range whose value, which rises with it, is at most `most`; None where none is.

    One whose value is at most `near` below `most` will do. From a guess on, steps double until the number lies between
    two; there it is interpolated, and the range halved whenever that does not.
    """
    known: dict[int, float] = {}
    low, high = between[0] - 1, between[1] + 1
    number, step, halve = min(max(guess, between[0]), between[1]), 4, False
    while high - low > 1:
        known[number] = value(number)
        if 0 <= most - known[number] < near:
            return number
        before = high - low
        low, high = (number, high) if known[number] <= most else (low, number)
        if low in known and high in known:
            rise = known[high] - known[low]
            share = 0.5 if halve or rise <= 0 else (most - known[low]) / rise
            halve = not halve and high - low > before / 2
            number = low + round(share * (high - low))
        else:
            number = low + step if low in known else high - step
            step *= 2
        number = min(max(number, low + 1), high - 1)
    return low if low >= between[0] else None
