"""What every colorizer is: the contract between the nets and whatever runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from regrow.nets.color.trunk import Trunk
from regrow.nets.model import Model


class Colorizer(Model):
    """A map from lightness to colour, in CIE L*a*b* (`regrow.nets.ops.color.lab`).

    It sees a picture whole, at the size it was trained on: what a thing is says its colour, and that takes context.
    Colour has little detail, so `regrow.operations.colorize` takes the result to any size along the edges of the full
    picture.
    """

    multiple = 8
    """What the sides of what it is given must divide by."""
    trunk: Trunk
    """What sees, apart from what then decides on colours."""

    def start_from(self, other: Model) -> None:
        """Take over the weights of another colorizer; of one of another kind, the trunk."""
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
        """L, (B, 1, h, w) -> what the net sees there, (B, C, h/8, w/8): alike for things that are alike."""
        return self.trunk.blocks(lightness)[6]
