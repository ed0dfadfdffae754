"""Opening video files and streams with PyAV."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.io.formats import printable
from regrow.video.clip import Clip, Frame
from regrow.video.pixels import LIMITED, Pixels, is_known, planar, to_rgb

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MOST_PIXELS = 2**28
"""Maximum number of pixels of a frame; larger frames are refused before they are decoded."""
INTERLACED = "is interlaced; its frames are taken as they are, combs and all: deinterlace it first"

log = logging.getLogger("regrow")


def open_video(source: str | Path | IO[bytes]) -> Clip:
    """Open a video file, or a stream that is read once.

    Raises:
        RegrowError: there is no video, its header is damaged, or it cannot be decoded here.
    """
    name = str(source) if isinstance(source, (str, Path)) else "standard input"
    piped = None if isinstance(source, (str, Path)) else source
    container = _open(name, piped)
    try:
        stream = _stream(container, name)
        context = stream.codec_context
        if not context.pix_fmt and piped is not None and "mp4" in container.format.name:
            raise RegrowError(
                f"{name}: cannot be read as it comes; MP4 keeps its index at the end: give the file's name, or pipe "
                "Matroska or y4m"
            )
        if not context.pix_fmt or not 0 < context.width * context.height <= MOST_PIXELS:
            raise RegrowError(f"{name}: has no frames that can be decoded ({context.width}x{context.height})")
        first = None if piped is not None else _first(container, name)
        form = context.format
        assert form is not None
        colors = 1 if len(form.components) < 3 and not form.has_palette else 3
        rgb = form.is_rgb or form.has_palette
        shrunk = (1, 1) if rgb or colors == 1 else _shrunk(form)
        bits = 8 if form.has_palette else max(c.bits for c in form.components)
        layout = form.name if is_known(form.name) else ""
        pixels = Pixels(
            layout or planar(bits, shrunk, rgb=rgb, colors=colors),
            int(context.colorspace), int(context.color_range), int(context.color_primaries), int(context.color_trc),
        )  # fmt: skip
        notes = []
        if any(c.is_alpha for c in form.components):
            notes.append("has an alpha channel, which is left out")
        if first is not None and first.interlaced_frame:
            notes.append(INTERLACED)
        if len(_tracks(container)) > 1:
            notes.append("has several video tracks; only the first is worked on, the others are left out")
        base = stream.time_base or Fraction(1, 1000)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        clip = Clip(
            name=name, width=context.width, height=context.height, pixels=pixels, time_base=base, rate=rate,
            count=_count(container, stream, rate), matrix=_matrix(first), aspect=_aspect(stream),
            metadata=dict(container.metadata), notes=tuple(notes),
            read=lambda: _frames(_open(name, None) if piped is None else container, name, pixels, rate),
        )  # fmt: skip
    except BaseException:
        container.close()
        raise
    if piped is None:
        container.close()
    return clip


def library() -> Any:
    """Import PyAV. RegrowError where it is not installed."""
    try:
        import av
    except ImportError:
        raise RegrowError("video needs av; install it with: pip install 'regrow[video]'") from None
    return av


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn errors of FFmpeg into RegrowError."""
    import av

    try:
        yield
    except (av.FFmpegError, ValueError, MemoryError) as error:
        what = printable(getattr(error, "strerror", None) or str(error) or type(error).__name__)
        raise RegrowError(f"{name}: is no video that can be read ({what})") from error


def _open(name: str, piped: IO[bytes] | None) -> InputContainer:
    av = library()
    if piped is None and not Path(name).is_file():
        raise UsageError(f"{name}: no such file")
    with explained(name):
        # Local files only: a playlist must not make us open others, or addresses.
        options = {"protocol_whitelist": "file,pipe,crypto,data"}
        return av.open(piped or str(Path(name).resolve()), metadata_errors="replace", options=options)


def _stream(container: InputContainer, name: str) -> VideoStream:
    tracks = _tracks(container)
    if not tracks:
        raise RegrowError(f"{name}: has no video track")
    stream = tracks[0]
    if stream.codec_context is None:
        raise RegrowError(f"{name}: its video track is of a kind that cannot be decoded here")
    stream.thread_type = "AUTO"
    return stream


def _tracks(container: InputContainer) -> list[VideoStream]:
    attached = 0x400  # disposition of cover art
    return [s for s in container.streams.video if not int(s.disposition) & attached]


def _first(container: InputContainer, name: str) -> VideoFrame:
    with explained(name):
        for frame in container.decode(_stream(container, name)):
            return frame
    raise RegrowError(f"{name}: has no frames")


def _shrunk(form: Any) -> tuple[int, int]:
    return 64 // form.chroma_height(64), 64 // form.chroma_width(64)


def _count(container: InputContainer, stream: VideoStream, rate: Fraction) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base:
        return round(stream.duration * stream.time_base * rate)
    return round(container.duration * rate / 10**6) if container.duration else None


def _matrix(frame: VideoFrame | None) -> tuple[int, ...] | None:
    if frame is None:
        return None
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else tuple(np.frombuffer(bytes(data), "<i4", 9).tolist())


def _aspect(stream: VideoStream) -> Fraction | None:
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and aspect > 0 else None


def _frames(container: InputContainer, name: str, pixels: Pixels, rate: Fraction) -> Iterator[Frame]:
    """Decoded frames in the order they are shown. A damaged packet is skipped, with a message."""
    import av

    stream = _stream(container, name)
    usual = round(1 / (rate * (stream.time_base or Fraction(1, 1000)))) or 1
    number, damaged, last = 0, 0, None
    packets = container.demux(stream)
    try:
        while True:
            try:
                packet = next(packets, None)
                decoded = packet.decode() if packet is not None else []
            except av.FFmpegError:
                damaged += 1
                if damaged > 1000:
                    raise RegrowError(f"{name}: is too damaged to be read") from None
                continue
            if packet is None:
                break
            for frame in decoded:
                time = frame.pts if frame.pts is not None else (0 if last is None else last + usual)
                if last is not None and time <= last:
                    time = last + 1  # two frames at one time cannot be written
                last = time
                yield Frame(to_rgb(_planar(frame, pixels), pixels), time, int(frame.duration or usual), number)
                number += 1
    finally:
        with suppress(av.FFmpegError):
            container.close()
    if last is None:
        raise RegrowError(f"{name}: has no frames that can be decoded")
    if damaged:
        log.warning("%s: %d damaged pieces were passed over; some frames are missing or poor", name, damaged)


def _planar(frame: VideoFrame, pixels: Pixels) -> VideoFrame:
    """Convert a frame to the planar format that stores the same samples."""
    if frame.format.name == pixels.format:
        return frame
    same = {"src_color_range": frame.color_range or LIMITED, "dst_color_range": frame.color_range or LIMITED}
    return frame.reformat(format=pixels.format, interpolation="POINT", **({} if pixels.is_rgb else same))
