"""The net of the deep video prior: what was done to the frames of a clip, as one map of frames."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.prior.unet import UNet, UNetConfig
from regrow.nets.upscale.base import Restorer, in_range


@dataclass(frozen=True, kw_only=True)
class FrameUNetConfig:
    """Settings."""

    modes: int = 2
    """Results for each frame: 2 while what was done to the frames may be either of two things, else 1."""
    levels: int = 3
    channels: int = 16
    """As those of the U-Net, which works at half the size."""

    def __post_init__(self) -> None:
        in_range(1, 2, modes=self.modes)
        in_range(1, 6, levels=self.levels)
        in_range(1, 256, channels=self.channels)


class FrameUNet(Restorer):
    """A U-Net at half the size whose result is added to the frame, and which before it is fitted changes nothing.

    Four pixels are channels of one there, going in and coming out: a quarter of the time, and no detail lost. It has no
    normalisation, so that what a place becomes depends on its surroundings alone and not on what else a frame shows.
    Source: Lei, Xing and Chen, "Blind video temporal consistency via deep video prior", NeurIPS 2020, whose U-Net is of
    full size and makes the frame itself.
    """

    architecture = "frame-unet"
    Config = FrameUNetConfig
    scale = 1

    def __init__(self, config: FrameUNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or FrameUNetConfig()
        self.body = UNet(
            UNetConfig(
                inputs=4 * 3, outputs=4 * 3 * config.modes, levels=config.levels, channels=config.channels,
                padding="zeros", normalized=False,
            )
        )  # fmt: skip
        nn.init.zeros_(self.body.tail.weight)
        nn.init.zeros_(self.body.tail.bias)  # type: ignore[arg-type]
        self.grid = 2 * self.body.multiple
        # It looks less than 8.5 grids away, more so the more levels it has (a test measures it).
        self.halo = 9 * self.grid

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, H, W) frames as they were -> (B, 3, H, W), as they are to be."""
        return self.both(y)[:, 0]

    def both(self, y: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, modes, 3, H, W): the main result, and the other one."""
        height, width = y.shape[-2:]
        padded = F.pad(y, (0, -width % self.grid, 0, -height % self.grid), mode="replicate")
        change = F.pixel_shuffle(2 * self.body(F.pixel_unshuffle(padded, 2)) - 1, 2)
        return y[:, None] + change[..., :height, :width].reshape(len(y), -1, 3, height, width)


def reweighted(found: Tensor, target: Tensor, least: float) -> Tensor:
    """The loss of iteratively reweighted training: each place teaches only the result that it is nearer to.

    ::

        mean of d(main, target) where d(main, target) <= max(d(other, target), least), of d(other, target) elsewhere

    with d the mean absolute difference over colours. With one result it is the mean of its d.

    Args:
        found: (B, modes, 3, H, W).
        target: (B, 3, H, W).
        least: difference up to which a place always teaches the main result.

    Source: Lei et al. 2020, equations 4 and 5; d has no part of a perceptual net here.
    """
    apart = (found - target[:, None]).abs().mean(2)
    if apart.shape[1] == 1:
        return apart.mean()
    main, other = apart.unbind(1)
    return torch.where(main.detach() <= other.detach().clamp(min=least), main, other).mean()
