"""A clip read, worked on and written at the same time, whatever the work is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from regrow.errors import UsageError
from regrow.inference.parallel import overlapped
from regrow.io.paths import is_pattern, names_folder
from regrow.progress import Report
from regrow.size import Size
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import CONTAINERS, Encoding
from regrow.video.mux import tracks
from regrow.video.options import GOP
from regrow.video.record import ClipRecord
from regrow.video.segments import Group
from regrow.video.sinks import FileSink, FramesSink, Sink, StreamSink

Work = Callable[[Iterable[Frame], int], Iterator[Group]]
"""From frames, and how many groups of results are there already, to the further groups."""

AHEAD = 4
"""Frames or groups that may wait for the next station."""

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is to be written."""

    size: Size
    encoding: Callable[[str], Encoding]
    """How frames are encoded, by the file's suffix."""
    identity: str
    """What decides the result: pieces that an interrupted run left are thrown away where they had another."""
    depth: int = 8
    """Bits of a sample, where frames become pictures."""
    xmp: bytes | None = None
    """What each says of itself then."""
    metadata: dict[str, str]
    """Of a file; empty values remove what the clip says."""
    record: ClipRecord | None = None
    """Of the clip that the given one was shrunk from, whose times and tracks it gets back."""
    recorded: bool = False
    """Whether the file gets a record of the given clip."""
    gop: int = GOP
    """Frames of a piece that is encoded at a time, at least."""


RECORD = "REGROW_CLIP"


def transcode(clip: Clip, out: Any, work: Work, output: Output, report: Report) -> None:
    """Read a clip, work on its frames and write the output.

    Args:
        clip: opened.
        out: path of a video file, pattern of frames' names, folder for frames, or a binary stream.
        work: what is done to its frames.
        output: what is written.
        report: told how many frames are done of how many.
    """
    for note in clip.notes:
        log.warning("%s: %s", clip.name, note)
    record = output.record
    if record is not None:
        clip = replace(clip, matrix=record.matrix or clip.matrix, aspect=record.aspect or clip.aspect)
    sink = _sink(clip, out, output)
    done = 0
    for done in sink.add(overlapped(work(overlapped(clip.read(), AHEAD), sink.skip), AHEAD)):
        report(done, max(done, clip.count or 0))
    report(done, done)
    metadata = dict(output.metadata)
    if output.recorded and isinstance(sink, FileSink):
        metadata[RECORD] = ClipRecord(
            pixels=clip.pixels, time_base=clip.time_base, times=sink.segments.times, groups=sink.segments.lengths,
            starts=tracks(sink.source) if sink.source else {}, matrix=clip.matrix, aspect=clip.aspect,
        ).to_json()  # fmt: skip
    sink.finish(metadata, record.times if record else None)


def _sink(clip: Clip, out: Any, output: Output) -> Sink:
    if not isinstance(out, (str, Path)):
        encoding = output.encoding(".mkv")
        return StreamSink(out, clip, encoding, output.size, output.metadata)
    name = str(out)
    if is_pattern(name) or names_folder(name):
        return FramesSink(name, clip, output.depth, output.xmp, {"identity": output.identity})
    suffix = Path(name).suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{name}: cannot be written as video; known are {' '.join(CONTAINERS)} and patterns such as frames/%05d.png"
        )
    record = output.record
    base = record.time_base if record else clip.time_base
    starts = record.starts if record else None
    return FileSink(
        Path(name), clip, output.encoding(suffix), output.size, {"identity": output.identity}, base, starts, output.gop
    )
