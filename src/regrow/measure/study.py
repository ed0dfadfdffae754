"""Studies: what regrown pictures owe to noise, to lambda and to the size of the nets. Rows for a table and a plot."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regrow import zoo
from regrow.errors import UsageError
from regrow.files import atomic, find_pictures
from regrow.inputs import read_rgb
from regrow.measure import metrics
from regrow.measure.benchmark import BICUBIC, Pair, as_tensor, bench, cropped, means
from regrow.measure.plots import plot_lines
from regrow.rescaling import Scale, check_scale, rescaler, words

if TYPE_CHECKING:
    from regrow.train.recipe import Recipe

Row = dict[str, Any]
Report = Callable[[str], None]


def noise(
    folders: list[Path],
    models: list[str],
    sigmas: list[float],
    *,
    scale: Scale = 4,
    grey: bool = False,
    device: str = "auto",
    report: Report = lambda words: None,
) -> list[Row]:
    """How much regrown pictures suffer when their small pictures are noisy (Schaefer 2019).

    Args:
        folders: sets of pictures.
        models: names or folders, or "bicubic" for ordinary thumbnails.
        sigmas: standard deviations of the Gaussian noise, in [0, 1]; noisy small pictures are rounded to 8 bits again.
        scale, grey, device: as for `regrow.shrink`.
        report: told what is being worked on.

    Returns:
        A row for each set, model and sigma: mean PSNR `rgb` in dB, and the share of it, in percent, that noise took.
    """
    if not sigmas or not all(0 <= sigma <= 1 for sigma in sigmas):
        raise UsageError(f"sigma {', '.join(map(str, sigmas)) or 'is missing'}: must be from 0 to 1")
    scales = check_scale(scale)
    rows: list[Row] = []
    for folder in folders:
        pictures = [cropped(read_rgb(path), scales) for path in _pictures(folder)]
        for name in models:
            pair = Pair(name, scales, grey=grey, device=device)
            figures: dict[float, list[float]] = {sigma: [] for sigma in (0.0, *sigmas)}
            for i, original in enumerate(pictures):
                report(f"{folder.name} {i + 1} of {len(pictures)}, {name}")
                small, size = pair.shrink(original), (original.shape[1], original.shape[0])
                # The same noise for every sigma and model, so that they differ by nothing else.
                drawn = np.random.default_rng(i).standard_normal(small.shape)
                for sigma, values in figures.items():
                    noisy = np.rint(np.clip(small + 255 * sigma * drawn, 0, 255)).astype(np.uint8)
                    values.append(metrics.psnr_rgb(as_tensor(pair.grow(noisy, size)), as_tensor(original)))
            clean = float(np.mean(figures[0.0]))
            for sigma in sorted(set(sigmas)):
                rgb = float(np.mean(figures[sigma]))
                lost = 100 * (clean - rgb) / clean
                rows.append({"set": folder.name, "model": Path(name).name, "scale": words(scales), "sigma": sigma,
                             "rgb": rgb, "lost_percent": lost})  # fmt: skip
    return rows


def trade_off(
    recipe: Recipe, values: list[float], data: Path, out: Path, folders: list[Path], *, device: str = ""
) -> list[Row]:
    """The regrown picture against the small one for several lambdas: figure 4 of Kim et al. 2018.

    Args:
        recipe: what to train, but for its guidance weight.
        values: the guidance weights.
        data: folder of training pictures.
        out: receives a folder `lambda-VALUE` for each run; finished runs there are not run again, unfinished resumed.
        folders: sets of pictures to measure on.
        device: as for `regrow.train.loop.train`.

    Returns:
        A row for each set and value: mean PSNR `rgb` and `small` in dB.
    """
    from regrow.train import loop

    rows: list[Row] = []
    for value in values:
        run = out / f"lambda-{value:g}"
        weights = run / loop.WEIGHTS
        if not (weights / zoo.CONFIG).exists():
            changed = replace(recipe, loss=replace(recipe.loss, guidance_weight=value))
            loop.train(changed, data, run, resume=(run / loop.CHECKPOINT).exists(), device=device)
        scale = recipe.model.get("scale", 2)
        measured = means(bench(folders, [str(weights)], scale=scale, device=device or "auto"))
        rows += [{"set": r.set, "lambda": value, "rgb": r.rgb, "small": r.small} for r in measured]
    return rows


def size(
    folders: list[Path],
    models: list[str],
    *,
    scale: Scale = 2,
    device: str = "auto",
    report: Report = lambda words: None,
) -> list[Row]:
    """Accuracy against cost.

    Args:
        folders: sets of pictures.
        models: names or folders.
        scale, device: as for `regrow.shrink`.
        report: told what is being worked on.

    Returns:
        A row for each set and model: parameters; multiply-adds a full-size pixel and seconds a megapixel, each way;
        mean PSNR `rgb`, `y` and `small` in dB.
    """
    scales = check_scale(scale)
    costs = {}
    for name in models:
        if name == BICUBIC:
            raise UsageError("bicubic has no size to study; name models")
        net = rescaler(name, scales, device)
        shrinking, growing = net.multiply_adds()
        costs[Path(name).name] = {
            "parameters": sum(p.numel() for p in net.parameters()),
            "shrink_multiply_adds": shrinking,
            "grow_multiply_adds": growing,
        }
    rows: list[Row] = []
    results = bench(
        folders, models, scale=scales, device=device, report=lambda r: report(f"{r.set}/{r.picture} {r.model}")
    )
    for r in means(results):
        measured = {name: getattr(r, name) for name in ("shrink_seconds", "grow_seconds", "rgb", "y", "small")}
        rows.append({"set": r.set, "model": r.model, "scale": r.scale, **costs[Path(r.model).name], **measured})
    return rows


AXES = {
    "noise": ("sigma", "rgb", "model"),
    "lambda": ("small", "rgb", "set"),
    "size": ("parameters", "rgb", "set"),
}
"""What each study's plot has across and up, and what its lines are."""


def write(study: str, rows: list[Row], out: Path) -> None:
    """Write STUDY.csv and STUDY.png."""
    with atomic(out / f"{study}.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    across, up, by = AXES[study]
    plot_lines(rows, across, up, by, out / f"{study}.png")


def _pictures(folder: Path) -> list[Path]:
    paths = list(find_pictures(folder)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no pictures there to measure on")
    return paths
