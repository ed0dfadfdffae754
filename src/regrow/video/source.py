"""Inputs of a clip: a video file, a folder or pattern of frames, or a stream."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from regrow.errors import UsageError
from regrow.io.paths import is_pattern, names_video
from regrow.video.clip import Clip, Frame
from regrow.video.folder import open_frames
from regrow.video.reader import open_video


def open_clip(source: Any, rate: Fraction | None = None) -> Clip:
    """Open a clip.

    Args:
        source: path of a video file or of a folder of frames; a pattern such as frames/%05d.png; a binary stream.
        rate: frames a second of a folder of frames.
    """
    if not isinstance(source, (str, os.PathLike)):
        return open_video(source)
    name = os.fspath(source)
    if is_pattern(name) or Path(name).is_dir():
        return open_frames(name, rate)
    if rate is not None:
        raise UsageError(f"{name}: has a rate of its own; --rate is for folders of frames")
    if is_pipe(name):
        return _open_pipe(name)
    return open_video(name)


def _open_pipe(name: str) -> Clip:
    with ExitStack() as opened:
        pipe = opened.enter_context(open(name, "rb"))
        clip = open_video(pipe, name)
        kept = opened.pop_all()

    def read() -> Iterator[Frame]:
        with kept:
            yield from clip.read()

    return replace(clip, read=read)


def is_pipe(name: str) -> bool:
    """Whether a path is that of a named pipe, which is a stream."""
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)
    except OSError:
        return False


def is_clip(source: Any, out: Any = None) -> bool:
    """Whether an input is a clip; a folder of frames is one only if its result is a video file."""
    if not isinstance(source, (str, os.PathLike)):
        return hasattr(source, "read")
    name = os.fspath(source)
    if Path(name).is_dir():
        return isinstance(out, (str, os.PathLike)) and names_video(out)
    return is_pattern(name) or names_video(name)
