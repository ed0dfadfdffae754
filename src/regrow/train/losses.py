"""Distances that training minimises."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference: a scalar from two (B, C, H, W)."""
    return (a - b).abs().mean()


def l2(a: Tensor, b: Tensor) -> Tensor:
    """Root of the mean squared difference of each picture, then their mean: a scalar from two (B, C, H, W).

    The root keeps smooth crops, whose error is small, as loud as they are in a mean of PSNR over pictures.
    """
    return ((a - b).flatten(1).square().mean(1) + 1e-8).sqrt().mean()


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "l2": l2}
