"""A clip read, worked on and written at the same time, whatever the work is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from regrow.errors import RegrowError, UsageError
from regrow.inference.parallel import overlapped
from regrow.io.paths import is_pattern, names_folder
from regrow.progress import Report
from regrow.size import Size
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import CONTAINERS, Encoding, interlaced
from regrow.video.mux import Contents
from regrow.video.options import GOP, Video
from regrow.video.orientation import swaps_sides
from regrow.video.record import ClipRecord
from regrow.video.rehearsal import rehearse
from regrow.video.segments import Group
from regrow.video.sinks import FileSink, FramesSink, Sink
from regrow.video.streams import StreamSink, lost
from regrow.video.tracks import tracks

Work = Callable[[Iterable[Frame], int], Iterator[Group]]
"""From frames, and how many groups of results are there already, to the further groups."""

T = TypeVar("T")

AHEAD = 4
"""Frames or groups that may wait for the next station."""

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Output:
    """What is to be written."""

    size: Size
    encoding: Callable[[str, Size], Encoding]
    """How frames are encoded, by the file's suffix and their size."""
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


def turns_frames(out: Any) -> bool:
    """Whether an output can tell players to turn frames; others get them turned."""
    return isinstance(out, (str, Path)) and not _is_frames(out) and Path(out).suffix.lower() != ".avi"


def refuse_coding_of_frames(out: Any, video: Video) -> None:
    """UsageError for options of encoders where the result is pictures: the names of these say their format."""
    if not isinstance(out, (str, Path)) or not _is_frames(out):
        return
    for name, value in (("codec", video.codec), ("crf", video.crf)):
        if value is not None:
            raise UsageError(f"{name} {value}: is for video files, and {out} is frames as pictures; leave it out")


def _say(clip: Clip, notes: Iterable[str]) -> None:
    for note in notes:
        log.warning("%s: %s", clip.name, note)


def losses_of(clip: Clip, out: Any, output: Output) -> list[str]:
    """What would be said of an output. UsageError or RegrowError where it could not be written, long before it is."""
    notes = [f"{clip.name}: {note}" for note in clip.notes]
    clip, output = _as_shown(clip, out, output)[:2]
    if isinstance(out, (str, Path)) and not _is_frames(out):
        suffix = _suffix(out)
        encoding = interlaced(output.encoding(suffix, output.size), clip.fields)
        notes += rehearse(Path(out), encoding, output.size, _contents(clip, output))[1]
    return notes


def transcode(clip: Clip, out: Any, work: Work, output: Output, report: Report) -> None:
    """Read a clip, work on its frames and write the output.

    Args:
        clip: opened.
        out: path of a video file, pattern of frames' names, folder for frames, or a binary stream.
        work: what is done to its frames.
        output: what is written.
        report: told how many frames are done of how many.
    """
    _say(clip, clip.notes)
    given = clip
    clip, output, turned = _as_shown(clip, out, output)
    # Stations are closed in order, the last first: one that is left to be collected could be by a thread of its own.
    with ExitStack() as stations, closing(_sink(clip, out, output)) as sink:
        failed: list[RegrowError] = []
        frames = overlapped(_watched(given, failed), AHEAD)
        groups = stations.enter_context(_closed(work(frames, sink.skip)))
        made = stations.enter_context(_closed(overlapped(map(turned, groups), AHEAD)))
        done = sink.frames
        try:
            for done in stations.enter_context(_closed(sink.add(made))):
                report(done, max(done, clip.count or 0))
        except RegrowError:
            stations.close()
            if failed:
                sink.give_up()  # the same command would fail again
            raise
        stations.close()
        report(done, done)
        metadata = dict(output.metadata)
        if output.recorded and isinstance(sink, FileSink):
            metadata[RECORD] = _record(replace(clip, fields=given.fields), sink).to_json()
        sink.finish(metadata, output.record.times if output.record else None)


def _watched(clip: Clip, failed: list[RegrowError]) -> Iterator[Frame]:
    """Frames of a clip; why it cannot be read is noted, which no second run would change."""
    try:
        yield from clip.read()
    except RegrowError as error:
        failed.append(error)
        raise


@contextmanager
def _closed(items: Iterator[T]) -> Iterator[Iterator[T]]:
    """Iterate, and close what is a generator."""
    try:
        yield items
    finally:
        getattr(items, "close", lambda: None)()


def _as_shown(clip: Clip, out: Any, output: Output) -> tuple[Clip, Output, Callable[[Group], Group]]:
    """The clip as the output shows it, the output, and how frames get there."""
    record = output.record
    if record is not None:
        clip = replace(clip, matrix=record.matrix or clip.matrix, aspect=record.aspect or clip.aspect,
                       light=record.light or clip.light, fields=record.fields)  # fmt: skip
    elif clip.height != output.size.height:
        clip = replace(clip, fields=0)  # a row of one field is no longer one of a result
    matrix = clip.matrix
    if matrix is None or turns_frames(out):
        return clip, output, lambda group: group
    if swaps_sides(matrix):
        output = replace(output, size=Size(output.size.height, output.size.width))
    return clip.upright(), output, lambda group: [frame.shown(matrix) for frame in group]


def _record(clip: Clip, sink: FileSink) -> ClipRecord:
    source = sink.contents.source
    return ClipRecord(
        pixels=clip.pixels, time_base=clip.time_base, times=sink.segments.times, groups=sink.segments.lengths,
        starts=tracks(source) if source else {}, matrix=clip.matrix, aspect=clip.aspect, light=clip.light,
        fields=clip.fields,
    )  # fmt: skip


def _contents(clip: Clip, output: Output) -> Contents:
    record, metadata = output.record, dict(output.metadata)
    if output.recorded:
        metadata[RECORD] = "{}"  # its length is known only at the end
    base = record.time_base if record else clip.time_base
    return Contents(clip=clip, time_base=base, metadata=metadata, starts=record.starts if record else None)


def _is_frames(out: str | Path) -> bool:
    return is_pattern(str(out)) or names_folder(str(out))


def _suffix(out: str | Path) -> str:
    suffix = Path(out).suffix.lower()
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{out}: cannot be written as video; known are {' '.join(CONTAINERS)} and patterns such as frames/%05d.png"
        )
    return suffix


def _sink(clip: Clip, out: Any, output: Output) -> Sink:
    size = output.size
    if not isinstance(out, (str, Path)):
        encoding = output.encoding(".mkv", size)
        pixels = encoding.pixels if encoding.pixels.is_rgb else None
        _say(clip, lost(clip, pixels, "standard output" if pixels else "y4m on standard output"))
        if clip.pixels.alpha and not pixels:
            _say(clip, ["y4m on standard output has no alpha channel, which is left out; name a video file"])
        return StreamSink(out, clip, encoding, size, output.metadata)
    if _is_frames(out):
        _say(clip, lost(clip, None, "a folder of pictures"))
        return FramesSink(str(out), clip, output.depth, output.xmp, {"identity": output.identity})
    suffix = _suffix(out)
    contents, settings = _contents(clip, output), {"identity": output.identity}
    encoding = interlaced(output.encoding(suffix, size), clip.fields)
    return FileSink(Path(out), contents, encoding, size, settings, output.gop)
