"""Benchmarks of enlarging: every picture of a set made a bicubic thumbnail, and enlarged by every model."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.plots import plot_points
from regrow.bench.rescale import Pair, as_rgb, labels, originals
from regrow.bench.results import means
from regrow.bench.sheet import write_sheet
from regrow.errors import UsageError
from regrow.inference.ensemble import VIEWS
from regrow.metrics import fidelity as metrics
from regrow.metrics.niqe import niqe
from regrow.operations.restorers import BICUBIC, ZSSR, default_upscaler
from regrow.operations.zero_shot import ZeroShot, fitted
from regrow.size import Scale, scale_text

SCALES = 2, 3, 4, 8


@dataclass(frozen=True)
class Result:
    """Figures of one picture and one model, or their mean over a set (`picture` is then "mean")."""

    set: str
    picture: str
    model: str
    scale: str
    ensemble: bool
    """Whether nets saw all flips and transposes, as one fitted to the picture always does."""
    parameters: int
    """Of all scales, where a net holds several; 0 of the bicubic, and so are its multiply-adds."""
    multiply_adds: float
    """For each pixel of the result."""
    y: float
    y_ssim: float
    rgb: float
    rgb_ssim: float
    niqe: float
    """As `regrow.metrics.niqe` has it; lower is better. The next is that of the original."""
    original_niqe: float
    seconds: float
    """For each megapixel of the result, array to array."""
    peak_mib: float
    """Most memory the process held meanwhile, Python, torch and the picture included."""


class Upscaler(Pair):
    """The bicubic that shrinks and a model that enlarges: a name, folder, file, "bicubic", or "A+B", one after another.

    "zssr" is fitted to each picture, which counts among the seconds, not among the multiply-adds. UsageError where
    there is no such model, it is of another kind, or it does not enlarge by the scale.
    """

    def __init__(
        self, name: str, scale: Scale, *, ensemble: bool = False, device: str = "auto", tile: int | None = None
    ) -> None:
        pair = BICUBIC if name in (BICUBIC, ZSSR) else f"{BICUBIC}+{name}"
        super().__init__(pair, scale, ensemble=ensemble or name == ZSSR, device=device, tile=tile)
        if name == ZSSR:
            self.nets = [ZeroShot(checked(scale))]
        if not self.nets and name != BICUBIC:
            raise UsageError(f"{name}: is no model that enlarges ordinary pictures; take one that `upscale` takes")
        self.parameters = sum(p.numel() for net in self.nets for p in net.parameters())
        self.multiply_adds = 0.0
        for net in self.nets:  # those of a net before others count for fewer pixels
            self.multiply_adds = self.multiply_adds / net.scale**2 + net.multiply_adds()
        self.multiply_adds *= VIEWS if self.ensemble else 1

    def grow(self, small: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """As `Pair.grow`."""
        if self.nets and isinstance(self.nets[0], ZeroShot):
            inside, scale = (small.shape[1], small.shape[0]), self.nets[0].scale
            net = fitted([small], inside, small.shape[2], "thumbnail", scale=scale, device=self.options["device"])
            self.nets = [net]
        return super().grow(small, size)


def bench(
    folders: list[Path],
    models: list[str],
    *,
    scale: Scale = 2,
    ensemble: bool = False,
    device: str = "auto",
    tile: int | None = None,
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Measure models on sets of pictures, shrunk by the antialiased bicubic and rounded to 8 bits.

    Args:
        folders: one set each, taken as `regrow.bench.rescale.originals` gives them.
        models: names, folders or files of published weights that enlarge, "A+B" for one after another, "zssr", or
            "bicubic".
        scale: 2, 3, 4 or 8.
        ensemble, device, tile: as for `upscale`.
        report: told each picture's result when it is there.

    Returns:
        A result for each picture and model.

    Raises:
        UsageError: no pictures, no such model. RegrowError: a picture cannot be read or is too small.
    """
    side = checked(scale)
    results = []
    set_labels, model_labels = labels([str(folder) for folder in folders]), labels(models)
    sets = [(set_labels[str(folder)], originals(folder, (side, side), [])) for folder in folders]
    upscalers = {name: Upscaler(name, side, ensemble=ensemble, device=device, tile=tile) for name in models}
    for name, upscaler in upscalers.items():  # the first picture through a model pays for what is set up once
        if name != ZSSR:  # to which that is nothing
            upscaler.grow(np.zeros((64, 64, 3), np.uint8), (64 * side, 64 * side))
    for label, pictures in sets:
        for path, original in pictures:
            natural = niqe(as_rgb(original))
            for name, upscaler in upscalers.items():
                averaged = bool(upscaler.ensemble and upscaler.nets)
                result = Result(
                    label, path.stem, model_labels[name], scale_text((side, side)), averaged,
                    upscaler.parameters, upscaler.multiply_adds, original_niqe=natural,
                    **_measure(original, upscaler, side),
                )  # fmt: skip
                results.append(result)
                report(result)
    return results


def checked(scale: Scale) -> int:
    """A scale both ways as one number. UsageError where it is none of `SCALES`."""
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    if across != down or across not in SCALES:
        raise UsageError(f"scale {scale_text((across, down))}: must be one of {', '.join(map(str, SCALES))}")
    return int(across)


def default_models(scale: Scale) -> list[str]:
    """The bicubic and what enlarges when no other model is asked for."""
    return [BICUBIC, default_upscaler(checked(scale))]


def _measure(original: np.ndarray, upscaler: Upscaler, border: int) -> dict[str, float]:
    small, size = upscaler.shrink(original), (original.shape[1], original.shape[0])
    reset_peak()
    start = time.perf_counter()
    grown = upscaler.grow(small, size)
    seconds = time.perf_counter() - start
    peak = peak_memory() / 2**20
    measured = metrics.compare(as_rgb(grown), as_rgb(original), border)
    return {
        "y": measured["y"]["psnr"],
        "y_ssim": measured["y"]["ssim"],
        "rgb": measured["rgb"]["psnr"],
        "rgb_ssim": measured["rgb"]["ssim"],
        "niqe": niqe(as_rgb(grown)),
        "seconds": seconds / (size[0] * size[1] / 1e6),
        "peak_mib": peak,
    }


def table(results: list[Result]) -> Iterator[str]:
    """The means as aligned lines of text."""
    wide = max(len("model"), *(len(r.model) for r in results))
    yield (
        f"{'set':10} {'model':{wide}} {'scale':>5} {'y dB':>7} {'SSIM':>6} {'rgb dB':>7} {'SSIM':>6} {'NIQE':>6} "
        f"{'of':>6} {'parameters':>10} {'madds/px':>10} {'s/MP':>7} {'peak MiB':>8}"
    )
    for r in means(results):
        yield (
            f"{r.set:10} {r.model:{wide}} {'x' + r.scale:>5} {r.y:7.2f} {r.y_ssim:6.4f} {r.rgb:7.2f} {r.rgb_ssim:6.4f} "
            f"{r.niqe:6.2f} {r.original_niqe:6.2f} {r.parameters:10} {r.multiply_adds:10.0f} {r.seconds:7.2f} "
            f"{r.peak_mib:8.0f}"
        )


def sheet(
    folders: list[Path], models: list[str], path: Path, *, scale: Scale, ensemble: bool, device: str, tile: int | None
) -> None:
    """Draw of each set's first three pictures a detail: the original, the thumbnail, and as every model enlarges it."""
    side = checked(scale)
    upscalers = {
        label: Upscaler(name, side, ensemble=ensemble, device=device, tile=tile)
        for name, label in labels(models).items()
    }
    rows = []
    for folder in folders:
        for file, original in islice(originals(folder, (side, side), []), 3):
            row = {f"{folder.name}/{file.stem}"[:40]: original}
            for label, upscaler in upscalers.items():
                row["thumbnail"], grown = upscaler(original)
                row[f"{label}, {metrics.psnr_y(as_rgb(grown), as_rgb(original), side):.2f} dB"] = grown
            rows.append(row)
    write_sheet(rows, path)


def write_plots(results: list[Result], out: Path) -> None:
    """Draw accuracy against cost, and the perception-distortion plane.

    In the plane (Blau & Michaeli 2018) what is further to the right is truer, what is lower looks more natural, and no
    method can have all of both.
    """
    averaged = means(results)
    points = [{"set": r.set, "model": r.model, "y": r.y, "niqe": r.niqe, "cost": r.multiply_adds} for r in averaged]
    up = "PSNR y (dB)"
    plot_points(points, ("cost", "multiply-adds a pixel"), ("y", up), out / "accuracy.png", logarithmic=True)
    lines = {r.set: r.original_niqe for r in averaged}
    plot_points(points, ("y", up), ("niqe", "NIQE"), out / "perception.png", lines=lines)
