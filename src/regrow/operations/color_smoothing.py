"""Colours that do not flicker: what neighbouring frames were given has its say where they look alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.frames import windows_of
from regrow.operations.colorize import Colors, color_rows, glance
from regrow.size import Size
from regrow.video.scenes import scenes

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.video.clip import Frame

    Guess = Callable[[Tensor, Size], tuple[Tensor, Tensor]]

REACH = 4
"""Frames before and after that are looked at."""
ALIKE = 0.04
"""Difference of luma, in [0, 1], beyond which a place shows something else."""


def smoothed(window: Sequence[tuple[Tensor, Tensor]]) -> Colors:
    """The colours of the frame in the middle.

    A and b of every frame count by exp(-(d / ALIKE)^2 / 2), where d is how much its luma differs, on average over 3x3
    pixels of the small copy that colorizers look at.

    Args:
        window: luma, (1, 1, h, w), with a and b, (1, 2, h, w), of an odd number of frames.
    """
    import torch
    import torch.nn.functional as F

    with torch.inference_mode():
        grey, _ = window[len(window) // 2]
        luma, ab = (torch.cat([pair[i] for pair in window]) for i in (0, 1))
        apart = F.avg_pool2d((luma - grey).abs(), 3, 1, 1, count_include_pad=False)
        weight = (-0.5 * (apart / ALIKE).square()).exp()
        return Colors.fit(grey, (weight * ab).sum(0, keepdim=True) / weight.sum(0, keepdim=True))


def windows(frames: Iterable[Frame], n: int, skip: int, guess: Guess | None, turns: int) -> Iterator[list[Frame]]:
    """For each frame from number `skip` on the n around it, an odd number, which never reach over a cut.

    Args:
        frames: of a clip.
        n: frames of a window; beyond the ends of a scene the first and the last are repeated.
        skip: frames that are not needed themselves.
        guess: gives luma, a and b of a picture at a glance and its size, where frames are to be coloured first.
        turns: quarter turns, counter-clockwise, that players give frames: colorizers see them upright.
    """
    middle = n // 2
    first = skip - middle
    for scene in scenes(frames):
        if guess is None:
            stream: Iterable[Frame] = (frame for frame in scene if frame.number >= first)
        else:
            stream = _colored((frame for frame in scene if frame.number >= first - REACH), guess, turns, first)
        yield from (window for window in windows_of(stream, n) if window[middle].number >= skip)


def _colored(scene: Iterable[Frame], guess: Guess, turns: int, first: int) -> Iterator[Frame]:
    """The frames of a scene from number `first` on, with colours."""

    def guessed(frame: Frame) -> tuple[Frame, tuple[Tensor, Tensor]]:
        frame = replace(frame, pixels=np.ascontiguousarray(np.rot90(frame.pixels, turns)))
        height, width, channels = frame.pixels.shape
        return frame, guess(glance([frame.pixels], Size(width, height), channels), Size(width, height))

    for window in windows_of(map(guessed, scene), 2 * REACH + 1):
        frame = window[REACH][0]
        if frame.number < first:
            continue
        height, width, channels = frame.pixels.shape
        colors = smoothed([guess for _, guess in window])
        rows = color_rows([frame.pixels], Size(width, height), channels, colors, np.float32)
        yield replace(frame, pixels=np.ascontiguousarray(np.rot90(np.concatenate(list(rows)), -turns)))
