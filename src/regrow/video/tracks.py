"""The tracks of a clip that are copied beside its frames: sound, subtitles, attachments."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError
from regrow.video.artwork import held, pictures
from regrow.video.reader import OWN, covers, open_container
from regrow.video.subtitles import as_text, from_text, kind_for
from regrow.video.times import copied, packets

if TYPE_CHECKING:
    from av import Packet

Starts = dict[str, tuple[int, Fraction]]
Flow = Iterator[tuple[Fraction, int, "Packet"]]


def tracks(source: Path) -> Starts:
    """First time stamp and time base of every track that is copied, by its number."""
    with open_container(str(source)) as container:
        streams = copied(container)
        numbers = {stream.index: str(number) for number, stream in enumerate(streams)}
        found: Starts = {}
        for packet in packets(container, _video(container)) if streams else ():
            number = numbers.get(packet.stream.index)
            if number is not None and packet.pts is not None and number not in found:
                found[number] = (packet.pts, packet.time_base)
            if len(found) == len(streams):
                break
        return found


def left_out(source: Path, target: Path) -> Iterator[str]:
    """Remarks on what of a file cannot be copied into another."""
    suffix = target.suffix.lower()
    with open_container(str(source)) as given:
        for stream in given.streams:
            kind = stream.type
            if kind in ("audio", "subtitle") and stream.codec_context is None:
                yield f"has a track of {kind} of an unknown kind, which is left out"
            elif kind == "data":
                yield "has a track of data, which is left out"
            elif kind == "attachment" and suffix != ".mkv":
                yield f"has an attachment ({stream.name or 'without a name'}), which {suffix} cannot hold: take .mkv"
        lost = len(covers(given)) - len(held(pictures(source), suffix))
        if lost:
            yield f"has cover art, of which {suffix} cannot hold {lost} of {len(covers(given))}"
        if given.chapters() and suffix == ".avi":
            yield "has chapters, which .avi cannot hold: take .mkv"


def add_tracks(given: Any, out: Any, target: Path, starts: Starts | None) -> Flow:
    """Add the tracks of one opened file to another, and give their packets, with what they are to be sorted by."""
    made: dict[int, Any] = {}
    convert: dict[int, Any] = {}
    origins: dict[int, tuple[int, Fraction] | None] = {}
    for number, stream in enumerate(copied(given)):
        name = stream.codec_context.name
        wanted = kind_for(name, target.suffix) if stream.type == "subtitle" else name
        if wanted == name:
            made[stream.index] = _copy(stream, out, target)
        else:
            made[stream.index] = out.add_mux_stream(wanted)
            convert[stream.index] = as_text if wanted == "subrip" else from_text
        copy = made[stream.index]
        copy.metadata.update({k: v for k, v in stream.metadata.items() if k.lower() not in OWN})
        copy.disposition = stream.disposition
        origins[stream.index] = (starts or {}).get(str(number))
    if target.suffix.lower() == ".mkv":
        for stream in given.streams:
            if stream.type == "attachment":
                out.add_attachment(stream.name or "attachment", stream.mimetype or "", stream.data)

    def flow() -> Flow:
        first: dict[int, Fraction] = {}
        last: dict[int, int] = {}
        for packet in packets(given, _video(given)) if made else ():
            index = packet.stream.index
            if index not in made or (packet.dts is None and packet.pts is None):
                continue
            if index in convert:
                packet = convert[index](packet)
            when = (packet.pts if packet.pts is not None else packet.dts) * packet.time_base
            _moved(packet, when, first.setdefault(index, when), origins[index], given.streams[index])
            _ordered(packet, last, index)
            packet.stream = made[index]
            yield (packet.dts if packet.dts is not None else packet.pts) * packet.time_base, index + 1, packet

    return flow()


def _copy(stream: Any, out: Any, target: Path) -> Any:
    """A track like another. RegrowError where the container cannot hold it."""
    from av.bitstream import BitStreamFilterContext

    try:
        return out.add_stream_from_template(stream, opaque=True)
    except (ValueError, OSError) as error:
        if target.suffix.lower() == ".mkv" and stream.type == "audio":
            # Matroska holds whatever Windows' sound has a number for, but FFmpeg lists only what has a name there.
            copy = out.add_mux_stream("pcm_s16le", rate=stream.codec_context.sample_rate)
            BitStreamFilterContext("null", in_stream=stream, out_stream=copy)
            return copy
        other = "another container" if target.suffix.lower() == ".mkv" else ".mkv"
        raise RegrowError(
            f"{target}: cannot hold the {stream.type} track ({stream.codec_context.name}) of the clip; take {other}"
        ) from error


def _video(container: Any) -> Any:
    return next((s for s in container.streams.video if s not in covers(container)), None)


def _ordered(packet: Packet, last: dict[int, int], index: int) -> None:
    """Let times of decoding grow, as containers require, where pieces of a joined file overlap."""
    if packet.dts is None:
        return
    if index in last and packet.dts <= last[index]:
        late = last[index] + 1 - packet.dts
        packet.dts += late
        packet.pts = None if packet.pts is None else max(packet.pts, packet.dts)
    last[index] = packet.dts


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
