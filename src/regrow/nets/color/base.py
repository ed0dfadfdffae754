"""The base class of colorizers: the contract between the nets and the code that runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from regrow.nets.color.trunk import Trunk
from regrow.nets.model import Model


class Colorizer(Model):
    """A map from lightness to colour, in CIE L*a*b* (`regrow.nets.ops.color.lab`).

    The net sees a picture whole, at the size it was trained on, because recognising an object takes context. Colour
    has little detail, so `regrow.operations.colorize` enlarges the result to any size along the edges of the full
    picture.
    """

    multiple = 8
    """Both sides of the input must be multiples of this."""
    trunk: Trunk
    """The layers that extract features, without those that decide on colours."""

    def start_from(self, other: Model) -> None:
        """Copy the weights of another colorizer, or only its trunk where it is of another kind."""
        if isinstance(other, Colorizer) and type(other) is not type(self):
            try:
                self.trunk.load_state_dict(other.trunk.state_dict())
            except RuntimeError:
                raise ValueError(f"the trunks differ: {other.settings()} and {self.settings()}") from None
            return
        super().start_from(other)

    @abstractmethod
    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> a and b, (B, 2, h, w)."""

    def features(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) -> features, (B, C, h/8, w/8): alike for objects that are alike."""
        return self.trunk.blocks(lightness)[6]
