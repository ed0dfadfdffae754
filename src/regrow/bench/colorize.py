"""Benchmarks of colorizers: every picture of a set made grey and coloured by every model."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch

import regrow
from regrow import zoo
from regrow.bench.memory import peak_memory, reset_peak
from regrow.bench.rescale import as_tensor, labels
from regrow.bench.results import means
from regrow.bench.sheet import write_overview
from regrow.errors import UsageError
from regrow.io.memory import read_rgb
from regrow.io.paths import atomic, find_pictures
from regrow.metrics import colorfulness as color
from regrow.metrics.fidelity import psnr_rgb, round_8bit
from regrow.nets.color.bins import class_counts, in_gamut, rebalancing
from regrow.nets.ops.color import luma

GREY = "grey"
"""The baseline: the picture left grey."""


@dataclass(frozen=True)
class Result:
    """Figures of one picture and one model, or their mean over a set (`picture` is then "mean")."""

    set: str
    picture: str
    model: str
    rgb: float
    """PSNR in dB under the protocol `rgb`."""
    ab_rmse: float
    auc: float
    """Area under the accuracy curve, as a share; the next with rare colours counting as much as frequent ones."""
    auc_rebalanced: float
    colorfulness: float
    original_colorfulness: float
    luma_error: float
    """Largest difference from the luma that was given, in levels of 255."""
    seconds: float
    """For each megapixel, array to array."""
    peak_mib: float
    """Most memory the process held meanwhile."""
    curve: tuple[float, ...]
    """Share of pixels within 0, 1, ... 150 of the true ab; the next weighted by how rare the colours are in the set."""
    curve_rebalanced: tuple[float, ...]


def bench(
    folders: list[Path],
    models: list[str],
    *,
    temperature: float | None = None,
    device: str = "auto",
    report: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """Measure colorizers on sets of colour pictures, whose luma they are given, rounded to 8 bits.

    Args:
        folders: one set each.
        models: names or folders, or "grey".
        temperature, device: as for `colorize`.
        report: told each picture's result when it is there.

    Returns:
        A result for each picture and model.

    Raises:
        UsageError: no pictures, no such model. RegrowError: a picture cannot be read.
    """
    results = []
    set_labels, model_labels = labels([str(folder) for folder in folders]), labels(models)
    painters = {name: _painter(name, temperature, device) for name in models}
    sets = [(set_labels[str(folder)], _paths(folder)) for folder in folders]
    bins = torch.tensor(in_gamut())
    for label, paths in sets:
        counts = torch.stack([class_counts(torch.from_numpy(read_rgb(path)), bins) for path in paths]).sum(0)
        weights = rebalancing(counts, 0)
        for path in paths:
            original = read_rgb(path)
            for name, paint in painters.items():
                results.append(_measure(original, paint, weights, label, path.stem, model_labels[name]))
                report(results[-1])
    return results


def _paths(folder: Path) -> list[Path]:
    paths = list(find_pictures(folder)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no pictures there to measure on")
    return paths


def _painter(name: str, temperature: float | None, device: str) -> Callable[[np.ndarray], np.ndarray]:
    """A map from (H, W, 1) to (H, W, 3) uint8, ready to run."""
    if name == GREY:
        return lambda grey: np.repeat(grey, 3, -1)
    if not zoo.is_file(name):
        zoo.folder(name)
    if temperature is not None and not zoo.is_file(name) and zoo.config(name).get("architecture") != "classification":
        temperature = None  # a setting of one kind of model, in a table of several
    paint = partial(regrow.colorize, model=name, temperature=temperature, device=device)
    paint(np.zeros((64, 64, 1), np.uint8))  # the first picture would pay for what is set up once
    return paint


def _measure(
    original: np.ndarray,
    paint: Callable[[np.ndarray], np.ndarray],
    weights: torch.Tensor,
    label: str,
    picture: str,
    model: str,
) -> Result:
    x = as_tensor(original)
    grey = _grey(original)
    reset_peak()
    start = time.perf_counter()
    painted = paint(grey)
    seconds = time.perf_counter() - start
    peak = peak_memory() / 2**20
    y = as_tensor(painted)
    raw, rebalanced = color.accuracy_curve(x, y), color.accuracy_curve(x, y, weights)
    return Result(
        label, picture, model,
        rgb=psnr_rgb(y, x),
        ab_rmse=color.ab_rmse(x, y),
        auc=float(raw.mean()),
        auc_rebalanced=float(rebalanced.mean()),
        colorfulness=color.colorfulness(y),
        original_colorfulness=color.colorfulness(x),
        luma_error=color.luma_error(as_tensor(grey), y),
        seconds=seconds / (grey.size / 1e6),
        peak_mib=peak,
        curve=tuple(raw.tolist()),
        curve_rebalanced=tuple(rebalanced.tolist()),
    )  # fmt: skip


def _grey(original: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> its luma, (H, W, 1) uint8."""
    return (round_8bit(luma(as_tensor(original))) * 255).round().byte().permute(1, 2, 0).numpy()


def table(results: list[Result]) -> Iterator[str]:
    """The means as aligned lines of text."""
    width = max(len(r.model) for r in results)
    yield (
        f"{'set':10} {'model':{width}} {'rgb dB':>7} {'ab RMSE':>7} {'AuC':>6} {'rebal.':>6} {'color':>6} {'of':>6} "
        f"{'luma':>5} {'s/MP':>6} {'peak MiB':>8}"
    )
    for r in means(results):
        yield (
            f"{r.set:10} {r.model:{width}} {r.rgb:7.2f} {r.ab_rmse:7.2f} {r.auc:6.3f} {r.auc_rebalanced:6.3f} "
            f"{r.colorfulness:6.1f} {r.original_colorfulness:6.1f} {r.luma_error:5.2f} {r.seconds:6.2f} "
            f"{r.peak_mib:8.0f}"
        )


def write_curves(results: list[Result], path: Path) -> None:
    """Write the accuracy curves of every set and model, their means over the pictures, as CSV."""
    with atomic(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("set", "model", "distance", "share", "share_rebalanced"))
        for r in means(results):
            for distance, shares in enumerate(zip(r.curve, r.curve_rebalanced, strict=True)):
                writer.writerow((r.set, r.model, distance, *(f"{share:.4f}" for share in shares)))


def sheet(folders: list[Path], models: list[str], path: Path, *, temperature: float | None, device: str) -> None:
    """Draw each set's first six pictures, whole: the original, what was given, and as every model colours it."""
    rows = []
    painters = {label: _painter(name, temperature, device) for name, label in labels(models).items()}
    for folder in folders:
        for file in islice(_paths(folder), 6):
            original = read_rgb(file)
            grey = _grey(original)
            row = {f"{folder.name}/{file.stem}"[:40]: original, GREY: np.repeat(grey, 3, -1)}
            row |= {label: paint(grey) for label, paint in painters.items()}
            rows.append(row)
    write_overview(rows, path)
