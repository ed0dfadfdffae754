"""Training a pair of nets for any scale: shrink to any size, round, grow, compare."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.any_scale import AnyScale
from regrow.train.losses import DISTANCES
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres

LEAST = 1.08
"""Least scale of the other side where each has its own, but for 1 where it keeps its length."""
VALIDATED = 1.2, 1.5, 2.0, 2.5, 3.5, 4.0
"""Scales at which held-out pictures are measured, those that are drawn."""


class AnyScaleTask(Task):
    """The loss of task-aware downscaling, `regrow.train.tasks.rescale.RescaleTask`, at scales drawn for each batch.

    Args:
        model: a pair for any scale.
        loss: distances, and the weight lambda.
        data: which crops become grey, the least and the largest scale.
    """

    multiple = 1

    def __init__(self, model: AnyScale, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss, self.data = model, loss, data

    def draw(self, x: Tensor) -> dict[str, Any]:
        """Draw which crops of a batch become grey, and the small size.

        The scale is drawn on a logarithmic axis; a quarter of the time, the other side has its own, and then a third of
        the time it keeps its length.
        """
        scales = [_drawn(self.data.least, self.data.largest)] * 2
        if torch.rand(()) < 1 / 4:
            scales[1] = 1.0 if torch.rand(()) < 1 / 3 else _drawn(LEAST, self.data.largest)
            scales = scales if torch.rand(()) < 1 / 2 else scales[::-1]
        size = round(x.shape[-2] / scales[0]), round(x.shape[-1] / scales[1])
        return {"grey": (torch.rand(len(x), 1, 1, 1) < self.data.grey).to(x.device), "size": size}

    def forward(self, x: Tensor, grey: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Losses of (B, 3, H, W) pictures in [0, 1], those of them grey that (B, 1, 1, 1) says, at a small size."""
        if self.data.grey:
            x = torch.where(grey, luma(x), x)
        small = self.model.shrink(x, size)
        if self.data.grey:
            small = torch.where(grey, small.mean(1, keepdim=True), small)
        grown = self.model.grow(quantize(small), (x.shape[-2], x.shape[-1]))
        task = self.distance(grown, x)
        guidance = DISTANCES[self.loss.guidance](small, bicubic(x, size))
        total = task + self.loss.guidance_weight * guidance
        return {"loss": total, "task": task.detach(), "guidance": guidance.detach()}

    @torch.no_grad()
    def validate(self, model: AnyScale, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR in dB over held-out pictures: `x1.5` and so on, and `small1.5` against the bicubic picture."""
        scales = [scale for scale in VALIDATED if self.data.least <= scale <= self.data.largest]
        figures: dict[str, list[float]] = {f"{what}{scale:g}": [] for scale in scales for what in ("x", "small")}
        for x in centres(pictures, side, (1, 1), model.device):
            full = x.shape[-2], x.shape[-1]
            for scale in scales:
                size = round(full[0] / scale), round(full[1] / scale)
                small = quantize(model.shrink(x, size))
                figures[f"x{scale:g}"].append(psnr_rgb(quantize(model.grow(small, full)), x))
                # An untrained model's small picture is the bicubic one: infinitely like it, which no plot can show.
                figures[f"small{scale:g}"].append(min(psnr_rgb(small, quantize(bicubic(x, size))), 100.0))
        return {name: sum(values) / len(values) for name, values in figures.items() if values}


def _drawn(least: float, largest: float) -> float:
    """A number between two, on a logarithmic axis."""
    return least * (largest / least) ** torch.rand(()).item()
