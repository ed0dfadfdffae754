"""Whether two pictures show the same, at a glance."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from regrow.operations.colorize import glance
from regrow.size import Size

Look = tuple[Iterable[np.ndarray], Size, int]

CELLS = 16
"""Cells each way whose mean lightness is compared."""
APART = 12 / 255
"""Difference that half of the cells stay below, where pictures are the same; or else"""
CORRELATED = 0.5
"""how far they rise and fall together."""


def alike(a: Look, b: Look) -> bool:
    """Whether a picture can have been made of another by what regrow does: its lightness is the same all over.

    Half of the cells decide, so a picture in which less than that was filled in is still the same. Of a hundred pairs
    of different photographs, one or two pass as the same. Pictures of less than `CELLS` pixels a side tell too little,
    and always pass.

    Args:
        a, b: rows (n, width, bands) uint8, uint16 or float32 in [0, 1], size, and number of colours, 1 or 3.
    """
    import torch
    import torch.nn.functional as F

    from regrow.nets.ops.color import luma

    found = []
    for rows, size, colors in (a, b):
        if min(size) < CELLS:
            return True
        seen = glance(rows, size, colors)
        found.append(F.adaptive_avg_pool2d(luma(seen) if seen.shape[1] == 3 else seen, CELLS))
    if float((found[0] - found[1]).abs().median()) < APART:
        return True
    return float(torch.corrcoef(torch.stack([cells.flatten() for cells in found]))[0, 1]) > CORRELATED
