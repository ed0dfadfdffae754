"""Sizes of pictures."""

from __future__ import annotations

from typing import NamedTuple


class Size(NamedTuple):
    """Width and height in pixels. Inside nets it is (height, width): `Size.hw`."""

    width: int
    height: int

    @property
    def hw(self) -> tuple[int, int]:
        """(height, width), as tensors have it."""
        return self.height, self.width

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height

    def __str__(self) -> str:
        """As in 641x427."""
        return f"{self.width}x{self.height}"
