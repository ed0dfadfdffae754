"""Antialiased bicubic resampling, the one every figure of the field is measured against."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, gcd

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regrow.cubic import REACH, keys
from regrow.nets.ops.shuffle import depth_to_space
from regrow.sides import mirrored

Ratio = int | Fraction


def bicubic(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resample a picture with the antialiased cubic kernel (a = -0.5) and mirrored borders, as MATLAB's `imresize`.

    Args:
        x: (..., H, W) float; at least one leading axis, any range.
        size: (height, width) of the result, each at least 1. The two factors need not be equal.

    Returns:
        (..., height, width), same dtype. Overshoots of the kernel are kept: clamp before storing.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing"; the kernel is widened by the
    factor when shrinking.

    Examples:
        >>> import torch
        >>> from regrow.nets.ops.resample import bicubic
        >>> bicubic(torch.rand(1, 3, 48, 64), (24, 32)).shape
        torch.Size([1, 3, 24, 32])
    """
    lead, (h, w) = x.shape[:-2], x.shape[-2:]
    if (h, w) == size:
        return x
    x = x.reshape(-1, 1, h, w) if x.ndim != 4 else x
    (pad_h, out_h), (pad_w, out_w) = _padding(h, size[0]), _padding(w, size[1])
    x = _bordered(x, pad_h, pad_w)
    full = size[0] + 2 * out_h, size[1] + 2 * out_w
    x = F.interpolate(x, size=full, mode="bicubic", antialias=True)  # antialias=True is what selects a = -0.5
    return x[..., out_h : out_h + size[0], out_w : out_w + size[1]].reshape(*lead, *size)


def bicubic_by(x: Tensor, down: Ratio, across: Ratio | None = None) -> Tensor:
    """`bicubic` by a factor for each side; what nets use, whose scale is their own.

    A net that is being exported says it as convolutions of fixed kernels, for a kernel whose shape depends on the
    picture's cannot be exported. Either way, values agree to 1e-6.

    Args:
        x: (B, C, H, W) float.
        down, across: factors of height and width, `across` the same as `down` when None; sides times them are whole.

    Returns:
        (B, C, down * H, across * W).

    Examples:
        >>> import torch
        >>> from fractions import Fraction
        >>> from regrow.nets.ops.resample import bicubic_by
        >>> bicubic_by(torch.rand(1, 3, 48, 64), Fraction(1, 2)).shape
        torch.Size([1, 3, 24, 32])
    """
    factors = [Fraction(down), Fraction(down if across is None else across)]
    if torch.compiler.is_exporting():
        return _bicubic_by_convolution(x, *factors)
    height, width = (n * by.numerator // by.denominator for n, by in zip(x.shape[-2:], factors, strict=True))
    return bicubic(x, (height, width))


def _bicubic_by_convolution(x: Tensor, down: Fraction, across: Fraction) -> Tensor:
    # Channels as pictures of one channel each, and one side after the other.
    batch, channels = x.shape[:2]
    x = x.flatten(0, 1).unsqueeze(1)
    for axis, by in ((-2, down), (-1, across)):
        if by == 1:
            continue
        kernels, border = _phases(by)
        border_of = (border, 0) if axis == -2 else (0, border)
        shape, stride = ((-1, 1), (by.denominator, 1)) if axis == -2 else ((1, -1), (1, by.denominator))
        kernels = kernels.to(x).view(len(kernels), 1, *shape)
        x = F.conv2d(_bordered(x, *border_of), kernels, stride=stride)
        x = depth_to_space(x, *((by.numerator, 1) if axis == -2 else (1, by.numerator)))
    return x.reshape(batch, channels, x.shape[-2], x.shape[-1])


def _phases(by: Fraction) -> tuple[Tensor, int]:
    """Kernels (p, taps) of the p results that lie in as many samples as repeat their places, and the border to add."""
    wide = max(1.0, float(1 / by))
    centre = (np.arange(by.numerator) + 0.5) / float(by) - 0.5
    border = ceil(REACH * wide - centre[0]) - 1
    at = np.arange(-border, by.denominator + border)
    weights = keys((at - centre[:, None]) / wide)
    return torch.from_numpy(weights / weights.sum(1, keepdims=True)), border


def bicubic_phases(x: Tensor, scale: int) -> Tensor:
    """`bicubic` enlargement by a whole scale as one convolution: what `torch.nn.functional.pixel_shuffle` makes it of.

    Args:
        x: (B, C, h, w) float.
        scale: at least 2.

    Returns:
        (B, C * scale**2, h, w).
    """
    # How each pixel of 5x5 counts for those that lie in the middle one.
    impulses = torch.eye(25, device=x.device).view(25, 1, 5, 5)
    kernels = bicubic(impulses, (5 * scale, 5 * scale))[:, 0, 2 * scale : 3 * scale, 2 * scale : 3 * scale]
    kernels = kernels.permute(1, 2, 0).reshape(-1, 1, 5, 5)
    # Each channel for itself, yet in one group: groups are slow, and so is any other order in memory.
    channels = torch.eye(x.shape[1], device=x.device)[:, None, :, None, None]
    kernels = (channels * kernels).flatten(0, 1).to(x.dtype)
    return F.conv2d(_bordered(x, 2, 2).contiguous(memory_format=torch.channels_last), kernels)


def _bordered(x: Tensor, down: int, across: int) -> Tensor:
    """(..., H, W) with so many mirrored pixels more on each side."""
    return x[..., _mirrored(x.shape[-2], down, x.device), :][..., _mirrored(x.shape[-1], across, x.device)]


def _padding(n: int, m: int) -> tuple[int, int]:
    """Border before and after resampling n samples to m: whole numbers, wider than the kernel's reach."""
    if n == m > 1:  # one column alone is resampled wrongly by torch 2.13
        return 0, 0
    step = n // gcd(n, m)  # the fewest input samples that make a whole number of output samples
    reach = 2 * max(1.0, n / m) + 1
    pad = ceil(reach / step) * step
    return pad, pad * m // n


def _mirrored(n: int, pad: int, device: torch.device) -> Tensor:
    """Indices of n samples extended by pad on both sides."""
    at = torch.arange(-pad, n + pad, device=device)
    return mirrored(at, torch.full_like(at, n))  # no number, which cannot be exported where it depends on the picture
