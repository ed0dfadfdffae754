"""Invertible image rescaling (Xiao et al., ECCV 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.model import Model
from regrow.nets.rescale.base import FixedScale
from regrow.nets.rescale.irn_blocks import Dense, Residual, Stage, Subnet


@dataclass(frozen=True, kw_only=True)
class IRNConfig:
    """Settings of the invertible rescaling net.

    `IRNConfig()` is the paper's layout at x2 and `IRNConfig(scale=4, whole=True)` that at x4. Their kernels are 1.66
    and 4.35 million numbers, as published; with the biases 1,667,952 and 4,355,136.
    """

    scale: int = 2
    """Factor of the whole model, a power of 2."""
    whole: bool = False
    """One application shrinks all the way, and all its squeezes but the first work on both halves of what the one
    before gave, as published; up to x8. Else each application is by 2 and starts from a picture."""
    pairs: int = 1
    """Nets: each application has its own, and further ones use the last again. With `whole` there is one."""
    blocks: int = 8
    """Invertible blocks after each squeeze."""
    subnet: str = "dense"
    """What phi, rho and eta are: dense (five convolutions, as published) or residual (head, residual blocks, tail)."""
    channels: int = 32
    """Features of a subnet: how many each of a dense one's first four convolutions adds, or a residual one's width."""
    depth: int = 1
    """Residual blocks of a residual subnet; a dense one has none."""
    affine: bool = True
    """The high half is scaled too, not only added to; else there is no rho."""
    squeeze: str = "haar"
    """haar (fixed, as published) or learned (a map of the four pixels for each channel, which starts as Haar)."""

    def __post_init__(self) -> None:
        limit = 8 if self.whole else 128
        if not 2 <= self.scale <= limit or self.scale & (self.scale - 1):
            raise ValueError(f"scale {self.scale} is not a power of 2 up to {limit}")
        if not 1 <= self.pairs <= (1 if self.whole else 7):
            raise ValueError(f"pairs {self.pairs} out of range: 1 to 7, or 1 with whole")
        # The upper limits keep a hostile configuration from asking for all memory.
        for name, least, most in (("channels", 1, 1024), ("blocks", 1, 16), ("depth", 0, 8)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: {least} to {most}")
        for name, allowed in (("subnet", ("dense", "residual")), ("squeeze", ("haar", "learned"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)!r:.99} is not one of {allowed}")

    @property
    def squeezes(self) -> int:
        """Squeezes from the full size to the small one."""
        return max(self.scale, 1).bit_length() - 1


class IRN(FixedScale):
    """One invertible net: run forwards it shrinks, run backwards it grows.

    ::

        shrink   x (B,3,H,W) -- squeeze -- blocks --+--> low  (B,3,h,w)    the small picture
                                                    +--> high (B,9,h,w)    dropped
        grow     y (B,3,h,w), zeros (B,9,h,w) -- blocks backwards -- squeeze backwards --> (B,3,H,W)

    The paper grows from a high half drawn from the normal distribution, to which it trains what is dropped; zero is its
    mean. Untrained, shrinking is the 2x2 mean and growing repeats every pixel.

    In float32 the couplings and the first convolution of every subnet run always, as what is hidden is a fraction of a
    level; the other convolutions may run in bfloat16.
    """

    architecture = "irn"
    Config = IRNConfig
    renamed: ClassVar[dict[str, str]] = {"applications.": "nets."}  # before version 0.2

    def __init__(self, config: IRNConfig | None = None) -> None:
        config = config or IRNConfig()
        factor, depth = (config.scale, config.squeezes) if config.whole else (2, 1)
        super().__init__((factor, factor), config.squeezes // depth)
        self.config, self.repeats = config, not config.whole
        self.colors, self.small_colors = 3, 3
        layers = Dense.layers if config.subnet == "dense" else 2 * config.depth + 2
        # Growing, each block runs two subnets one after the other, at the resolution of its stage; shrinking, the last
        # block runs one.
        reach = 2 * layers * config.blocks
        self.halo = math.ceil(sum(reach / 2**stage for stage in range(depth)))
        nets = (nn.ModuleList(_stage(3 * 4**n, config) for n in range(depth)) for _ in range(config.pairs))
        self.nets: list[list[Stage]] = nn.ModuleList(nets)  # type: ignore[assignment]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink_once(self, x: Tensor, application: int = 0) -> Tensor:
        """(B, 3, factor * h, factor * w) -> (B, 3, h, w); application 0 starts from the full size."""
        *stages, last = self._stages(application)
        x = x - 0.5  # so that the border, which convolutions pad with zeros, is mid-grey
        for stage in stages:
            x = stage(x)
        return last.low(x) + 0.5

    def grow_once(self, y: Tensor, application: int = 0) -> Tensor:
        """(B, 3, h, w) -> (B, 3, factor * h, factor * w); application 0 ends at the full size."""
        lost = 3 * self.factors[0] * self.factors[1] - 3
        y = F.pad(y - 0.5, (0, 0, 0, 0, 0, lost))
        for stage in reversed(self._stages(application)):
            y = stage.inverse(y)
        return y + 0.5

    def start_from(self, other: Model) -> None:
        """Take over another model's weights. Where this one has more pairs, the other's last is repeated."""
        if not isinstance(other, IRN):
            raise ValueError("the other model is no invertible rescaling net")
        for i, stages in enumerate(self.nets):
            try:
                stages.load_state_dict(other._stages(i).state_dict())  # type: ignore[attr-defined]
            except RuntimeError:
                raise ValueError(f"the layouts differ: {other.config} and {self.config}") from None

    def own_multiply_adds(self) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel, all applications: (shrinking, growing)."""

        def kernels(module: nn.Module | None) -> int:
            return sum(p.numel() for p in module.parameters() if p.ndim == 4) if module else 0

        shrinking = growing = 0.0
        for application in range(self.applications):
            stages = self._stages(application)
            last = stages[-1].couplings[-1]
            cost = sum(kernels(stage) / 4 ** (n + 1) for n, stage in enumerate(stages))
            unused = (kernels(last.eta) + kernels(last.rho)) / 4 ** len(stages)
            shrinking += (cost - unused) / 4**application
            growing += cost / 4**application
        return shrinking, growing

    def _stages(self, application: int) -> list[Stage]:
        return self.nets[min(application, len(self.nets) - 1)]


def _stage(channels: int, config: IRNConfig) -> Stage:
    subnet: Subnet = partial(Residual, channels=config.channels, depth=config.depth)
    if config.subnet == "dense":
        subnet = partial(Dense, channels=config.channels)
    return Stage(channels, config.blocks, subnet, affine=config.affine, learned=config.squeeze == "learned")
