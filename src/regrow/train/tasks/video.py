"""Training nets that restore one frame from several, and rescalers for such nets: three ways to couple the two.

Schaefer 2019 couples a rescaler A with a net B that restores video, that of Wang et al. 2018: A is trained through a
frozen B (`ThroughVideoTask`); B is trained on the small frames of a frozen A (`data.thumbnails`), with flows of its own
or with given ones (`data.flow`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.base import FixedScale
from regrow.nets.video.base import VideoRestorer, middle_and_others
from regrow.nets.video.warp import warp
from regrow.train.clips import held_out_clips
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task
from regrow.train.tasks.rescale import guidance_of
from regrow.train.tasks.restore import rescaler_for

LEVELS = 0.125, 0.25, 1.0
"""What the flows of each level count, coarse to fine: lambda_1 and lambda_2 of Wang et al. 2018, and 1."""
SMOOTHNESS = 0.01
"""What the total variation of a flow, in its own pixels, counts beside the error of what it warps: lambda_3."""


class VideoRestoreTask(Task):
    """task(middle frame, restore(small frames)) + weight * warping, where shrinking is bicubic or a frozen rescaler's.

    Small frames are rounded to 8 bits. With `data.flow` the flows of another net, found in the bicubic small frames,
    take the place of the model's, which are not trained then. Whoever has only small frames of another kind cannot know
    these flows: they show what better ones would be worth.

    Args:
        model: what is trained.
        loss: its task distance and the weight of the warping loss; the rest is not used.
        data: what makes the small frames, what finds the flows, and how many frames a clip has.

    UsageError where the clips or the nets that are named do not fit the model.
    """

    def __init__(self, model: VideoRestorer, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss, self.data = model, loss, data
        _check_clips(model, data)
        self.rescaler = rescaler_for(data.thumbnails, model.scale) if data.thumbnails else None
        if self.rescaler is not None and self.rescaler.frames > 1:
            raise UsageError(f"thumbnails {data.thumbnails}: shrinks frames in groups, not each for itself")
        self.guide = _frozen("flow", data.flow) if data.flow else None
        if self.guide is not None and (self.guide.scale, self.guide.frames) != (model.scale, model.frames):
            raise UsageError(
                f"flow {data.flow}: finds flows in {self.guide.frames} frames to enlarge by {self.guide.scale}, "
                f"where the model takes {model.frames} and {model.scale}"
            )
        self.multiple = math.lcm(model.scale * model.grid, *(self.rescaler.multiples if self.rescaler else ()))

    @torch.no_grad()
    def given(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, frames * 3, H, W) -> what the model is given: small frames of 8 bits, and a flow or none."""
        size = x.shape[-2] // self.model.scale, x.shape[-1] // self.model.scale
        ordinary = quantize(bicubic(x, size))
        flow = None if self.guide is None else self.guide.flows(ordinary)[-1]
        if self.rescaler is None:
            return ordinary, flow
        return quantize(self.rescaler.shrink(x.reshape(-1, 3, *x.shape[-2:])).reshape(len(x), -1, *size)), flow

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Losses of clips, (B, 3 * frames, H, W) in [0, 1]."""
        small, flow = self.given(x)
        middle, _ = middle_and_others(x)
        if flow is not None:
            return {"loss": self.distance(self.model(small, flow), middle)}
        flows = self.model.flows(small)
        task = self.distance(self.model(small, flows[-1]), middle)
        warping = warping_loss(flows, small, x)
        return {"loss": task + self.loss.warping * warping, "task": task.detach(), "warping": warping.detach()}

    @torch.no_grad()
    def validate(self, model: VideoRestorer, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR `rgb` in dB of the middle frames of clips made of held-out pictures."""
        values = []
        for x in held_out_clips(pictures, model.frames, side, self.multiple, model.device):
            values.append(psnr_rgb(quantize(model(*self.given(x))), middle_and_others(x)[0]))
        return {"rgb": sum(values) / len(values)} if values else {}


class ThroughVideoTask(Task):
    """task(middle frame, restore(quantize(shrink(frames)))) + weight * guidance, through a frozen net that restores.

    Only what shrinks is trained: a model's other half, which grows, is not used and stays as it is.

    Args:
        model: a rescaler, which shrinks each frame for itself.
        loss: distances, the weight of the guidance and its radius, and the net that restores, `through`.
        data: how many frames a clip has.

    UsageError where the rescaler, the net that restores and the clips do not fit each other.
    """

    def __init__(self, model: FixedScale, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss = model, loss
        self.restorer = restorer = _frozen("through", loss.through)
        _check_clips(restorer, data)
        if model.frames > 1:
            raise UsageError(f"through {loss.through}: takes frames that are shrunk each for itself, not in groups")
        if model.scales != (restorer.scale,) * 2 or (model.colors, model.small_colors) != (3, 3):
            raise UsageError(f"through {loss.through}: takes colour frames {restorer.scale} times smaller a side")
        self.multiple = math.lcm(restorer.scale * restorer.grid, *model.multiples)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Losses of clips, (B, 3 * frames, H, W) in [0, 1]."""
        small, target = self._small(self.model, x)
        restored = self.restorer(quantize(small).reshape(len(x), -1, *small.shape[-2:]))
        task = self.distance(restored, middle_and_others(x)[0])
        guidance = guidance_of(small, target, self.loss)
        total = task + self.loss.guidance_weight * guidance
        return {"loss": total, "task": task.detach(), "guidance": guidance.detach()}

    @torch.no_grad()
    def validate(self, model: FixedScale, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR in dB over clips made of held-out pictures: `rgb` of middle frames, `small` of small ones."""
        figures: dict[str, list[float]] = {"rgb": [], "small": []}
        for x in held_out_clips(pictures, self.restorer.frames, side, self.multiple, model.device):
            small, target = (quantize(frames) for frames in self._small(model, x))
            restored = self.restorer(small.reshape(1, -1, *small.shape[-2:]))
            figures["rgb"].append(psnr_rgb(quantize(restored), middle_and_others(x)[0]))
            pairs = zip(small.split(1), target.split(1), strict=True)  # type: ignore[no-untyped-call]
            figures["small"] += [min(psnr_rgb(*pair), 100.0) for pair in pairs]
        return {name: sum(values) / len(values) for name, values in figures.items() if values}

    @staticmethod
    def _small(model: FixedScale, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3 * frames, H, W) -> small frames and what they are to look like, (B * frames, 3, h, w) each."""
        frames = x.reshape(-1, 3, *x.shape[-2:])
        small = model.shrink(frames)
        return small, model.guidance(frames, (small.shape[-2], small.shape[-1]))


def warping_loss(flows: Sequence[Tensor], small: Tensor, x: Tensor) -> Tensor:
    """How unlike the middle frame the others are once they are warped to it: L_OFR of Wang et al. 2018.

    The mean over the other frames of the sum over levels of weight * (|warp(frame, flow) - middle| + smoothness *
    |gradient of the flow|), each a mean over pixels and channels. The last level compares frames of full size, the
    others small ones, averaged down to their size.

    Args:
        flows: of three levels, (B, frames - 1, 2, height, width) each.
        small: (B, frames * 3, h, w), in which they were found.
        x: (B, frames * 3, H, W), the full size.
    """
    total = x.new_zeros(())
    for weight, flow, frames in zip(LEVELS, flows, (small, small, x), strict=True):
        middle, others = middle_and_others(F.avg_pool2d(frames, round(frames.shape[-1] / flow.shape[-1])))
        warped = warp(others.flatten(0, 1), flow.flatten(0, 1)).reshape(others.shape)
        rough = flow.diff(dim=-1).abs().mean() + flow.diff(dim=-2).abs().mean()
        total = total + weight * ((warped - middle[:, None]).abs().mean() + SMOOTHNESS * rough)
    return total


def _frozen(setting: str, name: str) -> VideoRestorer:
    model = zoo.load(name)
    if not isinstance(model, VideoRestorer):
        raise UsageError(f"{setting} {name}: is no net that restores a frame from several")
    return model


def _check_clips(model: VideoRestorer, data: Data) -> None:
    if data.frames != model.frames:
        raise UsageError(f"frames is {data.frames}, but the net that restores looks at {model.frames}")
