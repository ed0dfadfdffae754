"""Frames out of packets."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError
from regrow.video.alpha import to_alpha
from regrow.video.clip import Frame
from regrow.video.pixels import LIMITED, Pixels, to_rgb
from regrow.video.times import packets

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders of alpha, by the codecs whose usual ones pass it over."""
MOST_DAMAGED = 1000

log = logging.getLogger("regrow")


def decoder(stream: VideoStream) -> Any:
    """The codec context that decodes all of a stream."""
    import av

    name = _WITH_ALPHA.get(stream.codec_context.name)
    said = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or said.get("alpha_mode") != "1":
        return stream.codec_context
    with suppress(ValueError):
        return av.CodecContext.create(name, "r")
    return stream.codec_context


def decoded(container: InputContainer, stream: VideoStream, name: str) -> Generator[VideoFrame, None, None]:
    """Frames in the order they are shown. A damaged packet is skipped, with a message; the container is closed."""
    import av

    context, damaged, found = decoder(stream), 0, 0
    given = (packet for packet in packets(container, stream) if packet.stream.index == stream.index)
    try:
        while True:
            try:
                packet = next(given, None)
                frames = [] if packet is None else context.decode(packet if packet.size else None)
            except av.FFmpegError:
                damaged += 1
                if damaged > MOST_DAMAGED:
                    raise RegrowError(f"{name}: is too damaged to be read") from None
                continue
            if packet is None:
                break
            found += len(frames)
            yield from frames
    finally:
        with suppress(av.FFmpegError):
            container.close()
    if not found:
        raise RegrowError(f"{name}: has no frames that can be decoded")
    if damaged:
        log.warning("%s: %d damaged pieces were passed over; some frames are missing or poor", name, damaged)


def to_frames(
    frames: Generator[VideoFrame, None, None],
    pixels: Pixels,
    base: Fraction,
    rate: Fraction,
    name: str,
    first: VideoFrame | None = None,
) -> Iterator[Frame]:
    """Decoded frames as arrays, each at a later time than the one before, all of the size of the first."""
    usual = round(1 / (rate * base)) or 1
    last: int | None = None
    try:
        for number, frame in enumerate(_of_one_size(chain([] if first is None else [first], frames), name)):
            time = frame.pts if frame.pts is not None else (0 if last is None else last + usual)
            if last is not None and time <= last:
                time = last + 1  # two frames at one time cannot be written
            last = time
            alpha = to_alpha(frame, pixels.bits) if pixels.alpha else None
            yield Frame(to_rgb(_planar(frame, pixels), pixels), time, int(frame.duration or usual), number, alpha)
    finally:
        frames.close()


def _of_one_size(frames: Iterable[VideoFrame], name: str) -> Iterator[VideoFrame]:
    """Frames scaled to the first, as players show broadcasts whose size changes; with a message."""
    size, scaled = None, 0
    for frame in frames:
        size = size or (frame.width, frame.height)
        if (frame.width, frame.height) != size:
            scaled += 1
            frame = frame.reformat(width=size[0], height=size[1])
        yield frame
    if scaled:
        log.warning("%s: %d frames have another size than the first; they are scaled to it", name, scaled)


def _planar(frame: VideoFrame, pixels: Pixels) -> VideoFrame:
    """Convert a frame to the planar format that stores the same samples."""
    if frame.format.name == pixels.format:
        return frame
    same = {"src_color_range": frame.color_range or LIMITED, "dst_color_range": frame.color_range or LIMITED}
    return frame.reformat(format=pixels.format, interpolation="POINT", **({} if pixels.is_rgb else same))
