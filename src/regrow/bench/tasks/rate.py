"""Rate: every picture of a set through codecs at many qualities, alone, and with nets behind them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log10, nan
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np

from regrow.bench.benchmark import Cells, PictureItem, Progress, Report, Stopwatch
from regrow.bench.coded import MULTIPLE, Behind, largest_within
from regrow.bench.models import blank
from regrow.bench.pictures import as_rgb, originals
from regrow.bench.plots import plot_lines
from regrow.bench.results import MEAN, Result, means
from regrow.bench.sheet import write_sheet
from regrow.bench.table import MODEL, SET, Column
from regrow.errors import UsageError
from regrow.io.codecs import QUALITIES, Codec
from regrow.io.paths import atomic
from regrow.metrics import fidelity as metrics
from regrow.metrics.bd_rate import bd_rate
from regrow.metrics.ssimulacra2 import ssimulacra2
from regrow.operations.restorers import NONE, default_upscaler

COMPARED = {
    "rgb": ("rgb", "rgb"),
    "y": ("y", "y"),
    "ssim": ("y_ssim", "SSIM"),
    "ssimulacra2": ("ssimulacra2", "SSIMULACRA2"),
}
"""Figures at which rates are compared, and their headings, by the name of the difference."""
BORDER = 4
"""Pixels on every side that the protocol `y` leaves out, the same at every scale."""
BEST = "best"
"""Stands for whichever model costs least at each quality, the codec alone among them."""
RANGES = {"jpeg": ((0.1, 0.4), (0.4, 1.2)), "webp": ((0.05, 0.25), (0.25, 0.8)), "avif": ((0.03, 0.1), (0.1, 0.5))}
"""Bits a pixel between which rates are compared."""
MEASURED = {
    "jpeg": (6, 10, 15, 22, 32, 45, 60, 75, 85, 92),
    "webp": (2, 6, 12, 22, 35, 50, 65, 78, 86, 93),
    "avif": (14, 20, 26, 32, 40, 48, 56, 64, 72, 82),
}
"""Qualities at which codecs are measured."""


@dataclass(frozen=True)
class Task:
    """Measure what a picture costs through a codec, alone at full size, and with nets behind the codec.

    Models are names or folders of nets that restore or enlarge, or "A+B" for one after another; pictures are shrunk by
    the antialiased bicubic by as much as they enlarge. The codec alone is measured always, as the model "none".
    """

    codec: Sequence[str] = tuple(QUALITIES)
    quality: Sequence[int] = ()
    """`MEASURED` of each codec where none is given."""
    effort: int = 5
    """Of AVIF, 0 to 9: libaom's speed is 9 less that."""
    ssimulacra2: bool = False
    """Whether that is measured too, for which the package is needed: it takes seconds for each megapixel."""
    device: str = "auto"
    tile: int | None = None

    needs: ClassVar[Mapping[str, str]] = {}
    plots: ClassVar[bool] = True
    shown: ClassVar[int] = 3

    def __post_init__(self) -> None:
        for name in self.codec:
            if name not in QUALITIES:
                raise UsageError(f"codec {name}: is not known; known are {', '.join(QUALITIES)}")
        if len(set(self.quality)) == 1:
            raise UsageError(f"quality {self.quality[0]}: a curve needs at least two qualities")
        for quality in self.quality:
            if not 1 <= quality <= 100:
                raise UsageError(f"quality {quality}: must be from 1 to 100")

    @property
    def columns(self) -> Sequence[Column]:
        """Of the table; SSIMULACRA2 where it is measured."""
        differences = [
            Column(f"BD {heading}", f"{{bd_{name}:.1f}}%", 7)
            for name, (_, heading) in COMPARED.items()
            if name != "ssimulacra2" or self.ssimulacra2
        ]
        return (
            SET, Column("codec", "{codec}", 5, left=True), Column("bits/px", "{range}", 9), MODEL,
            Column("scale", "{scale}", 5), *differences, Column("covered", "{covered:.0%}", 7),
            Column("encode s/MP", "{encode_seconds:.2f}", 11), Column("grow s/MP", "{grow_seconds:.2f}", 9),
        )  # fmt: skip

    def codecs(self) -> list[Codec]:
        """Those that are measured."""
        return [Codec(name=name, effort=self.effort) for name in dict.fromkeys(self.codec)]

    def default_models(self) -> list[str]:
        """The codec alone, and what enlarges half the size when no model is named."""
        return [NONE, default_upscaler(2)]

    def items(self, folder: Path, models: Sequence[str]) -> Iterator[PictureItem]:
        """The pictures, cut to a multiple of all scales."""
        return (PictureItem(path, original) for path, original in originals(folder, (MULTIPLE, MULTIPLE), []))

    def load(self, models: Sequence[str]) -> list[Behind]:
        """The nets of each name."""
        loaded = [Behind(name, device=self.device, tile=self.tile) for name in models]
        warm, first = Codec(name="jpeg"), blank((1, 1), 3)
        for net in loaded:
            net.grow(warm.encode(first, 50), warm, 50)
        if self.ssimulacra2:
            ssimulacra2(as_rgb(first), as_rgb(first))  # an error before anything is measured
        return loaded

    def measure(self, label: str, item: PictureItem, nets: Mapping[str, Behind], report: Report) -> Iterator[Result]:
        """A result for each codec, quality and model.

        PSNR in dB and SSIM, `bits_per_pixel` of the whole file for each pixel of the original, and seconds for each
        megapixel of it: to shrink and encode, which models of one scale share, and to decode and grow.
        """
        every = {NONE: Behind(NONE), **nets}
        of = {"set": label, "picture": item.name}
        for codec in self.codecs():
            for scale in dict.fromkeys(net.scale for net in every.values()):
                alike = {model: net for model, net in every.items() if net.scale == scale}
                for quality in sorted(set(self.quality or MEASURED[codec.name])):
                    for model, figures in self._point(item, alike, codec, quality):
                        settings = {"codec": codec.name, "scale": str(scale)}
                        yield Result(of, model, {**settings, "quality": quality}, figures)
                        report(Progress(label, f"{item.name} {codec.name} {quality}", model, figures["rgb"]))

    def _point(
        self, item: PictureItem, alike: Mapping[str, Behind], codec: Codec, quality: int
    ) -> Iterator[tuple[str, dict[str, float]]]:
        """The figures of models of one scale, by name, behind one file."""
        encoding = Stopwatch(item.original.shape)
        data = encoding("encode_seconds", next(iter(alike.values())).encode, item.original, codec, quality)
        for model, net in alike.items():
            watch = Stopwatch(item.original.shape)
            grown = watch("grow_seconds", net.grow, data, codec, quality)
            figures = {"bits_per_pixel": 8 * len(data) / (item.original.shape[0] * item.original.shape[1])}
            yield model, figures | self._quality(grown, item.original) | encoding.seconds | watch.seconds

    def _quality(self, grown: np.ndarray, original: np.ndarray) -> dict[str, float]:
        a, b = as_rgb(grown), as_rgb(original)
        measured = metrics.compare(a, b, BORDER)
        return {
            "rgb": measured["rgb"]["psnr"],
            "rgb_ssim": measured["rgb"]["ssim"],
            "y": measured["y"]["psnr"],
            "y_ssim": measured["y"]["ssim"],
            **({"ssimulacra2": ssimulacra2(a, b)} if self.ssimulacra2 else {}),
        }

    def table_of(self, results: Sequence[Result]) -> Sequence[Result]:
        """Differences of rate for each set, codec and range of rates: of each model, and of the best at each quality.

        They are those of the mean curves of a set.
        """
        curves: dict[tuple[str, str], dict[str, list[Result]]] = {}
        for result in means(results):
            curves.setdefault((result["set"], result["codec"]), {}).setdefault(result.model, []).append(result)
        return [
            row
            for (of, codec), by_model in curves.items()
            for between in RANGES[codec]
            for row in _differences(of, codec, between, by_model)
        ]

    def sheet_row(self, title: str, item: PictureItem, nets: Mapping[str, Behind]) -> Cells:
        """A detail of the original, and through each codec at equal bytes: alone, and by each model.

        The bytes are those of the middle of the lower range of rates, as near as the codec alone comes to it.
        """
        row = {f"{title}/{item.name}"[:40]: item.original}
        pixels = item.original.shape[0] * item.original.shape[1]
        for codec in self.codecs():
            wanted = exp(fmean(map(log, RANGES[codec.name][0])))
            _, data = largest_within(Behind(NONE), item.original, codec, round(wanted * pixels / 8))
            for label, net in {NONE: Behind(NONE), **nets}.items():
                quality, coded = largest_within(net, item.original, codec, len(data))
                grown = net.grow(coded, codec, quality)
                psnr = metrics.psnr_rgb(as_rgb(grown), as_rgb(item.original))
                row[f"{codec.name}, {label}: {len(coded) / 1024:.1f} KiB, {psnr:.2f} dB"] = grown
        return row

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """Details."""
        write_sheet(rows, path)

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Write the table as bd_rate.csv, and draw the curves of PSNR `rgb`, rate.png."""
        rows = [result.row() for result in self.table_of(results)]
        with atomic(out / "bd_rate.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
        points = [result.row() for result in means(results)]
        points = [row | {"set": f"{row['set']}, {row['codec']}"} for row in points]
        plot_lines(points, "bits_per_pixel", "rgb", "model", out / "rate.png")


def _differences(
    of: str, codec: str, between: tuple[float, float], curves: Mapping[str, Sequence[Result]]
) -> Iterator[Result]:
    """What each model saves against the codec alone between two rates, and the best of all at each quality."""
    reference = curves[NONE]
    for model in (*(name for name in curves if name != NONE), BEST):
        mine = [curves[model]] if model != BEST else list(curves.values())
        found = {
            f"bd_{name}": bd_rate(_curve(reference, figure), *(_curve(c, figure) for c in mine), rates=between)
            for name, (figure, _) in COMPARED.items()
            if figure in reference[0].figures
        }
        figures = {name: difference.percent for name, difference in found.items()}
        figures["covered"] = found["bd_rgb"].covered
        for name in ("encode_seconds", "grow_seconds"):
            figures[name] = fmean(result[name] for result in mine[0]) if model != BEST else nan
        scale = f"x{mine[0][0]['scale']}" if model != BEST else "any"
        settings = {"codec": codec, "scale": scale, "range": "{:g}-{:g}".format(*between)}
        yield Result({"set": of, "picture": MEAN}, model, settings, figures)


def _curve(points: Sequence[Result], figure: str) -> list[tuple[float, float]]:
    """(rate, quality) of a mean curve; SSIM in decibels of what lacks to 1, so that it rises as evenly as PSNR does."""
    values = [(result["bits_per_pixel"], float(result[figure])) for result in points]
    if figure.endswith("ssim"):
        values = [(rate, -10 * log10(1 - value) if value < 1 else inf) for rate, value in values]
    return [(rate, value) for rate, value in values if abs(value) < inf]
