"""A codec that gradients pass: color transform, subsampled chroma, blocks of cosines, steps, and a rounding.

What JPEG does, but for its entropy code, exactly; for WebP and AVIF, which predict blocks before they transform them, a
likeness whose steps make the same mean squared error as the real codec at each quality (`STEPS`).
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 8
TO_YCC = (0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)
"""ITU-T T.871, section 7: full range, chroma around 0."""
STEPS: dict[str, dict[int, tuple[float, float]]] = {
    "webp": {
        1: (98.1, 76.2),
        10: (57.5, 56.7),
        20: (44.0, 44.7),
        30: (34.7, 36.7),
        40: (29.3, 30.6),
        50: (25.5, 26.9),
        60: (22.1, 23.1),
        70: (19.2, 20.6),
        80: (14.1, 15.3),
        90: (7.7, 8.9),
        96: (4.6, 5.1),
    },
    "avif": {
        12: (131.8, 60.8),
        20: (105.3, 51.4),
        30: (78.4, 42.8),
        40: (55.9, 34.2),
        50: (35.2, 26.6),
        60: (22.7, 19.8),
        70: (13.7, 14.5),
        80: (9.4, 10.1),
        90: (5.1, 9.5),
    },
}
"""Steps of luma and of chroma, in levels of 255, with which the proxy errs as much as a codec does, by its quality.

Fitted to seven training pictures of half the size; 4:2:0, but for AVIF from quality 90 on.
"""


def flat_steps(codec: str, quality: float) -> tuple[Tensor, Tensor]:
    """The (8, 8) steps of luma and chroma of the likeness of a codec in `STEPS`, between the qualities there."""
    known = sorted(STEPS[codec])
    logs = np.log([STEPS[codec][q] for q in known])
    luma, chroma = (math.exp(np.interp(quality, known, logs[:, i])) for i in (0, 1))
    return torch.full((SIDE, SIDE), luma), torch.full((SIDE, SIDE), chroma)


def dct_kernels() -> Tensor:
    """The orthonormal cosines of 8x8 blocks: (64, 1, 8, 8), row frequency first (ITU-T T.81, A.3.3)."""
    n = torch.arange(SIDE, dtype=torch.float64)
    basis = torch.cos((2 * n + 1) * n[:, None] * math.pi / (2 * SIDE)) * math.sqrt(2 / SIDE)
    basis[0] /= math.sqrt(2)
    return torch.einsum("uy,vx->uvyx", basis, basis).reshape(SIDE**2, 1, SIDE, SIDE).float()


def surviving(c: Tensor) -> Tensor:
    """Round to whole numbers; gradients pass those that do not become zero, and no others."""
    rounded = c.round()
    kept = c * (rounded != 0)
    return kept + (rounded - kept).detach()


class CodecProxy(nn.Module):
    """Pictures through a likeness of a codec, and what they would cost.

    Bits are weight * the sum of log2(1 + |c|) over coefficients c, in steps, that survive; the weight is for the caller
    to fit to real files (`fitted_weight`). Those that do not survive cost next to nothing, and no gradient of the
    picture would hold them against one of their cost.
    """

    kernels: Tensor
    to_ycc: Tensor
    to_rgb: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernels", dct_kernels(), persistent=False)
        self.register_buffer("to_ycc", torch.tensor(TO_YCC)[..., None, None], persistent=False)
        self.register_buffer("to_rgb", torch.linalg.inv(torch.tensor(TO_YCC))[..., None, None], persistent=False)

    def forward(self, x: Tensor, luma: Tensor, chroma: Tensor, *, subsampled: bool = True) -> tuple[Tensor, Tensor]:
        """What a file would hold, and how much that is.

        Args:
            x: (B, 3, H, W) in [0, 1].
            luma, chroma: steps in levels, (8, 8) or (B, 8, 8): `flat_steps`, or those of `regrow.io.jpeg_tables`.
            subsampled: 4:2:0, else 4:4:4.

        Returns:
            (B, 3, H, W), neither clamped nor rounded, and (B,) sums of log2(1 + |c|) over what survives.
        """
        height, width = x.shape[-2:]
        cell = 2 * SIDE if subsampled else SIDE
        x = F.pad(x, (0, -width % cell, 0, -height % cell), mode="replicate")
        ycc = F.conv2d(x * 255, self.to_ycc)
        y, c = ycc[:, :1] - 128, ycc[:, 1:]
        if subsampled:
            c = F.avg_pool2d(c, 2)
        y, cost = self._coded(y, luma)
        c, more = self._coded(c, chroma)
        if subsampled:  # the triangle that libjpeg and libwebp call fancy
            c = F.interpolate(c, scale_factor=2, mode="bilinear", align_corners=False)
        rgb = F.conv2d(torch.cat([y + 128, c], 1), self.to_rgb) / 255
        return rgb[..., :height, :width], cost + more

    def _coded(self, planes: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        b, n, h, w = planes.shape
        steps = steps.reshape(-1, 1, SIDE**2, 1, 1).expand(b, n, -1, -1, -1).reshape(b * n, -1, 1, 1)
        found = F.conv2d(planes.reshape(b * n, 1, h, w), self.kernels, stride=SIDE) / steps
        cost = (torch.log2(1 + found.abs()) * (found.round() != 0)).view(b, -1).sum(1)
        back = F.conv_transpose2d(surviving(found) * steps, self.kernels, stride=SIDE)
        return back.view(b, n, h, w), cost


def fitted_weight(cost: Tensor, size: Tensor) -> Tensor:
    """The weight that makes bits of a proxy's costs (B,), by least squares to real sizes in bytes (B,); no gradient."""
    cost, bits = cost.detach(), 8 * size
    return (cost * bits).sum() / cost.square().sum()
