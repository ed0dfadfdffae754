"""Colours as numbers."""

from __future__ import annotations

from torch import Tensor


def luma(x: Tensor) -> Tensor:
    """(..., 3, H, W) RGB -> (..., 1, H, W), full-range BT.601 luma, as JPEG and greyscale files hold it.

    The limited-range luma that super-resolution tables measure is `regrow.measure.metrics.luma`.
    """
    red, green, blue = x.unbind(-3)
    return (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)
