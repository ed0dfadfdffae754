"""Conversion between one channel and three."""

from __future__ import annotations

import numpy as np


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Give a picture (H, W, 1 or 3) another number of channels: the mean of three, or three equal ones."""
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, 2)
    mean = pixels.mean(2, keepdims=True, dtype=np.float32)
    return np.rint(mean).astype(pixels.dtype) if pixels.dtype.kind == "u" else mean
