"""Training a rescaler: shrink, round, grow, compare."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.ops.color import luma
from regrow.nets.rescale.base import FixedScale
from regrow.train.clips import held_out_clips
from regrow.train.losses import DISTANCES, outside
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres


def guidance_of(small: Tensor, target: Tensor, loss: Loss) -> Tensor:
    """Distance of small pictures from their guidance images, beyond the radius that is not penalised."""
    if loss.radius:
        small = outside(small, target, loss.radius / 255)
    return DISTANCES[loss.guidance](small, target)


class RescaleTask(Task):
    """The loss of task-aware downscaling.

    task(x, grow(quantize(shrink(x)))) + weight * guidance(shrink(x), bicubic(x)): Kim et al. 2018, equations 3 to 5.

    Args:
        model: a rescaler.
        loss: distances, the weight lambda, and what happens to small pictures before they are grown.
        data: which crops become grey.
    """

    def __init__(self, model: FixedScale, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss, self.data = model, loss, data
        self.multiple = math.lcm(*model.multiples)

    def draw(self, x: Tensor) -> dict[str, Any]:
        """Draw the random arguments of a batch: which crops become grey, the noise."""
        draws: dict[str, Any] = {"grey": (torch.rand(len(x), 1, 1, 1) < self.data.grey).to(x.device)}
        if self.loss.noise:
            sides = (n // s for n, s in zip(x.shape[-2:], self.model.scales, strict=True))
            shape = len(x), self.model.small_colors, *sides
            draws["noise"] = (self.loss.noise * torch.rand(len(x), 1, 1, 1) * torch.randn(shape)).to(x.device)
        return draws

    def forward(self, x: Tensor, grey: Tensor, noise: Tensor | None = None) -> dict[str, Tensor]:
        """Losses of pictures.

        Args:
            x: (B, 3, H, W) in [0, 1].
            grey: (B, 1, 1, 1) bool, which of them lose their colours; their small pictures are made grey too.
            noise: what is added to the small pictures before they are rounded and grown.
        """
        if self.model.colors == 1:
            x = luma(x)
        elif self.data.grey:
            x = torch.where(grey, luma(x), x)
        small = self.model.shrink(x)
        if self.model.small_colors == 3 and self.data.grey:
            small = torch.where(grey, small.mean(1, keepdim=True), small)
        target = self.model.guidance(x, (small.shape[-2], small.shape[-1]))
        grown = self.model.grow(quantize(small if noise is None else small + noise))
        task = self.distance(grown, x)
        guidance = guidance_of(small, target, self.loss)
        total = task + self.loss.guidance_weight * guidance
        losses = {"task": task.detach(), "guidance": guidance.detach()}
        if self.loss.flicker and x.shape[1] > self.model.colors:
            # What is wrong with one frame should be wrong with the next, or it flickers.
            wrong, frame = grown - x, self.model.colors
            flicker = self.distance(wrong[:, frame:], wrong[:, :-frame])
            total, losses["flicker"] = total + self.loss.flicker * flicker, flicker.detach()
        return {"loss": total, **losses}

    @torch.no_grad()
    def validate(self, model: FixedScale, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR in dB over held-out pictures: `rgb` and `small`. A model of one channel gets their luma."""
        figures: dict[str, list[float]] = {"rgb": [], "small": []}
        for x in centres(pictures, side, model.multiples, model.device):
            x = luma(x) if model.colors == 1 else x
            small = quantize(model.shrink(x))
            bicubic_small = quantize(model.guidance(x, (small.shape[-2], small.shape[-1])))
            pairs = {"rgb": (quantize(model.grow(small)), x), "small": (small, bicubic_small)}
            for name, pair in pairs.items():
                a, b = (picture.expand(-1, 3, -1, -1) for picture in pair)
                # An untrained model's small picture is the bicubic one: infinitely like it, which no plot can show.
                figures[name].append(min(psnr_rgb(a, b), 100.0))
        return {name: sum(values) / len(values) for name, values in figures.items() if values}


class VideoRescaleTask(RescaleTask):
    """The same for groups of frames, of all lengths that the model takes: half of them whole, half of them shorter."""

    def draw(self, x: Tensor) -> dict[str, Any]:
        """How many of the frames are a group."""
        most = x.shape[1] // 3
        count = most if torch.rand(()) < 1 / 2 else int(torch.randint(1, most + 1, ()))
        return {"count": count}

    def forward(self, x: Tensor, count: int) -> dict[str, Tensor]:  # type: ignore[override]
        """Losses of clips, (B, 3 * frames, H, W) in [0, 1], of which the first `count` frames are taken."""
        return super().forward(x[:, : 3 * count], grey=torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def validate(self, model: FixedScale, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR in dB over clips made of held-out pictures: `rgb` and `small`."""
        figures: dict[str, list[float]] = {"rgb": [], "small": []}
        for x in held_out_clips(pictures, self.data.frames, side, self.multiple, model.device):
            small = quantize(model.shrink(x))
            target = quantize(model.guidance(x, (small.shape[-2], small.shape[-1])))
            for name, a, b in (("rgb", quantize(model.grow(small)), x), ("small", small, target)):
                pairs = zip(a.split(3, 1), b.split(3, 1), strict=True)  # type: ignore[no-untyped-call]
                figures[name] += [min(psnr_rgb(*pair), 100.0) for pair in pairs]
        return {name: sum(values) / len(values) for name, values in figures.items() if values}
