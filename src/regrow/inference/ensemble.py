"""The geometric self-ensemble: the mean of a net's results for every flip and rotation of a picture."""

from __future__ import annotations

from itertools import product

import numpy as np

from regrow.inference.rows import Net

VIEWS = 8
"""Number of flips and transposes of a square: a net takes this many times as long."""


def self_ensemble(net: Net) -> Net:
    """The mean of a net over the eight flips and transposes of its input, each result transformed back.

    Args:
        net: (h, w, c) -> (s * h, s * w, c'), the same s both ways.

    Returns:
        A function of the same shapes. Results are summed one after another, so it needs little extra memory.

    Source: Lim et al. 2017, "Enhanced deep residual networks for single image super-resolution", section 3.4.
    """

    def averaged(x: np.ndarray) -> np.ndarray:
        total: np.ndarray | None = None
        for transposed, down, across in product((False, True), repeat=3):
            axes = tuple(axis for axis, flipped in ((0, down), (1, across)) if flipped)
            y = np.flip(net(np.flip(x.swapaxes(0, 1) if transposed else x, axes)), axes)
            y = y.swapaxes(0, 1) if transposed else y
            total = y if total is None else total + y
        assert total is not None
        return total / VIEWS

    return averaged
