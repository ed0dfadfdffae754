"""Pictures seen through a flow."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def warp(x: Tensor, flow: Tensor) -> Tensor:
    """What a picture has at p + flow(p), for every pixel p.

    Args:
        x: (B, C, h, w).
        flow: (B, 2, h, w) in pixels, across before down.
    """
    return sample(x, pixels(x) + flow)


def pixels(x: Tensor) -> Tensor:
    """Where the pixels of a picture (..., h, w) are: (2, h, w), across before down, counted from zero."""
    down, across = (torch.arange(n, device=x.device, dtype=torch.float32) for n in x.shape[-2:])
    return torch.stack((across.expand(down.shape[0], -1), down[:, None].expand(-1, across.shape[0])))


def sample(x: Tensor, at: Tensor) -> Tensor:
    """What a picture has at any places, interpolated bilinearly; beyond its border, what it has at the border.

    Args:
        x: (B, C, h, w).
        at: (B, 2, H, W), places in the pixels of x, across before down, counted from zero.

    Returns:
        (B, C, H, W) float32.
    """
    size = torch.tensor((x.shape[-1], x.shape[-2]), device=x.device).view(2, 1, 1)
    # Half precision could not tell places apart.
    with torch.autocast(x.device.type, enabled=False):
        grid = ((2 * at.float() + 1) / size - 1).movedim(1, -1)
        return F.grid_sample(x.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
