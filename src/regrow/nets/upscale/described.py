"""Published nets that spandrel describes and runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Any

from torch import Tensor

from regrow.nets.upscale.base import Restorer


@dataclass(frozen=True, kw_only=True)
class DescribedConfig:
    """Name of the net; no configuration can rebuild it."""

    net: str
    """Name that spandrel gives the net."""
    scale: int


class Described(Restorer):
    """A net for pictures of three colours behind a descriptor of spandrel.

    The descriptor pads pictures to sizes that the net can take and cuts the results back, clamps them, and computes no
    gradients. How far such nets look is not known: those with attention look everywhere. The halo is the overlap that
    the authors of SwinIR cut their own tiles with, so tiles agree with the whole nearly, not exactly.
    """

    architecture = "spandrel"
    Config = DescribedConfig
    overlap, window = 32, 16
    """Grid of tiles in pixels, and side of most attention windows: tiles start where windows do."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.descriptor, self.net = descriptor, descriptor.model.float()
        self.config = DescribedConfig(net=descriptor.architecture.name, scale=descriptor.scale)
        self.scale = self.config.scale
        self.grid = lcm(self.window, descriptor.size_requirements.multiple_of)
        self.halo = -(-self.overlap // self.grid) * self.grid

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w), in [0, 1]."""
        return self.descriptor(y.clone())  # some nets scale their input in place
