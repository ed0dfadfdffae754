"""Clips that are written to standard output, as they are computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from regrow.video import matroska
from regrow.video.clip import Clip
from regrow.video.encoding import Encoder, Encoding
from regrow.video.pixels import UNSPECIFIED
from regrow.video.reader import MARKS, OWN, open_container
from regrow.video.segments import Group
from regrow.video.sinks import Sink

_FRAME, _CLUSTER = b"FRAME", b"\x1f\x43\xb6\x75"
"""What the first frame of y4m and of Matroska begins with."""


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
            if aspect:
                stream = _Headed(
                    stream, _FRAME, lambda head: head.replace(b" A0:0", b" A%d:%d" % aspect.as_integer_ratio())
                )
        elif aspect:
            stream = _Headed(stream, _CLUSTER, lambda head: matroska.with_aspect(head, aspect, ""))
        # Formats of more than 8 bits are an extension of y4m.
        options = {"strict": "-1"} if plain else {}
        self.container = av.open(stream, "w", format="yuv4mpegpipe" if plain else "matroska", options=options)
        self.encoder = Encoder(self.container, encoding, *size, aspect=aspect, rate=clip.rate)
        if not plain:
            kept = {k: v for k, v in clip.metadata.items() if k.lower() not in OWN and not k.startswith(MARKS)}
            self.container.metadata.update({**kept, **metadata})
            self.encoder.stream.metadata["title"] = matroska.ROOM if aspect else ""

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write them."""
        done = 0
        for group in groups:
            for frame in group:
                self.container.mux(self.encoder.encode(frame.pixels, frame.alpha))
                done += 1
            yield done

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Write what is left."""
        self.container.mux(self.encoder.flush())
        self.container.close()


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


def lost(clip: Clip, encoding: Encoding) -> Iterator[str]:
    """Remarks on what standard output does not hold."""
    plain, beside = not encoding.pixels.is_rgb, set[str]()
    if not clip.once:  # else its reader said so
        with open_container(clip.name) as given:
            beside = {stream.type for stream in given.streams if stream.index != _worked_on(given)}
            beside |= {"chapters"} if given.chapters() else set()
    if plain:
        kept = (k for k in clip.metadata if k.lower() not in OWN and not k.startswith(MARKS))
        beside |= {"metadata"} if next(kept, None) else set()
    if beside:
        yield f"standard output gets frames alone: {', '.join(sorted(beside))} left out; name a file to keep them"
    if clip.light:
        yield "standard output cannot state the mastering display and light level of HDR; name a file"
    if plain and (clip.pixels.primaries not in (UNSPECIFIED, 1) or clip.pixels.transfer not in (UNSPECIFIED, 1)):
        yield "y4m on standard output cannot say which primaries and transfer colours have; name a file"
    if plain and clip.pixels.alpha:
        yield "y4m on standard output has no alpha channel, which is left out; name a file"


def _worked_on(given: Any) -> int:
    return next(s.index for s in given.streams.video if not int(s.disposition) & 0x400)


def _as_y4m(encoding: Encoding, height: int) -> Any:
    """Pixels whose meaning needs no words but the range, which y4m has one for."""
    pixels = replace(encoding.pixels, alpha=False)
    usual = replace(pixels, matrix=UNSPECIFIED)
    return pixels if usual.meant(height).matrix == pixels.meant(height).matrix else usual
