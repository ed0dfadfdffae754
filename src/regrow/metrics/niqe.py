"""Quality without a reference: NIQE (Mittal, Soundararajan & Bovik 2013), with parameters fitted by this project.

Patches of a picture are described by the statistics of its luma after local normalisation, and their distribution is
compared with that of sharp patches of good photographs. `benchmarks/niqe.py` makes `niqe.safetensors`, so figures are
comparable with each other, but not with published ones, which are based on other photographs.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import nan, sqrt
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from torch import Tensor

from regrow.errors import UsageError
from regrow.io.paths import atomic
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic

SIDE = 96
"""Side of a patch in pixels; half of it at the second scale."""
SHARPEST = 0.75
"""Minimum sharpness, as a share of the picture's sharpest patch, of patches that describe good photographs."""
FEATURES = 36
"""Number of features of a patch: 18 at each of two scales."""

_FITTED = Path(__file__).parent / "niqe.safetensors"
_WINDOW = np.exp(-np.square(np.arange(-3, 4)) / (2 * (7 / 6) ** 2))
_SHAPES = np.linspace(0.2, 10, 9801)


class Statistics(NamedTuple):
    """A multivariate Gaussian of features."""

    mean: np.ndarray
    """(36,) float64."""
    covariance: np.ndarray
    """(36, 36) float64."""


def niqe(picture: Tensor, natural: Statistics | None = None) -> float:
    """Distance of a picture from the statistics of good photographs; lower is better.

    Args:
        picture: (3, H, W) in [0, 1], 8-bit rounded.
        natural: statistics of good photographs; those that come with regrow when not given.

    Returns:
        0 or more; `math.nan` where no patch fits into the picture, or all are flat.

    Raises:
        UsageError: the tensor is not a float RGB picture.
    """
    features, _ = patches(picture)
    if not len(features):
        return nan
    expected, found = natural or fitted(), statistics(features)
    away = expected.mean - found.mean
    pooled = np.linalg.pinv((expected.covariance + found.covariance) / 2, hermitian=True)
    return sqrt(max(0.0, away @ pooled @ away))


def fit(pictures: Iterable[Tensor]) -> Statistics:
    """Statistics of good photographs, from the sharp patches of all of them together.

    Args:
        pictures: each as for `niqe`.

    Raises:
        UsageError: there are no two patches.
    """
    chosen = [np.empty((0, FEATURES))]
    for picture in pictures:
        features, sharpness = patches(picture)
        chosen.append(features[sharpness > SHARPEST * sharpness.max(initial=0)])
    features = np.concatenate(chosen)
    if len(features) < 2:
        raise UsageError(f"{len(features)} patches of {SIDE}x{SIDE} pixels: too few; give more or larger photographs")
    return statistics(features)


def statistics(features: np.ndarray) -> Statistics:
    """Mean and covariance, 0 where there is but one, of (patches, 36)."""
    away = features - features.mean(0)
    return Statistics(features.mean(0), away.T @ away / max(1, len(features) - 1))


def patches(picture: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features of the patches of a picture, row by row from the top left, and how sharp they are.

    Args:
        picture: as for `niqe`; pixels beyond the last whole patch at the right and the bottom are left out.

    Returns:
        (patches, 36) and (patches,), float64: the features, and the mean local deviation in levels of 255; without flat
        patches, which have no statistics.
    """
    if picture.ndim != 3 or picture.shape[0] != 3 or not picture.is_floating_point():
        raise UsageError(
            f"a picture to measure is a float tensor (3, H, W), not {picture.dtype} {tuple(picture.shape)}"
        )
    height, width = (n // SIDE * SIDE for n in picture.shape[-2:])
    if not height or not width:
        return np.empty((0, FEATURES)), np.empty(0)
    grey = 255 * luma(picture[:, :height, :width].double())
    normalised, deviation = mscn(grey[0].numpy())
    halved, _ = mscn(bicubic(grey, (height // 2, width // 2))[0].numpy())
    described = [
        np.concatenate([_describe(whole), _describe(half)])
        for whole, half in zip(_cut(normalised, SIDE), _cut(halved, SIDE // 2), strict=True)
    ]
    features, sharpness = np.array(described), np.array([patch.mean() for patch in _cut(deviation, SIDE)])
    usable = np.isfinite(features).all(1)
    return features[usable], sharpness[usable]


def mscn(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean-subtracted, contrast-normalised coefficients and the local deviation: equations 1 to 3.

    Args:
        grey: (H, W) float64, levels from 0 to 255. Gaussian window of 7x7, sigma 7/6, the border pixel repeated.

    Returns:
        Two of (H, W).
    """
    mean = _blur(grey)
    deviation = np.sqrt(np.abs(_blur(grey * grey) - mean * mean))
    return (grey - mean) / (deviation + 1), deviation


def ggd(x: np.ndarray) -> tuple[float, float]:
    """Shape and variance of the generalised Gaussian distribution around 0 that samples are from, by their moments.

    nan where all samples are 0. Sharifi & Leon-Garcia 1995.
    """
    squared = float(np.mean(x * x))
    return (_shape(np.mean(np.abs(x)) ** 2 / squared), squared) if squared else (nan, nan)


def aggd(x: np.ndarray) -> tuple[float, float, float, float]:
    """Shape, mean, left and right variance of the asymmetric one, likewise.

    nan where there are none on one side. Lasmar et al. 2009.
    """
    left, right = x[x < 0], x[x > 0]
    if not left.size or not right.size:
        return nan, nan, nan, nan
    below, above = sqrt(np.mean(left * left)), sqrt(np.mean(right * right))
    ratio = below / above
    moment = np.mean(np.abs(x)) ** 2 / np.mean(x * x)
    shape = _shape(moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2)
    one, two, three = (float(np.exp(_log_gamma(np.array(k / shape)))) for k in (1, 2, 3))
    return shape, (above - below) * sqrt(one / three) * two / one, below**2, above**2


def save(found: Statistics, path: Path) -> None:
    """Write statistics as safetensors."""
    with atomic(path) as part:
        save_file({"mean": found.mean, "covariance": found.covariance}, part)


@lru_cache
def fitted() -> Statistics:
    """The statistics that come with regrow."""
    return Statistics(**load_file(_FITTED))


def _describe(patch: np.ndarray) -> np.ndarray:
    """The 18 features of normalised coefficients, (side, side): theirs, and of the products of neighbours four ways."""
    down, right, both, other = (
        patch[:-1] * patch[1:],
        patch[:, :-1] * patch[:, 1:],
        patch[:-1, :-1] * patch[1:, 1:],
        patch[:-1, 1:] * patch[1:, :-1],
    )
    return np.array([*ggd(patch), *aggd(right), *aggd(down), *aggd(both), *aggd(other)])


def _cut(x: np.ndarray, side: int) -> np.ndarray:
    """(H, W), whole patches, to (patches, side, side)."""
    rows, columns = (n // side for n in x.shape)
    return x.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)


def _blur(x: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        length = x.shape[axis]
        wide = np.pad(x, [(3, 3) if i == axis else (0, 0) for i in (0, 1)], mode="edge")
        shifted = (np.take(wide, np.arange(k, k + length), axis) for k in range(len(_WINDOW)))
        x = sum((w * y for w, y in zip(_WINDOW / _WINDOW.sum(), shifted, strict=True)), start=np.zeros_like(x))
    return x


def _log_gamma(x: np.ndarray) -> np.ndarray:
    return torch.from_numpy(x).lgamma().numpy()


@lru_cache
def _moments() -> np.ndarray:
    """Squared mean of magnitudes over mean square, of the distribution with each of `_SHAPES`."""
    return np.exp(2 * _log_gamma(2 / _SHAPES) - _log_gamma(1 / _SHAPES) - _log_gamma(3 / _SHAPES))


def _shape(moment: float) -> float:
    return float(np.interp(moment, _moments(), _SHAPES))
