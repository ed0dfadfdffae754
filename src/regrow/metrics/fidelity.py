"""PSNR and SSIM under named protocols: `rgb`, `y` and `small`, as `docs/protocols.md` states them.

Pictures are (3, H, W) or (B, 3, H, W) float tensors, RGB, sRGB-encoded, in [0, 1], already rounded to the 8 bits their
file would hold: nothing here rounds its arguments. A batch gives the mean of its pictures' figures, as tables do.
All sums are taken in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, isfinite, log10, nan
from typing import Any

import torch
from torch import Tensor

from regrow.errors import UsageError
from regrow.nets.ops.color import luma as full_range_luma
from regrow.nets.ops.resample import bicubic

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5

_TILE = 256  # large pictures are measured in tiles, in bounded memory


def psnr_rgb(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio over the three channels together, no border removed.

    Args:
        a: (3, H, W) or (B, 3, H, W) in [0, 1], 8-bit rounded.
        b: the same shape.

    Returns:
        dB; `math.inf` where the pictures are equal.

    Raises:
        UsageError: the sizes differ, or a tensor is not a float RGB picture.
    """
    return _mean(_psnr(x, y) for x, y in _pairs(a, b))


def ssim_rgb(a: Tensor, b: Tensor) -> float:
    """Structural similarity, mean of the three channels, Gaussian window of 11x11 (sigma 1.5) over the valid region.

    Args:
        a: (3, H, W) or (B, 3, H, W) in [0, 1], 8-bit rounded.
        b: the same shape.

    Returns:
        At most 1; `math.nan` where a picture is smaller than the window.

    Raises:
        UsageError: the sizes differ, or a tensor is not a float RGB picture.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity".
    """
    return _mean(_ssim(x, y) for x, y in _pairs(a, b))


def psnr_y(a: Tensor, b: Tensor, border: int) -> float:
    """Peak signal-to-noise ratio of the BT.601 luma, peak 255, with `border` pixels removed on every side.

    Args:
        a: (3, H, W) or (B, 3, H, W) in [0, 1], 8-bit rounded.
        b: the same shape.
        border: pixels to remove, 0 or more; tables of super-resolution by s remove s.

    Returns:
        dB; `math.inf` where the lumas are equal, `math.nan` where no pixel is left inside the border.

    Raises:
        UsageError: the sizes differ, a tensor is not a float RGB picture, or the border is negative.
    """
    return _mean(_psnr(x, y, peak=255) for x, y in _luma_pairs(a, b, border))


def ssim_y(a: Tensor, b: Tensor, border: int) -> float:
    """Structural similarity of the BT.601 luma, range 255, with `border` pixels removed on every side.

    Args:
        a: (3, H, W) or (B, 3, H, W) in [0, 1], 8-bit rounded.
        b: the same shape.
        border: pixels to remove, 0 or more; tables of super-resolution by s remove s.

    Returns:
        At most 1; `math.nan` where the picture inside the border is smaller than the window.

    Raises:
        UsageError: the sizes differ, a tensor is not a float RGB picture, or the border is negative.
    """
    return _mean(_ssim(x, y, peak=255) for x, y in _luma_pairs(a, b, border))


def psnr_small(small: Tensor, original: Tensor) -> float:
    """PSNR of a small picture against the antialiased bicubic of the original: how natural it looks.

    The bicubic, or its luma where the small picture is grey, is clamped and rounded to 8 bits here; `small` is taken as
    it is.

    Args:
        small: (3, h, w) or, grey, (1, h, w), or a batch of them, in [0, 1], 8-bit rounded.
        original: (3, H, W) or (B, 3, H, W) in [0, 1].

    Returns:
        dB; `math.inf` where the small picture is the bicubic itself.

    Raises:
        UsageError: a tensor is not a float picture, or only one is a batch.
    """
    _check(original)
    size = small.shape[-2], small.shape[-1]
    reference = bicubic(original, size)
    if small.ndim >= 3 and small.shape[-3] == 1:
        reference = full_range_luma(reference).expand_as(reference)
        small = small.expand_as(reference)
    return psnr_rgb(small, round_8bit(reference))


def compare(a: Tensor, b: Tensor, scale: int | None = None) -> dict[str, dict[str, float]]:
    """Every figure of two pictures of one size, by protocol.

    Args:
        a: (3, H, W) or (B, 3, H, W) in [0, 1], 8-bit rounded.
        b: the same shape.
        scale: the border that the `y` protocol removes; none is removed where the scale is not known.

    Returns:
        `{"rgb": {"psnr": dB, "ssim": ...}, "y": {"psnr": dB, "ssim": ...}}`; `for_json` makes it fit for JSON.

    Raises:
        UsageError: the sizes differ, or a tensor is not a float RGB picture.

    Examples:
        >>> import torch
        >>> from regrow.metrics.fidelity import compare
        >>> grey = torch.full((3, 64, 64), 128 / 255)
        >>> figures = compare(grey, grey + 1 / 255)
        >>> round(figures["rgb"]["psnr"], 2)
        48.13
    """
    border = scale or 0
    return {
        "rgb": {"psnr": psnr_rgb(a, b), "ssim": ssim_rgb(a, b)},
        "y": {"psnr": psnr_y(a, b, border), "ssim": ssim_y(a, b, border)},
    }


def for_json(figures: Any) -> Any:
    """The same dicts, lists and numbers, with values that JSON lacks replaced: infinity by "inf", nan by null."""
    if isinstance(figures, dict):
        return {name: for_json(value) for name, value in figures.items()}
    if isinstance(figures, (list, tuple)):
        return [for_json(value) for value in figures]
    if isinstance(figures, float) and not isfinite(figures):
        return None if figures != figures else str(figures)
    return figures


def luma_limited(x: Tensor) -> Tensor:
    """BT.601 limited-range luma of RGB, in the units of 8 bits but unrounded.

    Args:
        x: (..., 3, H, W) in [0, 1].

    Returns:
        (..., 1, H, W), 16 for black to 235 for white, same dtype.

    Source: ITU-R BT.601-7, sections 2.5.1 and 2.5.3, as MATLAB's `rgb2ycbcr` of floating-point pictures.
    """
    r, g, b = x.unbind(-3)
    return (16 + 65.481 * r + 128.553 * g + 24.966 * b).unsqueeze(-3)


def round_8bit(x: Tensor) -> Tensor:
    """The nearest of the 256 levels k/255 to each value clamped to [0, 1]; any shape, same dtype."""
    return x.clamp(0, 1).mul(255).round().div(255)


def _check(*pictures: Tensor) -> None:
    for x in pictures:
        if x.ndim not in (3, 4) or x.shape[-3] != 3 or 0 in x.shape or not x.is_floating_point():
            shape = tuple(x.shape)
            raise UsageError(f"a picture to measure is a float tensor (3, H, W) or (B, 3, H, W), not {x.dtype} {shape}")


def _pairs(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The pictures of two batches, pair by pair, each (3, H, W)."""
    _check(a, b)
    if a.shape != b.shape:
        raise UsageError(f"cannot compare pictures of different sizes: {_size(a)} and {_size(b)} pixels")
    shape = -1, *a.shape[-3:]
    yield from zip(a.reshape(shape), b.reshape(shape), strict=True)


def _luma_pairs(a: Tensor, b: Tensor, border: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The lumas of two batches, pair by pair, each (1, H - 2 border, W - 2 border) float64, where anything is left."""
    if border < 0:
        raise UsageError(f"a border of {border} pixels makes no sense: it is 0 or more")
    for x, y in _pairs(a, b):
        rows, columns = (slice(border, max(border, n - border)) for n in x.shape[-2:])
        yield luma_limited(x[:, rows, columns].double()), luma_limited(y[:, rows, columns].double())


def _size(x: Tensor) -> str:
    size = f"{x.shape[-1]}x{x.shape[-2]}"
    return size if x.ndim == 3 else f"{x.shape[0]} times {size}"


def _mean(figures: Iterator[float]) -> float:
    values = list(figures)
    return sum(values) / len(values)


def _tiles(a: Tensor, b: Tensor, overlap: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Two pictures cut alike into tiles of at most `_TILE` pixels a side and the `overlap` beyond, in float64."""
    height, width = (n - overlap for n in a.shape[-2:])
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            tile = slice(top, top + _TILE + overlap), slice(left, left + _TILE + overlap)
            yield a[..., tile[0], tile[1]].double(), b[..., tile[0], tile[1]].double()


def _psnr(a: Tensor, b: Tensor, peak: float = 1) -> float:
    if not a.numel():
        return nan
    squared = sum((x - y).square().sum().item() for x, y in _tiles(a, b))
    return 10 * log10(peak**2 * a.numel() / squared) if squared else inf


def _ssim(a: Tensor, b: Tensor, peak: float = 1) -> float:
    reach = SSIM_WINDOW - 1
    channels, height, width = a.shape
    if min(height, width) < SSIM_WINDOW:
        return nan
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    total = 0.0
    for x, y in _tiles(a, b, reach):
        mx, my, xx, yy, xy = blur(torch.stack((x, y, x * x, y * y, x * y)))
        luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
        structure = (2 * (xy - mx * my) + c2) / (xx - mx * mx + yy - my * my + c2)
        total += (luminance * structure).sum().item()
    return total / (channels * (height - reach) * (width - reach))


def blur(x: Tensor) -> Tensor:
    """The Gaussian window over its valid region: (..., H, W) -> (..., H - 10, W - 10).

    Sums of shifted slices: torch has no fast float64 convolution, and float32 is off by up to 3e-4 on flat pictures.
    """
    window = [exp(-((i - SSIM_WINDOW // 2) ** 2) / (2 * SSIM_SIGMA**2)) for i in range(SSIM_WINDOW)]
    for axis in (-2, -1):
        length = x.shape[axis] - SSIM_WINDOW + 1
        x = sum(
            (w / sum(window) * x.narrow(axis, shift, length) for shift, w in enumerate(window)),
            start=torch.zeros((), dtype=x.dtype),
        )
    return x
