"""The checkerboard artefact of what enlarges (Odena et al. 2016): a number for it, and the layers that make it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Tensor, nn

from regrow.bench import maps
from regrow.bench.benchmark import no_report
from regrow.bench.models import Upscaler, check_upscale
from regrow.bench.pictures import labels
from regrow.bench.sheet import SIDE as DETAIL
from regrow.bench.sheet import write_sheet
from regrow.errors import UsageError
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import Restorer
from regrow.nets.upscale.blocks import Upsampler, bilinear_start, conv, relu, transposed
from regrow.operations.restorers import BICUBIC
from regrow.size import Scale, scale_text
from regrow.study.rows import Report, Row

CELLS = 16
"""Side of the windows that are looked at, in pixels of the small picture."""
CHANNELS = 16
SIDE = 96
"""Of the smooth picture that models enlarge, in pixels."""
RIM = 8
"""Pixels of a small constant picture that are left out on every side, where the padding is seen."""
GAIN = 64
"""How much stronger than they are the sheet shows the patterns of models."""


class Grid(NamedTuple):
    """How strong a pattern with the period of the upsampling is."""

    amplitude: float
    """Its root mean square, in the unit of the picture."""
    share: float
    """Of the energy of the picture, its mean included; 0 to 1."""


def grid(picture: np.ndarray, scale: int) -> Grid:
    """The pattern with the period of `scale` pixels that an enlarged picture holds.

    In windows of 16x16 small pixels, half over each other and weighted by a squared Hann window, which keeps smooth
    content out, the mean of each of the scale * scale phases of the grid is taken: the amplitude is the standard
    deviation of these means, its square averaged over windows and channels. That is the energy at the frequencies
    (k, l) / scale except (0, 0).

    Args:
        picture: (H, W, C), any range; its top left is that of a small pixel.
        scale: 2 or more.

    Raises:
        UsageError: the picture is smaller than a window.
    """
    side = CELLS * scale
    if min(picture.shape[:2]) < side:
        size = f"{picture.shape[1]}x{picture.shape[0]}"
        raise UsageError(f"a picture of {size} pixels is too small to show a grid of {scale}: {side} a side are needed")
    step = side // 2
    windows = sliding_window_view(picture.astype(np.float64), (side, side), (0, 1))[::step, ::step]
    cells = windows.reshape(*windows.shape[:3], CELLS, scale, CELLS, scale)
    weight = (np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 4).reshape(CELLS, scale)
    weight /= weight.sum(0)  # the same for every phase: such a window has no energy at the frequencies of the grid
    means = np.einsum("abcisjt,is,jt->abcst", cells, weight, weight, optimize=True)
    energy = np.einsum("abcisjt,is,jt->abcst", cells**2, weight, weight, optimize=True).mean()
    pattern = means.var((-2, -1)).mean()
    return Grid(float(np.sqrt(pattern)), float(pattern / energy) if energy else 0.0)


def checkerboard(
    models: list[str],
    *,
    scale: Scale = 2,
    seeds: int = 10,
    device: str = "auto",
    report: Report = no_report,
) -> list[Row]:
    """How much of a checkerboard upsampling layers make before any training, and given models.

    Layers follow two convolutions with random weights, and enlarge a constant picture; models enlarge `smooth`.

    Args:
        models: names, folders or files that enlarge by the scale, or "bicubic"; may be none.
        scale: 2, 3, 4 or 8.
        seeds: so many nets for each layer, at least 1.
        device: of the models.
        report: told what is being worked on.

    Returns:
        A row for each layer and model: what it is, the amplitude of `grid` in levels of 255 (of random nets it says
        nothing), and its share in percent; means over the seeds.

    Raises:
        UsageError: a scale or number of seeds that cannot be; no such model.
    """
    side = check_upscale(scale)
    if seeds < 1:
        raise UsageError(f"seeds {seeds}: at least 1 is needed")
    upscalers = {label: Upscaler(name, side, device=device) for name, label in labels(models).items()}
    rows = []
    for layer in LAYERS:
        report(layer)
        found = [grid(_constant(layer, side, seed), side) for seed in range(seeds)]
        rows.append(_row("layer", layer, side, seeds, found))
    for label, upscaler in upscalers.items():
        report(label)
        rows.append(_row("model", label, side, 1, [grid(enlarged(upscaler, smooth(SIDE)), side)]))
    return rows


def _row(kind: str, name: str, scale: int, seeds: int, found: list[Grid]) -> Row:
    levels, percent = fmean(255 * g.amplitude for g in found), fmean(100 * g.share for g in found)
    about = {"kind": kind, "name": name, "scale": scale_text((scale, scale)), "seeds": seeds}
    return about | {"levels": round(levels, 5), "percent": round(percent, 5)}  # beyond that it is float32's rounding


def _subpixel(scale: int) -> nn.Module:
    upsampler = Upsampler(CHANNELS, scale, 3)
    for layer in upsampler:
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()  # phases that have nothing to do with each other, as without ICNR
    return upsampler


def _bilinear_transposed(scale: int) -> nn.Module:
    return bilinear_start(transposed(CHANNELS, 3, 2 * scale - scale % 2, scale))


LAYERS: dict[str, Callable[[int], nn.Module]] = {
    "subpixel": _subpixel,
    "subpixel, ICNR": lambda scale: Upsampler(CHANNELS, scale, 3),
    "transposed": lambda scale: Upsampler(CHANNELS, scale, 3, kind="transposed"),
    "transposed, bilinear": _bilinear_transposed,
    "nearest": lambda scale: Upsampler(CHANNELS, scale, 3, kind="nearest"),
    "bilinear": lambda scale: Upsampler(CHANNELS, scale, 3, kind="bilinear"),
}
"""Layers that enlarge `CHANNELS` channels to 3 by a scale, with fresh weights."""


def layer_net(layer: str, scale: int, seed: int) -> nn.Module:
    """(B, 3, h, w) -> (B, 3, scale * h, scale * w): two convolutions and one of `LAYERS`, weights by the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = (conv(3, CHANNELS), relu(), conv(CHANNELS, CHANNELS), relu())
        return nn.Sequential(*head, LAYERS[layer](scale)).requires_grad_(False)


def smooth(side: int) -> Tensor:
    """A picture of slow waves, (3, side, side) in [0.1, 0.9], the same every time."""
    waves = np.random.default_rng(0).uniform(-1, 1, (3, 6, 3))  # frequencies down and across, and where they start
    y, x = np.mgrid[:side, :side] / side
    angles = 3 * (waves[..., :1, None] * y + waves[..., 1:2, None] * x) + waves[..., 2:, None]
    return torch.from_numpy(0.5 + 0.4 * np.cos(2 * np.pi * angles).mean(1)).float()


def enlarged(upscaler: Upscaler, small: Tensor) -> np.ndarray:
    """(3, h, w) in [0, 1] enlarged, (H, W, 3) float32, not rounded, for rounding hides faint patterns."""
    scale = check_upscale(upscaler.scales)
    if not upscaler.nets:
        return bicubic(small, (scale * small.shape[1], scale * small.shape[2])).permute(1, 2, 0).numpy()
    pixels = small.permute(1, 2, 0).numpy()
    for net in upscaler.nets:
        assert isinstance(net, Restorer)  # an upscaler of pictures has no other
        pixels = maps.restore(pixels, net, dtype=np.float32)
    return pixels


def _constant(layer: str, scale: int, seed: int) -> np.ndarray:
    """What a net of a layer makes of a grey picture, away from its rim."""
    side = CELLS + 2 * RIM
    made = layer_net(layer, scale, seed)(torch.full((1, 3, side, side), 0.5))[0]
    inside = slice(RIM * scale, -RIM * scale)
    return made[:, inside, inside].permute(1, 2, 0).numpy()


def sheet(models: list[str], path: Path, *, scale: Scale = 2, device: str = "auto") -> None:
    """Draw the smooth picture as nets of each layer enlarge it, each colour stretched, and what models add to it.

    Of models the second row shows the difference from the mean over a period, `GAIN` times as strong.
    """
    side = check_upscale(scale)
    small = smooth(SIDE)
    plain = bicubic(small, (SIDE * side, SIDE * side)).permute(1, 2, 0).numpy()
    middle = (SIDE * side - DETAIL) // 2
    row = {"bicubic": _levels(plain)}
    for layer in LAYERS:
        made = layer_net(layer, side, 0)(small[None])[0].permute(1, 2, 0).numpy()
        low, high = np.quantile(made, (0.01, 0.99), (0, 1))
        row[layer] = _levels((made - low) / np.maximum(high - low, 1e-9))
    rows = [row]
    for name, label in labels([name for name in models if name != BICUBIC]).items():
        made = enlarged(Upscaler(name, side, device=device), small)
        pattern = _levels(0.5 + GAIN * (made - _periods_mean(made, side)))
        rows.append({label[:30]: _levels(made), f"{label[:20]}: pattern x {GAIN}": pattern})
    write_sheet(rows, path, (middle, middle))


def _periods_mean(x: np.ndarray, scale: int) -> np.ndarray:
    """The mean over a period around each pixel: as wide as the scale, its ends halved where it is even."""
    reach = scale // 2
    weights = np.ones(2 * reach + 1) / scale
    if scale % 2 == 0:
        weights[[0, -1]] /= 2
    for axis in (0, 1):
        padded = np.pad(x, [(reach, reach) if i == axis else (0, 0) for i in range(3)], mode="edge")
        x = sliding_window_view(padded, len(weights), axis) @ weights
    return x


def _levels(x: np.ndarray) -> np.ndarray:
    return np.rint(255 * np.clip(x, 0, 1)).astype(np.uint8)
