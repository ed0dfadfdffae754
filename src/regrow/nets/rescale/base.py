"""The base classes of rescalers: the contract between the nets and the code that runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor

from regrow.nets.model import Model
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic


class Rescaler(Model):
    """A pair of maps trained together: one shrinks pictures, the other grows them again.

    A rescaler is applied `applications` times; values stay floating-point between applications. Pictures are RGB
    (or one channel, where `colors` is 1) in [0, 1]; results are neither clamped nor rounded:
    `regrow.nets.layers.quantize` does both.
    """

    scale: int
    """The most by which all applications together shrink a side."""
    factors: tuple[int, int]
    """The most by which one application shrinks height and width."""
    applications: int
    """Number of applications."""
    halo: int
    """Reach of one application in cells: tiles that overlap by this much agree with the whole.

    A cell is a square of `unshuffle` small pixels a side, or the corresponding pixels of the larger picture."""
    repeats: bool
    """Whether the model can be applied again to its own small pictures, for larger scales than it was made for."""
    colors: int
    """Channels of the full-size pictures: 3 (RGB) or 1."""
    small_colors: int
    """Channels of the small pictures: 3, or 1 where colour is hidden in grey or there is none."""

    def __init__(self, factors: tuple[int, int], applications: int) -> None:
        super().__init__()
        self.factors, self.applications = factors, applications
        self.scale = max(self.scales)

    @abstractmethod
    def multiply_adds(self, scale: float | None = None) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel at a scale, or at the model's own scale.

        Those of all applications: (shrinking, growing).
        """

    @property
    def scales(self) -> tuple[int, int]:
        """The most by which all applications together shrink height and width."""
        return self.factors[0] ** self.applications, self.factors[1] ** self.applications

    def guidance(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """The guidance image of (h, w): the bicubic picture, or its luma where small pictures are grey."""
        small = bicubic(x, size)
        return luma(small) if self.small_colors < self.colors else small


class FixedScale(Rescaler):
    """A rescaler whose every application shrinks by `factors`, no more and no less.

    Args:
        factors: factors by which one application shrinks height and width.
        applications: number of applications.
    """

    @abstractmethod
    def shrink_once(self, x: Tensor, application: int = 0) -> Tensor:
        """(B, C, factors[0] * h, factors[1] * w) -> (B, c, h, w); application 0 starts from the full size."""

    @abstractmethod
    def grow_once(self, y: Tensor, application: int = 0) -> Tensor:
        """(B, c, h, w) -> (B, C, factors[0] * h, factors[1] * w); application 0 ends at the full size."""

    @property
    def multiples(self) -> tuple[int, int]:
        """Height and width of a full-size picture must be multiples of these."""
        return self.scales[0] * self.unshuffle, self.scales[1] * self.unshuffle

    def shrink(self, x: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1], H and W multiples of `multiples` -> (B, c, H/scale, W/scale). ValueError if not."""
        down, across = self.multiples
        if x.shape[-2] % down or x.shape[-1] % across:
            raise ValueError(f"a picture of {x.shape[-1]}x{x.shape[-2]} does not divide by {across}x{down}")
        for application in range(self.applications):
            x = self.shrink_once(x, application)
        return x

    def grow(self, y: Tensor) -> Tensor:
        """(B, c, h, w) in [0, 1], h and w multiples of `unshuffle` -> (B, C, h*scale, w*scale)."""
        for application in reversed(range(self.applications)):
            y = self.grow_once(y, application)
        return y

    def multiply_adds(self, scale: float | None = None) -> tuple[float, float]:
        """As `Rescaler.multiply_adds`: at other scales, pictures are resampled to the model's own first."""
        shrinking, growing = self.own_multiply_adds()
        more = (self.scale / (scale or self.scale)) ** 2
        return shrinking * more, growing * more

    @abstractmethod
    def own_multiply_adds(self) -> tuple[float, float]:
        """Those at the model's own scale."""
