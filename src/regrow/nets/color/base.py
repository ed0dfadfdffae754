"""What every colorizer is: the contract between the nets and whatever runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from regrow.nets.model import Model


class Colorizer(Model):
    """A map from lightness to colour, in CIE L*a*b* (`regrow.colorspace.lab`).

    It sees a picture whole, at the size it was trained on: what a thing is says its colour, and that takes context.
    Colour has little detail, so `regrow.coloring` takes the result to any size along the edges of the full picture.
    """

    multiple: int
    """What the sides of what it is given must divide by."""

    @abstractmethod
    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> a and b, (B, 2, h, w)."""

    @abstractmethod
    def features(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) -> what the net sees there, (B, C, h/8, w/8): alike for things that are alike."""
