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


def outside(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Of each of the pictures a (B, C, H, W), the part that leaves the ball around b: b where a is within.

    The ball holds what differs from b by at most `radius` in the mean of the absolute differences: the latent loss of
    Schaefer 2019, which leaves the encoder free inside. Outside, a is moved towards b by the radius, so that what
    remains, and its gradient, start at zero.
    """
    away = (a - b).flatten(1).abs().mean(1).view(-1, 1, 1, 1)
    return b + (a - b) * (1 - radius / away.clamp(min=1e-12)).clamp(min=0)


DISTANCES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "l2": l2}
