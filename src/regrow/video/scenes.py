"""Cuts between scenes: motion is never carried across one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, groupby

import numpy as np

from regrow.video.clip import Frame

CHANGE = 0.06
"""Mean change of luma, in [0, 1], that a cut has at least ..."""
SUDDEN = 3.0
"""... and how many times as large it is as the changes just before it."""
MEMORY = 8
"""Changes before it that it is compared with."""


class Cuts:
    """Tells, frame by frame, where a new scene begins."""

    def __init__(self) -> None:
        self.before: np.ndarray | None = None
        self.changes: deque[float] = deque(maxlen=MEMORY)

    def __call__(self, pixels: np.ndarray) -> bool:
        """Whether a frame, (H, W, C), begins a scene; so does the first."""
        seen = _glance(pixels)
        if self.before is None:
            self.before = seen
            return True
        change = float(np.abs(seen - self.before).mean())
        self.before = seen
        usual = sum(self.changes) / len(self.changes) if self.changes else 0.0
        cut = change > max(CHANGE, SUDDEN * usual)
        if cut:
            self.changes.clear()
        else:
            self.changes.append(change)
        return cut


def scenes(frames: Iterable[Frame]) -> Iterator[Iterator[Frame]]:
    """The scenes of a clip, each to be read to its end before the next is asked for."""
    cut, numbers = Cuts(), count()
    number = -1

    def scene_of(frame: Frame) -> int:
        nonlocal number
        if cut(frame.pixels):
            number = next(numbers)
        return number

    return (scene for _, scene in groupby(frames, scene_of))


def _glance(pixels: np.ndarray, side: int = 48) -> np.ndarray:
    """Means of luma over about side x side cells, in [0, 1]: neither noise nor small motion changes them much."""
    height, width = pixels.shape[:2]
    down, across = max(1, height // side), max(1, width // side)
    grey = pixels[: height // down * down, : width // across * across].mean(2, dtype=np.float32)
    if pixels.dtype == np.uint8:
        grey /= np.float32(255)
    return grey.reshape(height // down, down, width // across, across).mean((1, 3))
