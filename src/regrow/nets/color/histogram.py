"""Learning representations for automatic colorization (Larsson, Maire and Shakhnarovich, ECCV 2016): histograms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.color.base import Colorizer
from regrow.nets.color.trunk import Trunk

BINS = 32
"""Of hue and of chroma each."""
CHROMA = 128.0
"""The bins of chroma go from 0 to this."""
FADING = 0.03
"""Where the mean of hue is shorter than this, as hues contradict each other, chroma is lowered (section 3.3)."""


@dataclass(frozen=True, kw_only=True)
class HistogramConfig:
    """Settings."""

    width: int = 16
    dropout: float = 0.0
    """Of the trunk, in training."""
    hidden: int = 128
    """Channels of the layer that sees the hypercolumns; 1024 in the paper."""

    def __post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout {self.dropout} out of range: 0 to below 1")
        if not 1 <= self.width <= 256 or not 1 <= self.hidden <= 4096:
            raise ValueError(f"width {self.width} or hidden {self.hidden} out of range: 1 to 256, 1 to 4096")


class HistogramColorizer(Colorizer):
    """trunk -> hypercolumns -> hidden layer -> histograms of hue and chroma -> their centres.

    A hypercolumn is what every block of the trunk says of one place. It is never laid out: the hidden layer is linear
    in it, so each block is projected at its own size and the projections are enlarged and added. The trunk is ours,
    shared with the other colorizers, where the paper has VGG-16; hue and chroma are those of the ab plane of Lab.
    """

    architecture = "histogram"
    Config = HistogramConfig

    def __init__(self, config: HistogramConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or HistogramConfig()
        w = config.width
        self.trunk = Trunk(w, config.dropout)
        widths = [w, 2 * w, 4 * w, 8 * w, 8 * w, 8 * w, 8 * w, self.trunk.channels]
        self.columns = nn.ModuleList(nn.Conv2d(n, config.hidden, 1, bias=i == 0) for i, n in enumerate(widths))
        self.histograms = nn.Conv2d(config.hidden, 2 * BINS, 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(self, lightness: Tensor) -> tuple[Tensor, Tensor]:
        """L, (B, 1, h, w) -> hue and chroma, (B, BINS, h/4, w/4) each."""
        size = lightness.shape[-2] // 4, lightness.shape[-1] // 4
        total = torch.zeros(())
        for block, column in zip(self.trunk.blocks(lightness), self.columns, strict=True):
            found = column(block)
            if found.shape[-1] > size[1]:
                found = F.adaptive_avg_pool2d(found, size)
            elif found.shape[-1] < size[1]:
                found = F.interpolate(found, size, mode="bilinear")
            total = found + total
        hue, chroma = self.histograms(F.relu(total)).float().chunk(2, 1)
        return hue, chroma

    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> a and b, (B, 2, h, w)."""
        return F.interpolate(decode(*self.logits(lightness)), scale_factor=4, mode="bilinear")


def encode(ab: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Histograms of single colours: a and b, (B, 2, h, w) -> hue and chroma, (B, BINS, h, w), and chroma in [0, 1].

    A colour between the centres of two bins is shared between them.
    """
    a, b = ab.unbind(1)
    turn = torch.atan2(b, a) / (2 * math.pi) % 1 * BINS - 0.5
    chroma = torch.hypot(a, b) / CHROMA
    place = (chroma * BINS - 0.5).clamp(0, BINS - 1)
    centres = torch.arange(BINS, device=ab.device).view(-1, 1, 1)
    off = (turn[:, None] - centres).abs() % BINS
    hues = (1 - torch.minimum(off, BINS - off)).clamp(min=0)
    return hues, (1 - (place[:, None] - centres).abs()).clamp(min=0), chroma.clamp(max=1)


def decode(hue: Tensor, chroma: Tensor) -> Tensor:
    """Logits of hue and chroma, (B, BINS, h, w) -> a and b, (B, 2, h, w).

    The mean of hue on the circle and the median of chroma, faded where hues contradict each other (section 3.3).
    """
    angle = (torch.arange(BINS, device=hue.device) + 0.5) * (2 * math.pi / BINS)
    around = torch.stack((angle.cos(), angle.sin()))
    mean = torch.einsum("bkhw,ck->bchw", torch.softmax(hue, 1), around)
    length = mean.norm(dim=1, keepdim=True)
    return mean / length.clamp(min=1e-6) * (length / FADING).clamp(max=1) * _median(torch.softmax(chroma, 1))


def _median(shares: Tensor) -> Tensor:
    """Where half of a histogram of chroma lies below: (B, BINS, h, w) -> (B, 1, h, w), even within a bin."""
    below = shares.cumsum(1) - shares
    within = ((0.5 - below) / shares.clamp(min=1e-6)).clamp(0, 1)
    return within.sum(1, keepdim=True) * CHROMA / BINS
