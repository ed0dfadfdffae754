"""How many bits one way of coding pictures saves against another: Bjontegaard's mean difference of rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, inf, nan
from typing import NamedTuple, TypeAlias

import numpy as np

Curve: TypeAlias = Sequence[tuple[float, float]]
"""Points (rate, quality) in any order: bits, bytes or bits a pixel, above 0, and a figure that is higher for better."""

SAMPLES = 10_000


class BDRate(NamedTuple):
    """A mean difference of rate."""

    percent: float
    """How many more bits the same quality costs; below 0 for fewer, nan where nothing could be compared."""
    covered: float
    """Share of the range of rates that was compared, on a logarithmic scale: elsewhere a curve has no points."""


def bd_rate(reference: Curve, other: Curve, *, rates: tuple[float, float] | None = None) -> BDRate:
    """Mean difference of rate of a curve against a reference at equal quality.

    Logarithms of rates are interpolated over the quality by monotone piecewise cubics (PCHIP), and the difference is
    averaged over the qualities that both have.

    Args:
        reference: what is compared with.
        other: the curve that is compared.
        rates: the lowest and the highest rate of the reference to count; all of it when not given.

    Source: Bjontegaard 2001 (VCEG-M33) with the interpolation of JCTVC-L1100.

    Examples:
        >>> from regrow.metrics.bd_rate import bd_rate
        >>> round(bd_rate([(100, 30), (200, 33)], [(90, 30), (180, 33)]).percent, 6)
        -10.0
    """
    known = _rising(reference)
    if len(known) < 2:
        return BDRate(nan, 0.0)
    edges = np.linspace(known[0, 1], known[-1, 1], SAMPLES + 1)
    quality = (edges[1:] + edges[:-1]) / 2
    usual, steps = _log_rate(known, quality), np.diff(_log_rate(known, edges))
    low, high = np.log(rates) if rates else (-inf, inf)
    asked = (usual >= low) & (usual <= high)
    found = _log_rate(_rising(other), quality)
    used = asked & ~np.isnan(found)
    whole = high - low if rates else steps.sum()
    if not used.any():
        return BDRate(nan, 0.0)
    return BDRate(100 * (exp((found - usual)[used].mean()) - 1), min(1.0, float(steps[used].sum() / whole)))


def quality_at(curve: Curve, rates: np.ndarray) -> np.ndarray:
    """The quality that a curve has at each rate, interpolated as by `bd_rate`; nan where it has no points.

    Args:
        curve: points in any order.
        rates: (n,), above 0.

    Returns:
        (n,).
    """
    known = _rising(curve)
    if len(known) < 2:
        return np.full(len(rates), nan)
    quality = np.linspace(known[0, 1], known[-1, 1], SAMPLES + 1)
    return np.interp(np.log(rates), _log_rate(known, quality), quality, nan, nan)


def _rising(curve: Curve) -> np.ndarray:
    """(n, 2) points sorted by rate, without those that cost more than another and are no better."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(curve, key=lambda point: (point[0], -point[1])):
        if not kept or quality > kept[-1][1]:
            kept.append((rate, quality))
    return np.array(kept, dtype=np.float64).reshape(-1, 2)


def _log_rate(points: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """The logarithm of the rate at each quality, by PCHIP; nan beyond the points.

    Source: Fritsch and Butland 1984, with the three-point ends of MATLAB's `pchip`.
    """
    if len(points) < 2:
        return np.full(len(quality), nan)
    x, y = points[:, 1], np.log(points[:, 0])
    slopes = _slopes(np.diff(x), np.diff(y))
    at = np.clip(np.searchsorted(x, quality, side="right") - 1, 0, len(x) - 2)
    width = x[at + 1] - x[at]
    t = (quality - x[at]) / width
    start, end = (1 + 2 * t) * (1 - t) ** 2, t**2 * (3 - 2 * t)
    value = start * y[at] + end * y[at + 1]
    value += width * t * (1 - t) * ((1 - t) * slopes[at] - t * slopes[at + 1])
    return np.where((quality < x[0]) | (quality > x[-1]), nan, value)


def _slopes(widths: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """The slopes at the points of a rising curve: weighted harmonic means of the secants beside them."""
    secants = rises / widths
    if len(secants) == 1:
        return np.repeat(secants, 2)
    inner = [
        3 * (h + k) / ((2 * k + h) / a + (k + 2 * h) / b)
        for (h, k), (a, b) in zip(pairwise(widths), pairwise(secants), strict=True)
    ]
    ends = [
        max(0.0, ((2 * h + k) * a - h * b) / (h + k))
        for h, k, a, b in ((*widths[:2], *secants[:2]), (*widths[:-3:-1], *secants[:-3:-1]))
    ]
    return np.array([ends[0], *inner, ends[1]])
