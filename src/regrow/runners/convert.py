"""A clip read, worked on and written at the same time, whatever the work is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from regrow.errors import UsageError
from regrow.inference.parallel import overlapped
from regrow.io.paths import is_pattern, names_folder
from regrow.progress import Report
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import CONTAINERS, Encoding
from regrow.video.mux import tracks
from regrow.video.record import ClipRecord
from regrow.video.segments import Group
from regrow.video.sinks import FileSink, FramesSink, Sink, StreamSink

Work = Callable[[Iterable[Frame], int], Iterator[Group]]
"""From frames, and how many groups of results are there already, to the further groups."""

AHEAD = 4
"""Frames or groups that may wait for the next station."""

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What is to be written."""

    size: tuple[int, int]
    """(width, height)."""
    encoding: Callable[[str], Encoding]
    """How frames are encoded, by the file's suffix."""
    settings: dict[str, Any]
    """What decides the result."""
    depth: int = 8
    """Bits of a sample, where frames become pictures."""
    xmp: bytes | None = None
    """What each says of itself then."""
    metadata: dict[str, str]
    """Of a file; empty values take what the clip says away."""
    facts: ClipRecord | None = None
    """Of the clip that the given one was shrunk from, whose times and tracks it gets back."""
    tells: bool = False
    """Whether the file gets `facts` of the given clip."""


RECORD = "REGROW_CLIP"


def convert(clip: Clip, out: Any, work: Work, result: Result, report: Report) -> None:
    """Read a clip, work on its frames and write the result.

    Args:
        clip: opened.
        out: path of a video file, pattern of frames' names, folder for frames, or a binary stream.
        work: what is done to its frames.
        result: what is written.
        report: told how many frames are done of how many.
    """
    for note in clip.notes:
        log.warning("%s: %s", clip.name, note)
    facts = result.facts
    if facts is not None:
        clip = replace(clip, matrix=facts.matrix or clip.matrix, aspect=facts.aspect or clip.aspect)
    sink = _sink(clip, out, result)
    done = 0
    for done in sink.add(overlapped(work(overlapped(clip.read(), AHEAD), sink.skip), AHEAD)):
        report(done, max(done, clip.count or 0))
    report(done, done)
    metadata = dict(result.metadata)
    if result.tells and isinstance(sink, FileSink):
        metadata[RECORD] = ClipRecord(
            pixels=clip.pixels, time_base=clip.time_base, times=sink.segments.times, groups=sink.segments.lengths,
            starts=tracks(sink.source) if sink.source else {}, matrix=clip.matrix, aspect=clip.aspect,
        ).to_json()  # fmt: skip
    sink.finish(metadata, facts.times if facts else None)


def _sink(clip: Clip, out: Any, result: Result) -> Sink:
    if not isinstance(out, (str, Path)):
        encoding = result.encoding(".mkv")
        return StreamSink(out, clip, encoding, result.size, result.metadata)
    name = str(out)
    if is_pattern(name) or names_folder(name):
        return FramesSink(name, clip, result.depth, result.xmp, result.settings)
    suffix = Path(name).suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{name}: cannot be written as video; known are {' '.join(CONTAINERS)} and patterns such as frames/%05d.png"
        )
    facts = result.facts
    base = facts.time_base if facts else clip.time_base
    starts = facts.starts if facts else None
    return FileSink(Path(name), clip, result.encoding(suffix), result.size, result.settings, base, starts)


def of_lengths(frames: Iterable[Frame], lengths: Iterable[int]) -> Iterator[list[Frame]]:
    """Frames in groups of so many."""
    source = iter(frames)
    for length in lengths:
        if len(group := list(islice(source, length))) == length:
            yield group


def timed(pixels: Iterable[np.ndarray], group: Iterable[Frame]) -> Group:
    """Results with the times of the frames they come from."""
    return [(array, frame.time, frame.duration) for array, frame in zip(pixels, group, strict=True)]
