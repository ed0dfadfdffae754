"""Conversion of subtitles between containers, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import Packet


def kind_for(name: str, suffix: str) -> str:
    """Subtitle codec for a container; unchanged wherever the container supports it."""
    suffix = suffix.lower()
    if suffix in (".mp4", ".m4v", ".mov") and name in ("subrip", "srt", "text", "webvtt"):
        return "mov_text"
    if suffix == ".mkv" and name == "mov_text":
        return "subrip"
    return name


def as_text(packet: Packet) -> Packet:
    """A sample of 3GPP timed text (3GPP TS 26.245, 5.17) as a line of SubRip: its styles are left out."""
    data = bytes(packet)
    length = int.from_bytes(data[:2], "big")
    return _with(packet, data[2 : 2 + length])


def from_text(packet: Packet) -> Packet:
    """The inverse."""
    data = bytes(packet)[:65535]
    return _with(packet, len(data).to_bytes(2, "big") + data)


def _with(packet: Packet, data: bytes) -> Packet:
    import av

    made = av.Packet(data)
    made.stream = packet.stream
    made.time_base, made.pts, made.dts = packet.time_base, packet.pts, packet.dts
    made.duration = packet.duration or 0
    made.is_keyframe = True
    return made
