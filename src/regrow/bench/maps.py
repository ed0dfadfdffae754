"""Arrays and frames through models, as users have them.

Pictures are (H, W, C) uint8 arrays, sizes are (width, height), scales are (across, down).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

import regrow
from regrow.inference.frames import grow_frames, shrink_frames
from regrow.inference.restore import restore_rows
from regrow.inference.rows import Samples
from regrow.nets.rescale.base import Rescaler
from regrow.nets.upscale.base import Restorer
from regrow.operations.rescalers import check_channels, rescaler
from regrow.operations.zero_shot import ZeroShot, fitted
from regrow.size import Size


def shrink(
    picture: np.ndarray, model: str, scales: tuple[float, float], *, refine: int, device: str, tile: int | None
) -> np.ndarray:
    """A picture shrunk by a model, as a user's array is."""
    return np.asarray(regrow.shrink(picture, model=model, scale=scales, refine=refine, device=device, tile=tile))


def grow(
    small: np.ndarray,
    model: str,
    scales: tuple[float, float],
    size: tuple[int, int],
    *,
    device: str,
    tile: int | None,
) -> np.ndarray:
    """A small picture grown to a size by a model, as a user's array is."""
    return np.asarray(regrow.grow(small, model=model, scale=scales, size=size, device=device, tile=tile))


def restore(
    picture: np.ndarray, net: Restorer, *, tile: int | None = None, ensemble: bool = False, dtype: Samples = np.uint8
) -> np.ndarray:
    """A picture of three channels through a net that enlarges or enhances."""
    size = Size(picture.shape[1], picture.shape[0])
    return np.concatenate(list(restore_rows([picture], size, 3, net, dtype, tile=tile, ensemble=ensemble)))


def colorize(grey: np.ndarray, model: str, *, temperature: float | None, device: str) -> np.ndarray:
    """(H, W, 1) -> (H, W, 3) with likely colours."""
    return np.asarray(regrow.colorize(grey, model=model, temperature=temperature, device=device))


def fit_to_thumbnail(small: np.ndarray, scale: int, device: str) -> ZeroShot:
    """A net for zero-shot super-resolution, fitted to one small picture."""
    size = small.shape[1], small.shape[0]
    return fitted([small], size, small.shape[2], "thumbnail", scale=scale, device=device)


def clip_rescaler(name: str, scales: tuple[float, float], device: str) -> Rescaler:
    """A rescaler that takes colour frames. UsageError where it does not."""
    net = rescaler(name, scales, device)
    check_channels("a clip", 3, name, net, grey=False)
    return net


def shrink_clip(
    frames: Iterable[np.ndarray], net: Rescaler, scales: tuple[float, float], tile: int
) -> Iterator[np.ndarray]:
    """A small frame for each frame of a clip."""
    return shrink_frames([frames], net, scales, tile=tile)


def grow_clip(
    frames: Iterable[np.ndarray], net: Rescaler | Restorer, size: Size | None, tile: int
) -> Iterator[np.ndarray]:
    """A grown frame for each small one: by a rescaler to a size, by a restorer, which has None, by its own scale."""
    return grow_frames([frames], net, size, tile=tile)
