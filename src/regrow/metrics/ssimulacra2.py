"""SSIMULACRA2 (Sneyers, 2023): how much what a codec has lost is seen, by the package of that name."""

from __future__ import annotations

import io

import numpy as np
import pyvips
from torch import Tensor

from regrow.errors import RegrowError, UsageError


def ssimulacra2(a: Tensor, b: Tensor) -> float:
    """How good a coded picture looks beside the original.

    Args:
        a: (3, H, W) in [0, 1], 8-bit rounded: the coded picture.
        b: the same shape: the original. Which is which matters.

    Returns:
        At most 100, for the same picture: 90 is visually lossless, 70 high quality, 50 medium, 30 low; below 0 for the
        worst.

    Raises:
        UsageError: the shapes differ. RegrowError: the package is not installed.
    """
    try:
        from ssimulacra2 import compute_ssimulacra2
    except ImportError:
        raise RegrowError("SSIMULACRA2 needs ssimulacra2; install it with: pip install 'regrow[rate]'") from None
    if a.shape != b.shape or a.ndim != 3:
        raise UsageError(f"cannot compare pictures of shapes {tuple(a.shape)} and {tuple(b.shape)}: two of (3, H, W)")
    return float(compute_ssimulacra2(_file(b), _file(a)))


def _file(x: Tensor) -> io.BytesIO:
    """A picture as the file that the package takes."""
    pixels = (x * 255).round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="srgb")
    return io.BytesIO(image.pngsave_buffer(compression=0))
