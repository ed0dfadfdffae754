"""Task-aware image downscaling (Kim, Choi, Lim and Lee, ECCV 2018)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic_by
from regrow.nets.ops.shuffle import depth_to_space, space_to_depth
from regrow.nets.rescale.base import FixedScale

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, kw_only=True)
class TADConfig:
    """Settings of the task-aware autoencoder.

    `TADConfig(channels=64, blocks=3, trunk_conv=True, subpixel_features=True)` is the paper's layout, and
    `TADConfig(scale=1, height=1, width=1, small_colors=1, channels=64, blocks=3, trunk_conv=True)` its colour
    autoencoder of nine convolutions a side.
    """

    scale: int = 2
    """Factor of the whole model: that of one application or a power of it, by applying it again (section 3.2)."""
    height: int = 2
    width: int = 2
    """Factors of one application, 1, 2 or 4 (section 3.3 has one for each side)."""
    colors: int = 3
    small_colors: int = 3
    """Channels of the pictures and of the small ones: 3 or 1."""
    unshuffle: int = 1
    """The nets run at this fraction of the small picture's resolution, which costs its square times less; 1, 2 or 4."""
    residual: bool = True
    """The encoder's result is added to the guidance image; else it is the small picture itself."""
    pairs: int = 1
    """Pairs of nets: each application has its own, and further ones use the last again. The paper has one for all."""
    channels: int = 32
    blocks: int = 14
    """Residual blocks a side."""
    last_channels: int = 0
    """Channels of the last pair, which runs at the smallest size, where they cost least; 0: as the others."""
    last_blocks: int = 0
    """Its residual blocks a side; 0: as the others."""
    trunk_conv: bool = False
    """A convolution after the residual blocks, with a skip around both, as in EDSR."""
    subpixel_features: bool = False
    """Grow the features (then pixel shuffle, one full-size convolution), as in EDSR; else grow the picture."""

    def __post_init__(self) -> None:
        for name, allowed in (("height", (1, 2, 4)), ("width", (1, 2, 4)), ("unshuffle", (1, 2, 4))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} {getattr(self, name)} is not one of {allowed}")
        factor = max(self.height, self.width)
        if min(self.height, self.width) not in (1, factor):
            raise ValueError(f"height {self.height} and width {self.width} differ, and neither is 1")
        if not 1 <= self.scale <= 128 or factor**self.applications != self.scale:
            raise ValueError(f"scale {self.scale} is not a power of {factor} up to 128")
        # The upper limits keep a hostile configuration from asking for all memory.
        if not 1 <= self.pairs <= 7:
            raise ValueError(f"pairs {self.pairs} out of range: 1 to 7")
        for channels, blocks in ((self.channels, self.blocks), (self.last.channels, self.last.blocks)):
            if not 1 <= channels <= 1024 or not 0 <= blocks <= 256:
                raise ValueError(f"channels {channels} or blocks {blocks} out of range: 1 to 1024, 0 to 256")
        if (self.colors, self.small_colors) not in ((3, 3), (3, 1), (1, 1)):
            raise ValueError(f"colors {self.colors} and small_colors {self.small_colors}: 3 and 3, 3 and 1, 1 and 1")
        if self.small_colors < self.colors and self.pairs != self.applications:
            raise ValueError(
                f"pairs {self.pairs}: where the last application hides colour, each of {self.applications} has one"
            )
        if self.subpixel_features and self.unshuffle > 1:
            raise ValueError("subpixel_features and unshuffle exclude each other")

    @property
    def last(self) -> Self:
        """Settings of the last pair."""
        if not self.last_channels and not self.last_blocks:
            return self
        channels, blocks = self.last_channels or self.channels, self.last_blocks or self.blocks
        return replace(self, channels=channels, blocks=blocks, last_channels=0, last_blocks=0)

    @property
    def applications(self) -> int:
        """How often the nets are applied."""
        factor = max(self.height, self.width)
        return 1 if factor == 1 else max(1, round(math.log(max(self.scale, 1), factor)))


class Trunk(nn.Module):
    """head -> residual blocks -> tail at one resolution: (B, inputs, h, w) -> (B, outputs, h, w).

    With `subpixel` (down, across), the result is that many times larger. The tail starts at zero where the result is
    added to something, so that an untrained pair is plain bicubic resampling.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        config: TADConfig,
        *,
        subpixel: tuple[int, int] | None = None,
        added: bool = True,
    ) -> None:
        super().__init__()
        c = config.channels
        self.head = nn.Conv2d(inputs, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.blocks)))
        self.trunk_conv = nn.Conv2d(c, c, 3, padding=1) if config.trunk_conv else None
        self.subpixel = subpixel
        self.upsampler = nn.Conv2d(c, subpixel[0] * subpixel[1] * c, 3, padding=1) if subpixel else None
        self.tail = nn.Conv2d(c, outputs, 3, padding=1)
        if added:
            nn.init.zeros_(self.tail.weight)
            nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) in [0, 1] -> (B, outputs, h, w), or larger by `subpixel`."""
        head = self._in(x)
        return self._out(head, self.blocks(head))

    def _in(self, x: Tensor) -> Tensor:
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            return self.head((x - 0.5).contiguous(memory_format=torch.channels_last))

    def _out(self, head: Tensor, x: Tensor) -> Tensor:
        if self.trunk_conv is not None:
            x = head + self.trunk_conv(x)
        if self.upsampler is not None and self.subpixel is not None:
            x = depth_to_space(self.upsampler(x), *self.subpixel)
        return self.tail(x).float()

    def weights(self) -> float:
        """Weights of the convolutions that run for each cell of a picture."""
        return sum(p.numel() for p in self.parameters() if p.ndim == 4)

    def start_from(self, other: Trunk) -> None:
        """Take over another trunk's weights. RuntimeError if the layouts do not allow.

        Blocks it lacks start as the identity, and channels it lacks add nothing at first. Where there were three
        colours and there is one now, it starts as the other would work on three equal colours, its results averaged. A
        head or tail for any other channels starts afresh.
        """
        weights = other.state_dict()
        for name, own in self.state_dict().items():
            part, index, *_ = name.split(".")
            if part == "mixers":
                weights.setdefault(name, own)
            elif part == "blocks" and int(index) >= len(other.blocks):
                # Only the second convolution: what it adds is zero, but its gradient is not.
                weights[name] = torch.zeros_like(own) if ".conv2." in name else own
            elif (part == "head" and weights[name].shape[1:] != own.shape[1:]) or (
                part == "tail" and weights[name].shape[0] != own.shape[0]
            ):
                weights[name] = _one_color(weights[name], own)
            weights[name] = _wider(weights[name], own, within=part != "head")
        self.load_state_dict(weights)


def _one_color(weights: Tensor, own: Tensor) -> Tensor:
    """Weights or biases of three colours as those of one: sums over inputs, means over outputs; `own` if none fit."""
    if weights.shape[0] == 3 * own.shape[0]:
        weights = weights.reshape(3, -1, *weights.shape[1:]).mean(0)
    if weights.ndim == 4 and weights.shape[1] == 3 * own.shape[1]:
        weights = weights.reshape(len(weights), 3, -1, *weights.shape[2:]).sum(1)
    return weights if weights.shape == own.shape else own


def _wider(weights: Tensor, own: Tensor, *, within: bool) -> Tensor:
    """Weights or biases with those of further features; within the net, the features that it had do not see these."""
    if weights.shape == own.shape or any(n > most for n, most in zip(weights.shape, own.shape, strict=True)):
        return weights
    result, rows = own.clone(), weights.shape[0]
    if own.ndim == 4:
        if within:
            result[:rows] = 0
        result[:rows, : weights.shape[1]] = weights
    else:
        result[:rows] = weights
    return result


class TAD(FixedScale):
    """A pair of nets trained together: the encoder shrinks for the decoder that grows.

    ::

        shrink   x (B,C,H,W) --+-- space to depth -- encoder --+--> (B,c,h,w)    the paper's f_TAD
                               +-- antialiased bicubic --------+    (the guidance image; its luma where c is 1)
        grow     y (B,c,h,w) --+-- decoder -- depth to space --+--> (B,C,H,W)    the paper's g_TAU
                               +-- bicubic --------------------+

    Both are applied until the scale is reached (section 3.2). Colour is hidden by the last application.
    """

    architecture = "tad"
    Config = TADConfig
    trunk: type[Trunk] = Trunk

    def __init__(self, config: TADConfig | None = None) -> None:
        config = config or TADConfig()
        super().__init__((config.height, config.width), config.applications)
        self.config, self.unshuffle = config, config.unshuffle
        self.repeats = max(self.factors) > 1 and config.small_colors == config.colors
        self.colors, self.small_colors = config.colors, config.small_colors
        layers = 2 * max(config.blocks, config.last.blocks) + 2 + config.trunk_conv + config.subpixel_features
        self.halo = max(layers, 3)  # 3: what the bicubic kernel reaches
        area = config.height * config.width
        encoders, decoders = [], []
        for pair in range(config.pairs):
            small = (config.small_colors if pair == config.pairs - 1 else config.colors) * config.unshuffle**2
            full = config.colors * config.unshuffle**2
            own = config.last if pair == config.pairs - 1 else config
            encoders.append(self.trunk(full * area, small, own, added=config.residual))
            decoders.append(
                self.trunk(small, full, own, subpixel=self.factors)
                if config.subpixel_features
                else self.trunk(small, full * area, own)
            )
        self.encoders, self.decoders = nn.ModuleList(encoders), nn.ModuleList(decoders)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink_once(self, x: Tensor, application: int = 0) -> Tensor:
        """(B, C, height * h, width * w) -> (B, c, h, w); application 0 starts from the full size."""
        (down, across), unshuffle = self.factors, self.unshuffle
        encoder = self.encoders[min(application, self.config.pairs - 1)]
        small = depth_to_space(encoder(space_to_depth(x, down * unshuffle, across * unshuffle)), unshuffle, unshuffle)
        if not self.config.residual:
            return small
        guidance = bicubic_by(x, Fraction(1, down), Fraction(1, across))
        return small + (luma(guidance) if small.shape[1] < guidance.shape[1] else guidance)

    def grow_once(self, y: Tensor, application: int = 0) -> Tensor:
        """(B, c, h, w) -> (B, C, height * h, width * w); application 0 ends at the full size."""
        (down, across), unshuffle = self.factors, self.unshuffle
        details = self.decoders[min(application, self.config.pairs - 1)](space_to_depth(y, unshuffle, unshuffle))
        if not self.config.subpixel_features:
            details = depth_to_space(details, down * unshuffle, across * unshuffle)
        return bicubic_by(y, down, across) + details

    def start_from(self, other: Model) -> None:
        """Take over another model's weights.

        Where this one has more pairs, the other's last is repeated; further blocks start as the identity; one
        colour instead of three starts as three equal ones; first and last layers for other channels start afresh.
        """
        if not isinstance(other, TAD):
            raise ValueError("the other model is no task-aware autoencoder")
        for i in range(self.config.pairs):
            source = min(i, other.config.pairs - 1)
            try:
                self.encoders[i].start_from(other.encoders[source])  # type: ignore[operator]
                self.decoders[i].start_from(other.decoders[source])  # type: ignore[operator]
            except (RuntimeError, KeyError):
                raise ValueError(f"the layouts differ: {other.config} and {self.config}") from None

    def own_multiply_adds(self) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel, all applications: (shrinking, growing)."""
        area = self.config.height * self.config.width

        def cost(trunks: nn.ModuleList, application: int) -> float:
            trunk = trunks[min(application, self.config.pairs - 1)]
            assert isinstance(trunk, Trunk)
            # Weights run once a cell; those after the pixel shuffle run once a full-size pixel.
            total = trunk.weights()
            tail = trunk.tail.weight.numel() if trunk.upsampler is not None else 0
            return ((total - tail) / (area * self.unshuffle**2) + tail) / area**application

        shrinking, growing = (
            sum(cost(trunks, application) for application in range(self.applications))
            for trunks in (self.encoders, self.decoders)
        )
        return shrinking, growing
