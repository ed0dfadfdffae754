"""Training a rescaler: shrink, round, grow, compare."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regrow.errors import UsageError
from regrow.measure.metrics import psnr_rgb, psnr_small
from regrow.nets.layers import quantize
from regrow.nets.rescale.base import Rescaler
from regrow.resample import bicubic
from regrow.train.losses import DISTANCES
from regrow.train.recipe import Loss


class RescaleLoss(nn.Module):
    """The loss of task-aware downscaling as a module, so that one call runs (and compiles) the whole way.

    task(x, grow(quantize(shrink(x)))) + weight * guidance(shrink(x), bicubic(x)): Kim et al. 2018, equations 3 to 5.

    Args:
        model: a rescaler.
        settings: distances and the weight lambda.
        grey: share of the batch that is made grey; their small pictures are averaged to grey as well.
    """

    def __init__(self, model: Rescaler, settings: Loss, grey: float = 0.0) -> None:
        super().__init__()
        for distance in (settings.task, settings.guidance):
            if distance not in DISTANCES:
                raise UsageError(f"loss {distance!r} is not known; known are {', '.join(DISTANCES)}")
        self.model, self.grey = model, grey
        self.task, self.guidance = DISTANCES[settings.task], DISTANCES[settings.guidance]
        self.weight = settings.guidance_weight

    def forward(self, x: Tensor, draw: Tensor) -> dict[str, Tensor]:
        """Losses of (B, 3, H, W) pictures in [0, 1]; `draw` (B, 1, 1, 1) in [0, 1) decides which become grey."""
        is_grey = draw < self.grey
        x = torch.where(is_grey, luma(x), x)
        small = self.model.shrink(x)
        small = torch.where(is_grey, small.mean(1, keepdim=True), small)
        target = bicubic(x, (small.shape[-2], small.shape[-1]))
        grown = self.model.grow(quantize(small))
        task, guidance = self.task(grown, x), self.guidance(small, target)
        return {"loss": task + self.weight * guidance, "task": task.detach(), "guidance": guidance.detach()}


def luma(x: Tensor) -> Tensor:
    """(B, 3, H, W) RGB -> (B, 1, H, W), full-range BT.601 luma, as greyscale files hold it."""
    red, green, blue = x.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)


@torch.no_grad()
def validate(model: Rescaler, pictures: list[Tensor], side: int) -> dict[str, float]:
    """Mean PSNR in dB over the centres of held-out pictures, all rounded to 8 bits: `rgb` and `small`.

    Args:
        model: a rescaler.
        pictures: (H, W, 3) uint8 each.
        side: of the centre that is measured, in pixels, cut to a multiple of the scale.
    """
    device = next(model.parameters()).device
    figures: dict[str, list[float]] = {"rgb": [], "small": []}
    for picture in pictures:
        h, w = (min(side, n) // model.scale * model.scale for n in picture.shape[:2])
        top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
        x = picture[top : top + h, left : left + w].permute(2, 0, 1)[None].to(device) / 255
        small = quantize(model.shrink(x))
        figures["rgb"].append(psnr_rgb(quantize(model.grow(small)), x))
        figures["small"].append(psnr_small(small, x, model.scale))
    # An untrained model's small picture is the bicubic one: infinitely like it, which no plot can show.
    return {name: sum(min(v, 100.0) for v in values) / len(values) for name, values in figures.items() if values}
