"""Pictures too large to be fitted at once: pieces that overlap, and their blend."""

from __future__ import annotations

from math import ceil, sqrt

import torch
from torch import Tensor

Span = tuple[int, int]
Box = tuple[Span, Span]
"""A box: spans of rows and columns, each as (start, end), the end exclusive."""


def boxes(size: tuple[int, int], most: int, overlap: int) -> list[Box]:
    """Boxes that cover a (height, width), row by row, of at most `most` pixels each; neighbours overlap.

    `overlap` is in pixels, at most a quarter of the root of `most`.
    """
    height, width = size
    side = int(sqrt(most))
    down, across = min(height, max(side, most // width)), min(width, max(side, most // height))
    return [(rows, columns) for rows in _spans(height, down, overlap) for columns in _spans(width, across, overlap)]


def _spans(n: int, side: int, overlap: int) -> list[Span]:
    """Of one length, as few as do, spread evenly."""
    count = 1 if n <= side else ceil((n - overlap) / (side - overlap))
    length = ceil((n + (count - 1) * overlap) / count)
    starts = [round(i * (n - length) / max(1, count - 1)) for i in range(count)]
    return [(start, start + length) for start in starts]


class Blend:
    """A picture (1, colours, height, width) blended from pieces, which fade into each other where they overlap."""

    def __init__(self, colors: int, size: tuple[int, int]) -> None:
        self.sum, self.weight = torch.zeros(1, colors, *size), torch.zeros(size)

    def add(self, piece: Tensor, box: Box, overlap: int) -> None:
        """Add a piece (1, colours, h, w) at its box."""
        rows, columns = (self._faded(span, n, overlap) for span, n in zip(box, self.weight.shape, strict=True))
        weight = rows[:, None] * columns
        (top, bottom), (left, right) = box
        self.sum[..., top:bottom, left:right] += piece * weight
        self.weight[top:bottom, left:right] += weight

    @property
    def picture(self) -> Tensor:
        """The blended picture, once pieces cover it."""
        return self.sum / self.weight

    def _faded(self, span: Span, n: int, overlap: int) -> Tensor:
        """Weights along a span: 1, falling where it ends inside the picture."""
        first, last = span
        i = torch.arange(first, last)
        ends = [] if first == 0 else [i - first]
        ends += [] if last == n else [last - 1 - i]
        weights = torch.ones(last - first)
        for distance in ends:
            weights *= ((distance + 1) / (overlap + 1)).clamp(max=1)
        return weights
