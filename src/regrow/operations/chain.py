"""The chain of restorers that ordinary images go through: its settings, its nets, and what it says it does."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.errors import UsageError
from regrow.operations import color_hints
from regrow.operations.color_hints import Hint
from regrow.operations.colorize import guess
from regrow.operations.plan import check_tile
from regrow.operations.restorers import (
    AUTO,
    BICUBIC,
    LARGEST_SCALE,
    NONE,
    ZSSR,
    cited,
    colorizer,
    deblocker,
    restorer,
    upscalers,
)
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.operations.restorers import Net


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Which restorers, with what settings. UsageError for those that cannot be."""

    verb: str = "restore"
    deblocker: str = NONE
    """Names of shipped models, folders, or `NONE`; of the deblocker also `AUTO`."""
    colorizer: str = NONE
    upscaler: str = NONE
    """Or "A+B": B enlarges what A has enlarged. Or `BICUBIC` or `ZSSR`."""
    enhancer: str = NONE
    scale: float = 1
    temperature: float | None = None
    """Of a colorizer that has one; its own when None."""
    hints: tuple[Hint, ...] = ()
    hint_image: np.ndarray | None = None
    """Hints as a sparse picture, (H, W, 3 or 4) uint8."""
    reference: np.ndarray | None = None
    """(H, W, 3) uint8."""
    correct: float | None = None
    """Levels of 255 by which the enlarged picture may differ from the bilinear one."""
    keep_colors: bool = False
    """Leave pictures alone that have colours."""
    ensemble: bool = False
    """Let the upscaler see all flips and transposes, and take the mean."""
    device: str = "auto"
    tile: int | None = None
    """Side of a tile in pixels of the result; when None as `regrow.inference.restore.restore_rows` has it, for clips
    4096."""

    def __post_init__(self) -> None:
        check_tile(self.tile)
        if not 1 <= self.scale <= LARGEST_SCALE:
            raise UsageError(f"scale {self.scale:g}: must be from 1 to {LARGEST_SCALE}")
        if self.temperature is not None and not 0 < self.temperature <= 1:
            raise UsageError(f"temperature {self.temperature}: must be above 0 and at most 1")
        if self.correct is not None and not 0 <= self.correct <= 255:
            raise UsageError(f"correct {self.correct:g}: must be from 0 to 255 levels")
        if self.upscaler == NONE and self.scale != 1:
            raise UsageError(f"scale {self.scale:g}: nothing enlarges when the upscaler is none; say --scale 1 too")
        if self.upscaler == NONE and self.correct is not None:
            raise UsageError(f"correct {self.correct:g}: nothing is enlarged that could be corrected; leave it out")
        if self.ensemble and self.upscaler in (NONE, BICUBIC):
            raise UsageError(
                f"ensemble at scale {self.scale:g}: no net enlarges whose mean could be taken; leave it out"
            )
        certain = self.deblocker not in (NONE, AUTO)
        if self.verb == "restore" and not certain and NONE == self.colorizer == self.upscaler == self.enhancer:
            raise UsageError("restore at scale 1 without a model: nothing is to be done; name either")
        for step, name in (("enhancer", self.enhancer), ("deblocker", self.deblocker)):
            if name == ZSSR:
                raise UsageError(f"{ZSSR}: enlarges, so it is no {step}; take it as --upscaler")

    def check(self) -> None:
        """UsageError where a model is not there, is of another kind, or does not reach the scale."""
        if self.deblocker not in (NONE, AUTO):
            deblocker(self.deblocker, self.device)
        if self.colorizer != NONE:
            colorizer(self.colorizer, self.temperature, self.device)
        nets = self.upscalers
        if nets and (reached := math.prod(net.scale for net in nets)) < self.scale:
            raise UsageError(f"scale {self.scale:g}: {self.upscaler} enlarges by {reached}; take another --upscaler")
        for net in self.enhancers:
            if net.scale > 1:
                raise UsageError(
                    f"{self.enhancer}: enlarges by {net.scale}, so it is no enhancer; take it as --upscaler"
                )
        # Only the first upscaler may look at several frames.
        for name, net in (
            *((self.upscaler, net) for net in nets[1:]),
            *((self.enhancer, net) for net in self.enhancers),
        ):
            if net.frames > 1:
                raise UsageError(f"{name}: enlarges frames by what others show of them; it is an upscaler for clips")

    def provenance(self, *, color: bool, deblocker: str = NONE) -> str:
        """What is done, in words: models by name and digest, and settings.

        `color`: whether colours are given; `deblocker`: what takes out blocks, of this picture.
        """
        words = [f"deblock {cited(deblocker)}"] if deblocker != NONE else []
        if color and self.colorizer != NONE:
            words.append(f"colorize {cited(self.colorizer)}")
            if self.temperature is not None:
                words.append(f"temperature {self.temperature:g}")
            if self.hints or self.hint_image is not None or self.reference is not None:
                words.append(f"hints {self._hints_digest()}")
        if self.upscaler != NONE:
            models = " + ".join(map(cited, zoo.parts(self.upscaler)))
            words.append(f"upscale {models} x{self.scale:g}{' ensemble' if self.ensemble else ''}")
        if self.correct is not None:
            words.append(f"correct {self.correct:g}")
        if self.enhancer != NONE:
            words.append(f"enhance {cited(self.enhancer)}")
        return "; ".join(words)

    def _hints_digest(self) -> str:
        digest = hashlib.sha256(repr(self.hints).encode())
        for picture in (self.hint_image, self.reference):
            if picture is not None:
                digest.update(repr(picture.shape).encode() + picture.tobytes())
        return digest.hexdigest()[:12]

    @property
    def upscalers(self) -> list[Net]:
        """Without one that is still to be fitted."""
        return upscalers(self.upscaler, self.scale, self.device)

    @property
    def enhancers(self) -> list[Net]:
        """One or none."""
        return [restorer(self.enhancer, self.device, 1)] if self.enhancer != NONE else []

    def guess(self, seen: Tensor, size: Size) -> tuple[Tensor, Tensor]:
        """Luma and the a and b that it gets, of a picture at a glance: as `regrow.operations.colorize.guess`."""
        model = colorizer(self.colorizer, self.temperature, self.device)
        painted = () if self.hint_image is None else color_hints.sparse(self.hint_image, size)
        hints = [*self.hints, *painted]
        color_hints.check(hints, size)
        return guess(seen, size, model, hints, self.reference)
