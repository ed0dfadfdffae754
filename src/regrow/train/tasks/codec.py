"""Training a net to restore, or enlarge, what a lossy codec has left: shrink, code, decode, restore, compare."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from regrow.errors import UsageError
from regrow.io.codecs import Codec, Facts
from regrow.io.memory import read_rgb
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.restore.codec import GRID, CodecRestorer
from regrow.train.coded import pack, shrinker_for, shrunk, unpacked
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres

MEASURED = {"jpeg": (15, 40, 80), "webp": (10, 45, 80), "avif": (25, 45, 70)}
"""Qualities at which held-out pictures are measured."""


class CodecTask(Task):
    """task(x, restore(decode(encode(bicubic(x))))): the codec is the real one, at random qualities.

    Its batches are those of `regrow.train.coded.CodedCrops`.

    Args:
        model: what is trained.
        loss: its task distance; the rest is not used.
        data: the codecs.

    UsageError where no codec is named, or the model is told another number of facts than there are.
    """

    def __init__(self, model: CodecRestorer, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.data = model, data
        self.multiple = int(GRID * model.scale)
        if not data.codecs:
            raise UsageError("codecs must name what the net restores pictures from, such as codecs = ['webp']")
        if model.config.facts != len(Facts._fields):
            raise UsageError(f"facts is {model.config.facts}, but {len(Facts._fields)} are told of each file")
        self.measured: list[tuple[str, Tensor]] = []

    def forward(self, batch: Tensor) -> dict[str, Tensor]:
        """The loss of a packed batch."""
        x, y, facts = unpacked(batch, self.model.scale)
        return {"loss": self.distance(self.model(y, facts), x)}

    @torch.no_grad()
    def validate(self, model: CodecRestorer, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Mean PSNR `rgb` in dB over held-out pictures behind each codec at a low, middle and high quality; of all."""
        self.measured = self.measured or self._coded(pictures, side)
        figures: dict[str, list[float]] = {}
        for name, packed in self.measured:
            x, y, facts = unpacked(packed[None].to(model.device), model.scale)
            figures.setdefault(name, []).append(psnr_rgb(quantize(model(y, facts)), x))
        means = {name: sum(values) / len(values) for name, values in figures.items()}
        return {**means, "rgb": sum(means.values()) / len(means)} if means else {}

    def _coded(self, pictures: list[Tensor], side: int) -> list[tuple[str, Tensor]]:
        """The centres of held-out pictures through every codec at every quality that is measured, packed, by name."""
        found, shrinker = [], shrinker_for(self.data, self.model.scale)
        for x in centres(pictures, side, (self.multiple, self.multiple), torch.device("cpu")):
            pixels = (x[0] * 255).round().byte().permute(1, 2, 0).numpy()
            for name in self.data.codecs:
                codec = Codec(name=name, effort=self.data.effort, tuned=self.data.tuned > 0.5)
                for quality in MEASURED[name]:
                    small = shrunk(pixels, self.model.scale, shrinker, codec.facts(quality))
                    coded = read_rgb(codec.encode(small, quality))
                    found.append((f"{name}{quality}", pack(pixels, coded, np.array(codec.facts(quality)))))
        return found
