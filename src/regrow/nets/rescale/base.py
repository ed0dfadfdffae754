"""What every rescaler is: the contract between the nets and whatever runs, trains or measures them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn


class Rescaler(nn.Module, ABC):
    """A pair of maps trained together: one shrinks pictures, the other grows them again.

    A rescaler is applied `steps` times; between the applications values stay floating point. Pictures are RGB in
    [0, 1]; results are neither clamped nor rounded: `regrow.nets.layers.quantize` does both.
    """

    factor: int
    """How many times smaller each side becomes in one application."""
    steps: int
    """How often it is applied."""
    halo: int
    """How many small pixels away one application looks: tiles that overlap by this much agree with the whole."""

    @abstractmethod
    def shrink_once(self, x: Tensor, step: int = 0) -> Tensor:
        """(B, 3, factor * h, factor * w) -> (B, 3, h, w); step 0 starts from the full size."""

    @abstractmethod
    def grow_once(self, y: Tensor, step: int = 0) -> Tensor:
        """(B, 3, h, w) -> (B, 3, factor * h, factor * w); step 0 ends at the full size."""

    @abstractmethod
    def start_from(self, other: Rescaler) -> None:
        """Take over the weights of a model of the same layout, as the start of training; ValueError if they differ."""

    @abstractmethod
    def multiply_adds(self) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel, all steps: (shrinking, growing)."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values: what `config.json` keeps and `regrow.zoo.build` takes."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    @property
    def scale(self) -> int:
        """How many times smaller each side becomes in all."""
        return self.factor**self.steps

    def shrink(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], H and W multiples of the scale -> (B, 3, H/scale, W/scale). ValueError if not."""
        if x.shape[-2] % self.scale or x.shape[-1] % self.scale:
            raise ValueError(f"a picture of {x.shape[-1]}x{x.shape[-2]} does not divide by {self.scale}")
        for step in range(self.steps):
            x = self.shrink_once(x, step)
        return x

    def grow(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, h*scale, w*scale)."""
        for step in reversed(range(self.steps)):
            y = self.grow_once(y, step)
        return y
