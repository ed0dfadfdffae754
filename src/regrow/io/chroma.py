"""Chroma of coded pictures, as viewers show it."""

from __future__ import annotations

import numpy as np

_TO_YCC = np.array([(0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)], np.float32)
"""ITU-T T.871, section 7."""


def smoothed(pixels: np.ndarray) -> np.ndarray:
    """A picture whose subsampled chroma (4:2:0) was repeated, as if it had been interpolated.

    libheif repeats it in AVIF; browsers, and most other viewers, interpolate linearly, which is nearer to the original.

    Args:
        pixels: (H, W, 3, and perhaps alpha) uint8.
    """
    ycc = pixels[..., :3].astype(np.float32) @ _TO_YCC.T
    height, width = pixels.shape[:2]
    even = np.pad(ycc[..., 1:], ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    means = even.reshape(len(even) // 2, 2, even.shape[1] // 2, 2, 2).mean((1, 3))
    ycc[..., 1:] = _doubled(_doubled(means, 0), 1)[:height, :width]
    found = np.clip(np.rint(ycc @ np.linalg.inv(_TO_YCC).T), 0, 255).astype(np.uint8)
    return np.concatenate([found, pixels[..., 3:]], 2)


def _doubled(planes: np.ndarray, axis: int) -> np.ndarray:
    """Twice as many samples along an axis, linearly interpolated."""
    padded = np.pad(planes, [(1, 1) if i == axis else (0, 0) for i in range(planes.ndim)], mode="edge")
    n = planes.shape[axis]
    before, own, after = (np.take(padded, np.arange(n) + i, axis) for i in range(3))
    pair = np.stack([0.75 * own + 0.25 * before, 0.75 * own + 0.25 * after], axis + 1)
    return pair.reshape([2 * n if i == axis else side for i, side in enumerate(planes.shape)])
