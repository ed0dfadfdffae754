"""Enlarging: every picture of a set made a bicubic thumbnail, and enlarged by every model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from regrow.bench.benchmark import Cells, Measured, PictureBenchmark, PictureItem, Stopwatch
from regrow.bench.models import Upscaler, blank, check_upscale
from regrow.bench.pictures import as_rgb, originals
from regrow.bench.plots import plot_points
from regrow.bench.results import Result, means
from regrow.bench.table import MODEL, PEAK, SCALE, SET, Column
from regrow.metrics import fidelity as metrics
from regrow.metrics.niqe import niqe
from regrow.operations.restorers import BICUBIC, default_upscaler
from regrow.operations.zero_shot import ZeroShot
from regrow.size import Scale, scale_text


class Natural(PictureItem):
    """A picture, and how natural it looks."""

    @cached_property
    def niqe(self) -> float:
        """As `regrow.metrics.niqe` has it; lower is better."""
        return niqe(as_rgb(self.original))


@dataclass(frozen=True)
class Task(PictureBenchmark[Natural, Upscaler]):
    """Measure nets that enlarge on pictures, shrunk by the antialiased bicubic and rounded to 8 bits.

    Models are names, folders or files of published weights, "A+B" for one after another, "zssr", or "bicubic". The
    scale is 2, 3, 4 or 8, and the other options are those of `regrow.upscale`.
    """

    scale: Scale = 2
    ensemble: bool = False
    device: str = "auto"
    tile: int | None = None

    plots: ClassVar[bool] = True
    columns: ClassVar[Sequence[Column]] = (
        SET, MODEL, SCALE, Column("y dB", "{y:.2f}", 7), Column("SSIM", "{y_ssim:.4f}", 6),
        Column("rgb dB", "{rgb:.2f}", 7), Column("SSIM", "{rgb_ssim:.4f}", 6), Column("NIQE", "{niqe:.2f}", 6),
        Column("of", "{original_niqe:.2f}", 6), Column("parameters", "{parameters}", 10),
        Column("madds/px", "{multiply_adds:.0f}", 10), Column("s/MP", "{seconds:.2f}", 7), PEAK,
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_upscale(self.scale)

    @property
    def side(self) -> int:
        """The scale both ways."""
        return check_upscale(self.scale)

    def default_models(self) -> list[str]:
        """The bicubic, and what enlarges when no model is named."""
        return [BICUBIC, default_upscaler(self.side)]

    def items(self, folder: Path, models: Sequence[str]) -> Iterator[Natural]:
        """The pictures, cut to a multiple of the scale."""
        return (Natural(path, original) for path, original in originals(folder, (self.side, self.side), []))

    def load(self, models: Sequence[str]) -> list[Upscaler]:
        """An upscaler for each name."""
        upscalers = [
            Upscaler(name, self.side, ensemble=self.ensemble, device=self.device, tile=self.tile) for name in models
        ]
        for upscaler in upscalers:
            if not (upscaler.nets and isinstance(upscaler.nets[0], ZeroShot)):  # which has nothing to set up
                upscaler.grow(blank((1, 1), 3), (64 * self.side, 64 * self.side))
        return upscalers

    def settings(self, net: Upscaler) -> dict[str, str | int | bool]:
        """Scale; whether nets see all flips and transposes, as one fitted to the picture always does; parameters."""
        averaged = bool(net.ensemble and net.nets)
        return {"scale": scale_text((self.side, self.side)), "ensemble": averaged, "parameters": net.parameters}

    def figures(self, picture: Natural, net: Upscaler, watch: Stopwatch) -> Measured:
        """Multiply-adds for each pixel of the result; PSNR in dB and SSIM; NIQE of the result and of the original."""
        grown = watch("seconds", net.grow, net.shrink(picture.original), picture.size)
        measured = metrics.compare(as_rgb(grown), as_rgb(picture.original), self.side)
        return Measured(
            {
                "multiply_adds": net.multiply_adds,
                "y": measured["y"]["psnr"],
                "y_ssim": measured["y"]["ssim"],
                "rgb": measured["rgb"]["psnr"],
                "rgb_ssim": measured["rgb"]["ssim"],
                "niqe": niqe(as_rgb(grown)),
                "original_niqe": picture.niqe,
            }
        )

    def sheet_row(self, title: str, item: Natural, nets: Mapping[str, Upscaler]) -> Cells:
        """A detail of the original, of the thumbnail, and as each model enlarges it."""
        row = {f"{title}/{item.name}"[:40]: item.original}
        for label, net in nets.items():
            row["thumbnail"], grown = net(item.original)
            row[f"{label}, {metrics.psnr_y(as_rgb(grown), as_rgb(item.original), self.side):.2f} dB"] = grown
        return row

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Draw accuracy against cost, accuracy.png, and the perception-distortion plane, perception.png.

        In the plane (Blau and Michaeli 2018) what is further to the right is truer, what is lower looks more natural,
        and no method can have all of both.
        """
        averaged = [result.row() for result in means(results)]
        up = "PSNR y (dB)"
        cost = "multiply_adds", "multiply-adds a pixel"
        plot_points(averaged, cost, ("y", up), out / "accuracy.png", logarithmic=True)
        originals_niqe = {row["set"]: row["original_niqe"] for row in averaged}
        plot_points(averaged, ("y", up), ("niqe", "NIQE"), out / "perception.png", lines=originals_niqe)
