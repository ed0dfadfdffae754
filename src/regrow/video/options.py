"""How clips are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from regrow.errors import UsageError
from regrow.typed import check_fields

GOP = 48
"""Default number of frames from one key frame to the next."""


@dataclass(frozen=True, kw_only=True)
class Video:
    """Options for reading and writing clips. UsageError for invalid values."""

    codec: str | None = None
    """ffv1, h264, h264rgb, hevc, vp9, av1, prores or FFmpeg's name of an encoder; else one that suits the file."""
    crf: float | None = None
    """Quality of the encoder: lower is better, 0 is lossless where the encoder supports that."""
    rate: Fraction | float | str | None = None
    """Frames a second of a folder of frames, such as 25 or "30000/1001"; 25 when None."""

    gop: int = GOP
    """Maximum number of frames from one key frame to the next; an interrupted run repeats at most that many."""

    def __post_init__(self) -> None:
        check_fields(self)
        if not 1 <= self.gop <= 10_000:
            raise UsageError(f"gop {self.gop}: must be from 1 to 10000 frames")
        if self.crf is not None and not 0 <= self.crf <= 63:
            raise UsageError(f"crf {self.crf:g}: must be from 0 to 63")
        try:
            rate = None if self.rate is None else Fraction(self.rate).limit_denominator(100_000)
        except (TypeError, ValueError, OverflowError, ZeroDivisionError):
            raise UsageError(f"rate {self.rate}: expected frames a second, such as 25 or 30000/1001") from None
        if rate is not None and not 0 < rate <= 1000:
            raise UsageError(f"rate {self.rate}: must be above 0 and at most 1000 frames a second")
        object.__setattr__(self, "rate", rate)

    @property
    def frames_a_second(self) -> Fraction | None:
        """The rate as a fraction."""
        return None if self.rate is None else Fraction(self.rate)
