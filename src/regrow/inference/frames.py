"""Frames through a model and out again, in bounded memory: one by one, in groups, or in windows.

Frames come in *scenes*, iterables of frames that belong together. No group and no window reaches over the end of a
scene, so callers split a clip at its cuts, or at its groups. A clip without cuts is one scene.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from regrow.errors import RegrowError
from regrow.inference.rescale import grow_rows, shrink_rows
from regrow.inference.resize import ROWS, cropped
from regrow.inference.restore import restore_rows
from regrow.inference.rows import TILE, Samples, to_float
from regrow.size import Scale, Size, check_scale, grown_size, small_size

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler
    from regrow.nets.upscale.base import Restorer

Frames = Iterable[np.ndarray]

T = TypeVar("T")


def shrink_group(
    group: Sequence[np.ndarray], model: Rescaler, scale: Scale | None = None, *, tile: int = TILE
) -> list[np.ndarray]:
    """Shrink frames together.

    Args:
        group: frames (H, W, 3 or 1), uint8 or float32 in [0, 1], of one size, which may be any; at most as many as
            the model takes together.
        model: the rescaler, on the device it is to run on.
        scale: factor by which each side becomes smaller, or a pair (width, height); the model's when not given.
            Sizes are rounded up.
        tile: side of a tile in pixels, as for `regrow.inference.rescale.shrink_rows`.

    Returns:
        (h, w, channels of the model's small pictures) uint8, one for each frame.

    Raises:
        RegrowError: the frames differ in size.
    """
    scales = (model.scales[1], model.scales[0]) if scale is None else check_scale(scale)
    frames, size = len(group), _size(group[0])
    small = small_size(size, scales)
    rows = shrink_rows(stacked(group, model.colors), size, model.colors, model, small, tile, frames=frames)
    return _split(rows, frames)


def grow_group(
    group: Sequence[np.ndarray],
    model: Rescaler,
    size: Size | None = None,
    *,
    tile: int = TILE,
    dtype: Samples = np.uint8,
) -> list[np.ndarray]:
    """Grow frames that were shrunk together.

    Args:
        group, model, tile: as for `shrink_group`.
        size: size of the results; the model's scale times that of the small frames when not given.
        dtype: of the results: uint8, uint16 or, clamped but not rounded, float32.

    Returns:
        (H, W, channels of the model's pictures), one for each frame.
    """
    frames, small = len(group), _size(group[0])
    grown = Size(*size) if size else grown_size(small, (model.scales[1], model.scales[0]))
    rows = stacked(group, model.small_colors)
    rows = grow_rows(rows, small, grown, model.small_colors, model.colors, model, dtype, tile, frames)
    return _split(rows, frames)


def restore_window(
    window: Sequence[np.ndarray],
    model: Restorer,
    size: Size | None = None,
    *,
    tile: int = TILE,
    dtype: Samples = np.uint8,
) -> np.ndarray:
    """Restore the middle frame of a window of as many frames as the net takes.

    Args:
        window: frames, as for `shrink_group`.
        model: a net for pictures or for windows of frames.
        size: size to which the result is cropped; not cropped when not given.
        tile, dtype: as for `grow_group`.

    Returns:
        (H, W, 3).
    """
    small = _size(window[0])
    kept = Size(*size) if size else grown_size(small, (model.scale, model.scale))
    rows = restore_rows(stacked(window, 3), small, 3, model, dtype, tile)
    return np.concatenate(list(cropped(rows, kept)))


def shrink_frames(
    scenes: Iterable[Frames], model: Rescaler, scale: Scale | None = None, *, tile: int = TILE
) -> Iterator[np.ndarray]:
    """Shrink the frames of scenes, in groups where the model takes several; arguments as for `shrink_group`.

    Yields:
        One small frame for each frame. Memory holds one group at a time, before and after.
    """
    for group in _groups(scenes, model.frames):
        yield from shrink_group(group, model, scale, tile=tile)


def grow_frames(
    scenes: Iterable[Frames],
    model: Rescaler | Restorer,
    size: Size | None = None,
    *,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """Grow the small frames of scenes, by the rescaler that shrank them, or by a net that enlarges ordinary frames.

    Arguments as for `grow_group`; groups must be those that were shrunk together.

    Yields:
        (H, W, channels of the model's pictures) uint8, one for each frame.
    """
    from regrow.nets.rescale.base import Rescaler

    if isinstance(model, Rescaler):
        for group in _groups(scenes, model.frames):
            yield from grow_group(group, model, size, tile=tile)
        return
    for scene in scenes:
        for window in windows_of(scene, model.frames):
            yield restore_window(window, model, size, tile=tile)


def groups_of(frames: Iterable[T], n: int) -> Iterator[list[T]]:
    """Groups of n frames; the last group may be shorter."""
    source = iter(frames)
    while group := list(islice(source, n)):
        yield group


def windows_of(frames: Iterable[T], n: int) -> Iterator[list[T]]:
    """For each frame, the window of n frames around it (n is odd); the first and last are repeated beyond the ends."""
    window: deque[T] = deque(maxlen=n)
    for frame in frames:
        if not window:
            window.extend([frame] * (n // 2))
        window.append(frame)
        if len(window) == n:
            yield list(window)
    for _ in range(n // 2 if window else 0):
        window.append(window[-1])
        if len(window) == n:
            yield list(window)


def _groups(scenes: Iterable[Frames], n: int) -> Iterator[list[np.ndarray]]:
    return (group for scene in scenes for group in groups_of(scene, n))


def _size(frame: np.ndarray) -> Size:
    return Size(frame.shape[1], frame.shape[0])


def stacked(frames: Sequence[np.ndarray], channels: int) -> Iterator[np.ndarray]:
    """Rows of several frames, concatenated along the bands: (rows, W, len(frames) * channels) float32 in [0, 1]."""
    sizes = {_size(frame) for frame in frames}
    if len(sizes) > 1:
        words = " and ".join(sorted(map(str, sizes)))
        raise RegrowError(f"frames of {words} pixels cannot go through a model together; a clip has one size")
    for top in range(0, len(frames[0]), ROWS):
        blocks = (next(to_float([frame[top : top + ROWS]], frame.shape[2], channels)) for frame in frames)
        yield np.concatenate(list(blocks), axis=2)


def _split(rows: Iterable[np.ndarray], frames: int) -> list[np.ndarray]:
    """Split rows of several frames into the frames."""
    pixels = np.concatenate(list(rows))
    return [np.ascontiguousarray(frame) for frame in np.split(pixels, frames, axis=2)]


def groups_of_lengths(frames: Iterable[T], lengths: Iterable[int]) -> Iterator[list[T]]:
    """Frames in groups of equal size; an incomplete last group is left out."""
    source = iter(frames)
    for length in lengths:
        if len(group := list(islice(source, length))) == length:
            yield group
