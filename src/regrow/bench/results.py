"""Figures of pictures, whatever was measured: their means, and the files they are kept in."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch

from regrow import __version__
from regrow.io.paths import atomic
from regrow.metrics import fidelity as metrics

R = TypeVar("R")
"""A dataclass with the name of a picture in `picture`: floats are figures, tuples curves, all else what they are of."""


def means(results: Sequence[R], over: str = "picture") -> list[R]:
    """One result for each set, model and setting, in the order they first appear: means, but the largest `peak_mib`.

    Curves of different lengths are averaged as far as the shortest goes.

    Args:
        results: of pictures, or of what else has its name in the field `over`.
        over: that field, "mean" in what is returned.
    """
    groups: dict[tuple[Any, ...], list[R]] = {}
    for result in results:
        values = asdict(result)  # type: ignore[call-overload]
        key = tuple(v for name, v in values.items() if name != over and not isinstance(v, (float, tuple)))
        groups.setdefault(key, []).append(result)
    merged = []
    for group in groups.values():
        first = asdict(group[0]) | {over: "mean"}  # type: ignore[call-overload]
        for name, value in first.items():
            every = [getattr(r, name) for r in group]
            if isinstance(value, tuple):
                first[name] = tuple(sum(v) / len(v) for v in zip(*every, strict=False))
            elif isinstance(value, float):
                first[name] = max(every) if name == "peak_mib" else sum(every) / len(every)
        merged.append(type(group[0])(**first))
    return merged


def write(results: Sequence[Any], out: Path, over: str = "picture") -> None:
    """Write results.csv (every picture) and results.json (means, pictures and what they were measured with).

    `over` is as for `means`.
    """
    with atomic(out / "results.csv") as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(_rounded(results[0])))
        writer.writeheader()
        writer.writerows(_rounded(result) for result in results)
    table = {
        "regrow": __version__,
        "torch": torch.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "means": [_rounded(result) for result in means(results, over)],
        f"{over}s": [_rounded(result) for result in results],
    }
    with atomic(out / "results.json") as part:
        part.write_text(json.dumps(metrics.for_json(table), indent=1) + "\n", encoding="utf-8")


def _rounded(result: Any) -> dict[str, Any]:
    values = asdict(result).items()
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in values if not isinstance(v, tuple)}
