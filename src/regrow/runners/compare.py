"""How alike two pictures or clips are: the verb `compare`."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrow.errors import RegrowError, UsageError
from regrow.io.allowed import allowing
from regrow.io.paths import PICTURE_SUFFIXES, is_pattern, suffix_of
from regrow.io.search import Search
from regrow.metrics import fidelity as metrics
from regrow.metrics.pictures import as_tensor
from regrow.runners.dispatch import runner
from regrow.video.source import open_clip

Figures = dict[str, dict[str, float]]


def compare(a: Any, b: Any, *, border: int = 0, partial: bool | None = None) -> Figures:
    """Measure how alike two pictures, or clips, of one size are.

    Args:
        a, b: paths, numpy arrays, PIL images or tensors; grey counts as three equal colours, alpha is left out, more
            than 8 bits are rounded to 8. Of clips (video files, patterns of frames) the mean over all frames is taken.
        border: pixels that the protocol `y` leaves out on every side; tables of super-resolution by s leave out s.
        partial: take what there is of files that are damaged or cut short; by default they are refused.

    Returns:
        `{"rgb": {"psnr": dB, "ssim": ...}, "y": {"psnr": dB, "ssim": ...}}`; equal pictures have infinite PSNR.

    Raises:
        RegrowError: a picture cannot be read. UsageError: the sizes, or numbers of frames, differ.
    """
    if runner(a).UNIT == runner(b).UNIT == "frames":
        return _compare_clips(a, b, border)
    with allowing(partial=partial):
        return metrics.compare(as_tensor(a), as_tensor(b), border)


def compare_files(a: Path, b: Path, *, border: int = 0) -> dict[str, Figures]:
    """Compare two pictures, or two folders whose pictures have the same names but for the suffix, by name."""
    for path in (a, b):
        if not path.exists() and not is_pattern(str(path)):
            raise UsageError(f"{path}: no such file or folder")
    if a.is_dir() != b.is_dir():
        raise UsageError(f"{a} and {b}: one is a folder and the other is not; give two pictures or two folders")
    if not a.is_dir():
        return {a.name: compare(a, b, border=border)}
    left, right = ({p.relative_to(root).with_suffix(""): p for p in _pictures(root)} for root in (a, b))
    if not left or left.keys() != right.keys():
        alone = sorted(map(str, left.keys() ^ right.keys()))
        what = (
            f"only one has {', '.join(alone[:5])}{' ...' if len(alone) > 5 else ''}" if alone else "no pictures there"
        )
        raise UsageError(f"{a} and {b}: {what}")
    return {str(name): compare(left[name], right[name], border=border) for name in left}


def _pictures(folder: Path) -> list[Path]:
    """The pictures of a folder. RegrowError where some of it cannot be looked into."""
    search = Search(folder)
    found = [path for path in search.files() if suffix_of(path) in PICTURE_SUFFIXES]
    if lost := [passed for passed in search.passed if passed.lost]:
        raise RegrowError(f"{folder}: cannot be compared as a whole; passed over: {', '.join(map(str, lost[:5]))}")
    return found


def _compare_clips(a: Any, b: Any, border: int) -> Figures:
    left, right = open_clip(a), open_clip(b)
    if (left.width, left.height) != (right.width, right.height):
        sizes = f"{left.width}x{left.height} and {right.width}x{right.height}"
        raise UsageError(f"{left.name} and {right.name}: frames of {sizes} pixels cannot be compared")
    every: list[Figures] = []
    for x, y in zip_longest(left.read(), right.read()):
        if x is None or y is None:
            raise UsageError(f"{left.name} and {right.name}: one has more frames than the other")
        every.append(metrics.compare(_of_frame(x.pixels), _of_frame(y.pixels), border))
    return {
        protocol: {name: sum(found[protocol][name] for found in every) / len(every) for name in figures}
        for protocol, figures in every[0].items()
    }


def _of_frame(pixels: np.ndarray) -> Tensor:
    """(H, W, 1 or 3), uint8 or float32, as (3, H, W) float32 in [0, 1], rounded to 8 bits."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).expand(3, -1, -1)
    return x / 255 if pixels.dtype == np.uint8 else metrics.round_8bit(x)
