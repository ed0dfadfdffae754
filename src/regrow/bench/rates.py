"""Mean curves of quality over rate, what is best at each rate, and what models save against a codec alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf, log10, nan
from statistics import fmean

import numpy as np

from regrow.bench.results import MEAN, Result
from regrow.metrics.bd_rate import Curve, bd_rate, quality_at
from regrow.operations.coded.nets import is_light

COMPARED = {
    "rgb": ("rgb", "rgb"),
    "y": ("y", "y"),
    "ssim": ("y_ssim", "SSIM"),
    "ssimulacra2": ("ssimulacra2", "SSIMULACRA2"),
}
"""Figures at which rates are compared, and their headings, by the name of the difference."""
CHOOSING = "rgb"
"""The figure by which a model is chosen at each rate."""
BEST = "best"
"""Stands for whichever model has the best `CHOOSING` at each rate, the codec alone among them."""
BEST_LIGHT = "best light"
"""The same of the light nets behind codecs."""
STEPS = 1000
"""Rates at which the best is looked for, beside those of the points."""

Curves = Mapping[str, Curve]
"""Of one model, by figure."""


def differences(
    of: Mapping[str, str | int | bool],
    between: tuple[float, float],
    alone: Sequence[Result],
    models: Mapping[str, Sequence[Result]],
    rivals: Mapping[str, Sequence[Result]],
) -> Iterator[Result]:
    """What each model, the best of all at each rate and each rival save against a codec alone between two rates.

    Args:
        of: `set` and `codec`.
        between: rates of the codec alone, in bits a pixel.
        alone: means of the codec alone, one for each quality.
        models, rivals: the same by name; without the codec alone.
    """
    reference = curves(alone)
    rows: list[tuple[str, Curves, Sequence[Result]]] = [(name, curves(mine), mine) for name, mine in models.items()]
    light = [mine for name, mine, _ in rows if is_light(name)]
    rows.append((BEST, best_of([reference, *(mine for _, mine, _ in rows)]), ()))
    if light:
        rows.append((BEST_LIGHT, best_of([reference, *light]), ()))
    rows += [(name, curves(theirs), theirs) for name, theirs in rivals.items()]
    for name, mine, points in rows:
        found = {
            f"bd_{label}": bd_rate(reference[figure], mine[figure], rates=between)
            for label, (figure, _) in COMPARED.items()
            if figure in reference
        }
        figures = {label: difference.percent for label, difference in found.items()}
        figures["covered"] = found[f"bd_{CHOOSING}"].covered
        for seconds in ("encode_seconds", "grow_seconds"):
            figures[seconds] = fmean(point[seconds] for point in points) if points else nan
        scale = f"x{points[0]['scale']}" if points else "any"
        settings = {"codec": of["codec"], "scale": scale, "range": "{:g}-{:g}".format(*between)}
        yield Result({"set": str(of["set"]), "picture": MEAN}, name, settings, figures)


def curves(points: Sequence[Result]) -> Curves:
    """The curves (rate, quality) of a model, of each figure in `COMPARED` that was measured.

    SSIM is in decibels of what lacks to 1, so that it rises as evenly as PSNR does.
    """
    found = {}
    for figure, _ in COMPARED.values():
        if figure in points[0].figures:
            values = [(float(point["bits_per_pixel"]), _even(figure, float(point[figure]))) for point in points]
            found[figure] = [(rate, value) for rate, value in values if abs(value) < inf]
    return found


def best_of(models: Sequence[Curves]) -> Curves:
    """The curves of whichever model has the best `CHOOSING` at each rate.

    A picture is one file, so all figures are those of the model that is chosen, even where another has a better one.
    """
    points = [rate for model in models for rate, _ in model[CHOOSING]]
    rates = np.unique([*points, *np.geomspace(min(points), max(points), STEPS)])
    qualities = {figure: np.stack([quality_at(model[figure], rates) for model in models]) for figure in models[0]}
    chosen = np.where(np.isnan(qualities[CHOOSING]), -inf, qualities[CHOOSING]).argmax(0)
    found = {}
    for figure, values in qualities.items():
        best = values[chosen, np.arange(len(rates))]
        found[figure] = [(float(rate), float(value)) for rate, value in zip(rates, best, strict=True) if value == value]
    return found


def _even(figure: str, value: float) -> float:
    if not figure.endswith("ssim"):
        return value
    return -10 * log10(1 - value) if value < 1 else inf
