"""Structural similarity as a loss: SSIM, MS-SSIM, and MS-SSIM mixed with absolute differences."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from regrow.errors import UsageError
from regrow.metrics.fidelity import SSIM_WINDOW, blur

WEIGHTS = 0.0448, 0.2856, 0.3001, 0.2363, 0.1333
"""What each scale counts in MS-SSIM, from the finest (Wang, Simoncelli and Bovik 2003, section 3.2)."""
ALPHA = 0.84
"""Share of MS-SSIM in the mix (Zhao et al. 2017, section 3.4)."""
C1, C2 = 0.01**2, 0.03**2


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """1 - SSIM: a scalar from two (B, C, H, W) in [0, 1], at least 11 pixels a side.

    Gaussian window of 11x11 (sigma 1.5) over its valid region, each channel for itself (Wang et al. 2004).
    """
    scales(min(a.shape[-2:]))
    luminance, structure = _parts(a, b)
    return 1 - (luminance * structure).mean()


def ms_ssim(a: Tensor, b: Tensor) -> Tensor:
    """1 - MS-SSIM: a scalar from two (B, C, H, W) in [0, 1], at least 11 pixels a side (Wang et al. 2003, equation 7).

    Each scale is the mean of 2x2 pixels of the one before. Five of them need 176 pixels a side; smaller pictures have
    those into which the window fits, with their weights brought to the same sum. A scale whose structure is negative
    counts as 0: no power of it is defined.
    """
    count = scales(min(a.shape[-2:]))
    share = sum(WEIGHTS[:count]) / sum(WEIGHTS)  # as published, all five come to 1.0001
    value = torch.ones((), device=a.device)
    for scale, weight in enumerate(WEIGHTS[:count]):
        luminance, structure = _parts(a, b)
        last = scale == count - 1
        figure = (luminance * structure if last else structure).mean((-2, -1))
        # Not clamped at 0, where the gradient of the power is infinite.
        value = value * figure.clamp(min=1e-6) ** (weight / share)
        if not last:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return 1 - value.mean()


def ms_ssim_l1(a: Tensor, b: Tensor) -> Tensor:
    """0.84 * (1 - MS-SSIM) + 0.16 * L1: a scalar from two (B, C, H, W) in [0, 1] (Zhao et al. 2017, equation 15).

    As in the paper, absolute differences are weighted by the window of the coarsest scale that MS-SSIM has.
    """
    coarse = F.avg_pool2d((a - b).abs(), 2 ** (scales(min(a.shape[-2:])) - 1))
    return ALPHA * ms_ssim(a, b) + (1 - ALPHA) * blur(coarse).mean()


def scales(side: int) -> int:
    """How many scales of MS-SSIM pictures of a shorter side have. UsageError where not even one."""
    if side < SSIM_WINDOW:
        raise UsageError(
            f"pictures of {side} pixels a side are smaller than the window of SSIM, {SSIM_WINDOW}; use larger crops"
        )
    return max(n for n in range(1, len(WEIGHTS) + 1) if side >> (n - 1) >= SSIM_WINDOW)


def _parts(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast times structure, around each pixel: (B, C, H - 10, W - 10) each.

    Written with the moments of a - b, which are small where the pictures are alike, and around grey: float32 keeps its
    digits so.
    """
    a, b = a - 0.5, b - 0.5
    ma, mb, apart, squares, apart_squares = blur(torch.stack((a, b, a - b, a * a + b * b, (a - b).square())))
    variances = squares - ma.square() - mb.square()
    luminance = 1 - apart.square() / ((ma + 0.5).square() + (mb + 0.5).square() + C1)
    structure = 1 - (apart_squares - apart.square()) / (variances + C2)
    return luminance, structure
