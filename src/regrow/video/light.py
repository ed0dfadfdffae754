"""Static metadata of HDR: the display a clip was mastered on (SMPTE ST 2086), and its light level (CTA-861.3)."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Light:
    """Each is None where it is not stated."""

    chromaticities: tuple[float, ...] | None = None
    """x and y of red, green, blue and white."""
    luminances: tuple[float, float] | None = None
    """Least and most of the display, in cd/m2."""
    levels: tuple[int, int] | None = None
    """Maximum content light level and maximum average of a frame, in cd/m2."""

    @classmethod
    def of(cls, side_data: Any) -> Light | None:
        """From the side data of a frame, which are FFmpeg's structures; None where there is nothing."""
        display = side_data.get("MASTERING_DISPLAY_METADATA")
        content = side_data.get("CONTENT_LIGHT_LEVEL")
        colors = luminances = None
        if display is not None:
            numbers = struct.unpack("<22i", bytes(display)[:88])  # ten fractions, and which of them count
            ratios = [a / b if b else 0.0 for a, b in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
            colors = tuple(ratios[:8]) if numbers[20] else None
            luminances = (ratios[8], ratios[9]) if numbers[21] else None
        levels = struct.unpack("<2I", bytes(content)[:8]) if content is not None else (0, 0)
        found = cls(colors, luminances, levels if any(levels) else None)
        return None if found == cls() else found

    @classmethod
    def checked(cls, said: Any) -> Light | None:
        """From the JSON that `asdict` gives, which is not to be trusted. ValueError where it cannot be."""
        if said is None:
            return None
        colors, luminances, levels = (
            None if said[key] is None else list(map(float, said[key])) for key in asdict(cls())
        )
        for numbers, count in ((colors, 8), (luminances, 2), (levels, 2)):
            if numbers is not None and (len(numbers) != count or not all(0 <= n < 2**31 for n in numbers)):
                raise ValueError("light")
        return cls(
            tuple(colors) if colors else None,
            (luminances[0], luminances[1]) if luminances else None,
            (int(levels[0]), int(levels[1])) if levels else None,
        )

    def like(self, other: Light | None) -> bool:
        """Whether another says the same, up to rounding."""
        if other is None:
            return False
        for mine, theirs in ((self.chromaticities, other.chromaticities), (self.luminances, other.luminances),
                             (self.levels, other.levels)):  # fmt: skip
            if (mine is None) != (theirs is None):
                return False
            if mine and theirs and any(abs(a - b) > 1e-4 * max(1, abs(a)) for a, b in zip(mine, theirs, strict=True)):
                return False
        return True
