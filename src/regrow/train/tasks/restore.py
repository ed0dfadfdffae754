"""Training a restorer to enlarge or enhance small pictures: shrink, round, restore, compare."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.adversarial.srgan import Discriminator
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.base import FixedScale
from regrow.nets.upscale.base import Restorer
from regrow.train.adversarial import adversarial
from regrow.train.content import ContentLoss
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres


def rescaler_for(name: str, scale: int) -> FixedScale:
    """The frozen rescaler that makes thumbnails. UsageError where it makes no RGB pictures so many times smaller."""
    rescaler = zoo.load(name)
    if not isinstance(rescaler, FixedScale) or rescaler.scales != (scale, scale):
        raise UsageError(f"thumbnails {name}: makes no pictures {scale} times smaller")
    if (rescaler.colors, rescaler.small_colors) != (3, 3):
        raise UsageError(f"thumbnails {name}: makes no colour pictures of colour pictures")
    return rescaler


class RestoreTask(Task):
    """task(x, restore(quantize(shrink(x)))) + weights * (content, adversarial), shrunk bicubic or by a frozen rescaler.

    A net that keeps the size is trained on what a frozen one has enlarged. One that holds several `scales` is trained
    at one of them in each batch, drawn evenly (MDSR, Lim et al. 2017, section 3.3).

    Args:
        model: what is trained.
        loss: its task distance, content loss and adversarial loss; the rest is not used.
        data: what makes the small pictures, and what enlarges them first.
        discriminator: what the adversarial loss is against.

    UsageError where the rescaler named by `data.thumbnails` makes no RGB pictures so much smaller, or `data.enlarged`
    is not there for a net that enhances, or is for one that enlarges.
    """

    def __init__(self, model: Restorer, loss: Loss, data: Data, discriminator: Discriminator | None = None) -> None:
        super().__init__(loss)
        self.model, self.loss, self.discriminator = model, loss, discriminator
        if bool(data.enlarged) != (model.scale == 1):
            raise UsageError("enlarged names what enlarges small pictures for a net that enhances, and for no other")
        self.before = zoo.load(data.enlarged) if data.enlarged else None
        if self.before is not None and not (
            isinstance(self.before, Restorer) and self.before.frames == 1 and self.before.scale % 1 == 0
        ):
            raise UsageError(f"enlarged {data.enlarged}: is no net that enlarges ordinary pictures")
        self.scale = int(self.before.scale if self.before is not None else model.scale)
        self.rescaler = rescaler_for(data.thumbnails, self.scale) if data.thumbnails else None
        # Made here, for making them cannot be compiled; a plain dict, for their weights are the model's.
        self.nets = {int(scale): model.at(scale) for scale in model.scales}
        if self.rescaler is not None and len(self.nets) > 1:
            raise UsageError(f"thumbnails {data.thumbnails}: have one scale, but the net is trained at {[*self.nets]}")
        self.multiple = math.lcm(self.scale, *self.nets, *(self.rescaler.multiples if self.rescaler else ()))
        self.content = ContentLoss(loss.vgg) if loss.content else None

    def draw(self, x: Tensor) -> dict[str, Any]:
        """The scale of a batch, where there are several."""
        return {"scale": [*self.nets][int(torch.randint(len(self.nets), ()))]} if len(self.nets) > 1 else {}

    @torch.no_grad()
    def given(self, x: Tensor, scale: int = 0) -> Tensor:
        """(B, 3, H, W) -> what the model is given, 8-bit pictures: small, or small and enlarged again.

        Small is `scale` times smaller; 0 is the scale of the model.
        """
        scale = scale or self.scale
        if self.rescaler is not None:
            small = quantize(self.rescaler.shrink(x))
        else:
            small = quantize(bicubic(x, (x.shape[-2] // scale, x.shape[-1] // scale)))
        return small if self.before is None else quantize(self.before(small))

    def forward(self, x: Tensor, scale: int = 0) -> dict[str, Tensor]:
        """Losses of (B, 3, H, W) pictures in [0, 1], enlarged by `scale`; 0 is the scale of the model."""
        net = self.nets[scale] if scale else self.model
        restored = net(self.given(x, scale))
        total = task = self.distance(restored, x)
        parts: dict[str, Tensor] = {}
        opposed: dict[str, Tensor] = {}
        if self.content is not None:
            parts["content"] = self.content(restored, x)
            total = total + self.loss.content * parts["content"]
        if self.discriminator is not None:
            found = adversarial(self.discriminator, x, restored, self.loss.relativistic)
            parts["adversarial"], opposed["discriminator"] = found
            total = total + self.loss.adversarial * found.generator
        if parts:
            parts = {"task": task, **parts}
        return {"loss": total, **{name: part.detach() for name, part in parts.items()}, **opposed}

    @torch.no_grad()
    def validate(self, model: Restorer, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR `rgb` in dB over held-out pictures; `rgb_x2` and so on where there are several scales."""
        scales = {f"rgb_x{scale}": scale for scale in self.nets} if len(self.nets) > 1 else {"rgb": 0}
        figures: dict[str, list[float]] = {}
        for x in centres(pictures, side, (self.multiple, self.multiple), model.device):
            for name, scale in scales.items():
                net = model.at(scale) if scale else model
                figures.setdefault(name, []).append(psnr_rgb(quantize(net(self.given(x, scale))), x))
        return {name: sum(values) / len(values) for name, values in figures.items()}
