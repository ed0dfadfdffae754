"""Clips: shrunk and grown back by every model, frame by frame or several frames together."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, tee
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import numpy as np

from regrow.bench.benchmark import Cells, Progress, Report
from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.models import ClipPair, blank
from regrow.bench.pictures import originals, paths_in
from regrow.bench.plots import plot_lines
from regrow.bench.results import Result, Row, means, summary_rows
from regrow.bench.sheet import write_sheet
from regrow.bench.table import MODEL, SCALE, Column
from regrow.bench.tasks.rescale import QUALITY, compared, quality
from regrow.errors import RegrowError, UsageError
from regrow.io.paths import atomic
from regrow.operations.rescalers import default_model
from regrow.operations.restorers import BICUBIC
from regrow.size import Scale, check_scale, scale_text

SHEET = 8
"""So many frames are grown for the sheet, which shows the middle one."""


class Clip:
    """Frames in a folder, sorted by name, cut to a multiple of the scale with the top left kept.

    Args:
        folder: where they are.
        scales: (across, down).
        skip: so many frames at the start and as many at the end count for nothing but time and memory.

    Raises:
        UsageError: there are none, not all are in one folder, or none is left when some are skipped.
    """

    def __init__(self, folder: Path, scales: tuple[float, float], skip: int) -> None:
        self.folder, self.scales, self.skip = folder, scales, skip
        self.paths = paths_in(folder, "frames")
        if len({path.parent for path in self.paths}) > 1:
            raise UsageError(f"{folder}: has pictures in several folders; name each clip's own")
        if len(self.paths) <= 2 * skip:
            left = f"none is left when {skip} are skipped at both ends"
            raise UsageError(f"{folder}: has {len(self.paths)} frames, and {left}")

    @property
    def name(self) -> str:
        """That of the folder."""
        return self.folder.name

    @property
    def counted(self) -> range:
        """The numbers of the frames that count."""
        return range(self.skip, len(self.paths) - self.skip)

    def frames(self) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 each; RegrowError where one cannot be read, is too small, or not as large as the first."""
        shape = None
        for path, frame in originals(self.folder, self.scales, []):
            shape = shape or frame.shape
            if frame.shape != shape:
                sizes = " and not ".join(f"{width}x{height}" for height, width, _ in (frame.shape, shape))
                raise RegrowError(f"{path}: is {sizes} pixels as the frames before it; take it out of the clip")
            yield frame


@dataclass(frozen=True)
class Task:
    """Measure models on clips, a folder of frames each. All go through a clip side by side.

    So the motion of the original is found once for all, and no clip is held as a whole. Models are names or folders,
    "bicubic", or "A+B" where A shrinks and B grows, which may be a net that enlarges. `skip_frames` at the start and at
    the end of each clip do not count; the other options are those of `regrow.shrink`.
    """

    scale: Scale = 2
    skip_frames: int = 0
    device: str = "auto"
    tile: int | None = None

    needs: ClassVar[Mapping[str, str]] = {"skimage": "video"}
    plots: ClassVar[bool] = True
    shown: ClassVar[int] = 1
    columns: ClassVar[Sequence[Column]] = (
        Column("clip", "{clip}", 4, left=True), MODEL, SCALE, Column("skip", "{skip_frames}", 4), *QUALITY,
        Column("warp", "{warping_error:.3f}", 6), Column("of", "{original_warping_error:.3f}", 6),
        Column("tOF", "{tof:.3f}", 6),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_scale(self.scale)

    @property
    def scales(self) -> tuple[float, float]:
        """(across, down)."""
        return check_scale(self.scale)

    def default_models(self) -> list[str]:
        """The bicubic, and what shrinks pictures and clips when no model is named."""
        scales = self.scales
        return list(dict.fromkeys((BICUBIC, default_model(scales), default_model(scales, groups=True))))

    def items(self, folder: Path, models: Sequence[str]) -> list[Clip]:
        """The one clip."""
        return [Clip(folder, self.scales, self.skip_frames)]

    def load(self, models: Sequence[str]) -> list[ClipPair]:
        """A pair for each name."""
        pairs = [ClipPair(name, self.scales, device=self.device, tile=self.tile) for name in models]
        first = blank(self.scales, 3)
        for pair in pairs:
            list(pair.grow_clip(pair.shrink_clip([first]), (first.shape[1], first.shape[0])))
        return pairs

    def measure(self, label: str, item: Clip, nets: Mapping[str, ClipPair], report: Report) -> Iterator[Result]:
        """Means over the frames: what `quality` says of each, costs, and how steady the clip is.

        `warping_error`, `original_warping_error` and `tof` are those of `regrow.metrics.temporal`; the seconds are for
        each megapixel of the originals.
        """
        from regrow.metrics.temporal import consistency

        height, width, _ = next(item.frames()).shape
        whole, *streams = tee(item.frames(), len(nets) + 1)
        passes = {
            model: _Pass(pair, stream, (width, height))
            for (model, pair), stream in zip(nets.items(), streams, strict=True)
        }
        found: dict[str, list[dict[str, float]]] = {model: [] for model in nets}

        def grown(model: str) -> Iterator[np.ndarray]:
            for number, (original, small, frame) in enumerate(passes[model]):
                if number in item.counted:
                    found[model].append(quality(original, small, frame, ceil(max(self.scales))))
                    report(Progress(label, item.paths[number].stem, model, found[model][-1]["rgb"]))
                    yield frame

        counted = islice(whole, item.counted.start, item.counted.stop)
        steady = consistency(counted, *map(grown, nets))
        megapixels = len(item.paths) * height * width / 1e6
        settings: dict[str, str | int | bool] = {"scale": scale_text(self.scales), "skip_frames": item.skip}
        for (model, one), motion in zip(passes.items(), steady, strict=True):
            frames = found[model]
            figures = {name: fmean(frame[name] for frame in frames) for name in frames[0]}
            curves = {f"{name}_by_frame": tuple(frame[name] for frame in frames) for name in ("rgb", "y")}
            figures |= {**one.costs(megapixels), **asdict(motion)}
            yield Result({"clip": label}, model, settings, figures, curves, len(frames))

    def summary(self, results: Sequence[Result]) -> list[Row]:
        """All clips, and their means."""
        return summary_rows(results)

    def table_of(self, results: Sequence[Result]) -> Sequence[Result]:
        """Every clip, and the means."""
        return [*results, *means(results)]

    def sheet_row(self, title: str, item: Clip, nets: Mapping[str, ClipPair]) -> Cells:
        """A detail of one frame: the original, and small and grown by each model."""
        frames = list(islice(item.frames(), item.skip, item.skip + SHEET))
        middle = len(frames) // 2
        made = {}
        for label, pair in nets.items():
            small = list(pair.shrink_clip(frames))
            grown = list(pair.grow_clip(small, (frames[0].shape[1], frames[0].shape[0])))
            made[label] = small[middle], grown[middle]
        return compared(f"{title}, frame {item.skip + middle + 1}", frames[middle], made)

    def write_sheet(self, rows: list[Cells], path: Path) -> None:
        """Details."""
        write_sheet(rows, path)

    def write_more(self, results: Sequence[Result], out: Path) -> None:
        """Write the PSNR of every frame that counts: frames.csv and, under the protocol `y`, psnr.png."""
        rows = [
            {"set": r["clip"], "model": r.model, "frame": number, "rgb": rgb, "y": y}
            for r in results
            for number, (rgb, y) in enumerate(zip(*r.curves.values(), strict=True), start=r["skip_frames"] + 1)
        ]
        with atomic(out / "frames.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("clip", *list(rows[0])[1:]))
            writer.writerows([f"{v:.4f}" if isinstance(v, float) else v for v in row.values()] for row in rows)
        plot_lines(rows, "frame", "y", "model", out / "psnr.png")


class _Timed(Iterator[np.ndarray]):
    """Frames, and the seconds that getting them has taken, from their source on."""

    def __init__(self, frames: Iterable[np.ndarray]) -> None:
        self.frames, self.seconds = iter(frames), 0.0

    def __next__(self) -> np.ndarray:
        start = time.perf_counter()
        try:
            return next(self.frames)
        finally:
            self.seconds += time.perf_counter() - start


class _Pass(Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]):
    """A clip on its way through a model: each original, small and grown frame, and what that costs."""

    def __init__(self, pair: ClipPair, frames: Iterable[np.ndarray], size: tuple[int, int]) -> None:
        source, kept = tee(frames)
        self.read = _Timed(source)
        self.shrunk = _Timed(pair.shrink_clip(self.read))
        smalls, kept_small = tee(self.shrunk)
        self.grown = _Timed(pair.grow_clip(smalls, size))
        self.frames = zip(self.grown, kept_small, kept, strict=True)
        self.peak = 0

    def __next__(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        reset_peak()
        grown, small, original = next(self.frames)
        self.peak = max(self.peak, peak_memory())
        return original, small, grown

    def costs(self, megapixels: float) -> dict[str, float]:
        """Seconds for each megapixel of the originals each way, and the most memory the process held meanwhile."""
        return {
            "shrink_seconds": (self.shrunk.seconds - self.read.seconds) / megapixels,
            "grow_seconds": (self.grown.seconds - self.shrunk.seconds) / megapixels,
            "peak_mib": self.peak / 2**20,
        }
