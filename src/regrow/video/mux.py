"""The file of a result: encoded frames at their times, with all other tracks of the clip they were made from."""

from __future__ import annotations

import heapq
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError
from regrow.io.paths import atomic
from regrow.video import artwork, matroska, riff
from regrow.video.clip import Clip
from regrow.video.disk import Written, why_not
from regrow.video.encoding import CONTAINERS
from regrow.video.reader import FIELDS_OF_AVI, OWN, main, open_container
from regrow.video.segments import Segments
from regrow.video.tracks import Starts, add_tracks

if TYPE_CHECKING:
    from av import Packet
    from av.stream import Stream

_MATROSKA = ("matroska", "webm")
_STALE = ("bps", "number_of_", "_statistics", "alpha_mode", "stereo_mode")
"""Beginnings of the names of what mkvmerge and others say of a video track's bytes."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a file gets beside the encoded frames."""

    clip: Clip
    """The clip that they are made from, as players should show it."""
    time_base: Fraction
    """Of the times of frames."""
    metadata: dict[str, str]
    """Further metadata; an empty value removes what the clip says."""
    starts: Starts | None = None
    """Start times of the other tracks in the original of the clip, which may have rounded them."""

    @property
    def source(self) -> Path | None:
        """The file whose other tracks, chapters and metadata are copied."""
        path = Path(self.clip.name)
        return path if not self.clip.once and path.is_file() else None


def assemble(
    segments: Segments, target: Path, times: list[tuple[int, int]], contents: Contents, *, most: int | None = None
) -> None:
    """Write the file.

    Args:
        segments: the encoded frames.
        target: path of the file, which is written whole or not at all.
        times: time and duration of every frame.
        contents: all that it gets beside them.
        most: number of packets of other tracks that are copied; all when not given.

    Raises:
        RegrowError: the container cannot hold one of the tracks, or cannot be written.
    """
    import av

    with atomic(target) as part:
        try:
            _write(segments, target, part, times, contents, most)
        except (av.FFmpegError, ValueError, OSError) as error:
            raise RegrowError(f"{target}: {why_not(error)}") from error


def _write(
    segments: Segments, target: Path, part: Path, times: list[tuple[int, int]], contents: Contents, most: int | None
) -> None:
    import av

    clip, source, kind = contents.clip, contents.source, CONTAINERS[target.suffix.lower()]
    options = {"movflags": "use_metadata_tags+faststart"} if kind in ("mp4", "mov") else {}
    given = open_container(str(source)) if source else None
    art = artwork.pictures(source) if source else []
    with (
        Written(part, target) as file,
        _template(segments, clip) as template,
        av.open(file, "w", format=kind, options=options) as out,
    ):
        stream = out.add_stream_from_template(template.streams.video[0], opaque=True)
        stream.time_base = contents.time_base
        if (tag := template.streams.video[0].codec_context.codec_tag).strip(
            "\0"
        ) and stream.codec_context.name == "prores":
            stream.codec_context.codec_tag = tag  # which says the profile
        name = _describe(out, stream, given, contents, kind)
        if segments.encoding.pixels.alpha and stream.codec_context.name in ("vp8", "vp9", "libvpx-vp9"):
            stream.metadata["alpha_mode"] = "1"
        artwork.announce(out, art, target.suffix.lower())
        flows = [_frames(segments, times, contents.time_base, stream)]
        if given:
            flows.append(islice(add_tracks(given, out, target, contents.starts), most))
        for _, _, packet in heapq.merge(*flows, key=lambda item: item[0]):
            out.mux(packet)
    if given:
        given.close()
    artwork.place(part, art, target.suffix.lower())
    if name is not None and clip.aspect:
        if kind == "avi":
            riff.state_aspect(part, segments.size, clip.aspect, name)
        else:
            matroska.state_aspect(part, clip.aspect, name)


def _describe(out: Any, stream: Any, given: Any, contents: Contents, kind: str) -> str | None:
    """Say everything of a file and of its frames; gives the name of their track where it is yet to be written."""
    clip, said = contents.clip, contents.metadata
    if given:
        kept = {k: v for k, v in given.metadata.items() if k.lower() not in OWN}
        out.metadata.update({k: v for k, v in kept.items() if k not in said})
        first = main(given, clip.name)
        own = {k: v for k, v in first.metadata.items() if k.lower() not in OWN and not k.lower().startswith(_STALE)}
        stream.metadata.update(own)
        stream.disposition = first.disposition
        if kind != "avi" and given.chapters():
            out.set_chapters(given.chapters())
    out.metadata.update({k: v for k, v in said.items() if v})
    if kind == "avi":  # it has names for a few fields only
        for field, key in FIELDS_OF_AVI.items():
            if said.get(key):
                out.metadata[field] = f"{key}={said[key]}"
    if clip.matrix:
        stream.set_display_matrix(clip.matrix)
    if not clip.aspect or clip.aspect == 1:
        return None
    stream.sample_aspect_ratio = clip.aspect
    if kind not in (*_MATROSKA, "avi"):
        return None
    name = str(stream.metadata.get("title", ""))
    stream.metadata["title"] = riff.room(name) if kind == "avi" else matroska.ROOM
    return name


def _template(segments: Segments, clip: Clip) -> Any:
    """An opened container whose only stream is like that of the result."""
    import av

    first = segments.first()
    if clip.light and first.suffix == ".mkv":
        with first.open("rb") as file:
            return av.open(io.BytesIO(matroska.with_light(file.read(2**25), clip.light)))
    return av.open(os.path.abspath(first))


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
