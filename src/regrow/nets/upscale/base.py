"""The base class of restorers: the contract between the nets and the code that runs, trains or measures them."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from copy import copy
from dataclasses import asdict, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from regrow.nets.model import Model
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic_by

if TYPE_CHECKING:
    from typing_extensions import Self

SIDE = 240
"""Side of the square on which multiply-adds are counted; large, so that work done once hardly counts."""


class Restorer(Model):
    """A net that improves a degraded picture.

    Pictures are RGB in [0, 1]; results are neither clamped nor rounded. The input is `frames` frames, an odd number,
    concatenated along the channels; the net improves the middle one.
    """

    scale: float
    """Factor by which each side is enlarged; 1 where the size stays. No whole number only in `regrow.nets.restore`."""
    halo: int
    """Reach of the net in pixels: tiles that overlap by this much agree with the whole."""
    tile: int | None = 256
    """Large, since pixels within `halo` of the edges of tiles are computed twice; but features must fit into memory."""
    reinitialized: ClassVar[dict[str, str]] = {"scale": "upsampler."}
    """Settings in which the initial net of a training run may differ, each with the prefix of the weights that are then
    initialised afresh."""

    @abstractmethod
    def forward(self, y: Tensor) -> Tensor:
        """(B, frames * 3, h, w) -> (B, 3, scale * h, scale * w), rounded down."""

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales that the net has weights for."""
        return (self.scale,)

    def at(self, scale: float) -> Self:
        """This net at another of its scales, with shared weights. ValueError if the net does not have that scale."""
        if scale != self.scale:
            raise ValueError(f"enlarges by {self.scale}, not by {scale}")
        return self

    def up_to(self, scale: int) -> Self:
        """This net at its largest scale that is not above `scale`; unchanged where all its scales are above."""
        for wanted in range(scale, 0, -1):
            with suppress(ValueError):
                return self.at(wanted)
        return self

    def start_from(self, other: Model) -> None:
        """Copy the weights of another net, except those that `reinitialized` names."""
        if isinstance(other, type(self)):
            own, theirs = asdict(self.config), asdict(other.config)
            differ = {name for name in own if own[name] != theirs[name]}
            if differ and differ <= self.reinitialized.keys():
                left = tuple(self.reinitialized[name] for name in differ)
                kept = {k: v for k, v in other.state_dict().items() if not k.startswith(left)}
                self.load_state_dict(self.state_dict() | kept)
                return
        super().start_from(other)  # which says what else differs

    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the result, as torch counts them."""
        # Nothing is computed: fake tensors have a shape and a device. Published nets contain more tensors than weights.
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad(), FlopCounterMode(display=False) as counter:
            named = chain(self.named_parameters(), self.named_buffers())
            weights = {name: torch.empty(value.shape, dtype=value.dtype, device="cpu") for name, value in named}
            result = functional_call(self, weights, torch.empty(1, 3 * self.frames, SIDE, SIDE, device="cpu"))
        return counter.get_total_flops() / 2 / result[0, 0].numel()


class LumaRestorer(Restorer):
    """A net that was published for luma alone: with `colors` 1 it restores luma, with 3 it restores RGB.

    With one channel, its change of the luma is added to all three channels, so chroma stays that of bicubic.
    """

    scale: int
    colors: int
    enlarged: ClassVar[bool]
    """Whether the input is enlarged by bicubic first."""

    @abstractmethod
    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w), at the size of the result where `enlarged` -> (B, colours, scale * h, scale * w)."""

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = bicubic_by(y, self.scale) if self.enlarged or self.colors == 1 else y
        given = x if self.enlarged else y
        if self.colors == 1:
            return x + (self._float(luma(given)) - luma(x))
        return self._float(given)

    def _float(self, x: Tensor) -> Tensor:
        return self.restored(x.contiguous(memory_format=torch.channels_last)).float()


class ScaleRestorer(Restorer):
    """A net with weights for several scales; the setting `scale` selects one."""

    SCALES: ClassVar[tuple[int, ...]] = (2, 3, 4)

    @property
    def scales(self) -> tuple[int, ...]:
        """The scales that the net has weights for."""
        return self.SCALES

    def at(self, scale: float) -> Self:
        """This net at another of its scales, with shared weights. ValueError if the net does not have that scale."""
        twin = copy(self)
        twin.config, twin.scale = replace(self.config, scale=scale), scale
        return twin


def in_range(low: float, high: float, **values: float) -> None:
    """Raise a ValueError that names the first value outside the range."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} {value} out of range: {low} to {high}")


def one_of(allowed: tuple[Any, ...], **values: Any) -> None:
    """Raise a ValueError that names the first value that is not allowed."""
    for name, value in values.items():
        if value not in allowed:
            raise ValueError(f"{name} {value!r} is not one of {', '.join(map(str, allowed))}")


def enlarged_halo(pixels: int, scale: int) -> int:
    """Halo in pixels of the small picture, from a reach in pixels of the enlarged one, and bicubic's reach."""
    return -(-pixels // scale) + 3
