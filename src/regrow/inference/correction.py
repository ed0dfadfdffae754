"""Correction of invented detail: pixels that differ too much from plain enlargement are replaced by it."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator

import numpy as np

from regrow.inference.resize import TRIANGLE, resampled
from regrow.inference.tiling import Band
from regrow.inference.transparency import joined, parted
from regrow.size import Size


def corrected(enlarged: np.ndarray, plain: np.ndarray, threshold: float) -> np.ndarray:
    """Replace pixels of which any channel differs from plain enlargement by more than a threshold.

    Args:
        enlarged: (H, W, C), the result of a net.
        plain: bilinear enlargement, of the same shape and type.
        threshold: in the units of the pictures.
    """
    difference = np.maximum(enlarged, plain) - np.minimum(enlarged, plain)  # no sign to lose in unsigned integers
    if enlarged.dtype.kind == "u":
        threshold = math.floor(threshold)  # compared as integers, not each as a float
    beyond = difference > threshold
    # Channel by channel, for numpy is slow along so short an axis.
    channels = range(beyond.shape[-1])
    any_beyond = functools.reduce(np.logical_or, (beyond[..., c] for c in channels))
    for c in channels:
        beyond[..., c] = any_beyond
    return np.where(beyond, plain, enlarged)


def corrected_rows(
    enlarged: Iterable[np.ndarray],
    rows: Iterable[np.ndarray],
    size: Size,
    wanted: Size,
    colors: int,
    threshold: float,
) -> Iterator[np.ndarray]:
    """The same correction for pictures that arrive in rows.

    Args:
        enlarged: (n, width, bands) float32, by a net.
        rows: the picture before it was enlarged, (n, width, bands) float32 in [0, 1].
        size, wanted: size of the picture before and after.
        colors: number of bands that are not alpha.
        threshold: in levels of 255.
    """
    plain = Band(joined(resampled(parted(rows, size, colors), size, wanted, colors, TRIANGLE), colors))
    top = 0
    for block in enlarged:
        yield corrected(block, plain.rows(top, top + len(block)), threshold / 255)
        top += len(block)
