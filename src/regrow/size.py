"""Sizes of pictures, and scales between them."""

from __future__ import annotations

import math
from typing import NamedTuple

from regrow.errors import UsageError

LARGEST_SCALE = 128
MAX_UNEVEN = 4
"""How many times more one side may be shrunk than the other."""

Scale = float | tuple[float, float]
"""How many times smaller each side becomes, or (width, height) on their own."""


class Size(NamedTuple):
    """Width and height in pixels. Inside nets it is (height, width): `Size.hw`."""

    width: int
    height: int

    @property
    def hw(self) -> tuple[int, int]:
        """(height, width), as tensors have it."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    def times(self, scale: float) -> Size:
        """The size enlarged by a scale, rounded, at least one pixel a side."""
        return Size(max(1, round(self.width * scale)), max(1, round(self.height * scale)))

    def __str__(self) -> str:
        """As in 641x427."""
        return f"{self.width}x{self.height}"


def check_scale(scale: Scale) -> tuple[float, float]:
    """The scale of (width, height). UsageError for one that is out of range."""
    try:
        across, down = map(float, scale if isinstance(scale, tuple) else (scale, scale))
    except (TypeError, ValueError):
        words = "expected a number, or two, for the width and the height, such as (3, 2)"
        raise UsageError(f"scale {scale!r}: {words}") from None
    if not all(math.isfinite(n) and 1 <= n <= LARGEST_SCALE for n in (across, down)):
        raise UsageError(f"scale {scale_text((across, down))}: must be from 1 to {LARGEST_SCALE}")
    if max(across, down) > MAX_UNEVEN * min(across, down):
        raise UsageError(f"scale {scale_text((across, down))}: one side may shrink at most {MAX_UNEVEN} times more")
    return across, down


def scale_text(scales: tuple[float, float]) -> str:
    """A scale as a person writes it: 2, 2.7, 2x1."""
    texts = [f"{n:.15g}" for n in scales]
    return texts[0] if texts[0] == texts[1] else "x".join(texts)


def small_size(size: tuple[int, int], scales: tuple[float, float]) -> Size:
    """A (width, height) divided by the scale of each side and rounded up."""
    return Size(*(_divided(n, s) for n, s in zip(size, scales, strict=True)))


def grown_size(small: tuple[int, int], scales: tuple[float, float]) -> Size:
    """The largest size that `small_size` makes so small."""
    return Size(*(_multiplied(n, s) for n, s in zip(small, scales, strict=True)))


def _divided(n: int, scale: float) -> int:
    return max(1, math.ceil(n / scale - 1e-9))


def _multiplied(n: int, scale: float) -> int:
    side = math.floor(n * scale + 1e-7)
    return side - (_divided(side, scale) > n)
