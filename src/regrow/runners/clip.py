"""Operations on clips: from a video file, frames or a stream to a video file, frames or a stream."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.inference.resize import TRIANGLE, resampled
from regrow.inference.rows import Samples
from regrow.inference.transparency import filled
from regrow.io.allowed import allowed
from regrow.io.containers import Metadata
from regrow.io.formats import NO_FILE
from regrow.io.passport import Passport, PassportError
from regrow.io.paths import names_video
from regrow.operations.plan import ClipHeader, Header, Operation, Plan, Rows
from regrow.progress import Report
from regrow.runners.transcode import RECORD, Output, losses_of, refuse_coding_of_frames, transcode, turns_frames
from regrow.size import Size
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import CONTAINERS, Encoding, for_result, for_small
from regrow.video.options import Video
from regrow.video.pixels import UNSPECIFIED, Pixels, planar
from regrow.video.record import ClipRecord
from regrow.video.source import open_clip

UNIT = "frames"
PLAYED = (".mp4", ".m4v", ".mov")
"""Containers that are made to be played, by players that mostly know no RGB."""
XMP = "REGROW_XMP"
"""Key of a container's metadata that holds the passport, or how frames were restored."""
HOLDS = NO_FILE
"""Frames carry what a file of this format holds."""

log = logging.getLogger("regrow")


def apply(
    operation: Operation, source: Any, out: Any, *, format: str | None, video: Video | None, report: Report
) -> Any:
    """Write what an operation makes of a clip, with its times and all other tracks.

    Returns:
        `out`.
    """
    if format:
        raise UsageError(f"format {format}: is a format of pictures, and this is a clip; leave it out")
    if out is None:
        raise UsageError(f"a file was given to {operation.verb}, but not where its result goes; name an output")
    video = video or Video()
    refuse_coding_of_frames(out, video)
    clip = _opened(source, operation, out, video)
    record = record_of(clip) if operation.original else None
    plan = operation.plan(_header(clip, record, out)).prepared(_glimpses(clip))
    pixels = pixels_of(clip, plan, record, None if operation.lossless else out, video)

    def work(frames: Iterable[Frame], skip: int) -> Iterator[list[Frame]]:
        if not clip.pixels.alpha:
            return plan.frames(frames, samples_of(pixels), skip)
        groups = plan.frames(map(visible, frames), samples_of(pixels), skip)
        return (with_alpha(group, plan.size) for group in groups)

    for note in (*plan.notes(HOLDS), *_softened(clip, pixels, record)):
        log.warning("%s: %s", clip.name, note)
    transcode(clip, out, work, _output(clip, operation, plan, record, video, pixels), report)
    return out


def losses(operation: Operation, source: Any, out: Any) -> list[str]:
    """What would be said of a result, before any frame is computed. RegrowError where it could not be written."""
    video = Video()
    clip = _opened(source, operation, out, video)
    record = record_of(clip) if operation.original else None
    plan = operation.plan(_header(clip, record, out))
    pixels = pixels_of(clip, plan, record, None if operation.lossless else out, video)
    notes = [f"{clip.name}: {note}" for note in (*plan.notes(HOLDS), *_softened(clip, pixels, record))]
    return notes + losses_of(clip, out, _output(clip, operation, plan, record, video, pixels))


def _output(
    clip: Clip, operation: Operation, plan: Plan, record: ClipRecord | None, video: Video, pixels: Pixels
) -> Output:
    def encoding(suffix: str, size: Size) -> Encoding:
        if operation.lossless:
            return for_small(suffix, plan.channels, size, video.codec, video.crf, clip.pixels)
        return for_result(suffix, pixels, size, video.codec, video.crf)

    xmp = plan.metadata(HOLDS).xmp
    return Output(
        size=plan.size, encoding=encoding, identity=plan.identity, depth=plan.depth, xmp=xmp, record=record,
        metadata={XMP: (xmp or b"").decode(), **({} if operation.lossless else {RECORD: ""})},
        recorded=operation.lossless, gop=video.gop,
    )  # fmt: skip


def header(source: Any, operation: Operation | None = None, target: Any = None) -> Header:
    """The header of a clip, as an operation that writes `target` would see it."""
    clip = _opened(source, operation, target, Video())
    return _header(clip, record_of(clip) if operation and operation.original else None, target)


def first(source: Any) -> tuple[Iterable[np.ndarray], Size, int]:
    """Rows, size and colours of the first frame, as players show it. RegrowError where there is none."""
    clip = open_clip(source).upright()
    for frame in clip.read():
        height, width, colors = frame.pixels.shape
        return [frame.pixels], Size(width, height), colors
    raise RegrowError(f"{clip.name}: has no frames that can be decoded")


def suffix(source: str, operation: Operation | None, format: str | None) -> str:
    """The suffix of a result in a folder: .mkv where it is small, else the source's where that can be written."""
    own = os.path.splitext(source)[1].lower()
    return own if own in CONTAINERS and not (operation and operation.lossless) else ".mkv"


def xmp_of(clip: Clip) -> bytes | None:
    """What a clip says of itself."""
    said = clip.metadata.get(XMP)
    return said.encode() if said else clip.xmp


def metadata_of(clip: Clip) -> Metadata:
    """What a clip says of itself; the passport of the first frame of a folder is in the XMP, unless it is damaged."""
    xmp = xmp_of(clip)
    if clip.passport:
        with suppress(PassportError):
            return Metadata(xmp=Passport.from_text(clip.passport).to_xmp(xmp))
    return Metadata(xmp=xmp, passport=clip.passport)


def record_of(clip: Clip) -> ClipRecord | None:
    """What a small clip says of the one that it was shrunk from."""
    said = clip.metadata.get(RECORD)
    return ClipRecord.from_json(said, clip.name) if said else None


def pixels_of(clip: Clip, plan: Plan, record: ClipRecord | None, out: Any, video: Video) -> Pixels:
    """The pixel format of a result: that of the original where it is known, else the clip's.

    Pictures and streams of RGB become what players show, where the file is one that is made to be played.
    """
    if record:
        return replace(record.pixels, alpha=clip.pixels.alpha)
    pixels = clip.pixels.at_height(clip.height, plan.size.height)
    a_file = not clip.once and os.path.isfile(clip.name)
    if pixels.is_rgb and not a_file and video.codec is None and str(out).lower().endswith(PLAYED):
        form = planar(min(pixels.bits, 10), (2, 2), rgb=False, colors=3)
        pixels = replace(pixels, format=form, matrix=UNSPECIFIED, range=0)
    if plan.channels > pixels.colors:
        form = pixels.format.replace("gray", "yuv420p")
        return replace(pixels, format=form, range=pixels.meant(clip.height).range)
    return pixels


def samples_of(pixels: Pixels) -> Samples:
    """What frames are given to an encoder as."""
    return np.uint8 if pixels.is_rgb and pixels.bits == 8 else np.float32


def _header(clip: Clip, record: ClipRecord | None, out: Any) -> Header:
    allowed().check(clip.name, Size(clip.width, clip.height))
    named = isinstance(out, (str, os.PathLike))
    return Header(
        name=clip.name, size=Size(clip.width, clip.height), channels=clip.pixels.colors,
        depth=8 if clip.pixels.bits == 8 else 16, metadata=metadata_of(clip),
        clip=ClipHeader(
            turns=clip.turns, groups=tuple(record.groups) if record else None,
            result_says_groups=named and names_video(out), result=str(out),
        ),
    )  # fmt: skip


def _softened(clip: Clip, pixels: Pixels, record: ClipRecord | None) -> Iterator[str]:
    if record is None and clip.pixels.is_rgb and clip.pixels.colors == 3 and not pixels.is_rgb:
        yield f"is RGB, and stored as {pixels.format}, which all players show; .mkv keeps RGB"


def visible(frame: Frame) -> Frame:
    """A frame as nets are to see it: what hides under transparency has the colours of what is visible near it."""
    alpha = frame.alpha
    if alpha is None or alpha.min() == (255 if alpha.dtype == np.uint8 else 1):
        return frame
    return replace(frame, pixels=filled(np.dstack((_floats(frame.pixels), _floats(alpha))), frame.pixels.shape[2]))


def _floats(samples: np.ndarray) -> np.ndarray:
    return samples.astype(np.float32) / np.float32(255) if samples.dtype == np.uint8 else samples


def with_alpha(group: list[Frame], size: Size) -> list[Frame]:
    """Frames of a size whose alpha is still that of the clip: averaged down or interpolated up, without ringing."""
    made = []
    for frame in group:
        alpha = frame.alpha
        if alpha is not None and alpha.shape[:2] != (size.height, size.width):
            rows = resampled([_floats(alpha)], Size(alpha.shape[1], alpha.shape[0]), size, 1, TRIANGLE)
            alpha = np.concatenate(list(rows)).clip(0, 1)
        made.append(replace(frame, alpha=alpha))
    return made


def _opened(source: Any, operation: Operation | None, out: Any, video: Video) -> Clip:
    """A clip; upright where its result cannot tell players to turn frames, unless it is to be the original again."""
    clip = open_clip(source, video.frames_a_second)
    return clip if operation is None or operation.original or turns_frames(out) else clip.upright()


def _glimpses(clip: Clip) -> Iterator[Rows]:
    """Ten frames of the first hundred; none of a stream, which can be read only once."""
    if not clip.once:
        for frame in islice(clip.read(), 0, 100, 10):
            yield lambda frame=frame: [frame.pixels]  # type: ignore[misc]
