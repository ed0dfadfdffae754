"""Means and maxima over parts of pictures, (h, w, c)."""

from __future__ import annotations

import numpy as np


def box_mean(x: np.ndarray, radius: int) -> np.ndarray:
    """The mean over squares of 2 radius + 1 pixels a side, cut at the borders: (h, w, c) float32 -> the same."""
    for axis in (0, 1):
        n = x.shape[axis]
        total = np.concatenate((np.zeros_like(x.take([0], axis), np.float64), x.cumsum(axis, np.float64)), axis)
        first, last = np.maximum(np.arange(n) - radius, 0), np.minimum(np.arange(n) + radius + 1, n)
        count = (last - first).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
        x = ((total.take(last, axis) - total.take(first, axis)) / count).astype(np.float32)
    return x


def around(x: np.ndarray) -> np.ndarray:
    """The largest of 3x3 pixels, fewer at the borders: (h, w, c) -> the same."""
    for axis in (0, 1):
        before, after = x.take(range(x.shape[axis] - 1), axis), x.take(range(1, x.shape[axis]), axis)
        first, last = x.take([0], axis), x.take([-1], axis)
        x = np.maximum(x, np.maximum(np.concatenate((first, before), axis), np.concatenate((after, last), axis)))
    return x


def largest(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The largest of what each pixel of a picture of (height, width) covers: (h, w, c) -> (height, width, c)."""
    for axis, m in enumerate(size):
        at, _ = _covered(x.shape[axis], m)
        x = x.take(at.ravel(), axis).reshape(*x.shape[:axis], *at.shape, *x.shape[axis + 1 :]).max(axis + 1)
    return x


def mean(x: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The mean of what each pixel of a picture of (height, width) covers: (h, w, c) -> (height, width, c)."""
    for axis, m in enumerate(size):
        at, counts = _covered(x.shape[axis], m)
        parts = x.take(at.ravel(), axis).reshape(*x.shape[:axis], *at.shape, *x.shape[axis + 1 :])
        weights = (counts / counts.sum(1, keepdims=True)).astype(np.float32)
        x = (parts * weights.reshape(*at.shape, *(1,) * (2 - axis))).sum(axis + 1)
    return x


def _covered(n: int, m: int) -> tuple[np.ndarray, np.ndarray]:
    """Of n samples, those of which some lie in each of m: positions, (m, k), and 1 where they count, else 0."""
    first, last = np.arange(m) * n // m, -(-np.arange(1, m + 1) * n // m)
    at = first[:, None] + np.arange((last - first).max())
    return np.minimum(at, last[:, None] - 1), (at < last[:, None]).astype(np.float32)
