"""What every net is that restores one frame of a clip from several: the contract with whatever runs or trains it."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from regrow.nets.upscale.base import Restorer


class VideoRestorer(Restorer):
    """A restorer that enlarges the middle one of a few small frames, with what the others show of it, found by flows.

    Frames are RGB in [0, 1] and lie one after another among the channels; results are neither clamped nor rounded.
    """

    frames: int
    """How many it looks at: an odd number, the one in the middle and as many before as after it."""
    tile = None
    reinitialized: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def forward(self, y: Tensor, flow: Tensor | None = None) -> Tensor:
        """Restore the frame in the middle.

        Args:
            y: (B, frames * 3, h, w).
            flow: (B, frames - 1, 2, scale * h, scale * w), what to use in place of the last of `flows(y)`.

        Returns:
            (B, 3, scale * h, scale * w).
        """

    @abstractmethod
    def flows(self, y: Tensor) -> tuple[Tensor, ...]:
        """Where the other frames show what the middle one shows, from coarse to fine.

        Each is (B, frames - 1, 2, height, width) in its own pixels, across before down: what the middle frame has at p,
        another has at p + flow(p). The last has the size of the result.
        """


def middle_and_others(y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, frames * 3, h, w) -> the middle frame (B, 3, h, w) and the others (B, frames - 1, 3, h, w)."""
    frames = y.reshape(len(y), -1, 3, *y.shape[-2:])
    middle = frames.shape[1] // 2
    return frames[:, middle], torch.cat((frames[:, :middle], frames[:, middle + 1 :]), 1)
