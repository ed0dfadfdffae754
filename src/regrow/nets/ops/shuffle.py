"""Pixels into channels, and back, with a factor for each side."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def space_to_depth(x: Tensor, down: int, across: int) -> Tensor:
    """(B, C, down * h, across * w) -> (B, C * down * across, h, w); `pixel_unshuffle` with a factor for each side."""
    if down == across:
        return F.pixel_unshuffle(x, down)
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // down, down, w // across, across).permute(0, 1, 3, 5, 2, 4)
    return x.reshape(b, c * down * across, h // down, w // across)


def depth_to_space(x: Tensor, down: int, across: int) -> Tensor:
    """(B, C * down * across, h, w) -> (B, C, down * h, across * w); `pixel_shuffle` with a factor for each side."""
    if down == across:
        return F.pixel_shuffle(x, down)
    b, c, h, w = x.shape
    x = x.reshape(b, c // (down * across), down, across, h, w).permute(0, 1, 4, 2, 5, 3)
    return x.reshape(b, -1, h * down, w * across)
