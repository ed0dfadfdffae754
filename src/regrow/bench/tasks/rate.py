"""Rate: every picture of a set through codecs at many qualities, alone, and with nets behind them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np

from regrow.bench.benchmark import Cells, PictureItem, Progress, Report, Stopwatch
from regrow.bench.coded import MULTIPLE, TUNED, Before, Behind, largest_within
from regrow.bench.models import blank
from regrow.bench.pictures import as_rgb, originals
from regrow.bench.plots import plot_lines
from regrow.bench.rates import COMPARED, differences
from regrow.bench.results import Result, Row, means
from regrow.bench.rivals import JPEGXL, RIVALS, rival
from regrow.bench.sheet import write_sheet
from regrow.bench.table import MODEL, SET, Column
from regrow.errors import UsageError
from regrow.io.codecs import QUALITIES, Codec
from regrow.io.paths import atomic
from regrow.metrics import fidelity as metrics
from regrow.metrics.ssimulacra2 import ssimulacra2
from regrow.operations.coded.nets import default_net, scales
from regrow.operations.restorers import NONE
from regrow.size import Size

BORDER = 4
"""Pixels on every side that the protocol `y` leaves out, the same at every scale."""
RANGES = {"jpeg": ((0.1, 0.4), (0.4, 1.2)), "webp": ((0.05, 0.25), (0.25, 0.8)), "avif": ((0.03, 0.1), (0.1, 0.5))}
"""Bits a pixel between which rates are compared."""
MEASURED = {
    "jpeg": (6, 10, 15, 22, 32, 45, 60, 75, 85, 92),
    "webp": (2, 6, 12, 22, 35, 50, 65, 78, 86, 93),
    "avif": (14, 20, 26, 32, 40, 48, 56, 64, 72, 82),
    JPEGXL: (1, 5, 10, 18, 28, 40, 55, 70, 82, 90),
}
"""Qualities at which codecs are measured."""
FLAT = (3, 5, 8, 12, 18, 27, 40, 58, 74, 88)
"""Those of JPEG with flat tables."""


@dataclass(frozen=True)
class Task:
    """Measure what a picture costs through a codec, alone at full size, and with nets behind the codec.

    Models are names or folders of nets that restore or enlarge, or "A+B" for one after another; pictures are shrunk by
    the antialiased bicubic by as much as they enlarge. The codec alone is measured always, as the model "none".
    """

    codec: Sequence[str] = tuple(QUALITIES)
    rival: Sequence[str] = ()
    """Codecs that are compared, alone at full size, with each of those: jpegxl, jpeg, webp or avif."""
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
        for name in self.rival:
            if name not in RIVALS:
                raise UsageError(f"rival {name}: is not known; known are {', '.join(RIVALS)}")
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

    def rivals(self) -> list[Codec]:
        """Those that are measured alone, and behind which no model is."""
        return [rival(name, self.effort) for name in dict.fromkeys(self.rival) if name not in self.codec]

    def default_models(self) -> list[str]:
        """The codec alone with our settings, and the nets that are shipped."""
        nets = (default_net(scale, light=light) for light in (False, True) for scale in scales())
        return [TUNED, *dict.fromkeys(nets)]

    def items(self, folder: Path, models: Sequence[str]) -> Iterator[PictureItem]:
        """The pictures, cut to a multiple of all scales."""
        return (PictureItem(path, original) for path, original in originals(folder, (MULTIPLE, MULTIPLE), []))

    def load(self, models: Sequence[str]) -> list[Behind]:
        """The nets of each name."""
        loaded = [Behind(name, device=self.device, tile=self.tile) for name in models]
        warm, first = Codec(name="jpeg"), blank((1, 1), 3)
        for net in loaded:
            net.grow(warm.encode(first, 50), warm, 50)
        for codec in self.rivals():
            codec.encode(first, 50)  # an error before anything is measured
        if self.ssimulacra2:
            ssimulacra2(as_rgb(first), as_rgb(first))
        return loaded

    def measure(self, label: str, item: PictureItem, nets: Mapping[str, Behind], report: Report) -> Iterator[Result]:
        """A result for each codec, quality and model.

        PSNR in dB and SSIM, `bits_per_pixel` of the whole file, `Behind.size`, for each pixel of the original, and
        seconds for each megapixel of it: to shrink and encode, which models of one file share, and to decode and grow.
        """
        alone = {NONE: Behind(NONE)}
        of = {"set": label, "picture": item.name}
        for codec, every in (
            *((codec, {**alone, **nets}) for codec in self.codecs()),
            *((codec, alone) for codec in self.rivals()),
        ):
            for file in dict.fromkeys(net.file(codec) for net in every.values()):
                alike = {model: net for model, net in every.items() if net.file(codec) == file}
                for quality in sorted(set(self.quality or _measured(file.codec))):
                    for model, figures in self._point(item, alike, file.codec, quality):
                        settings = {"codec": codec.name, "scale": f"{file.scale:g}"}
                        yield Result(of, model, {**settings, "quality": quality}, figures)
                        report(Progress(label, f"{item.name} {codec.name} {quality}", model, figures["rgb"]))

    def _point(
        self, item: PictureItem, alike: Mapping[str, Behind], codec: Codec, quality: int
    ) -> Iterator[tuple[str, dict[str, float]]]:
        """The figures of models, by name, behind one file."""
        encoding, full = Stopwatch(item.original.shape), Size(*item.size)
        data = encoding("encode_seconds", next(iter(alike.values())).encode, item.original, codec, quality)
        for model, net in alike.items():
            watch = Stopwatch(item.original.shape)
            grown = watch("grow_seconds", net.grow, data, codec, quality)
            figures = {"bits_per_pixel": 8 * net.size(data, codec, quality, full) / full.pixels}
            yield model, figures | self._quality(grown, item.original) | encoding.seconds | watch.seconds

    def _quality(self, grown: np.ndarray, original: np.ndarray) -> dict[str, float]:
        a, b = as_rgb(grown), as_rgb(original)
        return {  # no SSIM of `rgb`, which would take longer than all the rest
            "rgb": metrics.psnr_rgb(a, b),
            "y": metrics.psnr_y(a, b, BORDER),
            "y_ssim": metrics.ssim_y(a, b, BORDER),
            **({"ssimulacra2": ssimulacra2(a, b)} if self.ssimulacra2 else {}),
        }

    def table_of(self, results: Sequence[Result]) -> Sequence[Result]:
        """Differences of rate for each set, codec and range of rates: of each model, of the best, and of each rival.

        They are those of the mean curves of a set.
        """
        curves: dict[str, dict[str, dict[str, list[Result]]]] = {}
        for result in means(results):
            of_set = curves.setdefault(result["set"], {})
            of_set.setdefault(result["codec"], {}).setdefault(result.model, []).append(result)
        rows: list[Result] = []
        for of, by_codec in curves.items():
            for codec in (name for name in by_codec if name in self.codec):
                models = dict(by_codec[codec])
                alone = models.pop(NONE)
                rivals = {name: by_codec[name][NONE] for name in self.rival if name != codec}
                for between in RANGES[codec]:
                    rows += differences({"set": of, "codec": codec}, between, alone, models, rivals)
        return rows

    def summary(self, results: Sequence[Result]) -> list[Row]:
        """The rows of the table."""
        rows = (result.row() for result in self.table_of(results))
        return [{name: value for name, value in row.items() if name != "picture"} for row in rows]

    def sheet_row(self, title: str, item: PictureItem, nets: Mapping[str, Behind]) -> Cells:
        """A detail of the original, and through each codec at equal bytes: alone, and by each model.

        The bytes are those of the middle of the lower range of rates, as near as the codec alone comes to it.
        """
        row = {f"{title}/{item.name}"[:40]: item.original}
        full = Size(*item.size)
        files: dict[tuple[Before, int], bytes] = {}
        for codec in self.codecs():
            wanted = exp(fmean(map(log, RANGES[codec.name][0])))
            _, data = largest_within(Behind(NONE), item.original, codec, round(wanted * full.pixels / 8), files)
            compared = [
                (net.before(codec), f"{codec.name}, {name}", net) for name, net in {NONE: Behind(NONE), **nets}.items()
            ]
            compared += [
                (rival(name, self.effort), f"{name} beside {codec.name}", Behind(NONE))
                for name in dict.fromkeys(self.rival)
                if name != codec.name
            ]
            for each, label, net in compared:
                quality, coded = largest_within(net, item.original, each, len(data), files)
                grown = net.grow(coded, each, quality)
                psnr = metrics.psnr_rgb(as_rgb(grown), as_rgb(item.original))
                row[f"{label}: {net.size(coded, each, quality, full) / 1024:.1f} KiB, {psnr:.2f} dB"] = grown
        return row

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """Details."""
        write_sheet(rows, path)

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Write the table as bd_rate.csv, and draw the curves of PSNR `rgb`, rate.png."""
        rows = self.summary(results)
        with atomic(out / "bd_rate.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
        points = [result.row() for result in means(results)]
        alone = [row for row in points if row["codec"] in self.rival and row["model"] == NONE]
        points = [row for row in points if row["codec"] in self.codec]
        for codec in dict.fromkeys(self.codec):
            points += [row | {"codec": codec, "model": row["codec"]} for row in alone if row["codec"] != codec]
        points = [row | {"set": f"{row['set']}, {row['codec']}"} for row in points]
        plot_lines(points, "bits_per_pixel", "rgb", "model", out / "rate.png")


def _measured(codec: Codec) -> Sequence[int]:
    """The qualities at which a codec is measured."""
    return FLAT if codec.name == "jpeg" and codec.tuned else MEASURED[codec.name]
