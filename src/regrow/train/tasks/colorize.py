"""Training a colorizer: take the colour away, guess it, compare."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from regrow.metrics.colorfulness import colorfulness
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.color.base import Colorizer
from regrow.nets.color.bins import class_counts, rebalancing, soft_encode
from regrow.nets.color.classification import ClassificationColorizer
from regrow.nets.color.histogram import HistogramColorizer, encode
from regrow.nets.color.regression import RegressionColorizer
from regrow.nets.layers import quantize
from regrow.nets.ops.color import colored, lab, lightness, luma
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.base import Task, centres

HUE_WEIGHT = 5.0
"""Of hue against chroma in the loss of histograms (Larsson et al. 2016, section 3.2)."""


class ColorizeTask(Task):
    """What each kind of colorizer minimises, at a quarter of the size, where the nets decide.

    Args:
        model: a colorizer.
        loss: distance of a regression, balance of the classes.
        data: how crops are varied.
    """

    def __init__(self, model: Colorizer, loss: Loss, data: Data) -> None:
        super().__init__(loss)
        self.model, self.loss, self.data = model, loss, data
        self.multiple = model.multiple
        self.weights: Tensor
        self.register_buffer("weights", torch.empty(0), persistent=False)

    def look_at(self, pictures: list[Tensor]) -> None:
        """Learn how rare each class of colour is (Zhang et al. 2016, section 2.2)."""
        if not isinstance(self.model, ClassificationColorizer):
            return
        counts = torch.stack([class_counts(picture, self.model.bins) for picture in pictures]).sum(0)
        self.weights = rebalancing(counts, self.loss.rebalance).to(self.model.device)

    def draw(self, x: Tensor) -> dict[str, Any]:
        """Draw the random arguments of a batch: the zoom of each crop, and its tone."""
        draws: dict[str, Any] = {}
        if self.data.zoom > 1:
            draws["zoom"] = (1 + (self.data.zoom - 1) * torch.rand(len(x))).to(x.device)
        if self.data.tone:
            draws["gamma"] = (2 ** (self.data.tone * (2 * torch.rand(len(x), 1, 1, 1) - 1))).to(x.device)
        return draws

    def forward(self, x: Tensor, zoom: Tensor | None = None, gamma: Tensor | None = None) -> dict[str, Tensor]:
        """Losses of (B, 3, H, W) pictures in [0, 1], enlarged by `zoom`, (B,), and grey to the power of `gamma`."""
        with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
            if zoom is not None:
                corners = torch.diag_embed(torch.stack((1 / zoom, 1 / zoom), 1))
                grid = F.affine_grid(F.pad(corners, (0, 1)), list(x.shape), align_corners=False)
                x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
            ab = F.avg_pool2d(lab(x)[:, 1:], 4)
            grey = luma(x)
            seen = lightness(grey if gamma is None else grey.clamp(min=1e-4) ** gamma)
        if isinstance(self.model, ClassificationColorizer):
            return {"loss": self._of_classes(self.model.logits(seen), ab)}
        if isinstance(self.model, HistogramColorizer):
            return {"loss": self._of_histograms(*self.model.logits(seen), ab)}
        assert isinstance(self.model, RegressionColorizer)
        return {"loss": self.distance(self.model.quarter(seen) / 100, ab / 100)}

    def _of_classes(self, logits: Tensor, ab: Tensor) -> Tensor:
        """Cross-entropy with the soft classes, weighted by the nearest one (equations 2 and 3)."""
        index, share = soft_encode(ab.permute(0, 2, 3, 1), self.model.bins)  # type: ignore[arg-type]
        missed = torch.log_softmax(logits, 1).gather(1, index.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return -(self.weights[index[..., 0]] * (share * missed).sum(-1)).mean()

    def _of_histograms(self, hue: Tensor, chroma: Tensor, ab: Tensor) -> Tensor:
        """Cross-entropy of chroma and, as far as there is chroma, of hue (Larsson et al. 2016, equation 4).

        It differs by a constant from the divergence (KL) of the paper.
        """
        hues, chromas, strength = encode(ab)
        of_hue, of_chroma = (
            -(target * torch.log_softmax(logits, 1)).sum(1) for target, logits in ((hues, hue), (chromas, chroma))
        )
        return (of_chroma + HUE_WEIGHT * strength * of_hue).mean()

    @torch.no_grad()
    def validate(self, model: Colorizer, pictures: list[Tensor], side: int) -> dict[str, float]:  # type: ignore[override]
        """Over held-out pictures: mean PSNR `rgb` in dB, and colourfulness as a share of the originals' mean."""
        values, found, wanted = [], 0.0, 0.0
        for x in centres(pictures, side, (self.multiple, self.multiple), model.device):
            grey = quantize(luma(x))
            y = quantize(colored(grey, model(lightness(grey))))
            values.append(psnr_rgb(y, x))
            found, wanted = found + colorfulness(y), wanted + colorfulness(x)
        return {"rgb": sum(values) / len(values), "colourfulness": found / wanted} if values else {}
