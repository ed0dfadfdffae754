"""Frames through a model and out again, in bounded memory: one by one, in groups, or in windows.

Frames come in *scenes*, iterables of frames that belong together. No group and no window reaches over the end of a
scene: whoever knows where the cuts are, or which frames were a group, says so by it. A clip without cuts is one scene.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from itertools import islice
from typing import TypeVar

import numpy as np

from regrow.errors import RegrowError
from regrow.fit import ROWS, cropped
from regrow.nets.model import Model
from regrow.nets.rescale.base import Rescaler
from regrow.nets.upscale.base import Restorer
from regrow.nets.video.tad import VideoTAD
from regrow.pipeline import TILE, grow_rows, restore_rows, shrink_rows, to_float
from regrow.rescaling import Scale, check_scale, grown_size, small_size

Frames = Iterable[np.ndarray]

T = TypeVar("T")


def shrink_frames(
    scenes: Iterable[Frames], model: Rescaler, scale: Scale | None = None, *, tile: int = TILE
) -> Iterator[np.ndarray]:
    """Shrink frames.

    Args:
        scenes: frames that belong together, (H, W, 3 or 1) uint8 each, of any size; a model of groups takes those of a
            scene n by n, the last group being shorter.
        model: the rescaler, on the device it is to run on.
        scale: how many times smaller each side becomes, or (width, height) on their own; the model's when not given.
            Sizes are rounded up.
        tile: side in pixels of the pieces that are worked on.

    Yields:
        (h, w, colours of the model's small pictures) uint8, one for each frame. Held at any time: a group, before and
        after.

    Raises:
        RegrowError: frames of a group differ in size.
    """
    scales = (model.scales[1], model.scales[0]) if scale is None else check_scale(scale)
    for group in _groups(scenes, frames_at_once(model)):
        n, (height, width) = len(group), group[0].shape[:2]
        rows, small = _rows(group, model.colours), small_size((width, height), scales)
        yield from _split(shrink_rows(rows, width, height, n * model.colours, _widened(model, n), small, tile), n)


def grow_frames(
    scenes: Iterable[Frames],
    model: Rescaler | Restorer,
    size: tuple[int, int] | None = None,
    *,
    tile: int = TILE,
) -> Iterator[np.ndarray]:
    """Grow small frames, by a rescaler that has shrunk them or a net that enlarges ordinary ones.

    Args:
        scenes: as for `shrink_frames`, (h, w, 3 or 1) uint8; groups have to be those that were shrunk together. A net
            with a window of several frames repeats the first and last of a scene.
        model: the net, on the device it is to run on.
        size: (width, height) of the results; the model's scale times that of the small ones when not given. Restorers
            enlarge by their scale, and what is beyond the size is cut off.
        tile: as for `shrink_frames`.

    Yields:
        (H, W, colours of the model's pictures) uint8, one for each frame.

    Raises:
        RegrowError: frames of a group or window differ in size.
    """
    n = frames_at_once(model)
    if isinstance(model, Rescaler):
        for group in _groups(scenes, n):
            yield from _grow_group(group, model, size, tile)
    else:
        for scene in scenes:
            for window in windows_of(scene, n):
                yield _grow_window(window, model, size, tile)


def frames_at_once(model: Model) -> int:
    """How many frames a model looks at together: 1, those of a group at most, or those of a window."""
    return model.config.frames if isinstance(model, VideoTAD) else int(getattr(model, "frames", 1))


def groups_of(frames: Iterable[T], n: int) -> Iterator[list[T]]:
    """Frames n by n; the last group may be shorter."""
    source = iter(frames)
    while group := list(islice(source, n)):
        yield group


def windows_of(frames: Iterable[T], n: int) -> Iterator[list[T]]:
    """For each frame the n, an odd number, around it; beyond the ends the first and the last are repeated."""
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


def _grow_group(
    group: Sequence[np.ndarray], model: Rescaler, size: tuple[int, int] | None, tile: int
) -> list[np.ndarray]:
    n, (height, width) = len(group), group[0].shape[:2]
    size = size or grown_size((width, height), (model.scales[1], model.scales[0]))
    rows, held, colours = _rows(group, model.small_colours), n * model.small_colours, n * model.colours
    return _split(grow_rows(rows, (width, height), size, held, colours, _widened(model, n), tile=tile), n)


def _grow_window(window: Sequence[np.ndarray], model: Restorer, size: tuple[int, int] | None, tile: int) -> np.ndarray:
    height, width = window[0].shape[:2]
    rows = restore_rows(_rows(window, 3), (width, height), 3, model, tile=tile, frames=len(window))
    return np.concatenate(list(cropped(rows, *(size or (width * model.scale, height * model.scale)))))


def _groups(scenes: Iterable[Frames], n: int) -> Iterator[list[np.ndarray]]:
    return (group for scene in scenes for group in groups_of(scene, n))


def _widened(model: Rescaler, frames: int) -> Rescaler:
    """A model of groups as one of pictures with the colours of so many frames, which is what the pipeline knows."""
    wide = copy(model)  # shares all weights
    wide.colours, wide.small_colours = frames * model.colours, frames * model.small_colours
    return wide


def _rows(frames: Sequence[np.ndarray], colours: int) -> Iterator[np.ndarray]:
    """Rows of frames one after another among the bands: (rows, W, len(frames) * colours) float32 in [0, 1]."""
    sizes = {frame.shape[:2] for frame in frames}
    if len(sizes) > 1:
        words = " and ".join(sorted(f"{width}x{height}" for height, width in sizes))
        raise RegrowError(f"frames of {words} pixels cannot go through a model together; a clip has one size")
    for top in range(0, len(frames[0]), ROWS):
        blocks = (next(to_float([frame[top : top + ROWS]], frame.shape[2], colours)) for frame in frames)
        yield np.concatenate(list(blocks), axis=2)


def _split(rows: Iterable[np.ndarray], frames: int) -> list[np.ndarray]:
    """The frames of rows that hold so many."""
    pixels = np.concatenate(list(rows))
    return [np.ascontiguousarray(frame) for frame in np.split(pixels, frames, axis=2)]
