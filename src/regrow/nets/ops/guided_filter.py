"""The guided filter (He, Sun and Tang, ECCV 2010): one picture as straight lines of another."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def lines(guide: Tensor, x: Tensor, radius: int, epsilon: float) -> tuple[Tensor, Tensor]:
    """Slope and offset, near each pixel, of the line that gives x from the guide.

    Args:
        guide: (B, 1, H, W).
        x: (B, C, H, W).
        radius: lines are fitted in windows of 2 radius + 1 pixels a side, cut at the borders, and averaged.
        epsilon: variance of the guide below which x does not follow it.

    Returns:
        Two of (B, C, H, W): slope * guide + offset is x, smooth but for the edges of the guide.
    """

    def box(y: Tensor) -> Tensor:
        return F.avg_pool2d(y, 2 * radius + 1, 1, radius, count_include_pad=False)

    mean_guide, mean_x = box(guide), box(x)
    slope = (box(guide * x) - mean_guide * mean_x) / (box(guide * guide) - mean_guide**2 + epsilon)
    return box(slope), box(mean_x - slope * mean_guide)
