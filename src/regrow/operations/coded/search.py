"""Which scale and which quality make the best of a picture at a rate, or reach a quality at the lowest rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from regrow.errors import RegrowError
from regrow.io.codecs import Codec, Facts
from regrow.nets.restore.codec import CodecRestorer
from regrow.operations.coded.curve import HIGHEST, Curve
from regrow.operations.coded.sample import Sample


@dataclass(frozen=True)
class Choice:
    """A scale and a quality, what they cost in a sample, and what they give."""

    scale: int
    net: bool
    """Whether a net grows the file, or the codec alone is better."""
    quality: int
    bytes: int
    psnr: float


class Search:
    """Tries what scales and qualities make of a sample.

    Args:
        sample: of the picture.
        codec: what codes it.
        scales: those that may be tried, ascending.
        net: gives the net for a scale, told of a file.
    """

    def __init__(
        self, sample: Sample, codec: Codec, scales: Sequence[int], net: Callable[[int, Facts], CodecRestorer]
    ) -> None:
        self.codec, self.scales = codec, scales
        self.curves = {scale: Curve(sample, codec, scale, partial(net, scale)) for scale in scales}
        full = self.curves.get(1) or Curve(sample, codec, 1, None)
        self.alone = full.alone()
        """The codec at full size, without a net."""

    def at(self, scale: int, quality: int) -> Choice:
        """A scale at a quality; at full size without the net where that does harm."""
        curve = self.curves[scale]
        size, psnr = curve.bytes(quality), curve.psnr(quality)
        if scale == 1 and (alone := self.alone.psnr(quality)) > psnr:
            return Choice(1, False, quality, size, alone)
        return Choice(scale, True, quality, size, psnr)

    def within(self, limit: float) -> Choice | None:
        """The best within so many bytes; None where no scale makes so few.

        What is grown gets better from scale to scale up to the best one, so that trying ends behind it.
        """
        best: Choice | None = None
        for scale, curve in self.curves.items():
            quality = curve.largest(limit, best.quality if best else 60)
            if quality is None:
                continue
            found = self.at(scale, quality)
            if best and found.psnr <= best.psnr:
                break
            best = found
        return best

    def as_good_as(self, quality: int) -> Choice:
        """The fewest bytes from which a picture is grown that is as good as the codec alone at a quality."""
        psnr = self.alone.psnr(quality)
        known = Choice(1, False, quality, self.alone.bytes(quality), psnr) if 1 in self.curves else None
        return self._fewest(psnr, known)

    def reaching(self, psnr: float) -> Choice:
        """The fewest bytes from which at least this PSNR is grown. RegrowError where no quality gives that."""
        return self._fewest(psnr, self._cheapest(self.alone, psnr, 60) if 1 in self.curves else None)

    def _fewest(self, psnr: float, best: Choice | None) -> Choice:
        for curve in self.curves.values():
            found = self._cheapest(curve, psnr, best.quality if best else 60)
            if found and best and found.bytes > best.bytes and curve.scale > 1:
                break
            if found and (best is None or found.bytes <= best.bytes):
                best = found
        if best is None:
            most = max(curve.psnr(HIGHEST) for curve in self.curves.values())
            name = self.codec.name.upper()
            raise RegrowError(f"psnr {psnr:g}: {name} gives at most {most:.1f} dB of this picture; ask for less")
        return best

    @staticmethod
    def _cheapest(curve: Curve, psnr: float, guess: int) -> Choice | None:
        quality = curve.smallest(psnr, guess)
        if quality is None:
            return None
        return Choice(curve.scale, curve.net is not None, quality, curve.bytes(quality), curve.psnr(quality))
