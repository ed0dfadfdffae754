"""Training a rescaler: shrink, round, grow, compare."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from regrow.colorspace import luma
from regrow.errors import UsageError
from regrow.measure.metrics import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.rescale.base import Rescaler
from regrow.resample import bicubic
from regrow.train.losses import DISTANCES, outside
from regrow.train.recipe import Data, Loss


class RescaleLoss(nn.Module):
    """The loss of task-aware downscaling as a module, so that one call runs (and compiles) the whole way.

    task(x, grow(quantize(shrink(x)))) + weight * guidance(shrink(x), bicubic(x)): Kim et al. 2018, equations 3 to 5.

    Args:
        model: a rescaler.
        loss: distances, the weight lambda, and what happens to small pictures before they are grown.
        data: which crops become grey or are resampled first.
    """

    def __init__(self, model: Rescaler, loss: Loss, data: Data) -> None:
        super().__init__()
        for distance in (loss.task, loss.guidance):
            if distance not in DISTANCES:
                raise UsageError(f"loss {distance!r} is not known; known are {', '.join(DISTANCES)}")
        self.model, self.loss, self.data = model, loss, data

    def draw(self, x: Tensor) -> dict[str, Any]:
        """What is random in the loss of a batch, from the global generator of the CPU: arguments of `forward`."""
        draws: dict[str, Any] = {"grey": (torch.rand(len(x), 1, 1, 1) < self.data.grey).to(x.device)}
        size = x.shape[-2], x.shape[-1]
        if self.data.stretch > 1:
            share = 1 + (self.data.stretch - 1) * torch.rand(()).item()
            # Few sizes, for each is compiled for itself.
            grain = [max(m, n // 16 // m * m) for n, m in zip(size, self.model.multiples, strict=True)]
            size = round(size[0] * share / grain[0]) * grain[0], round(size[1] * share / grain[1]) * grain[1]
            draws["size"] = size
        if self.loss.noise:
            shape = len(x), self.model.small_colours, *(n // s for n, s in zip(size, self.model.scales, strict=True))
            draws["noise"] = (self.loss.noise * torch.rand(len(x), 1, 1, 1) * torch.randn(shape)).to(x.device)
        return draws

    def forward(
        self, x: Tensor, grey: Tensor, size: tuple[int, int] | None = None, noise: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Losses of pictures.

        Args:
            x: (B, 3, H, W) in [0, 1].
            grey: (B, 1, 1, 1) bool, which of them lose their colours; their small pictures are made grey too.
            size: (height, width) that pictures are resampled to before they are shrunk.
            noise: what is added to the small pictures before they are rounded and grown.
        """
        if self.model.colours == 1:
            x = luma(x)
        elif self.data.grey:
            x = torch.where(grey, luma(x), x)
        small = self.model.shrink(x if size is None else bicubic(x, size))
        if self.model.small_colours == 3 and self.data.grey:
            small = torch.where(grey, small.mean(1, keepdim=True), small)
        target = self.model.guidance(x, (small.shape[-2], small.shape[-1]))
        grown = self.model.grow(quantize(small if noise is None else small + noise))
        task = DISTANCES[self.loss.task](bicubic(grown, (x.shape[-2], x.shape[-1])), x)
        if self.loss.radius:
            small = outside(small, target, self.loss.radius / 255)
        guidance = DISTANCES[self.loss.guidance](small, target)
        total = task + self.loss.guidance_weight * guidance
        return {"loss": total, "task": task.detach(), "guidance": guidance.detach()}


@torch.no_grad()
def validate(model: Rescaler, pictures: list[Tensor], side: int) -> dict[str, float]:
    """Mean PSNR in dB over the centres of held-out pictures, all rounded to 8 bits: `rgb` and `small`.

    Args:
        model: a rescaler.
        pictures: (H, W, 3) uint8 each; a model of one channel gets their luma.
        side: of the centre that is measured, in pixels, cut to a multiple of what the model takes.
    """
    device = next(model.parameters()).device
    figures: dict[str, list[float]] = {"rgb": [], "small": []}
    for picture in pictures:
        h, w = (min(side, n) // m * m for n, m in zip(picture.shape[:2], model.multiples, strict=True))
        top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
        x = picture[top : top + h, left : left + w].permute(2, 0, 1)[None].to(device) / 255
        if model.colours == 1:
            x = luma(x)
        small = quantize(model.shrink(x))
        bicubic_small = quantize(model.guidance(x, (small.shape[-2], small.shape[-1])))
        pairs = {"rgb": (quantize(model.grow(small)), x), "small": (small, bicubic_small)}
        for name, pair in pairs.items():
            a, b = (picture.expand(-1, 3, -1, -1) for picture in pair)
            figures[name].append(psnr_rgb(a, b))
    # An untrained model's small picture is the bicubic one: infinitely like it, which no plot can show.
    return {name: sum(min(v, 100.0) for v in values) / len(values) for name, values in figures.items() if values}
