"""Distances that training minimises, and weighted sums of them."""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor

from regrow.errors import UsageError
from regrow.train.similarity import ms_ssim, ms_ssim_l1, ssim

Distance = Callable[[Tensor, Tensor], Tensor]


def l1(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference: a scalar from two (B, C, H, W)."""
    return (a - b).abs().mean()


def l2(a: Tensor, b: Tensor) -> Tensor:
    """Root of the mean squared difference of each picture, then their mean: a scalar from two (B, C, H, W).

    The root gives smooth crops, whose error is small, the weight that they have in a mean of PSNR over pictures.
    """
    return ((a - b).flatten(1).square().mean(1) + 1e-8).sqrt().mean()


def charbonnier(a: Tensor, b: Tensor) -> Tensor:
    """Mean of sqrt(difference^2 + 0.001^2): a scalar from two (B, C, H, W) (Lai et al. 2017, equation 2)."""
    return ((a - b).square() + 1e-6).sqrt().mean()


def total_variation(a: Tensor, b: Tensor) -> Tensor:
    """Total variation of a (B, C, H, W): a scalar, which does not depend on b.

    The mean absolute difference down plus that across: the anisotropic form of Rudin, Osher and Fatemi 1992.
    """
    return a.diff(dim=-2).abs().mean() + a.diff(dim=-1).abs().mean()


def outside(a: Tensor, b: Tensor, radius: float) -> Tensor:
    """Of each of the pictures a (B, C, H, W), the part that leaves the ball around b: b where a is within.

    The ball holds what differs from b by at most `radius` in the mean of the absolute differences: the latent loss of
    Schaefer 2019, which leaves the encoder free inside. Outside, a is moved towards b by the radius, so that what
    remains, and its gradient, start at zero.
    """
    away = (a - b).flatten(1).abs().mean(1).view(-1, 1, 1, 1)
    return b + (a - b) * (1 - radius / away.clamp(min=1e-12)).clamp(min=0)


DISTANCES: dict[str, Distance] = {
    "l1": l1,
    "l2": l2,
    "charbonnier": charbonnier,
    "ssim": ssim,
    "ms-ssim": ms_ssim,
    "ms-ssim-l1": ms_ssim_l1,
    "tv": total_variation,
}
TERM = re.compile(r"(?:([0-9.]+(?:e-?[0-9]+)?) +)?([a-z][a-z0-9-]*)")


def distance(words: str) -> Distance:
    """The weighted sum that words such as "l1 + 0.1 ssim" name; a term without a weight counts once.

    UsageError where a term is none, or its distance is not known.
    """
    terms = []
    for term in words.split("+"):
        found = TERM.fullmatch(term.strip())
        if not found or found[2] not in DISTANCES:
            known = ", ".join(DISTANCES)
            raise UsageError(f"loss {words!r} is not known; known are {known}, and sums such as 'l1 + 0.1 ssim'")
        try:
            weight = float(found[1] or 1)
        except ValueError:
            raise UsageError(f"loss {words!r}: {found[1]!r} is no weight; write it as in 'l1 + 0.1 ssim'") from None
        terms.append((weight, DISTANCES[found[2]]))

    def total(a: Tensor, b: Tensor) -> Tensor:
        return torch.stack([weight * measure(a, b) for weight, measure in terms]).sum()

    return terms[0][1] if len(terms) == 1 and terms[0][0] == 1 else total
