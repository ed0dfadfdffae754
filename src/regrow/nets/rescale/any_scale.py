"""One pair of nets for every scale from 1.1 to 4, and others for each side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.ops.bank import OFFSETS, Analysis, Side, Synthesis, cubic, positions
from regrow.nets.rescale.base import Rescaler
from regrow.nets.rescale.tad import TAD

MOST = 4
"""The most by which one application shrinks a side."""

Sides = tuple[Side, Side]
"""Height and width."""

PLACE = 4
"""Planes that tell a net of its small pixels: the fraction of their position and the scale, of each side."""


@dataclass(frozen=True, kw_only=True)
class AnyScaleConfig:
    """Settings of a pair of nets for any scale."""

    channels: int = 32
    blocks: int = 20
    """Residual blocks a side."""
    hidden: int = 64
    """Width of the nets that make filters of positions."""
    scale: int = MOST
    """The most by which a side may shrink: a power of 4, since the pair is applied again and again."""

    def __post_init__(self) -> None:
        if self.scale < MOST or MOST**self.applications != self.scale:
            raise ValueError(f"scale {self.scale} is no power of {MOST}")
        # The upper limits keep a hostile configuration from asking for all memory.
        for name, most in (("channels", 1024), ("blocks", 256), ("hidden", 1024)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: 1 to {most}")

    @property
    def applications(self) -> int:
        """Number of applications."""
        return round(math.log(max(self.scale, 1), MOST))


class Trunk(nn.Module):
    """head -> residual blocks -> tail: (B, inputs, h, w) -> (B, outputs, h, w)."""

    def __init__(self, inputs: int, outputs: int, config: AnyScaleConfig) -> None:
        super().__init__()
        c = config.channels
        self.head = nn.Conv2d(inputs + PLACE, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.blocks)))
        self.tail = nn.Conv2d(c, outputs, 3, padding=1)
        with torch.no_grad():
            self.head.weight[:, inputs:] = 0
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor, place: Tensor) -> Tensor:
        """(B, inputs, h, w) about 0 and (1, PLACE, h, w) -> (B, outputs, h, w)."""
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            x = torch.cat([x, place.expand(len(x), -1, -1, -1)], 1)
            x = self.head(x.contiguous(memory_format=torch.channels_last))
        return self.tail(self.blocks(x)).float()


class AnyScale(Rescaler):
    """A pair of nets trained together, for any two sizes.

    ::

        shrink   x (B,3,H,W) --+-- bank of filters of each side -- encoder --+--> (B,3,h,w)
                               +-- antialiased bicubic ----------------------+
        grow     y (B,3,h,w) --+-- decoder -- bank of filters of each side --+--> (B,3,H,W)
                               +-- bicubic ----------------------------------+

    Both nets run at the small size. What they see and say of each small pixel is 6x6 values for each colour: the
    picture around its centre in steps of a full-size pixel, through filters that depend on the fraction of the
    position and on the scale (`regrow.nets.ops.bank`).

    Examples:
        >>> import torch
        >>> from regrow.nets.rescale.any_scale import AnyScale
        >>> AnyScale().shrink(torch.rand(1, 3, 30, 48), (20, 30)).shape
        torch.Size([1, 3, 20, 30])
    """

    architecture = "any-scale"
    Config = AnyScaleConfig

    def __init__(self, config: AnyScaleConfig | None = None) -> None:
        config = config or AnyScaleConfig()
        super().__init__((MOST, MOST), config.applications)
        self.config, self.repeats = config, True
        self.colors = self.small_colors = 3
        values = 3 * OFFSETS**2
        self.analysis, self.synthesis = Analysis(config.hidden), Synthesis(config.hidden)
        self.encoder, self.decoder = Trunk(values, 3, config), Trunk(3, values, config)
        self.halo = 2 * config.blocks + 2
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 3, *size)."""
        for sides in self.sides((x.shape[-2], x.shape[-1]), size):
            x = self.shrink_once(x, sides)
        return x

    def grow(self, y: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, *size)."""
        for sides in reversed(self.sides(size, (y.shape[-2], y.shape[-1]))):
            y = self.grow_once(y, sides)
        return y

    def sides(self, full: tuple[int, int], small: tuple[int, int]) -> list[Sides]:
        """Height and width of each application, that from the full size first; all shrink by the same scale."""
        count = self.applications
        sizes = [full]
        sizes += [(between(full[0], small[0], i / count), between(full[1], small[1], i / count)) for i in range(1, count)]
        pairs = pairwise([*sizes, small])
        return [(Side.whole(one[0], other[0]), Side.whole(one[1], other[1])) for one, other in pairs]

    def shrink_once(self, x: Tensor, sides: Sides) -> Tensor:
        """Shrink a picture or a part of it: (B, 3, H, W) in [0, 1] -> (B, 3, h, w).

        `sides` are height and width; it takes the full-size pixels that they have, and gives the small ones.
        """
        down, across = (self.analysis(side) for side in sides)
        with torch.autocast(x.device.type, enabled=False):
            base = _resampled(x, [cubic(s.full, s.small, s.smalls, s.fulls, x.device) for s in sides])
            seen = torch.einsum("bchw,yih->bciyw", x - 0.5, down)
            seen = torch.einsum("bciyw,xjw->bcijyx", seen, across).flatten(1, 3)
        return base + self.encoder(seen, _place(sides, x.device))

    def grow_once(self, y: Tensor, sides: Sides) -> Tensor:
        """Grow a picture or a part of it: (B, 3, h, w) in [0, 1] -> (B, 3, H, W).

        `sides` are height and width; it takes the small pixels that they have, and gives the full-size ones.
        """
        said = self.decoder(y - 0.5, _place(sides, y.device)).unflatten(1, (3, OFFSETS, OFFSETS))
        down, across = (self.synthesis(side) for side in sides)
        with torch.autocast(y.device.type, enabled=False):
            base = _resampled(y, [cubic(s.small, s.full, s.fulls, s.smalls, y.device) for s in sides])
            said = torch.einsum("bcijyx,wjx->bciyw", said, across)
            return base + torch.einsum("bciyw,hiy->bchw", said, down)

    def start_from(self, other: Model) -> None:
        """Take over another model's weights, or those of a task-aware autoencoder of x2 and as many channels.

        Of the latter, this one is the same at scale 2 at first.
        """
        if not isinstance(other, TAD):
            super().start_from(other)
            return
        if (other.factors, other.unshuffle, other.config.channels) != ((2, 2), 1, self.config.channels):
            raise ValueError(f"the layouts differ: {other.config} and {self.config}")
        weights = self.state_dict()
        for side, trunks in (("encoder", other.encoders), ("decoder", other.decoders)):
            for name, value in trunks[0].state_dict().items():
                key = f"{side}.{name}"
                weights[key] = value if "blocks" in name else _within(name, value, weights[key])
            for index in range(other.config.blocks, self.config.blocks):
                for part in ("weight", "bias"):  # what they add is zero, but its gradient is not
                    weights[f"{side}.blocks.{index}.conv2.{part}"].zero_()
        self.load_state_dict(weights)

    def multiply_adds(self, scale: float | None = None) -> tuple[float, float]:
        """As `Rescaler.multiply_adds`."""
        once = (scale or self.scale) ** (2 / self.applications)
        pixels = sum(once**-i for i in range(1, self.applications + 1))
        trunks = (sum(p.numel() for p in trunk.parameters() if p.ndim == 4) for trunk in (self.encoder, self.decoder))
        shrinking, growing = (weights * pixels for weights in trunks)
        return shrinking, growing


def between(full: int, small: int, share: float) -> int:
    """The length between two of a side, at a share of the way from one to the other."""
    return max(1, round(full * (small / full) ** share))


def _within(name: str, value: Tensor, own: Tensor) -> Tensor:
    """A first or last layer of 2x2 pixels as one that sees 6x6, of which the four in the middle count."""
    part, kind = name.split(".")
    if value.shape[: 2 if kind == "weight" else 1] == own.shape[: 2 if kind == "weight" else 1]:
        return value
    result = torch.zeros_like(own)
    if part == "head":  # its inputs are the picture's values, and the planes of places
        if value.shape[1] == 3:
            result[:, :3] = value
            return result
        seen = result[:, : 3 * OFFSETS**2].view(len(own), 3, OFFSETS, OFFSETS, 3, 3)
        seen[:, :, 2:4, 2:4] = value.view(len(own), 3, 2, 2, 3, 3)
        return result
    said = result.view(3, OFFSETS, OFFSETS, *own.shape[1:])
    said[:, 2:4, 2:4] = value.view(3, 2, 2, *own.shape[1:])
    return result


def _resampled(x: Tensor, matrices: list[Tensor]) -> Tensor:
    down, across = matrices
    return torch.einsum("hy,bcyw->bchw", down, torch.einsum("bcyx,wx->bcyw", x, across))


def _place(sides: Sides, device: torch.device) -> Tensor:
    """(1, PLACE, h, w): what tells a net of its small pixels."""
    planes, size = [], [last - first for first, last in (side.smalls for side in sides)]
    for axis, side in enumerate(sides):
        fraction = positions(side.full, side.small, side.smalls, device)[0] - 0.5
        planes += [(fraction[:, None] if axis == 0 else fraction[None]).expand(size)]
        planes += [torch.full(size, side.scale / 2 - 1, device=device)]
    return torch.stack(planes)[None]
