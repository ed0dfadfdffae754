"""A net that shrinks pictures for a lossy codec, whose file a `regrow.nets.restore.codec.CodecRestorer` enlarges."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.model import Model
from regrow.nets.ops.resample import bicubic_by
from regrow.nets.restore.codec import EMBEDDING, GRID, ModulatedBlock
from regrow.nets.upscale.base import in_range, one_of
from regrow.nets.upscale.blocks import conv, zero_start

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, kw_only=True)
class CodecShrinkerConfig:
    """Settings."""

    scale: float = 2.0
    """1, 1.5, 2 or 4."""
    unshuffle: int = 2
    """How many times smaller pictures become first, their pixels put into channels; a multiple of the scale."""
    channels: int = 32
    blocks: int = 8
    facts: int = 6
    """How many numbers the net is told of the file that it shrinks for: those of `regrow.io.codecs.Facts`."""

    def __post_init__(self) -> None:
        one_of((1, 1.5, 2, 4), scale=self.scale)
        in_range(1, 16, unshuffle=self.unshuffle)
        if self.unshuffle % self.scale:
            raise ValueError(f"unshuffle {self.unshuffle} must be a multiple of the scale, {self.scale:g}")
        in_range(1, 1024, channels=self.channels, facts=self.facts)
        in_range(1, 256, blocks=self.blocks)


class CodecShrinker(Model):
    """bicubic(x) + shuffle(tail(blocks(head(unshuffle(x))))).

    What it adds to the bicubic picture is learned with the codec and the net that enlarges the file in view: detail
    that survives the codec and tells that net most for its bits, and less of what costs more than it tells. Like that
    net it is told the codec and how coarse its steps are, and a learned tile tells it where blocks begin.
    """

    known: tuple[float, ...] | None = None
    """What is known of the one file that this net shrinks for; None where each call says it."""

    halo: int
    """Reach in cells."""
    architecture = "codec-shrinker"
    Config = CodecShrinkerConfig
    takes_bfloat16 = True

    def __init__(self, config: CodecShrinkerConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or CodecShrinkerConfig()
        self.scale = int(config.scale) if config.scale % 1 == 0 else config.scale
        self.shuffle = round(config.unshuffle / config.scale)
        c = config.channels
        self.head = conv(3 * config.unshuffle**2, c)
        self.position = nn.Parameter(torch.zeros(c, GRID // self.shuffle, GRID // self.shuffle))
        self.embedding = nn.Sequential(
            nn.Linear(config.facts, EMBEDDING), nn.SiLU(), nn.Linear(EMBEDDING, EMBEDDING), nn.SiLU()
        )
        self.modulation = nn.Linear(EMBEDDING, 2 * c * config.blocks)
        self.blocks = nn.ModuleList(ModulatedBlock(c) for _ in range(config.blocks))
        self.tail = zero_start(conv(c, 3 * self.shuffle**2))
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        # In cells; the cubic of the bicubic picture reaches three more. Tiles start where the learned one does.
        self.grid = self.position.shape[-1]
        self.halo = -(-(2 + 2 * config.blocks + 3) // self.grid) * self.grid
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def cell(self) -> int:
        """Side of the pictures that this takes, of which theirs must be multiples."""
        return self.config.unshuffle

    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the picture."""
        weights = [module.weight for module in self.modules() if isinstance(module, nn.Conv2d)]
        return sum(weight.numel() for weight in weights) / self.cell**2

    def told(self, facts: Sequence[float]) -> Self:
        """This net for one file, of which it is told, with shared weights: `forward` then takes pictures alone."""
        twin = copy(self)
        twin.known = tuple(facts)
        return twin

    def forward(self, x: Tensor, facts: Tensor | None = None) -> Tensor:
        """Shrink pictures.

        Args:
            x: (B, 3, H, W) in [0, 1], sides multiples of `cell`. Tiles of a picture must start where blocks of the
                codec do.
            facts: (B, facts), what is known of the files; zeros where nobody says.

        Returns:
            (B, 3, H / scale, W / scale), neither clamped nor rounded.
        """
        larger, smaller = self.scale.as_integer_ratio()
        small = bicubic_by(x, Fraction(smaller, larger))
        if facts is None:
            facts = x.new_tensor(self.known or [0.0] * self.config.facts).expand(x.shape[0], -1)
        return small + F.pixel_shuffle(self._details(x, facts), self.shuffle)

    def _details(self, x: Tensor, facts: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):  # bfloat16 does not hold all levels of a picture
            x = self.head(F.pixel_unshuffle(x - 0.5, self.cell).contiguous(memory_format=torch.channels_last))
            modulation = self.modulation(self.embedding(facts.float()))[..., None, None]
        (height, width), period = x.shape[-2:], self.position.shape[-1]
        x = x + self.position.repeat(1, *(1 + (n - 1) // period for n in x.shape[-2:]))[:, :height, :width]
        gains = modulation.split(2 * self.config.channels, 1)
        for block, gain in zip(self.blocks, gains, strict=True):
            x = block(x, *gain.chunk(2, 1))
        return self.tail(x).float()
