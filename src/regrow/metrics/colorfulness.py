"""Figures of the colours that were given to a grey picture."""

from __future__ import annotations

import torch
from torch import Tensor

from regrow.nets.color.bins import nearest
from regrow.nets.ops.color import lab, luma

FARTHEST = 150
"""The accuracy curve goes to this distance in ab (Zhang et al. 2016, section 3.1)."""


def colorfulness(x: Tensor) -> float:
    """Perceived colourfulness of a picture: about 0 (grey), 33 (moderate), 59 (quite), 109 (extremely).

    Args:
        x: (3, H, W) or a batch of one, in [0, 1].

    Source: Hasler and Süsstrunk, "Measuring colourfulness in natural images", SPIE 2003, section 7 (M3).
    """
    red, green, blue = (255 * x.double()).unbind(-3)
    rg, yb = red - green, (red + green) / 2 - blue
    deviation = (rg.var(correction=0) + yb.var(correction=0)).sqrt()
    mean = (rg.mean() ** 2 + yb.mean() ** 2).sqrt()
    return float(deviation + 0.3 * mean)


def ab_distance(x: Tensor, y: Tensor) -> Tensor:
    """Distance of the colours of two pictures, (3, H, W) in [0, 1], in the ab plane of Lab: (H, W)."""
    return (lab(x)[1:] - lab(y)[1:]).norm(dim=0)


def ab_rmse(x: Tensor, y: Tensor) -> float:
    """Root of the mean square of the differences of a and b of two pictures, (3, H, W) in [0, 1]."""
    return float((lab(x)[1:] - lab(y)[1:]).square().mean().sqrt())


def accuracy_curve(x: Tensor, y: Tensor, weights: Tensor | None = None) -> Tensor:
    """Share of pixels of y whose colour is within 0, 1, ... `FARTHEST` of that in x, in the ab plane: (FARTHEST + 1,).

    Args:
        x: the original, (3, H, W) in [0, 1].
        y: the picture that was coloured, likewise.
        weights: weight of a pixel of each of the 313 bins, (313,); equal when None.

    Source: Zhang et al. 2016, section 3.1, whose AuC is the mean of this curve.
    """
    away = ab_distance(x, y).ceil().clamp(max=FARTHEST + 1).long().flatten()
    counted = torch.ones(len(away)) if weights is None else weights[nearest(lab(x)[1:]).flatten()]
    shares = torch.bincount(away, counted, minlength=FARTHEST + 2)
    return (shares.cumsum(0) / shares.sum())[: FARTHEST + 1]


def luma_error(grey: Tensor, y: Tensor) -> float:
    """Largest difference, in levels of 255, of the luma of a picture (3, H, W) from a grey one (1, H, W)."""
    return float((luma(y) - grey).abs().max() * 255)
