"""Pairs of nets for every scale, and others for each side."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.model import Model
from regrow.nets.ops.bank import Analysis, Synthesis, grown, shrunk
from regrow.nets.rescale.base import Rescaler
from regrow.nets.rescale.tad import TAD
from regrow.sides import MOST, Application, Sides, applications

PLACE = 4
"""Planes that tell a net of its small pixels: the fraction of their position and the scale, of each side."""


@dataclass(frozen=True, kw_only=True)
class AnyScaleConfig:
    """Settings of a pair of nets for any scale."""

    channels: int = 32
    blocks: int = 20
    """Residual blocks a side."""
    last_blocks: int = 0
    """Those of the last of two pairs; 0: as the other's."""
    hidden: int = 64
    """Width of the nets that make filters of positions."""
    pairs: int = 1
    """Pairs of nets: 1 for all applications, or 2: one for those before the last, and one for the last."""
    relative: bool = False
    """Filters look in steps of half a small pixel, and all applications but the first shrink by 2; else they look in
    steps of a full-size pixel, and all but the last shrink by 2."""
    scale: int = 4
    """The most by which a side may shrink: a power of 2."""

    def __post_init__(self) -> None:
        if self.scale not in (MOST**n for n in range(1, 8)):
            raise ValueError(f"scale {self.scale}: must be a power of {MOST}, from {MOST} to {MOST**7}")
        if self.pairs not in (1, 2):
            raise ValueError(f"pairs {self.pairs}: must be 1 or 2")
        if self.last_blocks and self.pairs == 1:
            raise ValueError(f"last_blocks {self.last_blocks}: there is only one pair")
        # The upper limits keep a hostile configuration from asking for all memory.
        for name, most in (("channels", 1024), ("blocks", 256), ("last_blocks", 256), ("hidden", 1024)):
            least = 0 if name == "last_blocks" else 1
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: {least} to {most}")


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


class Pair(nn.Module):
    """The nets of one application, and their banks of filters. Both nets run at the small size.

    What they see and say of each small pixel is 6x6 values for each colour: the picture around its centre in steps of a
    full-size pixel, through filters that depend on the fraction of the position and on the scale
    (`regrow.nets.ops.bank`). Where filters are relative, it is 4x4 values in steps of half a small pixel.
    """

    def __init__(self, config: AnyScaleConfig) -> None:
        super().__init__()
        self.analysis = Analysis(config.hidden, relative=config.relative)
        self.synthesis = Synthesis(config.hidden, relative=config.relative)
        self.offsets = self.analysis.offsets
        values = 3 * self.offsets**2
        self.encoder, self.decoder = Trunk(values, 3, config), Trunk(3, values, config)

    def shrink(self, x: Tensor, sides: Sides) -> Tensor:
        """As `AnyScale.shrink_once`."""
        with torch.autocast(x.device.type, enabled=False):
            down, across = (self.analysis(side) for side in sides)
            base = shrunk(x, sides)
            seen = torch.einsum("bchw,yih->bciyw", x - 0.5, down)
            seen = torch.einsum("bciyw,xjw->bcijyx", seen, across).flatten(1, 3)
        return base + self.encoder(seen, _place(sides, x.device))

    def grow(self, y: Tensor, sides: Sides) -> Tensor:
        """As `AnyScale.grow_once`."""
        said = torch.unflatten(self.decoder(y - 0.5, _place(sides, y.device)), 1, (3, self.offsets, self.offsets))
        with torch.autocast(y.device.type, enabled=False):
            down, across = (self.synthesis(side) for side in sides)
            base = grown(y, sides)
            said = torch.einsum("bcijyx,wjx->bciyw", said, across)
            return base + torch.einsum("bciyw,hiy->bchw", said, down)

    def start_from(self, encoder: nn.Module, decoder: nn.Module, blocks: int) -> None:
        """Take over the nets of a task-aware autoencoder of x2, with so many blocks; the banks start afresh.

        Blocks that they lack start as the identity; of those that are too many, the ones after the first half are left
        out.
        """
        weights, own = self.state_dict(), len(self.encoder.blocks)
        self.analysis.forget()
        self.synthesis.forget()
        half, extra = blocks // 2, max(0, blocks - own)
        kept = [*range(min(half, own)), *range(half + extra, blocks)]
        for side, trunk in (("encoder", encoder), ("decoder", decoder)):
            given = trunk.state_dict()
            for name in ("head.weight", "head.bias", "tail.weight", "tail.bias"):
                key = f"{side}.{name}"
                weights[key] = _within(name, given[name], weights[key], self.offsets)
            for part in ("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"):
                for index in range(own):
                    weight = weights[f"{side}.blocks.{index}.{part}"]
                    if index < len(kept):
                        weight.copy_(given[f"blocks.{kept[index]}.{part}"])
                    elif "conv2" in part:  # what it adds is zero, but its gradient is not
                        weight.zero_()
        self.load_state_dict(weights)

    def multiply_adds(self) -> tuple[int, int]:
        """Multiply-adds of the convolutions for each small pixel: (shrinking, growing)."""
        one, other = (sum(p.numel() for p in t.parameters() if p.ndim == 4) for t in (self.encoder, self.decoder))
        return one, other


class AnyScale(Rescaler):
    """Pairs of nets trained together, for any two sizes.

    ::

        shrink   x (B,3,H,W) --+-- bank of filters of each side -- encoder --+--> (B,3,h,w)
                               +-- antialiased bicubic ----------------------+
        grow     y (B,3,h,w) --+-- decoder -- bank of filters of each side --+--> (B,3,H,W)
                               +-- bicubic ----------------------------------+

    Where no side becomes more than 2 times smaller, a picture is shrunk at once. Else it is shrunk by 2 until that is
    so, and then once more; where filters are relative, first to 2, 4 or more times the small size, and then by 2.

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
        super().__init__((MOST, MOST), config.scale.bit_length() - 1)
        self.config, self.repeats = config, True
        self.colors = self.small_colors = 3
        last = replace(config, blocks=config.last_blocks or config.blocks)
        self.pairs = nn.ModuleList([Pair(config), Pair(last)] if config.pairs == 2 else [Pair(config)])
        self.halo = 2 * max(config.blocks, last.blocks) + 2
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 3, *size)."""
        for application in self.applied((x.shape[-2], x.shape[-1]), size):
            x = self.shrink_once(x, application)
        return x

    def grow(self, y: Tensor, size: tuple[int, int]) -> Tensor:
        """(B, 3, h, w) in [0, 1] -> (B, 3, *size)."""
        for application in reversed(self.applied(size, (y.shape[-2], y.shape[-1]))):
            y = self.grow_once(y, application)
        return y

    def shrink_once(self, x: Tensor, application: Application) -> Tensor:
        """Shrink a picture or a part of it: (B, 3, H, W) in [0, 1] -> (B, 3, h, w).

        It takes the full-size pixels that the sides of the application have, and gives their small ones.
        """
        shrunk: Tensor = self.pair(application).shrink(x, application.sides)
        return shrunk

    def grow_once(self, y: Tensor, application: Application) -> Tensor:
        """Grow a picture or a part of it: (B, 3, h, w) in [0, 1] -> (B, 3, H, W).

        It takes the small pixels that the sides of the application have, and gives their full-size ones.
        """
        grown: Tensor = self.pair(application).grow(y, application.sides)
        return grown

    def applied(self, full: tuple[int, int], small: tuple[int, int]) -> list[Application]:
        """How a picture is shrunk from (height, width) to another: all applications, that from the full size first."""
        return applications(full, small, relative=self.config.relative)

    def pair(self, application: Application) -> Pair:
        """The nets of an application."""
        pair = self.pairs[-1 if application.last else 0]
        assert isinstance(pair, Pair)
        return pair

    def start_from(self, other: Model) -> None:
        """Take over another model's weights, or those of a task-aware autoencoder of as many channels.

        Of a model with one pair, the last pair takes over that. An autoencoder that halves, with no more pairs, makes
        it the same at scales 2 and 4. ValueError if the layouts differ.
        """
        last, differ = len(self.pairs) - 1, f"the layouts differ: {other.settings()} and {self.settings()}"
        if isinstance(other, AnyScale) and len(other.pairs) < len(self.pairs):
            try:
                self.pairs[last].load_state_dict(other.pairs[0].state_dict())
            except RuntimeError:
                raise ValueError(differ) from None
            return
        if not isinstance(other, TAD):
            super().start_from(other)
            return
        given = other.config
        if (other.factors, other.unshuffle, given.channels) != ((2, 2), 1, self.config.channels) or (
            given.pairs > len(self.pairs)
        ):
            raise ValueError(differ)
        for index, pair in enumerate(self.pairs):
            assert isinstance(pair, Pair)
            own = given.pairs - 1 if index == last else 0
            pair.start_from(other.encoders[own], other.decoders[own], other.config.blocks)

    def multiply_adds(self, scale: float | None = None) -> tuple[float, float]:
        """As `Rescaler.multiply_adds`."""
        scale = scale or self.scale
        precise = 2**20
        total, pixels = [0.0, 0.0], precise**2
        for application in self.applied((precise, precise), (round(precise / scale),) * 2):
            small = application.sides[0].small * application.sides[1].small
            for way, weights in enumerate(self.pair(application).multiply_adds()):
                total[way] += weights * small / pixels
        return total[0], total[1]


def _within(name: str, value: Tensor, own: Tensor, offsets: int) -> Tensor:
    """A first or last layer of 2x2 pixels as one that sees more, of which the four in the middle count."""
    part, kind = name.split(".")
    if value.shape[: 2 if kind == "weight" else 1] == own.shape[: 2 if kind == "weight" else 1]:
        return value
    result = torch.zeros_like(own)
    middle = slice(offsets // 2 - 1, offsets // 2 + 1)
    if part == "head":  # its inputs are the picture's values, and the planes of places
        if value.shape[1] == 3:
            result[:, :3] = value
            return result
        seen = result[:, : 3 * offsets**2].view(len(own), 3, offsets, offsets, 3, 3)
        seen[:, :, middle, middle] = value.view(len(own), 3, 2, 2, 3, 3)
        return result
    said = result.view(3, offsets, offsets, *own.shape[1:])
    said[:, middle, middle] = value.view(3, 2, 2, *own.shape[1:])
    return result


def _place(sides: Sides, device: torch.device) -> Tensor:
    """(1, PLACE, h, w): what tells a net of its small pixels."""
    fractions = [torch.as_tensor(side.shrinking.places(1)[0], dtype=torch.float32, device=device) for side in sides]
    scales = [torch.as_tensor(side.scale, dtype=torch.float32, device=device) for side in sides]
    (down, across), size = fractions, [fraction.shape[0] for fraction in fractions]
    planes = down[:, None] - 0.5, scales[0] / 2 - 1, across[None] - 0.5, scales[1] / 2 - 1
    return torch.stack([plane.expand(size) for plane in planes])[None]
