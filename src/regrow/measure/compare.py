"""How alike two pictures are: the verb `compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from regrow.errors import UsageError
from regrow.files import find_pictures
from regrow.inputs import read_rgb
from regrow.measure import metrics

Figures = dict[str, dict[str, float]]


def compare(a: Any, b: Any, *, border: int = 0) -> Figures:
    """Measure how alike two pictures of one size are.

    Args:
        a, b: paths, numpy arrays, PIL images or tensors; grey counts as three equal colours, alpha is left out, more
            than 8 bits are rounded to 8.
        border: pixels that the protocol `y` leaves out on every side; tables of super-resolution by s leave out s.

    Returns:
        `{"rgb": {"psnr": dB, "ssim": ...}, "y": {"psnr": dB, "ssim": ...}}`; equal pictures have infinite PSNR.

    Raises:
        RegrowError: a picture cannot be read. UsageError: the sizes differ.
    """
    return metrics.compare(as_tensor(a), as_tensor(b), border)


def compare_files(a: Path, b: Path, *, border: int = 0) -> dict[str, Figures]:
    """Compare two pictures, or two folders whose pictures have the same names but for the suffix, by name."""
    if a.is_dir() != b.is_dir():
        raise UsageError(f"{a} and {b}: one is a folder and the other is not; give two pictures or two folders")
    if not a.is_dir():
        return {a.name: compare(a, b, border=border)}
    left, right = ({p.relative_to(root).with_suffix(""): p for p in find_pictures(root)} for root in (a, b))
    if not left or left.keys() != right.keys():
        alone = sorted(map(str, left.keys() ^ right.keys()))
        what = (
            f"only one has {', '.join(alone[:5])}{' ...' if len(alone) > 5 else ''}" if alone else "no pictures there"
        )
        raise UsageError(f"{a} and {b}: {what}")
    return {str(name): compare(left[name], right[name], border=border) for name in left}


def as_tensor(picture: Any) -> Tensor:
    """Any picture as (3, H, W) float32 in [0, 1], rounded to 8 bits."""
    return torch.from_numpy(read_rgb(picture)).permute(2, 0, 1) / 255
