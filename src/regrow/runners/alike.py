"""Whether two files show the same picture, at a glance."""

from __future__ import annotations

import os

from regrow.io.reader import open_picture
from regrow.operations.colorize import glance
from regrow.size import Size

CELLS = 16
"""Cells each way whose mean lightness is compared."""
APART = 12 / 255
"""Difference that half of them stay below, where pictures are the same; or else"""
CORRELATED = 0.5
"""how far they rise and fall together."""


def alike(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> bool:
    """Whether a picture can have been made of another by what regrow does: its lightness is the same all over.

    Half of the cells decide, so a picture in which less than that was filled in is still the same. Two photographs pass
    for one in two of a hundred pairs; pictures of less than `CELLS` pixels a side tell too little, and always do.

    Raises:
        RegrowError: one is no picture.
    """
    import torch
    import torch.nn.functional as F

    from regrow.nets.ops.color import luma

    found = []
    for path in (a, b):
        picture = open_picture(path).upright()
        if min(picture.width, picture.height) < CELLS:
            return True
        seen = glance(picture.rows(), Size(picture.width, picture.height), picture.colors)
        found.append(F.adaptive_avg_pool2d(luma(seen) if seen.shape[1] == 3 else seen, CELLS))
    if float((found[0] - found[1]).abs().median()) < APART:
        return True
    return float(torch.corrcoef(torch.stack([cells.flatten() for cells in found]))[0, 1]) > CORRELATED
