"""Studies: what regrown pictures owe to noise, lambda, scale and the size of the nets. Rows for a table and a plot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.bench.benchmark import Progress, no_report
from regrow.bench.driver import bench
from regrow.bench.models import Pair
from regrow.bench.pictures import as_rgb, labels, originals
from regrow.bench.results import means
from regrow.bench.tasks import rescale
from regrow.errors import UsageError
from regrow.metrics import fidelity as metrics
from regrow.nets.rescale.base import Rescaler
from regrow.operations.rescalers import default_model, rescaler
from regrow.operations.restorers import AUTO, BICUBIC
from regrow.size import Scale, check_scale, scale_text
from regrow.study.rows import Report, Row
from regrow.zoo import store

if TYPE_CHECKING:
    from regrow.train.recipe import Recipe


def noise(
    folders: list[Path],
    models: list[str],
    sigmas: list[float],
    *,
    scale: Scale = 2,
    grey: bool = False,
    device: str = "auto",
    report: Report = no_report,
) -> list[Row]:
    """How much regrown pictures suffer when their small pictures are noisy (Schaefer 2019).

    Args:
        folders: sets of pictures, taken as `regrow.bench.pictures.originals` gives them.
        models: names or folders, or "bicubic" for ordinary thumbnails.
        sigmas: standard deviations of the Gaussian noise, in [0, 1]; noisy small pictures are rounded to 8 bits again.
        scale, grey, device: as for `regrow.shrink`.
        report: told what is being worked on.

    Returns:
        A row for each set, model and sigma: mean PSNR `rgb` in dB, and the share of it, in percent, that noise took.

    Raises:
        UsageError: a sigma that cannot be, no pictures, no such model. RegrowError: a picture cannot be read or is too
            small.
    """
    if not sigmas or not all(0 <= sigma <= 1 for sigma in sigmas):
        raise UsageError(f"sigma {', '.join(map(str, sigmas)) or 'is missing'}: must be from 0 to 1")
    scales = check_scale(scale)
    set_labels, model_labels = labels([str(folder) for folder in folders]), labels(models)
    sets = [(set_labels[str(folder)], originals(folder, scales, models)) for folder in folders]
    pairs = {model_labels[name]: Pair(name, scales, grey=grey, device=device) for name in models}
    rows: list[Row] = []
    for label, pictures in sets:
        found: dict[tuple[str, float], list[float]] = {}
        for i, (path, original) in enumerate(pictures):
            for model, pair in pairs.items():
                report(f"{label}/{path.stem} {model}")
                for sigma, rgb in _with_noise(original, pair, [0.0, *sigmas], seed=i):
                    found.setdefault((model, sigma), []).append(rgb)
        averaged = {key: float(np.mean(values)) for key, values in found.items()}
        for model in pairs:
            for sigma in sorted(set(sigmas)):
                clean, rgb = averaged[model, 0.0], averaged[model, sigma]
                about = {"set": label, "model": model, "scale": scale_text(scales), "sigma": sigma}
                rows.append({**about, "rgb": rgb, "lost_percent": 100 * (clean - rgb) / clean})
    return rows


def _with_noise(original: np.ndarray, pair: Pair, sigmas: list[float], seed: int) -> Iterator[tuple[float, float]]:
    """Each sigma once, and the PSNR `rgb` in dB of a picture whose small one has so much noise.

    The noise is the same for every sigma and model but for its size, so that they differ by nothing else.
    """
    small, size = pair.shrink(original), (original.shape[1], original.shape[0])
    drawn = np.random.default_rng(seed).standard_normal(small.shape)
    for sigma in dict.fromkeys(sigmas):
        noisy = np.rint(np.clip(small + 255 * sigma * drawn, 0, 255)).astype(np.uint8)
        yield sigma, metrics.psnr_rgb(as_rgb(pair.grow(noisy, size)), as_rgb(original))


def trade_off(
    recipe: Recipe, values: list[float], data: Path, out: Path, folders: list[Path], *, device: str = ""
) -> list[Row]:
    """The regrown picture against the small one for several lambdas: figure 4 of Kim et al. 2018.

    Args:
        recipe: what to train, but for its guidance weight; of a rescaler.
        values: the guidance weights; each is taken once.
        data: folder of training pictures.
        out: receives a folder `lambda-VALUE` for each run; finished runs there are not run again, unfinished resumed.
        folders: sets of pictures to measure on.
        device: as for `regrow.train.loop.train`.

    Returns:
        A row for each set and value: mean PSNR `rgb` and `small` in dB.

    Raises:
        UsageError: before anything is trained: a value, the recipe, a set, or a run in `out`, which is of another
            recipe, does not allow the study. Else as `regrow.train.loop.train` and `bench`.
    """
    from regrow.train import loop
    from regrow.train.tasks.select import task_for
    from regrow.zoo.meta import without_weights

    values = list(dict.fromkeys(map(float, values)))
    if not values or not all(math.isfinite(value) and value >= 0 for value in values):
        raise UsageError(f"lambda {', '.join(map(str, values)) or 'is missing'}: must be a number that is not negative")
    with without_weights():
        model = zoo.build(recipe.model)
    if not isinstance(model, Rescaler):
        raise UsageError(f"{recipe.name}: a {type(model).__name__} makes no small pictures, and has no lambda")
    scale = check_scale((model.scales[1], model.scales[0]))
    for folder in folders:
        originals(folder, scale, [])  # an error where there are none
    runs = {value: out / f"lambda-{value!r}".removesuffix(".0") for value in values}
    recipes = {value: replace(recipe, loss=replace(recipe.loss, guidance_weight=value)) for value in values}
    for changed in recipes.values():
        task_for(model, changed)
    finished = {value for value in values if _finished(recipes[value], runs[value])}
    rows: list[Row] = []
    for value, run in runs.items():
        if value not in finished:
            loop.train(recipes[value], data, run, resume=(run / loop.CHECKPOINT).exists(), device=device)
        task = rescale.Task(scale=scale, device=device or "auto")
        measured = means(bench(task, folders, [str(run / loop.WEIGHTS)]))
        rows += [{"set": r["set"], "lambda": value, "rgb": r["rgb"], "small": r["small"]} for r in measured]
    return rows


def _finished(recipe: Recipe, run: Path) -> bool:
    """Whether the run in a folder is at its end. UsageError where it is of another recipe."""
    from regrow.train import checkpoint, loop

    if not (run / loop.CHECKPOINT).exists():
        return False
    step, _ = checkpoint.read_of(run / loop.CHECKPOINT, recipe)
    return step == recipe.run.steps and (run / loop.WEIGHTS / store.CONFIG).exists()


def scales(
    folders: list[Path],
    models: list[str],
    values: list[float],
    *,
    refine: int = 0,
    device: str = "auto",
    report: Report = no_report,
) -> list[Row]:
    """Accuracy against the scale.

    Args:
        folders: sets of pictures, taken as `regrow.bench.pictures.originals` gives them.
        models: names or folders; `regrow.operations.restorers.AUTO` is the one that shrinks when none is named.
        values: scales; each is taken once.
        refine, device: as for `regrow.shrink`.
        report: told what is being worked on.

    Returns:
        A row for each set, model and scale: mean PSNR `rgb`, `y` and `small` in dB.

    Raises:
        UsageError: a scale that cannot be or that a model does not reach, no pictures, no such model. RegrowError: a
            picture cannot be read or is too small.
    """
    rows: list[Row] = []
    shown = labels(models)
    for value in sorted({check_scale(value) for value in values}):
        taken = {model: default_model(value) if model == AUTO else model for model in models}
        names = list(dict.fromkeys(taken.values()))  # what is asked for by name may be what shrinks anyway
        task = rescale.Task(scale=value, refine=refine, device=device)

        def progress(at: Progress, scale: str = scale_text(value)) -> None:
            report(f"x{scale} {at.set}/{at.picture} {at.model}")

        measured_as = labels(names)
        found = {(r["set"], r.model): r for r in means(bench(task, folders, names, report=progress))}
        for label in dict.fromkeys(label for label, _ in found):
            for model, name in taken.items():
                r = found[label, measured_as[name]]
                measured = {figure: r[figure] for figure in ("rgb", "y", "small")}
                rows.append({"set": label, "model": shown[model], "scale": value[0], **measured})
    return rows


def size(
    folders: list[Path],
    models: list[str],
    *,
    scale: Scale = 2,
    device: str = "auto",
    report: Report = no_report,
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
    costs, model_labels = {}, labels(models)
    for name in models:
        if name == BICUBIC:
            raise UsageError("bicubic has no size to study; name models")
        net = rescaler(name, scales, device)
        shrinking, growing = net.multiply_adds(max(scales))
        costs[model_labels[name]] = {
            "parameters": sum(p.numel() for p in net.parameters()),
            "shrink_multiply_adds": shrinking,
            "grow_multiply_adds": growing,
        }
    rows: list[Row] = []
    task = rescale.Task(scale=scales, device=device)
    results = bench(task, folders, models, report=lambda p: report(f"{p.set}/{p.picture} {p.model}"))
    for r in means(results):
        measured = {name: r[name] for name in ("shrink_seconds", "grow_seconds", "rgb", "y", "small")}
        rows.append({"set": r["set"], "model": r.model, "scale": r["scale"], **costs[r.model], **measured})
    return rows
