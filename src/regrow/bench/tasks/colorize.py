"""Colorizing: every picture of a set made grey and coloured by every model."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from regrow.bench.benchmark import Cells, Measured, PictureBenchmark, PictureItem, Stopwatch
from regrow.bench.models import GREY, Colorizer
from regrow.bench.pictures import as_tensor, luma_of, paths_in
from regrow.bench.results import Result, means
from regrow.bench.sheet import write_overview
from regrow.bench.table import MODEL, PEAK, SET, Column
from regrow.io.memory import read_rgb
from regrow.io.paths import atomic
from regrow.metrics import colorfulness as color
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.color.bins import class_counts, in_gamut, rebalancing
from regrow.operations.restorers import COLORIZER


class Rarity:
    """How rare the colours of a set are. A share that it weights counts rare colours as much as frequent ones."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    @cached_property
    def weights(self) -> torch.Tensor:
        """For each of the 313 classes of ab (Zhang, Isola and Efros 2016)."""
        bins = torch.tensor(in_gamut())
        counts = torch.stack([class_counts(torch.from_numpy(read_rgb(path)), bins) for path in self.paths]).sum(0)
        return rebalancing(counts, 0)


class Colored(PictureItem):
    """A colour picture, (H, W, 3) uint8, of a set."""

    def __init__(self, path: Path, original: np.ndarray, rarity: Rarity) -> None:
        super().__init__(path, original)
        self.rarity = rarity

    @cached_property
    def grey(self) -> np.ndarray:
        """The luma, which is all that models are given, (H, W, 1) uint8."""
        return luma_of(self.original)


@dataclass(frozen=True)
class Task(PictureBenchmark[Colored, Colorizer]):
    """Measure colorizers on colour pictures, whose luma they are given, rounded to 8 bits.

    Models are names, folders or files of published weights, or "grey". The options are those of `regrow.colorize`.
    """

    temperature: float | None = None
    device: str = "auto"

    shown: ClassVar[int] = 6
    columns: ClassVar[Sequence[Column]] = (
        SET, MODEL, Column("rgb dB", "{rgb:.2f}", 7), Column("ab RMSE", "{ab_rmse:.2f}", 7),
        Column("AuC", "{auc:.3f}", 6), Column("rebal.", "{auc_rebalanced:.3f}", 6),
        Column("colour", "{colorfulness:.1f}", 6), Column("of", "{original_colorfulness:.1f}", 6),
        Column("luma", "{luma_error:.2f}", 5), Column("s/MP", "{seconds:.2f}", 6), PEAK,
    )  # fmt: skip

    def default_models(self) -> list[str]:
        """The picture left grey, and what colorizes when no model is named."""
        return [GREY, COLORIZER]

    def items(self, folder: Path, models: Sequence[str]) -> Iterator[Colored]:
        """The pictures, whole."""
        paths = paths_in(folder)
        rarity = Rarity(paths)
        return (Colored(path, read_rgb(path), rarity) for path in paths)

    def load(self, models: Sequence[str]) -> list[Colorizer]:
        """A colorizer for each name."""
        colorizers = [Colorizer(name, temperature=self.temperature, device=self.device) for name in models]
        for colorizer in colorizers:
            colorizer(np.zeros((64, 64, 1), np.uint8))
        return colorizers

    def settings(self, net: Colorizer) -> dict[str, str | int | bool]:
        """None."""
        return {}

    def figures(self, picture: Colored, net: Colorizer, watch: Stopwatch) -> Measured:
        """What `docs/protocols.md` says of colours that were guessed, with the accuracy curves.

        `auc` is the area under the accuracy curve, the share of pixels within 0, 1, ... 150 of the true ab;
        `luma_error` the largest difference from the luma that was given, in levels of 255.
        """
        painted = as_tensor(watch("seconds", net, picture.grey))
        x = as_tensor(picture.original)
        curve, rebalanced = color.accuracy_curve(x, painted), color.accuracy_curve(x, painted, picture.rarity.weights)
        figures = {
            "rgb": psnr_rgb(painted, x),
            "ab_rmse": color.ab_rmse(x, painted),
            "auc": float(curve.mean()),
            "auc_rebalanced": float(rebalanced.mean()),
            "colorfulness": color.colorfulness(painted),
            "original_colorfulness": color.colorfulness(x),
            "luma_error": color.luma_error(as_tensor(picture.grey), painted),
        }
        return Measured(figures, {"share": tuple(curve.tolist()), "share_rebalanced": tuple(rebalanced.tolist())})

    def sheet_row(self, title: str, item: Colored, nets: Mapping[str, Colorizer]) -> Cells:
        """The original, what was given, and as each model colours it."""
        row = {f"{title}/{item.name}"[:40]: item.original, GREY: np.repeat(item.grey, 3, -1)}
        return row | {label: net(item.grey) for label, net in nets.items()}

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """Whole pictures."""
        write_overview(rows, path)

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Write the accuracy curves of every set and model, their means over the pictures, as accuracy.csv."""
        with atomic(out / "accuracy.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            averaged = means(results)
            writer.writerow(("set", "model", "distance", *averaged[0].curves))
            for result in averaged:
                for distance, shares in enumerate(zip(*result.curves.values(), strict=True)):
                    writer.writerow((result["set"], result.model, distance, *(f"{share:.4f}" for share in shares)))
