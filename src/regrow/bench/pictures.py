"""The pictures of benchmark sets: where they are, how they are cut, and as what they are measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.memory import read_rgb
from regrow.io.search import find_pictures
from regrow.metrics import fidelity as metrics
from regrow.nets.ops.color import luma
from regrow.nets.upscale.base import Restorer
from regrow.operations.restorers import BICUBIC
from regrow.size import scale_text


def labels(names: Sequence[str]) -> dict[str, str]:
    """The last part of every name, or the whole name where that does not tell it from the others."""
    short = {name: "+".join(Path(part).name for part in zoo.parts(name)) for name in names}
    return {name: label if list(short.values()).count(label) == 1 else name for name, label in short.items()}


def paths_in(folder: Path, noun: str = "pictures") -> list[Path]:
    """The pictures of a folder, sorted. UsageError, which calls them `noun`, where there are none."""
    paths = list(find_pictures(folder)) if folder.is_dir() else []
    if not paths:
        raise UsageError(f"{folder}: no {noun} there to measure on")
    return paths


def originals(folder: Path, scales: tuple[float, float], models: Sequence[str]) -> Iterator[tuple[Path, np.ndarray]]:
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
    paths, grey = paths_in(folder), grey_only(models)
    return ((path, _original(path, scales, grey=grey)) for path in paths)


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


def as_picture(x: torch.Tensor) -> np.ndarray:
    """(C, H, W) float in [0, 1] -> (H, W, C) uint8, rounded."""
    return (metrics.round_8bit(x) * 255).byte().permute(1, 2, 0).numpy()


def luma_of(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> its BT.601 luma, (H, W, 1) uint8."""
    return as_picture(luma(as_tensor(picture)))


def grey_only(models: Sequence[str]) -> bool:
    """Whether one of some models shrinks grey pictures, so that all are to be measured on those."""
    names = {part for name in models for part in zoo.parts(name) if not zoo.is_file(part)} - {BICUBIC}
    return any(shrinks_grey(zoo.config(name)) for name in names)


def shrinks_grey(settings: dict[str, Any]) -> bool:
    """Whether a model of these settings shrinks grey pictures; one that restores the luma of colour ones does not."""
    if settings.get("colors") != 1:
        return False
    from regrow.zoo.meta import without_weights

    with without_weights():
        return not isinstance(zoo.build(settings), Restorer)


def _original(path: Path, scales: tuple[float, float], *, grey: bool) -> np.ndarray:
    picture = to_multiple(read_rgb(path), scales)
    if not picture.size:
        raise RegrowError(f"{path}: is too small to be shrunk by {scale_text(scales)}; take it out of the set")
    return luma_of(picture) if grey else picture
