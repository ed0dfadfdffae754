"""One pair of nets for every scale from 1.1 to 4, and others for each side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.ops.bank import OFFSETS, Analysis, Side, Synthesis, positions
from regrow.nets.ops.resample import bicubic
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

    def __post_init__(self) -> None:
        # The upper limits keep a hostile configuration from asking for all memory.
        for name, most in (("channels", 1024), ("blocks", 256), ("hidden", 1024)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: 1 to {most}")


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


class AnyScale(Model):
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

    halo: int
    """Reach of the nets in small pixels: tiles that overlap by this much agree with the whole."""

    architecture = "any-scale"
    Config = AnyScaleConfig

    def __init__(self, config: AnyScaleConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AnyScaleConfig()
        values = 3 * OFFSETS**2
        self.analysis, self.synthesis = Analysis(config.hidden), Synthesis(config.hidden)
        self.encoder, self.decoder = Trunk(values, 3, config), Trunk(3, values, config)
        self.halo = 2 * config.blocks + 2 + 3
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 3, *size)."""
        return bicubic(x, size) + self.hidden(x, _sides((x.shape[-2], x.shape[-1]), size))

    def grow(self, y: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, *size)."""
        return bicubic(y, size) + self.details(y, _sides(size, (y.shape[-2], y.shape[-1])))

    def hidden(self, x: Tensor, sides: tuple[Side, Side]) -> Tensor:
        """What is hidden in a small picture, or in a part of it: (B, 3, H, W) in [0, 1] -> (B, 3, h, w).

        `sides` are height and width; it takes the full-size pixels that they have.
        """
        down, across = (self.analysis(side) for side in sides)
        with torch.autocast(x.device.type, enabled=False):
            seen = torch.einsum("bchw,yih->bciyw", x - 0.5, down)
            seen = torch.einsum("bciyw,xjw->bcijyx", seen, across).flatten(1, 3)
        found: Tensor = self.encoder(seen, _place(sides, x.device))
        return found

    def details(self, y: Tensor, sides: tuple[Side, Side]) -> Tensor:
        """What is added to an enlarged picture, or to a part of it: (B, 3, h, w) in [0, 1] -> (B, 3, H, W).

        `sides` are height and width; it takes the small pixels that they have.
        """
        said = self.decoder(y - 0.5, _place(sides, y.device)).unflatten(1, (3, OFFSETS, OFFSETS))
        down, across = (self.synthesis(side) for side in sides)
        with torch.autocast(y.device.type, enabled=False):
            said = torch.einsum("bcijyx,wjx->bciyw", said, across)
            return torch.einsum("bciyw,hiy->bchw", said, down)

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

    def multiply_adds(self, scale: float) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel at a scale: (shrinking, growing)."""
        one, other = (sum(p.numel() for p in t.parameters() if p.ndim == 4) for t in (self.encoder, self.decoder))
        return one / scale**2, other / scale**2


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


def _sides(full: tuple[int, int], small: tuple[int, int]) -> tuple[Side, Side]:
    return Side.whole(full[0], small[0]), Side.whole(full[1], small[1])


def _place(sides: tuple[Side, Side], device: torch.device) -> Tensor:
    """(1, PLACE, h, w): what tells a net of its small pixels."""
    planes, size = [], [last - first for first, last in (side.smalls for side in sides)]
    for axis, side in enumerate(sides):
        fraction = positions(side.full, side.small, side.smalls, device)[0] - 0.5
        planes += [(fraction[:, None] if axis == 0 else fraction[None]).expand(size)]
        planes += [torch.full(size, side.scale / 2 - 1, device=device)]
    return torch.stack(planes)[None]
