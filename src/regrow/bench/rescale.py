"""Benchmarks: every picture of a set shrunk and grown by every model, under the named protocols."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil, prod
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch

import regrow as verbs
from regrow import zoo
from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.results import means
from regrow.bench.sheet import write_sheet
from regrow.errors import RegrowError, UsageError
from regrow.inference.rows import restore_rows
from regrow.io.memory import read_rgb
from regrow.io.paths import find_pictures
from regrow.io.writer import PictureWriter
from regrow.metrics import fidelity as metrics
from regrow.nets.model import Model
from regrow.nets.ops.color import luma
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import Restorer
from regrow.operations.restorers import BICUBIC
from regrow.size import Scale, Size, check_scale, scale_text, small_size


@dataclass(frozen=True)
class Result:
    """Figures of one picture and one model, or their mean over a set (`picture` is then "mean")."""

    set: str
    picture: str
    model: str
    scale: str
    refine: int
    """Steps by which small pictures were refined."""
    rgb: float
    rgb_ssim: float
    y: float
    y_ssim: float
    small: float
    """PSNR of the small picture against the bicubic one; infinite for the bicubic itself."""
    bytes_per_pixel: float
    """Of the small picture as PNG, for each pixel of the original."""
    shrink_seconds: float
    """For each megapixel of the original, array to array; so is grow_seconds."""
    grow_seconds: float
    peak_mib: float
    """Most memory the process held meanwhile, Python, torch and the picture included."""


def bench(
    folders: list[Path],
    models: list[str],
    *,
    scale: Scale = 2,
    grey: bool = False,
    refine: int = 0,
    device: str = "auto",
    tile: int | None = None,
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Measure models on sets of pictures, taken as `originals` gives them.

    Args:
        folders: one set each.
        models: names or folders, or "bicubic".
        scale, grey, refine, device, tile: as for `shrink`.
        report: told each picture's result when it is there.

    Returns:
        A result for each picture and model.

    Raises:
        UsageError: no pictures, no such model. RegrowError: a picture cannot be read or is too small.
    """
    scales = check_scale(scale)
    results = []
    set_labels, model_labels = labels([str(folder) for folder in folders]), labels(models)
    sets = [(set_labels[str(folder)], originals(folder, scales, models)) for folder in folders]
    pairs = {name: Pair(name, scales, grey=grey, refine=refine, device=device, tile=tile) for name in models}
    for pair in pairs.values():  # the first picture through a model pays for what is set up once
        pair(np.zeros((64 * ceil(scales[1]), 64 * ceil(scales[0]), 1 if _grey_only(models) else 3), np.uint8))
    for label, pictures in sets:
        for path, original in pictures:
            for name, pair in pairs.items():
                result = _measure(original, pair, ceil(max(scales)))
                results.append(Result(label, path.stem, model_labels[name], scale_text(scales), pair.refine, **result))
                report(results[-1])
    return results


def originals(folder: Path, scales: tuple[float, float], models: list[str]) -> Iterator[tuple[Path, np.ndarray]]:
    """The pictures of a set as they are measured, with their paths, each read when its turn comes.

    Args:
        folder: the set.
        scales: (across, down); pictures are cut to a multiple of them by `to_multiple`.
        models: what they are measured with, names or folders, or "bicubic".

    Returns:
        An iterator of (path, picture): (H, W, 3) uint8 RGB, grey repeated; beside a model of grey pictures (H, W, 1),
        its luma.

    Raises:
        UsageError: no pictures, no such model; at the call. RegrowError: a picture cannot be read or is too small; from
            the iterator.
    """
    paths = list(find_pictures(folder)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no pictures there to measure on")
    grey = _grey_only(models)
    return ((path, _original(path, scales, grey=grey)) for path in paths)


class Pair:
    """Two maps of (H, W, 3 or 1) uint8 pictures: a model's, or the antialiased bicubic's where its name is "bicubic".

    "A+B" shrinks as A and grows as B does, which may be a net that enlarges, such as EDSR, and "A+B+C" lets C enhance
    what B has enlarged; these may be files of published weights. UsageError when there is no such model, or they do not
    enlarge by the scale. `ensemble` gives nets that only grow all flips and transposes (`regrow.inference.ensemble`).
    """

    def __init__(
        self,
        name: str,
        scale: Scale,
        *,
        grey: bool = False,
        refine: int = 0,
        ensemble: bool = False,
        device: str = "auto",
        tile: int | None = None,
    ) -> None:
        self.name, self.scales, self.grey, self.ensemble = name, check_scale(scale), grey, ensemble
        self.options: dict[str, Any] = {"scale": self.scales, "device": device, "tile": tile}
        self.shrinker, *growers = zoo.parts(name)
        self.grower = growers[0] if growers else self.shrinker
        self.refine = refine if self.shrinker != BICUBIC else 0
        for part in zoo.parts(name):
            if part != BICUBIC and not zoo.is_file(part):
                zoo.folder(part)
        self.nets: list[Restorer] = []
        if self.grower not in (self.shrinker, BICUBIC) or len(growers) > 1:
            self.nets = self._restorers(growers, device)

    def _restorers(self, names: list[str], device: str) -> list[Restorer]:
        """The nets that only grow; none where one rescaler's half does."""
        nets = [zoo.on_device(zoo.load(name), device) for name in names]
        restorers = [net for net in nets if self.restores(net)]
        if len(nets) == 1 and not restorers:
            return []
        if len(restorers) < len(nets):
            raise UsageError(f"{self.name}: of more than two models, the third and later must be nets that enhance")
        others = prod(net.scale for net in restorers[1:])
        restorers[0] = restorers[0].up_to(int(self.scales[0]) // others)
        scale = prod(net.scale for net in restorers)
        if any(wanted != scale for wanted in self.scales):
            raise UsageError(f"{'+'.join(names)}: enlarges by {scale}, not by {scale_text(self.scales)}")
        return restorers

    @staticmethod
    def restores(net: Model) -> TypeGuard[Restorer]:
        """Whether a net can follow what shrinks."""
        return isinstance(net, Restorer) and net.frames == 1

    def shrink(self, picture: np.ndarray) -> np.ndarray:
        """(H, W, 3 or 1) -> (h, w, as many), or (h, w, 1) where colours are hidden."""
        if self.shrinker != BICUBIC:
            return np.asarray(verbs.shrink(picture, model=self.shrinker, refine=self.refine, **self.options))
        width, height = small_size((picture.shape[1], picture.shape[0]), self.scales)
        small = bicubic(as_tensor(picture), (height, width))
        return _array(luma(small) if self.grey and len(small) == 3 else small)

    def grow(self, small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(h, w, 3 or 1) -> (H, W, 3), or (H, W, 1) where there are no colours; size is (width, height)."""
        if self.nets:
            pixels = np.broadcast_to(small, (*small.shape[:2], 3))
            for net in self.nets:
                inside = Size(pixels.shape[1], pixels.shape[0])
                rows = restore_rows([pixels], inside, 3, net, tile=self.options["tile"], ensemble=self.ensemble)
                pixels = np.concatenate(list(rows))
            return pixels
        if self.grower != BICUBIC:
            return np.asarray(verbs.grow(small, size=size, model=self.grower, **self.options))
        return _array(bicubic(as_tensor(small), size[::-1]))

    def __call__(self, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The small picture and the grown one."""
        small = self.shrink(picture)
        return small, self.grow(small, (picture.shape[1], picture.shape[0]))


def _measure(original: np.ndarray, pair: Pair, border: int) -> dict[str, float]:
    megapixels = original.shape[0] * original.shape[1] / 1e6
    reset_peak()
    start = time.perf_counter()
    small = pair.shrink(original)
    between = time.perf_counter()
    grown = pair.grow(small, (original.shape[1], original.shape[0]))
    end = time.perf_counter()
    peak = peak_memory() / 2**20
    return {
        **figures(original, small, grown, border),
        "shrink_seconds": (between - start) / megapixels,
        "grow_seconds": (end - between) / megapixels,
        "peak_mib": peak,
    }


def figures(original: np.ndarray, small: np.ndarray, grown: np.ndarray, border: int) -> dict[str, float]:
    """What `Result` says of pictures, each (H, W, 3 or 1) uint8; the protocol `y` leaves out a border."""
    a, b = as_rgb(grown), as_rgb(original)
    measured = metrics.compare(a, b, border)
    return {
        "rgb": measured["rgb"]["psnr"],
        "rgb_ssim": measured["rgb"]["ssim"],
        "y": measured["y"]["psnr"],
        "y_ssim": measured["y"]["ssim"],
        "small": metrics.psnr_small(as_tensor(small), b),
        "bytes_per_pixel": _png_size(small) / (original.shape[0] * original.shape[1]),
    }


def labels(names: list[str]) -> dict[str, str]:
    """The last part of every name, or the whole where that is not enough to tell it from the others."""
    short = {name: "+".join(Path(part).name for part in zoo.parts(name)) for name in names}
    return {name: label if list(short.values()).count(label) == 1 else name for name, label in short.items()}


def sheet(
    folders: list[Path],
    models: list[str],
    path: Path,
    *,
    scale: Scale,
    grey: bool,
    refine: int = 0,
    device: str,
    tile: int,
) -> None:
    """Draw the before/after sheet: of each set's first three pictures a detail, small and as every model grows it."""
    rows = []
    model_labels = labels(models)
    pairs = {name: Pair(name, scale, grey=grey, refine=refine, device=device, tile=tile) for name in models}
    for folder in folders:
        for file, original in islice(originals(folder, check_scale(scale), models), 3):
            made = {label: pairs[name](original) for name, label in model_labels.items()}
            rows.append(sheet_row(f"{folder.name}/{file.stem}", original, made))
    write_sheet(rows, path)


def sheet_row(
    title: str, original: np.ndarray, made: dict[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, np.ndarray]:
    """A row of the sheet: a picture, (H, W, 3 or 1) uint8, and what models made of it, small and grown, by label."""
    row = {title[:40]: _shown(original)}
    for label, (small, grown) in made.items():
        row[f"{label}: small"] = _shown(small)
        row[f"{label}: grown, {metrics.psnr_rgb(as_rgb(grown), as_rgb(original)):.2f} dB"] = _shown(grown)
    return row


def table(results: list[Result]) -> Iterator[str]:
    """The means as aligned lines of text."""
    yield (
        f"{'set':10} {'model':12} {'scale':>5} {'refine':>6} {'rgb dB':>7} {'SSIM':>6} {'y dB':>7} {'SSIM':>6} "
        f"{'small dB':>8} {'B/px':>6} {'shrink s/MP':>11} {'grow s/MP':>9} {'peak MiB':>8}"
    )
    for r in means(results):
        yield (
            f"{r.set:10} {r.model:12} {'x' + r.scale:>5} {r.refine:6} "
            f"{r.rgb:7.2f} {r.rgb_ssim:6.4f} {r.y:7.2f} {r.y_ssim:6.4f} "
            f"{r.small:8.2f} {r.bytes_per_pixel:6.3f} {r.shrink_seconds:11.2f} {r.grow_seconds:9.2f} {r.peak_mib:8.0f}"
        )


def to_multiple(picture: np.ndarray, scales: tuple[float, float]) -> np.ndarray:
    """(H, W, C) cut to a multiple of the scale, (across, down), top left kept; uncut where that is no whole number."""
    width, height = (
        int(n // s * s) if s.is_integer() else n
        for n, s in zip((picture.shape[1], picture.shape[0]), map(float, scales), strict=True)
    )
    return np.ascontiguousarray(picture[:height, :width])


def as_tensor(picture: np.ndarray) -> torch.Tensor:
    """(H, W, C) uint8 -> (C, H, W) float32 in [0, 1]."""
    return torch.from_numpy(picture).permute(2, 0, 1) / 255


def as_rgb(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3 or 1) uint8 -> (3, H, W) float32 in [0, 1], as the protocols take it."""
    return as_tensor(picture).expand(3, -1, -1)


def _grey_only(models: list[str]) -> bool:
    names = {part for name in models for part in zoo.parts(name) if not zoo.is_file(part)} - {BICUBIC}
    return any(_is_grey(zoo.config(name)) for name in names)


def _is_grey(settings: dict[str, Any]) -> bool:
    """Whether a model shrinks grey pictures; one that restores the luma of colour pictures does not."""
    if settings.get("colors") != 1:
        return False
    with torch.device("meta"):
        return not isinstance(zoo.build(settings), Restorer)


def _original(path: Path, scales: tuple[float, float], *, grey: bool) -> np.ndarray:
    picture = to_multiple(read_rgb(path), scales)
    if not picture.size:
        raise RegrowError(f"{path}: is too small to be shrunk by {scale_text(scales)}; take it out of the set")
    return _array(luma(as_tensor(picture))) if grey else picture


def _shown(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3 or 1) as (H, W, 3)."""
    return np.broadcast_to(picture, (*picture.shape[:2], 3))


def _array(picture: torch.Tensor) -> np.ndarray:
    return (metrics.round_8bit(picture) * 255).byte().permute(1, 2, 0).numpy()


def _png_size(picture: np.ndarray) -> int:
    file = io.BytesIO()
    height, width = picture.shape[:2]
    with PictureWriter(file, width=width, height=height, colors=picture.shape[2], format="png") as writer:
        writer.write(picture)
    return file.tell()
