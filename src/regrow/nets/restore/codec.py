"""A net that restores, or enlarges, what a lossy codec has left of a picture, told what the file states."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.model import Model
from regrow.nets.ops.resample import bicubic_by
from regrow.nets.upscale.base import Restorer, in_range, one_of
from regrow.nets.upscale.blocks import conv, zero_start

if TYPE_CHECKING:
    from typing_extensions import Self

GRID = 16
"""Pixels of a coded picture after which codecs repeat their blocks: a macroblock of WebP, or of JPEG with 4:2:0."""
EMBEDDING = 32
"""Features that are made of the facts."""


@dataclass(frozen=True, kw_only=True)
class CodecConfig:
    """Settings."""

    scale: float = 1.0
    """1, 1.5, 2 or 4."""
    unshuffle: int = 2
    """How many times smaller pictures become first, their pixels put into channels: 1, 2 or 4."""
    channels: int = 32
    blocks: int = 13
    """Number of residual blocks there, half of them before the deeper level and half after."""
    deep_channels: int = 64
    """Number of feature channels at half that resolution."""
    deep_blocks: int = 0
    """Number of residual blocks at half that resolution. 0 for no such level."""
    facts: int = 6
    """How many numbers the net is told of a file: those of `regrow.io.codecs.Facts`."""

    def __post_init__(self) -> None:
        one_of((1, 1.5, 2, 4), scale=self.scale)
        one_of((1, 2, 4), unshuffle=self.unshuffle)
        if self.scale * self.unshuffle % 1:
            raise ValueError(f"scale {self.scale:g}: unshuffle {self.unshuffle} makes it no whole number of pixels")
        in_range(1, 1024, channels=self.channels, deep_channels=self.deep_channels, facts=self.facts)
        in_range(0, 256, blocks=self.blocks, deep_blocks=self.deep_blocks)


class ModulatedBlock(nn.Module):
    """x + conv(relu(conv(x) * (1 + gain) + offset)): feature-wise linear modulation (FiLM, Perez et al. 2018).

    For one file, gain and offset can be merged into the first convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        with torch.no_grad():
            self.conv2.weight.mul_(0.1)

    def forward(self, x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
        """(B, channels, h, w), with gain and offset (B, channels, 1, 1) -> (B, channels, h, w)."""
        return x + self.conv2((self.conv1(x) * (1 + gain) + offset).relu())


class CodecRestorer(Restorer):
    """bicubic(y) + shuffle(tail(blocks(deep blocks at half the resolution(blocks(head(unshuffle(y))))))).

    A learned tile that is added to the first features tells the net where it is in the codec's grid of blocks, so
    pictures must start where that does; a gain and an offset in each block tell it what is known of the file. Both cost
    next to nothing. Pictures of any size are extended to whole cells by repeating their last row and column. At x1.5
    two pixels become three, so an odd side becomes half a pixel less than one and a half times as long.
    """

    known: tuple[float, ...] | None = None
    """The facts of the one file that this net restores; None where each call gives them, or there are none."""

    architecture = "codec"
    Config = CodecConfig
    grid = GRID
    takes_bfloat16 = True
    renamed: ClassVar[dict[str, str]] = {"told.": "embedding.", "tell.": "modulation.", "place": "position"}

    def __init__(self, config: CodecConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CodecConfig()
        c, d = config.channels, config.deep_channels
        self.scale = int(config.scale) if config.scale % 1 == 0 else config.scale
        self.before, self.after = config.blocks // 2, config.blocks // 2 + config.deep_blocks
        self.widths = [c] * self.before + [d] * config.deep_blocks + [c] * (config.blocks - self.before)
        self.head = conv(3 * config.unshuffle**2, c)
        self.position = nn.Parameter(torch.zeros(c, GRID // config.unshuffle, GRID // config.unshuffle))
        self.embedding = nn.Sequential(
            nn.Linear(config.facts, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU()
        )
        self.modulation = nn.Linear(EMBEDDING, 2 * sum(self.widths))
        self.blocks = nn.ModuleList(ModulatedBlock(width) for width in self.widths)
        self.down = nn.Conv2d(c, d, 3, 2, 1) if config.deep_blocks else None
        self.up = zero_start(conv(d, 4 * c, 1)) if config.deep_blocks else None
        self.tail = zero_start(conv(c, 3 * int(config.scale * config.unshuffle) ** 2))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        # At the lower resolution a convolution reaches twice as far; tiles start where the codec's grid does.
        reach = config.unshuffle * (2 + 2 * config.blocks + 4 * config.deep_blocks + 4)
        self.halo = reach + -reach % GRID
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def told(self, facts: Sequence[float]) -> Self:
        """This net for one file, of which it is told, with shared weights: `forward` then takes pictures alone."""
        twin = copy(self)
        twin.known = tuple(facts)
        return twin

    def forward(self, y: Tensor, facts: Tensor | None = None) -> Tensor:
        """(B, 3, h, w), and what is known of the files, (B, facts) -> (B, 3, scale * h, scale * w), rounded down.

        Without facts, or where they are all zero, the net has to see for itself.
        """
        larger, smaller = self.scale.as_integer_ratio()
        height, width = (n * larger // smaller for n in y.shape[-2:])
        y = _extended(y, smaller)
        padded = _extended(y, self.config.unshuffle * (2 if self.config.deep_blocks else 1))
        if facts is None:
            facts = y.new_tensor(self.known or [0.0] * self.config.facts).expand(y.shape[0], -1)
        details = F.pixel_shuffle(self._details(padded, facts), self.config.unshuffle * larger // smaller)
        return bicubic_by(y, Fraction(larger, smaller))[..., :height, :width] + details[..., :height, :width]

    def _details(self, y: Tensor, facts: Tensor) -> Tensor:
        with torch.autocast(y.device.type, enabled=False):  # bfloat16 does not hold all levels of a picture
            x = F.pixel_unshuffle(y - 0.5, self.config.unshuffle)
            x = self.head(x.contiguous(memory_format=torch.channels_last))
            modulation = self.modulation(self.embedding(facts.float()))[..., None, None]
        height, width = x.shape[-2:]
        period = self.position.shape[-1]
        x = x + self.position.repeat(1, *(1 + (n - 1) // period for n in x.shape[-2:]))[:, :height, :width]
        gains = modulation.split([2 * width for width in self.widths], 1)
        blocks = [(block, *gain.chunk(2, 1)) for block, gain in zip(self.blocks, gains, strict=True)]
        for block, gain, offset in blocks[: self.before]:
            x = block(x, gain, offset)
        if self.down is not None and self.up is not None:
            deep = self.down(x).float()
            for block, gain, offset in blocks[self.before : self.after]:
                deep = block(deep, gain, offset)
            x = x + F.pixel_shuffle(self.up(deep), 2)
        for block, gain, offset in blocks[self.after :]:
            x = block(x, gain, offset)
        return self.tail(x).float()

    def start_from(self, other: Model) -> None:
        """Copy every weight of the same name and shape; ValueError where no block is among them."""
        if not isinstance(other, CodecRestorer):
            return super().start_from(other)  # which says so
        own, theirs = self.state_dict(), other.state_dict()
        taken = {k: theirs[k] for k, v in own.items() if k in theirs and theirs[k].shape == v.shape}
        if not any(".conv1." in name for name in taken):
            raise ValueError(f"the layouts differ: {other.settings()} and {self.settings()}")
        self.load_state_dict(own | taken)
        return None


def _extended(y: Tensor, cell: int) -> Tensor:
    """(..., h, w) with the last row and column repeated until both sides are multiples of a cell."""
    down, across = ((cell - n % cell) % cell for n in y.shape[-2:])
    # Where the size is not known yet, as in a graph, there may be something to pad.
    return F.pad(y, (0, across, 0, down), mode="replicate") if torch.compiler.is_exporting() or down or across else y
