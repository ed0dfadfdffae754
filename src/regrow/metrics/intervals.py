"""Intervals in which a mean or a share lies with 95 % confidence."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, nan, pi, sin, sqrt, tan
from statistics import NormalDist, fmean, stdev

import numpy as np

CONFIDENCE = 0.95


def mean_interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The mean of at least one sample, and its interval by Student's t distribution; nan for that of one sample."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, nan, nan
    half = t_quantile(len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean, mean - half, mean + half


def wilson(hits: int, n: int) -> tuple[float, float, float]:
    """The share of hits among n trials, at least one, and its interval.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference".
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return share, max(0.0, middle - half), min(1.0, middle + half)


def t_quantile(freedom: int, confidence: float = CONFIDENCE) -> float:
    """What Student's t with so many degrees of freedom, 1 or more, stays within with a probability."""
    low, high = 0.0, pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _inside(middle, freedom) < confidence else (low, middle)
    return sqrt(freedom) * tan(low)


def _inside(angle: float, freedom: int) -> float:
    """The probability of |t| <= sqrt(freedom) tan(angle): Abramowitz & Stegun 1964, 26.7.3 and 26.7.4."""
    k = np.arange(1, (freedom + 1) // 2)
    if freedom % 2:
        ratios = cos(angle) ** 2 * (2 * k[1:] - 2) / (2 * k[1:] - 1)
        terms = np.cumprod(np.concatenate([[cos(angle)] if k.size else [], ratios]))
        return 2 / pi * (angle + sin(angle) * float(terms.sum()))
    terms = np.cumprod(np.concatenate([[1.0], cos(angle) ** 2 * (2 * k - 1) / (2 * k)]))
    return sin(angle) * float(terms.sum())
