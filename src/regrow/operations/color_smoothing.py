"""Colours that do not flicker: what neighbouring frames were given has its say where they look alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regrow.operations.colorize import Colors

if TYPE_CHECKING:
    from torch import Tensor

REACH = 4
"""Frames before and after that are looked at."""
ALIKE = 0.04
"""Difference of luma, in [0, 1], beyond which a place shows something else."""


def steady(window: Sequence[tuple[Tensor, Tensor]]) -> Colors:
    """The colours of the frame in the middle.

    A and b of every frame count by exp(-(d / ALIKE)^2 / 2), where d is how much its luma differs, on average over 3x3
    pixels of the small copy that colorizers look at.

    Args:
        window: luma, (1, 1, h, w), with a and b, (1, 2, h, w), of an odd number of frames.
    """
    import torch
    import torch.nn.functional as F

    with torch.inference_mode():
        grey, _ = window[len(window) // 2]
        luma, ab = (torch.cat([pair[i] for pair in window]) for i in (0, 1))
        apart = F.avg_pool2d((luma - grey).abs(), 3, 1, 1, count_include_pad=False)
        weight = (-0.5 * (apart / ALIKE).square()).exp()
        return Colors.fit(grey, (weight * ab).sum(0, keepdim=True) / weight.sum(0, keepdim=True))
