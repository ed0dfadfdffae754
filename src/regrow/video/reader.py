"""Opening video files and streams with PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.io.formats import printable
from regrow.video.clip import Clip, Frame
from regrow.video.decoding import decoded, to_frames
from regrow.video.light import Light
from regrow.video.pixels import Pixels, is_known, planar
from regrow.video.times import copied

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

MOST_PIXELS = 2**28
"""Maximum number of pixels of a frame; larger frames are refused before they are decoded."""
INTERLACED = "is interlaced; its frames are taken as they are, combs and all: deinterlace it first"
_CENTRED = ("mjpeg", "mjpegb", "mpeg1video", "ljpeg", "amv", "sp5x")
"""Codecs whose samples of chroma lie between columns; PyAV does not tell where they lie in others."""
COVER = 0x400
"""FFmpeg's disposition of cover art."""
LEFT_OUT = {"A53_CC": "closed captions", "DYNAMIC_HDR_PLUS": "dynamic metadata of HDR10+",
            "DOVI_METADATA": "metadata of Dolby Vision", "DYNAMIC_HDR_VIVID": "metadata of HDR Vivid",
            "STEREO3D": "marks of stereoscopic video", "SPHERICAL": "marks of spherical video",
            "ICC_PROFILE": "an ICC profile"}  # fmt: skip
"""What lies in frames and is not copied, by FFmpeg's names of it."""


def open_video(source: str | Path | IO[bytes], name: str | None = None) -> Clip:
    """Open a video file, or a stream that is read once.

    Args:
        source: path or binary stream.
        name: of a stream, in messages.

    Raises:
        RegrowError: there is no video, its header is damaged, or it cannot be decoded here.
    """
    piped = None if isinstance(source, (str, Path)) else source
    name = str(source) if isinstance(source, (str, Path)) else name or "standard input"
    container = open_container(name, piped)
    try:
        clip = _described(container, name, piped)
    except BaseException:
        container.close()
        raise
    if piped is None:
        container.close()
    return clip


def _described(container: InputContainer, name: str, piped: IO[bytes] | None) -> Clip:
    stream = main(container, name)
    context = stream.codec_context
    if not context.pix_fmt and piped is not None and "mp4" in container.format.name:
        raise RegrowError(
            f"{name}: cannot be read as it comes; MP4 keeps its index at the end: give the file's name, or pipe "
            "Matroska or y4m"
        )
    width, height = context.width, context.height  # a damaged frame makes the decoder forget them
    if not context.pix_fmt or not 0 < width * height <= MOST_PIXELS:
        raise RegrowError(f"{name}: has no frames that can be decoded ({width}x{height})")
    frames = decoded(container, stream, name)
    with explained(name):
        first = next(frames)
    alpha = any(c.is_alpha for c in first.format.components)
    pixels = Pixels(
        _layout(first.format), int(context.colorspace), int(context.color_range), int(context.color_primaries),
        int(context.color_trc), alpha, context.name in _CENTRED,
    )  # fmt: skip
    base = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)

    def read() -> Iterator[Frame]:
        if piped is not None:
            return to_frames(frames, pixels, base, rate, name, first)
        again = open_container(name, None)
        return to_frames(decoded(again, main(again, name), name), pixels, base, rate, name)

    clip = Clip(
        name=name, width=width, height=height, pixels=pixels, time_base=base, rate=rate,
        count=_count(container, stream, rate), matrix=_matrix(first), aspect=_aspect(stream),
        light=Light.of(first.side_data), fields=int(context.field_order), metadata=_metadata(container),
        notes=tuple(_notes(container, first, piped is not None)), once=piped is not None, read=read,
    )  # fmt: skip
    if piped is None:
        frames.close()
    return clip


def _metadata(container: InputContainer) -> dict[str, str]:
    found = dict(container.metadata)
    for field, key in FIELDS_OF_AVI.items():
        if found.get(field, "").startswith(f"{key}="):
            found[key] = found.pop(field)[len(key) + 1 :]
    return found


def _layout(form: Any) -> str:
    """The format that holds the samples of a decoder's, but for alpha."""
    if is_known(form.name):
        return str(form.name)
    colors = 1 if len(form.components) < 3 and not form.has_palette else 3
    rgb = form.is_rgb or form.has_palette
    shrunk = (1, 1) if rgb or colors == 1 else _shrunk(form)
    bits = 8 if form.has_palette else max(c.bits for c in form.components)
    return planar(bits, shrunk, rgb=rgb, colors=colors)


def _notes(container: InputContainer, first: VideoFrame, piped: bool) -> Iterator[str]:
    if first.interlaced_frame:
        yield INTERLACED
    if len(tracks(container)) > 1:
        yield "has several video tracks; only the first is worked on, the others are left out"
    for kind, words in LEFT_OUT.items():
        if first.side_data.get(kind) is not None:
            yield f"has {words} in its frames, which are left out"
    beside = [s.type for s in copied(container)] + [s.type for s in covers(container)]
    beside += [s.type for s in container.streams if s.type in ("data", "attachment")]
    if piped and beside:
        yield f"is read as it comes, so all but its frames is left out ({', '.join(sorted(set(beside)))} tracks); " \
              "give the file's name to keep them"  # fmt: skip
    if piped and container.chapters():
        yield "is read as it comes, so its chapters are left out; give the file's name to keep them"
    if piped and (names := sorted(k for k in container.metadata if k.lower() not in OWN and not k.startswith(MARKS))):
        yield f"is read as it comes, so its metadata are left out ({', '.join(names)}); give the file's name to keep " \
              "them"  # fmt: skip


OWN = frozenset(("encoder", "major_brand", "minor_version", "compatible_brands", "duration", "software"))
"""Metadata that describe a file, not its content."""
MARKS = "REGROW_"
"""Beginning of the keys of regrow's own metadata."""
FIELDS_OF_AVI = {"ISRF": "REGROW_XMP", "IKEY": "REGROW_CLIP"}
"""Fields that hold them in AVI, whose names are a closed list."""


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


def open_container(name: str, piped: IO[bytes] | None = None) -> InputContainer:
    """A file, or what is piped, opened with PyAV."""
    av = library()
    if piped is None and not Path(name).is_file():
        raise UsageError(f"{name}: no such file")
    with explained(name):
        # Local files only: a playlist must not make us open others, or addresses.
        options = {"protocol_whitelist": "file,pipe,crypto,data"}
        return av.open(piped or str(Path(name).resolve()), metadata_errors="replace", options=options)


def main(container: InputContainer, name: str) -> VideoStream:
    """The video track that is worked on."""
    found = tracks(container)
    if not found:
        raise RegrowError(f"{name}: has no video track")
    stream = found[0]
    if stream.codec_context is None:
        raise RegrowError(f"{name}: its video track is of a kind that cannot be decoded here")
    stream.thread_type = "AUTO"
    return stream


def tracks(container: InputContainer) -> list[VideoStream]:
    """The video tracks, without cover art."""
    return [s for s in container.streams.video if not int(s.disposition) & COVER]


def covers(container: InputContainer) -> list[VideoStream]:
    """Cover art: tracks of one picture."""
    return [s for s in container.streams.video if int(s.disposition) & COVER]


def _shrunk(form: Any) -> tuple[int, int]:
    return 64 // form.chroma_height(64), 64 // form.chroma_width(64)


def _count(container: InputContainer, stream: VideoStream, rate: Fraction) -> int | None:
    if stream.frames:
        return stream.frames
    if stream.duration and stream.time_base:
        return round(stream.duration * stream.time_base * rate)
    return round(container.duration * rate / 10**6) if container.duration else None


def _matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    data = frame.side_data.get("DISPLAYMATRIX")
    return None if data is None else tuple(np.frombuffer(bytes(data), "<i4", 9).tolist())


def _aspect(stream: VideoStream) -> Fraction | None:
    aspect = stream.sample_aspect_ratio
    return aspect if aspect and aspect > 0 else None
