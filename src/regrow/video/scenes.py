"""Detection of cuts between scenes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, groupby, product

import numpy as np

from regrow.video.clip import Frame

CELLS = 20
"""Number of cells a side whose means are compared: neither noise nor small motion changes them much."""
SHIFTS = 5
"""Maximum shift in cells between two frames: a fast pan is not a cut."""
CUT = 0.26
"""Relative difference from which two frames are a cut. Unrelated photographs differ by 0.34 or more, and
frames 1/25 s apart in clips with fast motion by up to 0.18."""


def is_cut(before: np.ndarray, now: np.ndarray) -> bool:
    """Whether two frames, as means over cells, show different scenes.

    Mean absolute difference over the sum of standard deviations, each without its mean, so that neither fades nor
    flashes count; the least over all shifts of up to `SHIFTS` cells.
    """
    height, width = now.shape
    for dy, dx in sorted(product(range(-SHIFTS, SHIFTS + 1), repeat=2), key=lambda d: d[0] ** 2 + d[1] ** 2):
        a = before[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
        b = now[max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)]
        if not a.size:
            continue
        a, b = a - a.mean(), b - b.mean()
        if np.abs(a - b).mean() < CUT * (a.std() + b.std() + 0.02):
            return False
    return True


def scenes(frames: Iterable[Frame]) -> Iterator[Iterator[Frame]]:
    """The scenes of a clip, each to be read to its end before the next is asked for."""
    before: np.ndarray | None = None
    numbers = count()
    number = next(numbers)

    def scene_of(frame: Frame) -> int:
        nonlocal before, number
        now = glance(frame.pixels)
        if before is not None and is_cut(before, now):
            number = next(numbers)
        before = now
        return number

    return (scene for _, scene in groupby(frames, scene_of))


def glance(pixels: np.ndarray) -> np.ndarray:
    """(H, W, C), uint8 or float32 in [0, 1], as means over about `CELLS` x `CELLS` cells."""
    height, width = pixels.shape[:2]
    down, across = max(1, height // CELLS), max(1, width // CELLS)
    grey = pixels[: height // down * down, : width // across * across].mean(2, dtype=np.float32)
    if pixels.dtype == np.uint8:
        grey /= np.float32(255)
    return grey.reshape(height // down, down, width // across, across).mean((1, 3))
