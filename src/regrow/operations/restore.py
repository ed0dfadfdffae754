"""The chain of restorers that a picture goes through: colour, then enlarge, then enhance."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import tee
from math import ceil, prod
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.correction import corrected_rows
from regrow.inference.resize import resampled
from regrow.inference.rows import Samples, restore_rows, to_dtype, to_float
from regrow.operations import color_hints as known
from regrow.operations.color_hints import Hint
from regrow.operations.colorize import Colors, color_rows, glance, guess, is_grey
from regrow.progress import Report, silent
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.color.base import Colorizer
    from regrow.nets.upscale.base import Restorer
    from regrow.nets.video.base import VideoRestorer

    Net = Restorer | VideoRestorer

NONE = "none"
"""The name of a step that is left out."""

BICUBIC = "bicubic"
"""The name of an upscaler that is no net: what every other is compared with."""

ZSSR = "zssr"
"""The name of an upscaler that is fitted to each picture before it enlarges it: `regrow.operations.zero_shot`."""

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Which restorers, with what settings."""

    colorizer: str = NONE
    """Names of shipped models, folders, or `NONE`."""
    upscaler: str = NONE
    """Or "A+B": B enlarges what A has enlarged. Or `BICUBIC` or `ZSSR`."""
    enhancer: str = NONE
    scale: float = 1
    temperature: float | None = None
    """Of a colorizer that has one; its own when None."""
    hints: tuple[Hint, ...] = ()
    painted: np.ndarray | None = None
    """Hints as a sparse picture, (H, W, 3 or 4) uint8."""
    reference: np.ndarray | None = None
    """(H, W, 3) uint8."""
    correct: float | None = None
    """Levels of 255 by which the enlarged picture may differ from the bilinear one."""
    sparing: bool = False
    """Leave pictures alone that have colours."""
    ensemble: bool = False
    """Let the upscaler see all flips and transposes, and take the mean."""
    device: str = "auto"
    tile: int | None = None
    """Side of the pieces worked on, in pixels of the result; when None as `regrow.inference.rows.restore_rows` has it,
    for clips 4096."""

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the result."""
        width, height = (max(1, round(n * self.scale)) for n in size)
        return width, height

    def steps(self, *, color: bool = True) -> str:
        """What is done, in words: models by name and digest, and settings. `color`: whether colours are given."""
        words = []
        if color and self.colorizer != NONE:
            words.append(f"colorize {_cited(self.colorizer)}")
            if self.temperature is not None:
                words.append(f"temperature {self.temperature:g}")
            if self.hints or self.painted is not None or self.reference is not None:
                words.append(f"hints {self._fingerprint()}")
        if self.upscaler != NONE:
            models = " + ".join(map(_cited, zoo.parts(self.upscaler)))
            words.append(f"upscale {models} x{self.scale:g}{' ensemble' if self.ensemble else ''}")
        if self.correct is not None:
            words.append(f"correct {self.correct:g}")
        if self.enhancer != NONE:
            words.append(f"enhance {_cited(self.enhancer)}")
        return "; ".join(words)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.hints).encode())
        for picture in (self.painted, self.reference):
            if picture is not None:
                digest.update(repr(picture.shape).encode() + picture.tobytes())
        return digest.hexdigest()[:12]

    @property
    def window(self) -> int:
        """How many frames of a clip the upscaler looks at: 1 where it is one of pictures."""
        nets = self._upscalers
        return nets[0].frames if nets else 1

    @property
    def device_type(self) -> str:
        """What it enlarges on: cpu, cuda ..."""
        nets = self._upscalers or self._enhancers
        return nets[0].device.type if nets else "cpu"

    @property
    def interrupted(self) -> bool:
        """Never: an interrupt ends it at once."""
        return False

    def check(self, *, clip: bool = False) -> None:
        """UsageError where a model is not there, is of another kind, or does not reach the scale.

        `clip`: whether it is to be run on clips, for which there are more kinds.
        """
        if self.colorizer != NONE:
            _colorizer(self.colorizer, zoo.digest(self.colorizer), self.temperature, self.device)
        if self.upscaler == ZSSR and clip:
            raise UsageError(f"{ZSSR}: is fitted to one picture; for the frames of a clip take another model")
        if self.enhancer == ZSSR:
            raise UsageError(f"{ZSSR}: enlarges, so it is no enhancer; take it as --upscaler")
        if self._upscalers and (reached := prod(net.scale for net in self._upscalers)) < self.scale:
            raise UsageError(f"scale {self.scale:g}: {self.upscaler} enlarges by {reached}; take another --upscaler")
        names = [self.upscaler] * len(self._upscalers) + [self.enhancer]
        for i, (name, net) in enumerate(zip(names, (*self._upscalers, *self._enhancers), strict=False)):
            if net.frames > 1 and (i > 0 or not clip):
                raise UsageError(f"{name}: enlarges frames by what others show of them; it is an upscaler for clips")
        for net in self._enhancers:
            if net.scale > 1:
                raise UsageError(
                    f"{self.enhancer}: enlarges by {net.scale}, so it is no enhancer; take it as --upscaler"
                )

    def run(
        self,
        rows: Callable[[], Iterable[np.ndarray]],
        what: str,
        size: tuple[int, int],
        held: int,
        dtype: Samples,
        report: Report = silent,
    ) -> tuple[Iterator[np.ndarray], int, str]:
        """Restore a picture.

        Args:
            rows: gives its rows from the start, as for `regrow.inference.rows.restore_rows`.
            what: its name in messages.
            size, held: its (width, height) and colours.
            dtype: of the result.
            report: told about progress before there are rows, where an upscaler is fitted first.

        Returns:
            Rows of the result, how many colours they have, and what was done in words.
        """
        self.check()
        source, colors, color = rows, held, False
        if self.colorizer != NONE:
            seen = glance(rows(), size, held)
            grey = is_grey(seen)
            color = grey or not self.sparing
            if not grey:
                log.warning("%s: has colours, which %s", what, "are replaced" if color else "are kept")
        if color:
            found = Colors.fit(*self.guess(seen, size))
            source, colors = lambda: color_rows(rows(), size, held, found, np.float32), 3
        upscaler = None
        if self.upscaler == ZSSR:
            from regrow.operations import zero_shot

            log.warning("%s: a net is fitted to this picture first, which can take minutes", what)
            scale = max(2, ceil(self.scale))
            upscaler = zero_shot.fitted(source(), size, colors, what, scale=scale, device=self.device, report=report)
        stream = self.enlarge(to_float(source(), colors, colors), size, colors, upscaler)
        return (to_dtype(block, colors, colors, dtype) for block in stream), colors, self.steps(color=color)

    def guess(self, seen: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Luma and the a and b that it gets, of a picture at a glance: as `regrow.operations.colorize.guess`."""
        model = _colorizer(self.colorizer, zoo.digest(self.colorizer), self.temperature, self.device)
        hints = [*self.hints, *(() if self.painted is None else known.sparse(self.painted, size))]
        known.check(hints, size)
        return guess(seen, size, model, hints, self.reference)

    def enlarge(
        self, stream: Iterable[np.ndarray], size: tuple[int, int], colors: int, upscaler: Restorer | None = None
    ) -> Iterator[np.ndarray]:
        """Rows of a picture of (width, height) and so many colours, float32, enlarged and enhanced to `self.size`.

        `upscaler` is the net that was fitted to it, if one was. Where the upscaler looks at a window of frames, their
        bands lie one after another, of three colours each.
        """
        before, stream = tee(stream) if self.correct is not None else (None, stream)
        upscalers: list[Net] = self._upscalers if upscaler is None else [upscaler]
        stream, at = self._through(upscalers, stream, size, colors, ensemble=self.ensemble)
        if before is not None:
            first = self.window // 2 * colors
            before = (block[..., first : first + colors] for block in before) if first else before
            stream = corrected_rows(stream, before, Size(*size), Size(*at), self.correct or 0)
        stream, at = self._through(self._enhancers, stream, at, colors, ensemble=False)
        return resampled(stream, Size(*at), Size(*self.size(size)), colors)

    def _through(
        self,
        nets: list[Net],
        stream: Iterable[np.ndarray],
        at: tuple[int, int],
        colors: int,
        *,
        ensemble: bool,
    ) -> tuple[Iterable[np.ndarray], tuple[int, int]]:
        """Rows of a picture of (width, height) taken through nets one after another, and its size then."""
        for net in nets:
            stream = restore_rows(stream, Size(*at), colors, net, np.float32, self.tile, ensemble)
            at = at[0] * net.scale, at[1] * net.scale
        return stream, at

    @property
    def _upscalers(self) -> list[Net]:
        nets: list[Net] = []  # without one that is still to be fitted
        for name in zoo.parts(self.upscaler) if self.upscaler not in (NONE, BICUBIC, ZSSR) else ():
            left = ceil(self.scale / prod(net.scale for net in nets))
            nets.append(_restorer(name, zoo.digest(name), self.device, left))
        return nets

    @property
    def _enhancers(self) -> list[Net]:
        names = [self.enhancer] if self.enhancer != NONE else []
        return [_restorer(name, zoo.digest(name), self.device, 1) for name in names]


def _cited(name: str) -> str:
    if name == BICUBIC:
        return BICUBIC
    if name == ZSSR:
        from regrow.operations.zero_shot import SEED, STEPS

        return f"{ZSSR} steps {STEPS} seed {SEED}"
    return f"{os.path.basename(os.path.normpath(name))} {zoo.digest(name)[:12]}"


@lru_cache(maxsize=4)
def _colorizer(name: str, digest: str, temperature: float | None, device: str) -> Colorizer:
    from regrow.nets.color.base import Colorizer
    from regrow.nets.color.classification import ClassificationColorizer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, Colorizer):
        raise UsageError(f"{name}: is no colorizer")
    if temperature is not None:
        if not isinstance(model, ClassificationColorizer):
            raise UsageError(f"temperature {temperature:g}: {name} has none; leave it out")
        model.config = replace(model.config, temperature=temperature)
    return model


@lru_cache(maxsize=8)
def _restorer(name: str, digest: str, device: str, scale: int) -> Net:
    from regrow.nets.upscale.base import Restorer
    from regrow.nets.video.base import VideoRestorer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, (Restorer, VideoRestorer)):
        raise UsageError(f"{name}: neither enlarges nor enhances ordinary pictures")
    return model.up_to(scale) if isinstance(model, Restorer) else model
