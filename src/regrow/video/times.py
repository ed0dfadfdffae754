"""Times of packets without jumps, as broadcasts and joined files have them, from near 0 on."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import Packet
    from av.stream import Stream

LATE = Fraction(1)
"""A clip that begins later, in seconds, begins at 0: a broadcast counts from when its sender was switched on."""
AHEAD, BACK = Fraction(10), Fraction(1, 10)
"""A packet that lies further ahead of the one before, or back, in seconds, is where times jump: FFmpeg's own bounds."""


def copied(container: Any) -> list[Stream]:
    """The streams beside the video that can be copied."""
    return [s for s in container.streams if s.type in ("audio", "subtitle") and s.codec_context is not None]


def packets(container: Any, video: Stream | None) -> Iterator[Packet]:
    """Packets of a video stream and of all that are copied, in the file's order, with times that do not jump.

    The same for everyone who reads the file, whichever streams they take: all streams together say where times jump.
    """
    from av.format import Flags

    streams = [*([video] if video else []), *copied(container)]
    if not streams:
        return
    start = Fraction(container.start_time or 0, 1_000_000)
    offset = -start if start >= LATE else Fraction(0)
    jumps = bool(container.format.flags & Flags.ts_discont.value)
    expected: dict[int, Fraction] = {}
    last: Fraction | None = None
    for packet in container.demux(streams):
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            yield packet
            continue
        when = stamp * packet.time_base + offset
        if jumps and packet.dts is not None and packet.stream.type in ("video", "audio"):
            jump = _jump(when, expected.get(packet.stream.index), last)
            offset, when = offset - jump, when - jump
            last = when + (packet.duration or 0) * packet.time_base
            expected[packet.stream.index] = last
        shift = round(offset / packet.time_base)
        packet.dts = None if packet.dts is None else packet.dts + shift
        packet.pts = None if packet.pts is None else packet.pts + shift
        yield packet


def _jump(when: Fraction, expected: Fraction | None, last: Fraction | None) -> Fraction:
    """By how much times jump at a packet: 0 nearly always."""
    if expected is not None:
        jump = when - expected
        return jump if jump > AHEAD or jump < -BACK else Fraction(0)
    jump = Fraction(0) if last is None else when - last
    return jump if abs(jump) > AHEAD else Fraction(0)
