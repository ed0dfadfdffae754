"""The base class of nets that restore one frame of a clip from several."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from regrow.nets.upscale.base import Restorer


class VideoRestorer(Restorer):
    """A restorer that enlarges the middle one of a few small frames, and uses the others through optical flow.

    Frames are RGB in [0, 1], concatenated along the channels; results are neither clamped nor rounded.
    """

    scale: int
    frames: int
    """Number of frames in the window: odd, with as many before the middle one as after it."""
    tile = None
    reinitialized: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def forward(self, y: Tensor, flow: Tensor | None = None) -> Tensor:
        """Restore the frame in the middle.

        Args:
            y: (B, frames * 3, h, w).
            flow: (B, frames - 1, 2, scale * h, scale * w), used in place of the last of `flows(y)`.

        Returns:
            (B, 3, scale * h, scale * w).
        """

    @abstractmethod
    def flows(self, y: Tensor) -> tuple[Tensor, ...]:
        """Optical flow from the middle frame to the other frames, from coarse to fine.

        Each is (B, frames - 1, 2, height, width) in its own pixels, across before down: the content of the middle frame
        at p is at p + flow(p) in another. The last has the size of the result.
        """


def middle_and_others(y: Tensor) -> tuple[Tensor, Tensor]:
    """(B, frames * 3, h, w) -> the middle frame (B, 3, h, w) and the others (B, frames - 1, 3, h, w)."""
    frames = y.reshape(y.shape[0], -1, 3, *y.shape[-2:])
    middle = frames.shape[1] // 2
    return frames[:, middle], torch.cat((frames[:, :middle], frames[:, middle + 1 :]), 1)
