"""What every restorer is: the contract between the nets and whatever runs, trains or measures them."""

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
from regrow.nets.ops.resample import bicubic

if TYPE_CHECKING:
    from typing_extensions import Self

SIDE = 240
"""Of the square that multiply-adds are counted on: what a net does once for a whole picture hardly counts then."""


class Restorer(Model):
    """One map that improves a picture which someone else made poor.

    Pictures are RGB in [0, 1]; results are neither clamped nor rounded. With `frames` it is given so many, an odd
    number, one after another among the channels, and improves the one in the middle.
    """

    scale: int
    """How many times larger each side becomes; 1 where the size stays."""
    halo: int
    """How many pixels away it looks: tiles that overlap by this much agree with the whole."""
    tile: int | None = 256
    """Large, for what lies within `halo` of the edges of tiles is worked out twice, yet such that features fit into
    memory."""
    reinitialized: ClassVar[dict[str, str]] = {"scale": "upsampler."}
    """Settings in which a net may differ that training starts from, and how the names of those weights begin that then
    start anew."""

    @abstractmethod
    def forward(self, y: Tensor) -> Tensor:
        """(B, frames * 3, h, w) -> (B, 3, scale * h, scale * w)."""

    @property
    def scales(self) -> tuple[int, ...]:
        """The scales that it holds the weights of."""
        return (self.scale,)

    def at(self, scale: int) -> Self:
        """This net at another scale, sharing its weights, where it holds several; ValueError where it does not."""
        if scale != self.scale:
            raise ValueError(f"enlarges by {self.scale}, not by {scale}")
        return self

    def up_to(self, scale: int) -> Self:
        """This net at the largest scale it holds that is not above this one; as it is where all are above."""
        for wanted in range(scale, 0, -1):
            with suppress(ValueError):
                return self.at(wanted)
        return self

    def start_from(self, other: Model) -> None:
        """Take over the weights of another, all but those that start `reinitialized`."""
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
        # Nothing is computed: fake tensors have a shape and a device. Nets of others hold more than their weights.
        with FakeTensorMode(allow_non_fake_inputs=True), torch.no_grad(), FlopCounterMode(display=False) as counter:
            named = chain(self.named_parameters(), self.named_buffers())
            weights = {name: torch.empty(value.shape, dtype=value.dtype, device="cpu") for name, value in named}
            result = functional_call(self, weights, torch.empty(1, 3 * self.frames, SIDE, SIDE, device="cpu"))
        return counter.get_total_flops() / 2 / result[0, 0].numel()


class LumaRestorer(Restorer):
    """A net that was published for luma alone: with `colors` 1 it is that, with 3 it restores RGB.

    With one colour what it changes in the luma is added to all three channels, which leaves chroma as bicubic made it.
    """

    colors: int
    enlarged: ClassVar[bool]
    """Whether it is given what bicubic has enlarged."""

    @abstractmethod
    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, h, w), at the size of the result where `enlarged` -> (B, colours, scale * h, scale * w)."""

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = bicubic(y, (y.shape[-2] * self.scale, y.shape[-1] * self.scale)) if self.enlarged or self.colors == 1 else y
        given = x if self.enlarged else y
        if self.colors == 1:
            return x + (self._float(luma(given)) - luma(x))
        return self._float(given)

    def _float(self, x: Tensor) -> Tensor:
        return self.restored(x.contiguous(memory_format=torch.channels_last)).float()


class ScaleRestorer(Restorer):
    """A net that holds the weights of several scales; `scale` of its settings says which it runs at."""

    SCALES: ClassVar[tuple[int, ...]] = (2, 3, 4)

    @property
    def scales(self) -> tuple[int, ...]:
        """The scales that it holds the weights of."""
        return self.SCALES

    def at(self, scale: int) -> Self:
        """This net at another scale, sharing its weights; ValueError where it does not hold it."""
        twin = copy(self)
        twin.config, twin.scale = replace(self.config, scale=scale), scale
        return twin


def in_range(low: float, high: float, **values: float) -> None:
    """ValueError that names the first value outside."""
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} {value} out of range: {low} to {high}")


def one_of(allowed: tuple[Any, ...], **values: Any) -> None:
    """ValueError that names the first value that is none of these."""
    for name, value in values.items():
        if value not in allowed:
            raise ValueError(f"{name} {value!r} is not one of {', '.join(map(str, allowed))}")


def enlarged_halo(pixels: int, scale: int) -> int:
    """Halo in pixels of the small picture of a net that looks so far in the enlarged one, with bicubic's own reach."""
    return -(-pixels // scale) + 3
