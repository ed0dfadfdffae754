"""What every restorer is: the contract between the nets and whatever runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from torch import Tensor

from regrow.nets.model import Model

if TYPE_CHECKING:
    from typing_extensions import Self


class Restorer(Model):
    """One map that improves a picture which someone else made poor.

    Pictures are RGB in [0, 1]; results are neither clamped nor rounded.
    """

    scale: int
    """How many times larger each side becomes; 1 where the size stays."""
    halo: int
    """How many pixels away it looks: tiles that overlap by this much agree with the whole."""

    @abstractmethod
    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""

    def at(self, scale: int) -> Self:
        """This net at another scale, sharing its weights, where it holds several; ValueError where it does not."""
        if scale != self.scale:
            raise ValueError(f"enlarges by {self.scale}, not by {scale}")
        return self

    @abstractmethod
    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the result."""
