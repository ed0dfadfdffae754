"""How players turn and mirror frames: FFmpeg's display matrix, nine numbers of which four say one of eight ways."""

from __future__ import annotations

import numpy as np

Matrix = tuple[int, ...]
"""(a, b, u, c, d, v, x, y, w): a sample at (x, y) is shown at (a x + c y, b x + d y), in 16.16 fixed point."""


def swaps_sides(matrix: Matrix) -> bool:
    """Whether rows are shown as columns."""
    a, b, _, c, d = matrix[:5]
    return abs(a) + abs(d) < abs(b) + abs(c)


def shown(pixels: np.ndarray, matrix: Matrix | None) -> np.ndarray:
    """(H, W, ...) as players show it; angles between quarter turns are rounded."""
    if matrix is None:
        return pixels
    a, b, _, c, d = matrix[:5]
    across, down = (a, d)
    if swaps_sides(matrix):
        pixels, across, down = pixels.swapaxes(0, 1), c, b
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1])


def quarter_turns(matrix: Matrix | None) -> int:
    """Number of quarter turns, counter-clockwise, that bring on top what is shown there; a mirror is left alone."""
    if matrix is None:
        return 0
    a, b, _, c, d = matrix[:5]
    if a * d - b * c < 0:
        a = -a
    return round(np.arctan2(-b, a) / (np.pi / 2)) % 4


def alike(one: Matrix, other: Matrix | None) -> bool:
    """Whether two show frames in the same one of the eight ways."""
    probe = np.arange(6).reshape(2, 3)
    return bool(np.array_equal(shown(probe, one), shown(probe, other)))
