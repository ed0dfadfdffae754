"""Benchmarks of clips: shrunk and grown by every model, frame by frame or several frames together."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice, tee
from math import ceil
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, TypeGuard

import numpy as np

from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.plots import plot_lines
from regrow.bench.rescale import Pair, figures, labels, originals, sheet_row
from regrow.bench.results import means
from regrow.bench.sheet import write_sheet
from regrow.errors import RegrowError, UsageError
from regrow.inference.frames import grow_frames, shrink_frames
from regrow.inference.rows import TILE
from regrow.io.paths import atomic, find_pictures
from regrow.metrics.temporal import consistency
from regrow.nets.model import Model
from regrow.nets.upscale.base import Restorer
from regrow.operations.rescalers import check_channels, rescaler
from regrow.operations.restorers import BICUBIC
from regrow.size import Scale, Size, check_scale, scale_text

SHEET = 8
"""So many frames are grown for the sheet, which shows the middle one."""


@dataclass(frozen=True)
class Result:
    """Figures of one clip and one model, means over its frames, or their means over clips (`clip` is then "mean")."""

    clip: str
    model: str
    scale: str
    skip_frames: int
    """So many frames at the start and as many at the end count for nothing but time and memory."""
    rgb: float
    rgb_ssim: float
    y: float
    y_ssim: float
    small: float
    bytes_per_pixel: float
    """Of the small frames as PNG, for each pixel of the originals."""
    shrink_seconds: float
    """For each megapixel of the originals, arrays to arrays; so is grow_seconds."""
    grow_seconds: float
    peak_mib: float
    """Most memory the process held while the model worked, with what the others hold meanwhile."""
    warping_error: float
    """As `regrow.metrics.temporal` has it; so are the next two."""
    original_warping_error: float
    tof: float
    rgb_by_frame: tuple[float, ...]
    y_by_frame: tuple[float, ...]


class Frame(NamedTuple):
    """A frame that was measured, for those who wait."""

    set: str
    picture: str
    model: str
    rgb: float


def bench(
    folders: list[Path],
    models: list[str],
    *,
    scale: Scale = 2,
    skip_frames: int = 0,
    device: str = "auto",
    tile: int | None = None,
    report: Callable[[Frame], None] = lambda frame: None,
) -> list[Result]:
    """Measure models on clips.

    All models go through a clip side by side, so that its motion is found once for all, and no clip is held as a whole.

    Args:
        folders: one clip each: its frames, sorted by name, cut to a multiple of the scale with the top left kept.
        models: names or folders, or "bicubic", or "A+B" where A shrinks and B grows, which may be a net that enlarges.
            What works on one picture works frame by frame; groups of frames follow each other from the clip's start.
        scale, device, tile: as for `shrink`.
        skip_frames: how many frames at the start and at the end of each clip do not count.
        report: told each frame's PSNR when it is there.

    Returns:
        A result for each clip and model.

    Raises:
        UsageError: no frames, or none that count; no such model. RegrowError: a frame cannot be read, is too small or
            not as large as the first.
    """
    scales = check_scale(scale)
    clip_labels, model_labels = labels([str(folder) for folder in folders]), labels(models)
    for folder in folders:
        _paths(folder, skip_frames)  # an error before anything is loaded
    pairs = {model_labels[name]: ClipPair(name, scales, device=device, tile=tile) for name in models}
    blank = np.zeros((64 * ceil(scales[1]), 64 * ceil(scales[0]), 3), np.uint8)
    for pair in pairs.values():  # the first clip through a model pays for what is set up once
        list(pair.grow_clip(pair.shrink_clip([blank]), (blank.shape[1], blank.shape[0])))
    results = []
    for folder in folders:
        results += _measure(folder, clip_labels[str(folder)], pairs, scales, skip_frames, report)
    return results


class ClipPair(Pair):
    """What `Pair` is for pictures: two maps of frames that come one after another, (H, W, 3 or 1) uint8."""

    def __init__(self, name: str, scale: Scale, *, device: str = "auto", tile: int | None = None) -> None:
        super().__init__(name, scale, device=device, tile=tile)
        self.tile = tile or TILE
        names = {self.shrinker} if self.nets else {self.shrinker, self.grower}
        self.rescalers = {part: rescaler(part, self.scales, device) for part in names - {BICUBIC}}
        for part, net in self.rescalers.items():
            check_channels("a clip", 3, part, net, grey=False)

    @staticmethod
    def restores(net: Model) -> TypeGuard[Restorer]:
        """Whether a net can follow what shrinks; one that takes a window of frames can, too."""
        return isinstance(net, Restorer)

    def shrink_clip(self, frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Small frames, one for each."""
        if self.shrinker == BICUBIC:
            return map(self.shrink, frames)
        return shrink_frames([frames], self.rescalers[self.shrinker], self.scales, tile=self.tile)

    def grow_clip(self, frames: Iterable[np.ndarray], size: tuple[int, int]) -> Iterator[np.ndarray]:
        """Frames of a size, (width, height), one for each small one."""
        if self.nets:
            for net in self.nets:
                frames = grow_frames([frames], net, tile=self.tile)
            return iter(frames)
        if self.grower == BICUBIC:
            return (self.grow(small, size) for small in frames)
        return grow_frames([frames], self.rescalers[self.grower], Size(*size), tile=self.tile)


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
        source, originals = tee(frames)
        self.read = _Timed(source)
        self.shrunk = _Timed(pair.shrink_clip(self.read))
        smalls, kept = tee(self.shrunk)
        self.grown = _Timed(pair.grow_clip(smalls, size))
        self.frames = zip(self.grown, kept, originals, strict=True)
        self.peak = 0

    def __next__(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        reset_peak()
        grown, small, original = next(self.frames)
        self.peak = max(self.peak, peak_memory())
        return original, small, grown


def _measure(
    folder: Path,
    clip: str,
    pairs: dict[str, ClipPair],
    scales: tuple[float, float],
    skip: int,
    report: Callable[[Frame], None],
) -> list[Result]:
    paths, (height, width, _) = _paths(folder, skip), next(_frames(folder, scales)).shape
    last, megapixels = len(paths) - skip, len(paths) * height * width / 1e6
    whole, *streams = tee(_frames(folder, scales), len(pairs) + 1)
    passes = {
        model: _Pass(pair, stream, (width, height))
        for (model, pair), stream in zip(pairs.items(), streams, strict=True)
    }
    found: dict[str, list[dict[str, float]]] = {model: [] for model in pairs}

    def grown(model: str) -> Iterator[np.ndarray]:
        for number, (original, small, frame) in enumerate(passes[model]):
            if skip <= number < last:
                found[model].append(figures(original, small, frame, ceil(max(scales))))
                report(Frame(clip, paths[number].stem, model, found[model][-1]["rgb"]))
                yield frame

    steady = consistency(islice(whole, skip, last), *map(grown, pairs))
    return [
        Result(
            clip, model, scale_text(scales), skip,
            **{name: fmean(frame[name] for frame in found[model]) for name in found[model][0]},
            shrink_seconds=(one.shrunk.seconds - one.read.seconds) / megapixels,
            grow_seconds=(one.grown.seconds - one.shrunk.seconds) / megapixels,
            peak_mib=one.peak / 2**20,
            **asdict(figures_of_motion),
            rgb_by_frame=tuple(frame["rgb"] for frame in found[model]),
            y_by_frame=tuple(frame["y"] for frame in found[model]),
        )
        for (model, one), figures_of_motion in zip(passes.items(), steady, strict=True)
    ]  # fmt: skip


def _paths(folder: Path, skip: int) -> list[Path]:
    paths = list(find_pictures(folder)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no frames there to measure on")
    if len({path.parent for path in paths}) > 1:
        raise UsageError(f"{folder}: has pictures in several folders; name each clip's own")
    if len(paths) <= 2 * skip:
        raise UsageError(f"{folder}: has {len(paths)} frames, and none is left when {skip} are skipped at both ends")
    return paths


def _frames(folder: Path, scales: tuple[float, float]) -> Iterator[np.ndarray]:
    """The frames of a clip as they are measured, (H, W, 3) uint8; RegrowError where their sizes differ."""
    shape = None
    for path, frame in originals(folder, scales, []):
        shape = shape or frame.shape
        if frame.shape != shape:
            sizes = " and not ".join(f"{width}x{height}" for height, width, _ in (frame.shape, shape))
            raise RegrowError(f"{path}: is {sizes} pixels as the frames before it; take it out of the clip")
        yield frame


def sheet(
    folders: list[Path],
    models: list[str],
    path: Path,
    *,
    scale: Scale,
    skip_frames: int = 0,
    device: str,
    tile: int,
) -> None:
    """Draw the before/after sheet: of one frame of each clip a detail, small and as every model grows it."""
    rows, scales = [], check_scale(scale)
    pairs = {label: ClipPair(name, scale, device=device, tile=tile) for name, label in labels(models).items()}
    for folder in folders:
        frames = list(islice(_frames(folder, scales), skip_frames, skip_frames + SHEET))
        shown = len(frames) // 2
        made = {}
        for label, pair in pairs.items():
            small = list(pair.shrink_clip(frames))
            made[label] = small[shown], list(pair.grow_clip(small, frames[0].shape[1::-1]))[shown]
        rows.append(sheet_row(f"{folder.name}, frame {skip_frames + shown + 1}", frames[shown], made))
    write_sheet(rows, path)


def table(results: list[Result]) -> Iterator[str]:
    """A line for each clip and model, and their means, aligned."""
    lines = [*results, *means(results, "clip")]
    clip, model = (max(len(getattr(r, name)) for r in lines) for name in ("clip", "model"))
    yield (
        f"{'clip':{clip}} {'model':{model}} {'scale':>5} {'skip':>4} {'rgb dB':>7} {'SSIM':>6} {'y dB':>7} {'SSIM':>6} "
        f"{'small dB':>8} {'B/px':>6} {'shrink s/MP':>11} {'grow s/MP':>9} {'peak MiB':>8} {'warp':>6} {'of':>6} "
        f"{'tOF':>6}"
    )
    for r in lines:
        yield (
            f"{r.clip:{clip}} {r.model:{model}} {'x' + r.scale:>5} {r.skip_frames:4} "
            f"{r.rgb:7.2f} {r.rgb_ssim:6.4f} {r.y:7.2f} {r.y_ssim:6.4f} "
            f"{r.small:8.2f} {r.bytes_per_pixel:6.3f} {r.shrink_seconds:11.2f} {r.grow_seconds:9.2f} {r.peak_mib:8.0f} "
            f"{r.warping_error:6.3f} {r.original_warping_error:6.3f} {r.tof:6.3f}"
        )


def write_frames(results: list[Result], out: Path) -> None:
    """Write the PSNR of every frame that counts: frames.csv and, under the protocol `y`, psnr.png."""
    rows = [
        {"set": r.clip, "model": r.model, "frame": number, "rgb": rgb, "y": y}
        for r in results
        for number, (rgb, y) in enumerate(zip(r.rgb_by_frame, r.y_by_frame, strict=True), start=r.skip_frames + 1)
    ]
    with atomic(out / "frames.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("clip", *list(rows[0])[1:]))
        writer.writerows([f"{v:.4f}" if isinstance(v, float) else v for v in row.values()] for row in rows)
    plot_lines(rows, "frame", "y", "model", out / "psnr.png")
