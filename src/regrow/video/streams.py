"""Clips that are written to standard output, as they are computed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from regrow.video import matroska
from regrow.video.clip import Clip
from regrow.video.encoding import Encoder, Encoding
from regrow.video.pixels import UNSPECIFIED, USUAL, Pixels
from regrow.video.reader import MARKS, OWN, main, open_container
from regrow.video.segments import Group
from regrow.video.sinks import Sink

_FRAME, _CLUSTER = b"FRAME", b"\x1f\x43\xb6\x75"
"""What the first frame of y4m and of Matroska begins with."""

log = logging.getLogger("regrow")


class StreamSink(Sink):
    """Standard output: y4m, or Matroska where frames are RGB. Other tracks are left out.

    Args:
        stream: binary, to be written to.
        clip: the clip that the frames come from, upright.
        encoding: for the suffix of a container.
        size: (width, height) of the frames.
        metadata: metadata that are known before the first frame.
    """

    def __init__(
        self, stream: Any, clip: Clip, encoding: Encoding, size: tuple[int, int], metadata: dict[str, str]
    ) -> None:
        import av

        aspect, plain = clip.aspect, not encoding.pixels.is_rgb
        if plain:
            encoding = Encoding("rawvideo", _as_y4m(encoding, size[1]))
            shape = b" A%d:%d" % (aspect.as_integer_ratio() if aspect else (0, 0))
            # FFmpeg's own header knows no shape, and takes chroma to lie where JPEG has it.
            stream = _Headed(
                stream,
                _FRAME,
                lambda head: (
                    head.replace(b" A0:0", shape).replace(b"420jpeg", b"420mpeg2").replace(b"420JPEG", b"420MPEG2")
                ),
            )
        elif aspect:
            stream = _Headed(stream, _CLUSTER, lambda head: matroska.with_aspect(head, aspect, ""))
        # Formats of more than 8 bits are an extension of y4m.
        options = {"strict": "-1"} if plain else {}
        self.clip, self.plain, self.uneven = clip, plain, False
        self.container = av.open(stream, "w", format="yuv4mpegpipe" if plain else "matroska", options=options)
        self.encoder = Encoder(self.container, encoding, *size, aspect=aspect, rate=clip.rate)
        if not plain:
            kept = {k: v for k, v in clip.metadata.items() if k.lower() not in OWN and not k.startswith(MARKS)}
            self.container.metadata.update({**kept, **metadata})
            self.encoder.stream.metadata["title"] = matroska.ROOM if aspect else ""

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write them."""
        done, first = 0, None
        for group in groups:
            for frame in group:
                first = frame.time if first is None else first
                since = (frame.time - first) * self.clip.time_base * self.clip.rate
                self.uneven |= abs(since - done) > 1
                self.container.mux(self.encoder.encode(frame.pixels, frame.alpha))
                done += 1
            yield done

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Write what is left."""
        self.container.mux(self.encoder.flush())
        self.container.close()
        if self.uneven:
            log.warning("%s: frames do not come at one rate, but on standard output they do; name a file to keep their "
                        "times", self.clip.name)  # fmt: skip


class _Headed:
    """A stream whose beginning, up to a mark, is changed before it is passed on."""

    def __init__(self, stream: Any, mark: bytes, change: Callable[[bytes], bytes]) -> None:
        self.stream, self.mark, self.change = stream, mark, change
        self.head: bytes | None = b""

    def write(self, data: bytes) -> int:
        """Hold data back until the mark is there."""
        if self.head is None:
            self.stream.write(data)
        else:
            self.head += bytes(data)
            at = self.head.find(self.mark)
            if at >= 0:
                self.stream.write(self.change(self.head[:at]) + self.head[at:])
                self.head = None
        return len(data)

    def flush(self) -> None:
        """Pass on to the stream."""
        self.stream.flush()


def lost(clip: Clip, pixels: Pixels | None, what: str) -> Iterator[str]:
    """Remarks on what an output does not hold.

    Args:
        clip: the clip that it is made from.
        pixels: of Matroska on standard output; None for y4m and pictures, which say nothing of colours.
        what: the output, in words.
    """
    beside = set[str]()
    if not clip.once and Path(clip.name).is_file():  # else its reader said so, or there is nothing
        with open_container(clip.name) as given:
            beside = {stream.type for stream in given.streams if stream.index != main(given, clip.name).index}
            beside |= {"chapters"} if given.chapters() else set()
    if pixels is None:
        kept = (k for k in clip.metadata if k.lower() not in OWN and not k.startswith(MARKS))
        beside |= {"metadata"} if next(kept, None) else set()
    if beside:
        yield f"{what} gets frames alone: {', '.join(sorted(beside))} left out; name a video file to keep them"
    if clip.light:
        yield f"{what} cannot state the mastering display and light level of HDR; name a video file"
    if pixels is None and (clip.pixels.primaries not in USUAL or clip.pixels.transfer not in USUAL):
        yield f"{what} cannot say which primaries and transfer colours have; name a video file"


def _as_y4m(encoding: Encoding, height: int) -> Any:
    """Pixels whose meaning needs no words but the range, which y4m has one for."""
    pixels = replace(encoding.pixels, alpha=False)
    usual = replace(pixels, matrix=UNSPECIFIED)
    return pixels if usual.meant(height).matrix == pixels.meant(height).matrix else usual
