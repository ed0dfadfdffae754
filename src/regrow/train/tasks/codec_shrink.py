"""Training a net to shrink pictures for a lossy codec, and for the net that enlarges what the codec leaves of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.coded_refine import steps_of, trade_of
from regrow.io.codecs import Codec
from regrow.io.memory import read_rgb
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.ops.codec_proxy import CodecProxy
from regrow.nets.ops.resample import bicubic
from regrow.nets.restore.codec import GRID, CodecRestorer
from regrow.nets.restore.codec_shrinker import CodecShrinker
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres
from regrow.train.tasks.codec import MEASURED

STEP = 6
"""Qualities above one at which a file is made to know what more bytes would give."""


class CodecShrinkTask(Task):
    """Minimises distortion and rate, both of the real file.

        error(x, grow(codec(shrink(x)))) + trade * bits of the file a pixel of x,

    over the error, so that every quality counts as much. What comes back and what it costs are those of the real codec;
    their gradients are those of its proxy. The trade is the codec's own, at the quality that is drawn for each crop.

    Args:
        model: what is trained.
        loss: names the net that grows, frozen, and the weight of the rate.
        data: the codecs.

    UsageError where no codec is named, or the net that grows is another kind's or another scale's.
    """

    def __init__(self, model: CodecShrinker, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.data, self.rate = model, data, loss.rate
        self.multiple = int(GRID * model.scale)
        if not data.codecs:
            raise UsageError("codecs must name what the net shrinks pictures for, such as codecs = ['webp']")
        if not loss.grower:
            raise UsageError("grower must name the net that enlarges what codecs leave, such as grower = 'codec-x2'")
        grower = zoo.load(loss.grower)
        if not isinstance(grower, CodecRestorer) or grower.scale != model.scale:
            raise UsageError(f"grower {loss.grower!r} is no net behind a codec of scale {model.scale:g}")
        self.grower = grower.eval().requires_grad_(False)
        self.proxy = CodecProxy()
        self.codecs = [Codec(name=name, effort=data.effort, tuned=data.tuned > 0.5) for name in data.codecs]
        self.measured: list[tuple[str, Codec, int, Tensor, tuple[float, float, float]]] = []

    def draw(self, x: Tensor) -> dict[str, Any]:
        """A codec and a quality for each crop: (B, 2) whole numbers."""
        which = torch.randint(len(self.codecs), (len(x),))
        low, high = torch.tensor([codec.qualities for codec in self.codecs])[which].T
        return {"files": torch.stack([which, low + (torch.rand(len(x)) * (high + 1 - low)).long()], 1)}

    def forward(self, x: Tensor, files: Tensor) -> dict[str, Tensor]:
        """The loss of crops, each in a file of its own."""
        told, luma, chroma, trade = (part.to(x.device) for part in self._told(files))
        small = self.model(x, told)
        real, bits = self._coded(small, files)
        with torch.autocast(x.device.type, enabled=False):
            like, cost = self.proxy(small, luma, chroma)
            weight = bits / cost.detach().clamp_min(1)
            coded = like + (real - like).detach()
        error = (self.grower(coded, told) - x).square().mean((1, 2, 3)) * 255**2
        rate = trade * weight * cost / x[0, 0].numel()
        scale = error.detach().clamp_min(1)
        return {
            "loss": ((error + self.rate * rate) / scale).mean(),
            "error": (error / scale).mean(),
            "rate": (rate / scale).mean(),
        }

    def _told(self, files: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What nets are told of files, (B, n); their steps of luma and chroma, (B, 8, 8); what a bit is worth, (B,)."""
        told, steps, trades = [], [], []
        for which, quality in files.tolist():
            codec = self.codecs[which]
            pair = steps_of(codec, quality)
            told.append(codec.facts(quality))
            steps.append(torch.stack(pair))
            trades.append(trade_of(codec, pair[0], self.model.scale))
        luma, chroma = torch.stack(steps, 1)
        return torch.tensor(told, dtype=torch.float32), luma, chroma, torch.tensor(trades)

    @torch.no_grad()
    def _coded(self, small: Tensor, files: Tensor) -> tuple[Tensor, Tensor]:
        """What real codecs leave of small pictures, and the bits of their files without what every file has."""
        pixels = (small.detach().float().clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        found, bits = [], []
        for picture, (which, quality) in zip(pixels, files.tolist(), strict=True):
            codec = self.codecs[which]
            data = codec.encode(picture, quality)
            found.append(torch.from_numpy(np.array(read_rgb(data))).permute(2, 0, 1))
            bits.append(8.0 * max(len(data) - self._header(codec, quality, picture.shape), 1))
        return torch.stack(found).to(small.device) / 255, torch.tensor(bits, device=small.device)

    def _header(self, codec: Codec, quality: int, shape: tuple[int, ...]) -> int:
        """Bytes of a file that say nothing of the picture."""
        return len(codec.encode(np.full(shape, 128, np.uint8), quality))

    @torch.no_grad()
    def validate(self, model: CodecShrinker, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """How many percent of the bytes are saved at equal error, against the bicubic picture, by codec and quality.

        Also the mean PSNR in dB of small pictures against the bicubic ones, `small`.
        """
        self.measured = self.measured or self._bicubic(pictures, side, model.device)
        figures: dict[str, list[float]] = {}
        for name, codec, quality, x, (size, psnr, slope) in self.measured:
            told = torch.tensor([codec.facts(quality)], dtype=torch.float32, device=x.device)
            small = quantize(model(x, told))
            new, better = self._measure(small, x, codec, quality)
            log = math.log(new / size) - (better - psnr) / slope
            figures.setdefault(name, []).append(log)
            usual = quantize(_bicubic(x, model.scale))
            figures.setdefault("small", []).append(min(psnr_rgb(small, usual), 100.0))
        means = {name: sum(values) / len(values) for name, values in figures.items()}
        saved = {name: 100 * (1 - math.exp(value)) for name, value in means.items() if name != "small"}
        mean = sum(saved.values()) / max(len(saved), 1)
        return {**saved, "saved": mean, "small": means["small"]} if means else {}

    def _bicubic(
        self, pictures: list[Tensor], side: int, device: torch.device
    ) -> list[tuple[str, Codec, int, Tensor, tuple[float, float, float]]]:
        """Held-out pictures, each with a codec, a quality, bits and PSNR of the bicubic, and dB for e times those."""
        found = []
        for x in centres(pictures, side, (self.multiple, self.multiple), device):
            small = quantize(_bicubic(x, self.model.scale))
            for codec in self.codecs:
                for quality in MEASURED[codec.name]:
                    size, psnr = self._measure(small, x, codec, quality)
                    more, better = self._measure(small, x, codec, quality + STEP)
                    slope = (better - psnr) / math.log(more / size)
                    if slope > 0:
                        found.append((f"{codec.name}{quality}", codec, quality, x, (size, psnr, slope)))
        return found

    def _measure(self, small: Tensor, x: Tensor, codec: Codec, quality: int) -> tuple[float, float]:
        """Bits of the file of a small picture, and PSNR in dB of what is grown from that."""
        files = torch.tensor([[self.codecs.index(codec), quality]])
        coded, bits = self._coded(small, files)
        told = torch.tensor([codec.facts(quality)], dtype=torch.float32, device=x.device)
        return float(bits), psnr_rgb(quantize(self.grower(coded, told)), x)


def _bicubic(x: Tensor, scale: float) -> Tensor:
    return bicubic(x, (round(x.shape[-2] / scale), round(x.shape[-1] / scale)))
