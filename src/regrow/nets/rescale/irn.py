"""Invertible image rescaling (Xiao et al., ECCV 2020)."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.rescale.base import Rescaler


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


class Dense(nn.Module):
    """Five 3x3 convolutions, each of which sees the input and all before it: (B, inputs, h, w) -> (B, outputs, h, w).

    Leaky ReLU of slope 0.2 between them. The last one starts at zero.
    """

    layers = 5

    def __init__(self, inputs: int, outputs: int, config: IRNConfig) -> None:
        super().__init__()
        c = config.channels
        widths = [c] * (self.layers - 1) + [outputs]
        self.convs = nn.ModuleList(nn.Conv2d(inputs + i * c, n, 3, padding=1) for i, n in enumerate(widths))
        _zero(self.convs[-1])

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) around 0 -> (B, outputs, h, w), in the precision of x."""
        head, *middle, tail = self.convs
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            x = x.contiguous(memory_format=torch.channels_last)
            features = [x, F.leaky_relu(head(x), 0.2)]
        for conv in middle:
            features.append(F.leaky_relu(conv(torch.cat(features, 1)), 0.2))
        return tail(torch.cat(features, 1)).to(x.dtype)


class Residual(nn.Module):
    """head -> residual blocks -> tail: (B, inputs, h, w) -> (B, outputs, h, w). The tail starts at zero."""

    def __init__(self, inputs: int, outputs: int, config: IRNConfig) -> None:
        super().__init__()
        c = config.channels
        self.head = nn.Conv2d(inputs, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.depth)))
        self.tail = nn.Conv2d(c, outputs, 3, padding=1)
        _zero(self.tail)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) around 0 -> (B, outputs, h, w), in the precision of x."""
        with torch.autocast(x.device.type, enabled=False):  # as in Dense
            head = self.head(x.contiguous(memory_format=torch.channels_last))
        return self.tail(self.blocks(head)).to(x.dtype)


class Squeeze(nn.Module):
    """The 2x2 Haar transform of each channel (section 3.2), or a learned map that starts as it.

    ::

        low   1/4 ( a + b + c + d )        pixels  a b
        high  1/4 ( a - b + c - d )                c d
              1/4 ( a + b - c - d )
              1/4 ( a - b - c + d )

    Quarters, for which halves would be orthonormal, so that the low band is the mean; back are plain sums. The learned
    map is that times the exponential of a 4x4 matrix for each channel: invertible, whatever is learned.
    """

    def __init__(self, channels: int, learned: bool) -> None:
        super().__init__()
        self.generator = nn.Parameter(torch.zeros(channels, 4, 4)) if learned else None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 2h, 2w) -> (B, 4C, h, w): C channels of the low band, then those of each high one."""
        n, _, h, w = x.shape
        a, b, c, d = F.pixel_unshuffle(x, 2).reshape(n, -1, 4, h // 2, w // 2).unbind(2)
        left, right, upper, lower = a + c, b + d, a - c, b - d
        bands = torch.stack([left + right, left - right, upper + lower, upper - lower], 1) / 4
        return self._mixed(bands, 1).flatten(1, 2)

    def inverse(self, y: Tensor) -> Tensor:
        """(B, 4C, h, w) -> (B, C, 2h, 2w)."""
        n, _, h, w = y.shape
        low, across, down, both = self._mixed(y.reshape(n, 4, -1, h, w), -1).unbind(1)
        left, right, upper, lower = low + across, low - across, down + both, down - both
        pixels = torch.stack([left + upper, right + lower, left - upper, right - lower], 2)
        return F.pixel_shuffle(pixels.flatten(1, 2), 2)

    def _mixed(self, bands: Tensor, sign: int) -> Tensor:
        """(B, 4, C, h, w), the four bands of each channel mixed as learned (sign 1) or unmixed (-1)."""
        if self.generator is None:
            return bands
        with torch.autocast(bands.device.type, enabled=False):
            return torch.einsum("coi,bichw->bochw", torch.linalg.matrix_exp(sign * self.generator), bands)


class Coupling(nn.Module):
    """An invertible block: the low half takes up from the high one, and the high one from that (section 3.2).

    ::

        low'  = low + phi(high)
        high' = high * exp(2 sigmoid(rho(low')) - 1) + eta(low')
    """

    def __init__(self, low: int, high: int, config: IRNConfig) -> None:
        super().__init__()
        subnet = Dense if config.subnet == "dense" else Residual
        self.phi = subnet(high, low, config)
        self.eta = subnet(low, high, config)
        self.rho = subnet(low, high, config) if config.affine else None

    def low(self, low: Tensor, high: Tensor) -> Tensor:
        """Low and high halves, (B, low, h, w) and (B, high, h, w), -> the low half after the block."""
        return low + self.phi(high)

    def forward(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves after the block."""
        low = self.low(low, high)
        if self.rho is not None:
            high = high * torch.exp(self._strength(low))
        return low, high + self.eta(low)

    def inverse(self, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        """Both halves before the block from those after it."""
        high = high - self.eta(low)
        if self.rho is not None:
            high = high * torch.exp(-self._strength(low))
        return low - self.phi(high), high

    def _strength(self, low: Tensor) -> Tensor:
        """Between -1 and 1: no block scales by more than e."""
        assert self.rho is not None
        return 2 * torch.sigmoid(self.rho(low)) - 1


class Stage(nn.Module):
    """A squeeze and its invertible blocks: (B, C, 2h, 2w) -> (B, 4C, h, w), the first three the small picture."""

    def __init__(self, channels: int, config: IRNConfig) -> None:
        super().__init__()
        self.squeeze = Squeeze(channels, config.squeeze == "learned")
        couplings = (Coupling(3, 4 * channels - 3, config) for _ in range(config.blocks))
        self.couplings: list[Coupling] = nn.ModuleList(couplings)  # type: ignore[assignment]

    def forward(self, x: Tensor) -> Tensor:
        """Both halves, joined."""
        low, high = _halves(self.squeeze(x))
        for coupling in self.couplings:
            low, high = coupling(low, high)
        return torch.cat([low, high], 1)

    def low(self, x: Tensor) -> Tensor:
        """(B, 3, h, w), the small picture alone: without what the last block would do for the other half."""
        low, high = _halves(self.squeeze(x))
        *couplings, last = self.couplings
        for coupling in couplings:
            low, high = coupling(low, high)
        return last.low(low, high)

    def inverse(self, y: Tensor) -> Tensor:
        """(B, 4C, h, w) -> (B, C, 2h, 2w)."""
        low, high = _halves(y)
        for coupling in reversed(self.couplings):
            low, high = coupling.inverse(low, high)
        return self.squeeze.inverse(torch.cat([low, high], 1))


class IRN(Rescaler):
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

    def __init__(self, config: IRNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or IRNConfig()
        factor, depth = (config.scale, config.squeezes) if config.whole else (2, 1)
        self.factors, self.steps = (factor, factor), config.squeezes // depth
        self.repeats = not config.whole
        self.unshuffle, self.colors, self.small_colors = 1, 3, 3
        layers = Dense.layers if config.subnet == "dense" else 2 * config.depth + 2
        # Growing, each block runs two subnets one after the other, at the resolution of its stage; shrinking, the last
        # block runs one.
        reach = 2 * layers * config.blocks
        self.halo = math.ceil(sum(reach / 2**stage for stage in range(depth)))
        applications = (nn.ModuleList(Stage(3 * 4**n, config) for n in range(depth)) for _ in range(config.pairs))
        self.applications: list[list[Stage]] = nn.ModuleList(applications)  # type: ignore[assignment]
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink_once(self, x: Tensor, step: int = 0) -> Tensor:
        """(B, 3, factor * h, factor * w) -> (B, 3, h, w); step 0 starts from the full size."""
        *stages, last = self._stages(step)
        x = x - 0.5  # so that the border, which convolutions pad with zeros, is mid-grey
        for stage in stages:
            x = stage(x)
        return last.low(x) + 0.5

    def grow_once(self, y: Tensor, step: int = 0) -> Tensor:
        """(B, 3, h, w) -> (B, 3, factor * h, factor * w); step 0 ends at the full size."""
        lost = 3 * self.factors[0] * self.factors[1] - 3
        y = F.pad(y - 0.5, (0, 0, 0, 0, 0, lost))
        for stage in reversed(self._stages(step)):
            y = stage.inverse(y)
        return y + 0.5

    def start_from(self, other: Model) -> None:
        """Take over another model's weights. Where this one has more pairs, the other's last is repeated."""
        if not isinstance(other, IRN):
            raise ValueError("the other model is no invertible rescaling net")
        for i, stages in enumerate(self.applications):
            try:
                stages.load_state_dict(other._stages(i).state_dict())  # type: ignore[attr-defined]
            except RuntimeError:
                raise ValueError(f"the layouts differ: {other.config} and {self.config}") from None

    def multiply_adds(self) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel, all steps: (shrinking, growing)."""

        def kernels(module: nn.Module | None) -> int:
            return sum(p.numel() for p in module.parameters() if p.ndim == 4) if module else 0

        shrinking = growing = 0.0
        for step in range(self.steps):
            stages = self._stages(step)
            last = stages[-1].couplings[-1]
            cost = sum(kernels(stage) / 4 ** (n + 1) for n, stage in enumerate(stages))
            unused = (kernels(last.eta) + kernels(last.rho)) / 4 ** len(stages)
            shrinking += (cost - unused) / 4**step
            growing += cost / 4**step
        return shrinking, growing

    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values."""
        return {"architecture": "irn", **asdict(self.config)}

    def _stages(self, step: int) -> list[Stage]:
        return self.applications[min(step, len(self.applications) - 1)]


def _halves(x: Tensor) -> tuple[Tensor, Tensor]:
    return x[:, :3], x[:, 3:]


def _zero(conv: nn.Module) -> None:
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
