"""The geometric self-ensemble: a net shown every flip and turn of a picture, and the mean of what it makes of them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

VIEWS = 8
"""Flips and transposes of a square: so many times as long a net takes."""


def self_ensemble(net: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The mean of a net over the eight flips and transposes of its input, each result turned back.

    Args:
        net: (B, C, h, w) -> (B, C', s * h, s * w), the same s both ways.

    Returns:
        A map of the same shapes. Results are added up one after another, so it needs little more memory than the net.

    Source: Lim et al. 2017, "Enhanced deep residual networks for single image super-resolution", section 3.4.
    """

    def averaged(x: Tensor) -> Tensor:
        total: Tensor | None = None
        for transposed, down, across in product((False, True), repeat=3):
            axes = [axis for axis, flipped in ((-2, down), (-1, across)) if flipped]
            y = net((x.mT if transposed else x).flip(axes)).flip(axes)
            y = y.mT if transposed else y
            total = y if total is None else total + y
        assert total is not None
        return total / VIEWS

    return averaged
