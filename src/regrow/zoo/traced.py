"""Sides of pictures whose sizes a graph is given only when it runs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from regrow.cubic import REACH
from regrow.sides import MOST, mirrored, positions


@dataclass(frozen=True)
class TracedWay:
    """`regrow.sides.Way` whose numbers the graph is given only when it runs."""

    inputs: Tensor
    outputs: Tensor
    first: Tensor
    length: int
    made: Tensor
    taps: int = 2 * REACH * MOST

    @property
    def wide(self) -> Tensor:
        """As `Way.wide`."""
        return (self.inputs / self.outputs).clamp(min=1)

    def places(self, taps: int) -> tuple[Tensor, Tensor]:
        """As `Way.places`."""
        fraction, first = positions(self.inputs, self.outputs, self.made)
        return fraction, mirrored(first[:, None] + torch.arange(taps) - (taps // 2 - 1), self.inputs)


class TracedSide:
    """`regrow.sides.Side` of such a way and the one back."""

    def __init__(self, way: TracedWay, *, shrinking: bool) -> None:
        seen = way.first + torch.arange(way.length)
        back = TracedWay(way.outputs, way.inputs, way.made[0], way.made.shape[0], seen)
        self.shrinking, self.growing = (way, back) if shrinking else (back, way)
        self.scale = self.shrinking.inputs / self.shrinking.outputs
