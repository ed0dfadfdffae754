"""The geometric self-ensemble: the mean of a net's results for every flip and rotation of a picture."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

VIEWS = 8
"""Number of flips and transposes of a square: a net takes this many times as long."""


def self_ensemble(net: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The mean of a net over the eight flips and transposes of its input, each result transformed back.

    Args:
        net: (B, C, h, w) -> (B, C', s * h, s * w), the same s both ways.

    Returns:
        A function of the same shapes. Results are summed one after another, so it needs little extra memory.

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
