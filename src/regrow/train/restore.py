"""Training a restorer to enlarge small pictures: shrink, round, enlarge, compare."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.measure.metrics import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.rescale.base import Rescaler
from regrow.nets.upscale.base import Restorer
from regrow.resample import bicubic
from regrow.train.losses import DISTANCES
from regrow.train.recipe import Data, Loss
from regrow.train.task import Task, centres


class RestoreTask(Task):
    """task(x, enlarge(quantize(shrink(x)))), where shrinking is bicubic or a frozen rescaler's.

    Args:
        model: what is trained.
        loss: its task distance; the rest is not used.
        data: what makes the small pictures.

    UsageError where the rescaler named by `data.thumbnails` makes no RGB pictures so much smaller.
    """

    def __init__(self, model: Restorer, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss = model, loss
        rescaler = zoo.load(data.thumbnails) if data.thumbnails else None
        if rescaler is not None and (not isinstance(rescaler, Rescaler) or rescaler.scales != (model.scale,) * 2):
            raise UsageError(f"thumbnails {data.thumbnails}: makes no pictures {model.scale} times smaller")
        if rescaler is not None and (rescaler.colours, rescaler.small_colours) != (3, 3):
            raise UsageError(f"thumbnails {data.thumbnails}: makes no colour pictures of colour pictures")
        self.rescaler = rescaler
        self.grain = math.lcm(model.scale, *(rescaler.multiples if rescaler else ()))

    @torch.no_grad()
    def small(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> the 8-bit small pictures (B, 3, H/scale, W/scale)."""
        if self.rescaler is not None:
            return quantize(self.rescaler.shrink(x))
        return quantize(bicubic(x, (x.shape[-2] // self.model.scale, x.shape[-1] // self.model.scale)))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Losses of (B, 3, H, W) pictures in [0, 1]."""
        return {"loss": DISTANCES[self.loss.task](self.model(self.small(x)), x)}

    @torch.no_grad()
    def validate(self, model: Restorer, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR `rgb` in dB over held-out pictures."""
        found = centres(pictures, side, (self.grain, self.grain), model.device)
        values = [psnr_rgb(quantize(model(self.small(x))), x) for x in found]
        return {"rgb": sum(values) / len(values)} if values else {}
