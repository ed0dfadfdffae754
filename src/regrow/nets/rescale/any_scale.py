"""One pair of nets for every scale, and others for each side."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.ops.bank import OFFSETS, Analysis, Side, Sides, Synthesis, grown, positions, shrunk
from regrow.nets.rescale.base import Rescaler
from regrow.nets.rescale.tad import TAD

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
    most: int = 2
    """The most by which one application shrinks a side: 2 or 4."""
    scale: int = 4
    """The most by which a side may shrink: a power of `most`."""

    def __post_init__(self) -> None:
        if self.most not in (2, 4):
            raise ValueError(f"most {self.most}: must be 2 or 4")
        if self.scale not in (self.most**n for n in range(1, 8)) or self.scale > 128:
            raise ValueError(f"scale {self.scale}: must be a power of {self.most} up to 128")
        # The upper limits keep a hostile configuration from asking for all memory.
        for name, most in (("channels", 1024), ("blocks", 256), ("hidden", 1024)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: 1 to {most}")

    @property
    def applications(self) -> int:
        """How often the nets are applied at the most."""
        return round(math.log(self.scale, self.most))


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
    picture around its centre in steps of a full-size pixel, through filters that depend on the fraction of the position
    and on the scale (`regrow.nets.ops.bank`).

    Where no side becomes more than `most` times smaller, a picture is shrunk at once. Else it is shrunk by `most` until
    that is so, and then once more.

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
        super().__init__((config.most, config.most), config.applications)
        self.config, self.repeats = config, True
        self.colors = self.small_colors = 3
        self.analysis, self.synthesis = Analysis(config.hidden), Synthesis(config.hidden)
        values = 3 * OFFSETS**2
        self.encoder, self.decoder = Trunk(values, 3, config), Trunk(3, values, config)
        self.halo = 2 * config.blocks + 2
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 3, *size)."""
        for sides in self.applied((x.shape[-2], x.shape[-1]), size):
            x = self.shrink_once(x, sides)
        return x

    def grow(self, y: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, *size)."""
        for sides in reversed(self.applied(size, (y.shape[-2], y.shape[-1]))):
            y = self.grow_once(y, sides)
        return y

    def applied(self, full: tuple[int, int], small: tuple[int, int]) -> list[Sides]:
        """How a picture is shrunk from (height, width) to another: all applications, that from the full size first."""
        found, size, most = [], full, self.config.most
        while any(n > most * wanted for n, wanted in zip(size, small, strict=True)):
            height, width = (max(wanted, -(-n // most)) for n, wanted in zip(size, small, strict=True))
            found.append((Side.whole(size[0], height), Side.whole(size[1], width)))
            size = height, width
        return [*found, (Side.whole(size[0], small[0]), Side.whole(size[1], small[1]))]

    def shrink_once(self, x: Tensor, sides: Sides) -> Tensor:
        """Shrink a picture or a part of it: (B, 3, H, W) in [0, 1] -> (B, 3, h, w).

        It takes the full-size pixels that the sides of an application have, and gives their small ones.
        """
        down, across = (self.analysis(side) for side in sides)
        with torch.autocast(x.device.type, enabled=False):
            base = shrunk(x, sides)
            seen = torch.einsum("bchw,yih->bciyw", x - 0.5, down)
            seen = torch.einsum("bciyw,xjw->bcijyx", seen, across).flatten(1, 3)
        return base + self.encoder(seen, _place(sides, x.device))

    def grow_once(self, y: Tensor, sides: Sides) -> Tensor:
        """Grow a picture or a part of it: (B, 3, h, w) in [0, 1] -> (B, 3, H, W).

        It takes the small pixels that the sides of an application have, and gives their full-size ones.
        """
        said = torch.unflatten(self.decoder(y - 0.5, _place(sides, y.device)), 1, (3, OFFSETS, OFFSETS))
        down, across = (self.synthesis(side) for side in sides)
        with torch.autocast(y.device.type, enabled=False):
            base = grown(y, sides)
            said = torch.einsum("bcijyx,wjx->bciyw", said, across)
            return base + torch.einsum("bciyw,hiy->bchw", said, down)

    def start_from(self, other: Model) -> None:
        """Take over another model's weights, or those of a task-aware autoencoder of one application.

        Of an autoencoder for x2 or x4 with as many channels, it becomes the same at that scale. Blocks that it lacks
        start as the identity; those that are too many are left out.
        """
        if not isinstance(other, TAD):
            super().start_from(other)
            return
        config, own = other.config, self.config
        if (config.height, config.width, config.unshuffle, config.channels) != (own.most, own.most, 1, own.channels):
            raise ValueError(f"the layouts differ: {config} and {own}")
        weights = self.state_dict()
        for bank in (self.analysis, self.synthesis):
            nn.init.zeros_(bank.outer.weight)
            nn.init.zeros_(bank.outer.bias)
        for side, trunk in (("encoder", other.encoders[0]), ("decoder", other.decoders[0])):
            for name, value in trunk.state_dict().items():
                key = f"{side}.{name}"
                if "blocks" not in name:
                    weights[key] = _within(name, value, weights[key])
                elif key in weights:
                    weights[key] = value
            for index in range(config.blocks, own.blocks):
                for part in ("weight", "bias"):  # what they add is zero, but its gradient is not
                    weights[f"{side}.blocks.{index}.conv2.{part}"].zero_()
        self.load_state_dict(weights)

    def multiply_adds(self, scale: float | None = None) -> tuple[float, float]:
        """As `Rescaler.multiply_adds`."""
        precise = 2**20
        size = round(precise / (scale or self.scale))
        cells = 0.0
        for down, across in self.applied((precise, precise), (size, size)):
            cells += down.small * across.small / precise**2
        shrinking, growing = (
            sum(p.numel() for p in t.parameters() if p.ndim == 4) for t in (self.encoder, self.decoder)
        )
        return shrinking * cells, growing * cells


def _within(name: str, value: Tensor, own: Tensor) -> Tensor:
    """A first or last layer of 2x2 or 4x4 pixels as one that sees 6x6, of which those in the middle count."""
    part, kind = name.split(".")
    if value.shape[: 2 if kind == "weight" else 1] == own.shape[: 2 if kind == "weight" else 1]:
        return value
    result = torch.zeros_like(own)
    if part == "head" and value.shape[1] == 3:  # its inputs are the picture's values, and the planes of places
        result[:, :3] = value
        return result
    pixels = math.isqrt(value.shape[1 if part == "head" else 0] // 3)
    middle = slice((OFFSETS - pixels) // 2, (OFFSETS + pixels) // 2)
    if part == "head":
        seen = result[:, : 3 * OFFSETS**2].view(len(own), 3, OFFSETS, OFFSETS, 3, 3)
        seen[:, :, middle, middle] = value.view(len(own), 3, pixels, pixels, 3, 3)
    else:
        said = result.view(3, OFFSETS, OFFSETS, *own.shape[1:])
        said[:, middle, middle] = value.view(3, pixels, pixels, *own.shape[1:])
    return result


def _place(sides: Sides, device: torch.device) -> Tensor:
    """(1, PLACE, h, w): what tells a net of its small pixels."""
    planes, size = [], [last - first for first, last in (side.smalls for side in sides)]
    for axis, side in enumerate(sides):
        fraction = positions(side.full, side.small, side.smalls, device)[0] - 0.5
        planes += [(fraction[:, None] if axis == 0 else fraction[None]).expand(size)]
        planes += [torch.full(size, side.scale / 2 - 1, device=device)]
    return torch.stack(planes)[None]
