"""Which scale and which quality make the best of a picture at a rate, or reach a quality at the lowest rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.io.codecs import Codec, Facts
from regrow.operations.coded.curve import Curve
from regrow.operations.coded.sample import Sample
from regrow.operations.coded.smaller import Smaller

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer
    from regrow.nets.restore.codec_shrinker import CodecShrinker

GUESS = 60
"""Quality that is tried first where nothing suggests another."""


@dataclass(frozen=True)
class Choice:
    """A scale, a codec and a quality; what they cost in a sample, and what they give."""

    scale: float
    codec: Codec
    net: bool
    """Whether a net grows the file, or the codec alone is better."""
    quality: int
    bytes: int = 0
    psnr: float = 0.0
    guessed: bool = False
    """Whether bytes and PSNR were told from a sample of a larger picture."""


class Search:
    """Tries what scales and qualities make of a sample.

    Args:
        sample: of the picture.
        plain: the codec alone, which results are compared with, and which is chosen where no net is better.
        tuned: the codec that nets stand behind.
        scales: those that may be tried, ascending.
        net: gives the net for a scale, told of a file.
        shrinker: gives what gives the net that shrinks by a scale, told of a file; None where the bicubic does.
    """

    def __init__(
        self,
        sample: Sample,
        plain: Codec,
        tuned: Codec,
        scales: Iterable[float],
        net: Callable[[float, Facts], CodecRestorer],
        shrinker: Callable[[float], Callable[[Facts], CodecShrinker] | None] = lambda scale: None,
    ) -> None:
        self.alone = Curve(sample, Smaller(sample.pixels, plain, 1), None)
        """The codec at full size, without a net."""
        smaller = [Smaller(sample.pixels, tuned, scale, shrinker(scale)) for scale in scales]
        self.curves = [Curve(sample, made, partial(net, made.scale)) for made in smaller]
        self.free = any(curve.scale == 1 for curve in self.curves)
        """Whether the codec alone may be chosen: where no other scale is asked for."""

    def narrowed(self, scale: float, net: Callable[[float, Facts], CodecRestorer]) -> Search:
        """The search once a scale is found, by another net."""
        twin = copy(self)
        twin.curves = [self._of(scale).with_net(partial(net, scale))]
        return twin

    def at(self, scale: float, quality: int) -> Choice:
        """A scale at a quality; the codec alone at this quality where full size is asked for and no net is better."""
        found = _choice(self._of(scale), quality)
        bare = _choice(self.alone, quality) if scale == 1 else None
        return bare if bare and bare.psnr >= found.psnr and bare.bytes <= found.bytes else found

    def shifted(self, choice: Choice, psnr: float, shift: float) -> Choice:
        """The same at the lowest quality that reaches a PSNR where the whole has so much more than the sample."""
        curve = self._of(choice.scale) if choice.net else self.alone
        quality = curve.smallest(psnr - shift, choice.quality)
        found = _choice(curve, curve.qualities[1] if quality is None else quality)
        return replace(found, psnr=found.psnr + shift, guessed=quality != choice.quality)

    def _of(self, scale: float) -> Curve:
        return next(curve for curve in self.curves if curve.scale == scale)

    def within(self, limit: float) -> Choice | None:
        """The best within so many bytes; None where no scale makes so few."""

        def largest(curve: Curve, guess: int) -> Choice | None:
            quality = curve.largest(limit, guess)
            return None if quality is None else _choice(curve, quality)

        return self._best(largest, lambda new, old: new.psnr > old.psnr)

    def as_good_as(self, quality: int) -> Choice:
        """The fewest bytes from which a picture is grown that is as good as the codec alone at a quality.

        Where full size may not be tried and no scale is as good, the first one at that quality.
        """
        return self._reaching(self.alone.psnr(quality), quality) or self.at(self.curves[0].scale, quality)

    def reaching(self, psnr: float) -> Choice:
        """The fewest bytes from which at least this PSNR, in dB, is grown. RegrowError where no quality gives that."""
        found = self._reaching(psnr)
        if found is None:
            curves = [*self.curves, *([self.alone] if self.free else [])]
            most = max(curve.psnr(curve.qualities[1]) for curve in curves)
            # What is shown must be within reach.
            words = f"{self.alone.codec.name.upper()} gives at most {math.floor(10 * most) / 10:.1f} dB of this picture"
            raise RegrowError(f"psnr {psnr:g}: {words}; ask for less")
        return found

    def _reaching(self, psnr: float, known: int = GUESS) -> Choice | None:
        """The same; None where no quality gives that. At the known quality the codec alone does."""

        def smallest(curve: Curve, guess: int) -> Choice | None:
            quality = curve.smallest(psnr, guess)
            return None if quality is None else _choice(curve, quality)

        return self._best(smallest, lambda new, old: new.bytes < old.bytes, known)

    def _best(
        self,
        find: Callable[[Curve, int], Choice | None],
        better: Callable[[Choice, Choice], bool],
        guess: int = GUESS,
    ) -> Choice | None:
        """The best of what is found on each curve; nets come before the codec alone where both are as good.

        From scale to scale what is found gets better up to the best, so that trying ends behind it.
        """
        best: Choice | None = None
        for curve in self.curves:
            found = find(curve, best.quality if best else guess)
            if found is None:
                continue
            if best and not better(found, best):
                break
            best = found
        alone = find(self.alone, guess) if self.free else None
        return alone if alone and (best is None or better(alone, best)) else best


def _choice(curve: Curve, quality: int) -> Choice:
    return Choice(
        curve.scale, curve.codec, curve.net is not None, quality, curve.bytes(quality), curve.psnr(quality)
    )  # fmt: skip
