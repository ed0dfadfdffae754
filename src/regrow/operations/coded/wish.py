"""What somebody wants of a small file in a lossy codec."""

from __future__ import annotations

from dataclasses import dataclass, fields
from numbers import Integral, Real

from regrow.errors import UsageError

DEFAULTS = {"jpeg": 80, "webp": 75, "avif": 60}
"""The quality of each codec that results are as good as when nothing is asked for."""
MOST = 10**15
"""Bytes that can be asked for: a number that a passport can state."""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One thing that is asked of a small file, or nothing. UsageError for more than one, and for what cannot be."""

    quality: int | None = None
    """Where the scale is free: what is grown is as good as the codec alone at this quality. Where it is not: the
    quality that the codec is told."""
    bytes: int | None = None
    """The file has at most as many."""
    bpp: float | None = None
    """The file has at most so many bits for each pixel of the original."""
    psnr: float | None = None
    """What is grown differs by so many dB (`rgb`)."""

    def __post_init__(self) -> None:
        for name, kind, words in (
            ("quality", Integral, "a whole number"), ("bytes", Integral, "a whole number"), ("bpp", Real, "a number"),
            ("psnr", Real, "a number"),
        ):  # fmt: skip
            if not isinstance(value := getattr(self, name), kind) and value is not None:
                raise UsageError(f"{name} {value!r}: must be {words}")
        if self.bytes is not None and self.bytes >= MOST:
            raise UsageError(f"bytes: must be less than {MOST}")
        if len(given := self.given) > 1:
            raise UsageError(f"{' and '.join(given)}: say one of them, for each decides the others")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise UsageError(f"quality {self.quality}: must be from 1 to 100")
        if self.bytes is not None and self.bytes < 1:
            raise UsageError(f"bytes {self.bytes}: must be at least 1")
        if self.bpp is not None and not 0 < self.bpp <= 100:
            raise UsageError(f"bpp {self.bpp:g}: must be above 0 and at most 100 bits a pixel")
        if self.psnr is not None and not 10 <= self.psnr <= 60:
            raise UsageError(f"psnr {self.psnr:g}: must be from 10 to 60 dB")

    @property
    def given(self) -> list[str]:
        """The names of what is asked, with its values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return [f"{name} {value:.15g}" for name, value in values.items() if value is not None]

    def limit(self, pixels: int) -> int | None:
        """The most bytes that the file of a picture of so many pixels may have; None where that is not asked."""
        if self.bpp is not None:
            return int(self.bpp * pixels / 8)
        return self.bytes

    def __str__(self) -> str:
        """As passports state it: q75, b40960, r0.15 or p34; empty for nothing."""
        letters = {"quality": "q", "bytes": "b", "bpp": "r", "psnr": "p"}
        values = ((letter, getattr(self, name)) for name, letter in letters.items())
        return "".join(f"{letter}{_decimal(value)}" for letter, value in values if value is not None)


def _decimal(value: float) -> str:
    """A number without an exponent and with at most 12 decimals, which passports can state."""
    return f"{value:.12f}".rstrip("0").rstrip(".")


NOTHING_ASKED = Wish()
