"""The file of a result: encoded frames at their times, with all other tracks of the clip they were made from."""

from __future__ import annotations

import heapq
import logging
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError
from regrow.io.formats import printable
from regrow.io.paths import atomic
from regrow.video.encoding import CONTAINERS
from regrow.video.segments import Segments
from regrow.video.subtitles import as_text, from_text, kind_for

if TYPE_CHECKING:
    from av import Packet
    from av.stream import Stream

OWN = frozenset(("encoder", "major_brand", "minor_version", "compatible_brands", "creation_time", "duration"))
"""Metadata that describe a file, not its content."""

Starts = dict[str, tuple[int, Fraction]]

log = logging.getLogger("regrow")


def assemble(
    segments: Segments,
    target: Path,
    times: list[tuple[int, int]],
    time_base: Fraction,
    *,
    source: Path | None,
    metadata: dict[str, str],
    matrix: tuple[int, ...] | None,
    aspect: Fraction | None,
    starts: Starts | None = None,
) -> None:
    """Write the file.

    Args:
        segments: the encoded frames.
        target: path of the file, which is written whole or not at all.
        times: time and duration of every frame, in `time_base`.
        source: file whose other tracks, chapters and metadata are copied.
        metadata: further metadata; an empty value removes one.
        matrix, aspect: how players turn frames, and the shape of their pixels.
        starts: start times of those tracks in the original of `source`, which may have rounded them.

    Raises:
        RegrowError: the container cannot hold one of the tracks, or cannot be written.
    """
    import av

    kind = CONTAINERS[target.suffix.lower()]
    options = {"movflags": "use_metadata_tags+faststart"} if kind in ("mp4", "mov") else {}
    with atomic(target) as part, segments.template() as template:
        try:
            given = av.open(os.path.abspath(source), metadata_errors="replace") if source else None
            out = av.open(os.path.abspath(part), "w", format=kind, options=options)
            with out:
                if given:
                    kept = {k: v for k, v in given.metadata.items() if k.lower() not in OWN}
                    out.metadata.update({k: v for k, v in kept.items() if k not in metadata})
                out.metadata.update({k: v for k, v in metadata.items() if v})
                stream = out.add_stream_from_template(template.streams.video[0])
                stream.time_base = time_base
                if aspect:
                    stream.sample_aspect_ratio = aspect
                if matrix:
                    stream.set_display_matrix(matrix)
                flows = [_frames(segments, times, time_base, stream)]
                if given:
                    first = given.streams.video[0]
                    stream.metadata.update({k: v for k, v in first.metadata.items() if k.lower() not in OWN})
                    if kind not in ("avi",) and given.chapters():
                        out.set_chapters(given.chapters())
                    flows.append(_others(given, out, target, starts))
                for _, _, packet in heapq.merge(*flows, key=lambda item: item[0]):
                    out.mux(packet)
            if given:
                given.close()
        except (av.FFmpegError, ValueError) as error:
            what = printable(getattr(error, "strerror", None) or error)
            raise RegrowError(f"{target}: cannot be written ({what})") from error


def tracks(source: Path) -> Starts:
    """First time stamp and time base of every track that is copied, by its number."""
    import av

    with av.open(os.path.abspath(source), metadata_errors="replace") as container:
        streams = _taken(container)
        found: Starts = {}
        for packet in container.demux(streams) if streams else ():
            number = str(streams.index(packet.stream))
            if packet.pts is not None and number not in found:
                found[number] = (packet.pts, packet.time_base)
            if len(found) == len(streams):
                break
        return found


def _frames(
    segments: Segments, times: list[tuple[int, int]], base: Fraction, stream: Stream
) -> Iterator[tuple[Fraction, int, Packet]]:
    """Packets of frames with the times of their frames, and times of decoding that come before them."""
    late = max((i - number for i, (_, number) in enumerate(segments.packets())), default=0)
    usual = max(1, times[0][1])
    for i, (packet, number) in enumerate(segments.packets()):
        packet.time_base = base
        packet.pts, packet.duration = times[number]
        packet.dts = times[i - late][0] if i >= late else times[0][0] - (late - i) * usual
        packet.stream = stream
        yield packet.dts * base, 0, packet


def _taken(container: Any) -> list[Stream]:
    return [s for s in container.streams if s.type in ("audio", "subtitle") and s.codec_context is not None]


def _others(given: Any, out: Any, target: Path, starts: Starts | None) -> Iterator[tuple[Fraction, int, Packet]]:
    """Packets of the other tracks, unchanged."""
    made: dict[int, Any] = {}
    convert: dict[int, Any] = {}
    origins: dict[int, tuple[int, Fraction] | None] = {}
    streams = _taken(given)
    for number, stream in enumerate(streams):
        name = stream.codec_context.name
        wanted = kind_for(name, target.suffix) if stream.type == "subtitle" else name
        try:
            if wanted == name:
                made[stream.index] = out.add_stream_from_template(stream, opaque=True)
            else:
                made[stream.index] = out.add_mux_stream(wanted)
                convert[stream.index] = as_text if wanted == "subrip" else from_text
        except (ValueError, OSError) as error:
            raise RegrowError(
                f"{target}: cannot hold the {stream.type} track ({name}) of the clip; take another container, "
                "such as .mkv"
            ) from error
        copy = made[stream.index]
        copy.metadata.update({k: v for k, v in stream.metadata.items() if k.lower() not in OWN})
        copy.disposition = stream.disposition
        origins[stream.index] = (starts or {}).get(str(number))
    for stream in given.streams:
        if stream.type == "attachment" and target.suffix.lower() == ".mkv":
            out.add_attachment(stream.name or "attachment", stream.mimetype or "", stream.data)
        elif stream.type in ("data", "attachment"):
            log.warning("%s: a track of %s is left out", target, stream.type)

    def flow() -> Iterator[tuple[Fraction, int, Packet]]:
        first: dict[int, Fraction] = {}
        for packet in given.demux(streams) if streams else ():
            if packet.dts is None and packet.pts is None:
                continue
            index = packet.stream.index
            if index in convert:
                packet = convert[index](packet)
            when = (packet.pts if packet.pts is not None else packet.dts) * packet.time_base
            _moved(packet, when, first.setdefault(index, when), origins[index], given.streams[index])
            packet.stream = made[index]
            yield (packet.dts if packet.dts is not None else packet.pts) * packet.time_base, index + 1, packet

    return flow()


def _moved(packet: Packet, when: Fraction, first: Fraction, origin: tuple[int, Fraction] | None, stream: Any) -> None:
    """Give a packet its time in the original: the start of its track is known, and audio frames have one length."""
    if origin is None:
        return
    start, base = origin
    offset = when - first
    context = stream.codec_context
    size = getattr(context, "frame_size", 0)
    if stream.type == "audio" and size and context.sample_rate and base < packet.time_base:
        length = Fraction(size, context.sample_rate)
        steps = round(offset / length)
        if abs(steps * length - offset) <= Fraction(1, 500):
            offset = steps * length
    time = start + round(offset / base)
    late = 0 if packet.dts is None or packet.pts is None else packet.pts - packet.dts
    late = round(late * packet.time_base / base)
    lasts = round(packet.duration * packet.time_base / base) if packet.duration else 0
    packet.time_base = base
    packet.pts, packet.dts, packet.duration = time, time - late, lasts
