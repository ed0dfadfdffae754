"""The sides of pictures and of their small ones, at any ratio: which pixels of one are made of which of the other.

The arithmetic is the same for arrays and for tensors, so that it may be part of a net that is exported.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from regrow.cubic import REACH

if TYPE_CHECKING:
    from torch import Tensor

    Values = TypeVar("Values", np.ndarray, Tensor)

Span = tuple[int, int]
"""From, to (exclusive)."""

MOST = 2
"""The most by which one application of nets for any scale shrinks a side."""

FILTERS = 8
"""Full-size pixels that the learned filters of a small one reach."""


class Way(NamedTuple):
    """What is made along a side, and of what."""

    inputs: int
    """Pixels of the whole side before."""
    outputs: int
    """Pixels of the whole side after."""
    seen: Span
    """Which of the inputs there are."""
    made: Span
    """Which of the outputs are made."""

    @property
    def first(self) -> int:
        """The first of the inputs that there are."""
        return self.seen[0]

    @property
    def length(self) -> int:
        """How many inputs there are."""
        return self.seen[1] - self.seen[0]

    @property
    def wide(self) -> float:
        """How many inputs an output covers, at least 1."""
        return max(1.0, self.inputs / self.outputs)

    @property
    def taps(self) -> int:
        """The inputs that the bicubic kernel reaches."""
        return 2 * math.ceil(REACH * self.wide)

    def places(self, taps: int) -> tuple[np.ndarray, np.ndarray]:
        """The fraction of the position of each output, (n,), and the inputs around each, (n, taps)."""
        fraction, first = positions(self.inputs, self.outputs, np.arange(*self.made))
        return fraction, mirrored(first[:, None] + np.arange(taps) - (taps // 2 - 1), self.inputs)


@dataclass(frozen=True)
class Side:
    """One side of a picture and of its small one, or a part of it."""

    full: int
    """Pixels of the whole side."""
    small: int
    fulls: Span
    """Which of them there are."""
    smalls: Span

    @classmethod
    def whole(cls, full: int, small: int) -> Side:
        """All of it."""
        return cls(full, small, (0, full), (0, small))

    @property
    def scale(self) -> float:
        """How many times smaller it becomes."""
        return self.full / self.small

    @property
    def shrinking(self) -> Way:
        """From the full length to the small one."""
        return Way(self.full, self.small, self.fulls, self.smalls)

    @property
    def growing(self) -> Way:
        """From the small length to the full one."""
        return Way(self.small, self.full, self.smalls, self.fulls)


Sides = tuple[Side, Side]
"""Height and width."""


class Application(NamedTuple):
    """One application of a pair of nets, to a picture or a part of it."""

    sides: Sides
    last: bool
    """Whether it gives the small picture."""

    def of_part(self, sides: Sides) -> Application:
        """The same to a part."""
        return self._replace(sides=sides)


def applications(full: tuple[int, int], small: tuple[int, int], *, relative: bool) -> list[Application]:
    """How a picture is shrunk where an application shrinks by `MOST` at most: all of them, from the full size on.

    Args:
        full, small: (height, width) of the picture and of its small one.
        relative: whether all but the first shrink by `MOST`; else all but the last do.
    """
    count = max(1, max((-(-n // less) - 1).bit_length() for n, less in zip(full, small, strict=True)))
    sizes = [full]
    for step in range(1, count):
        if relative:
            size = tuple(min(n, less * MOST ** (count - step)) for n, less in zip(full, small, strict=True))
        else:
            size = tuple(max(-(-n // MOST), less) for n, less in zip(sizes[-1], small, strict=True))
        sizes.append((size[0], size[1]))
    sizes.append(small)
    return [
        Application((Side.whole(before[0], after[0]), Side.whole(before[1], after[1])), last=step == count)
        for step, (before, after) in enumerate(itertools.pairwise(sizes), 1)
    ]


def positions(inputs: Any, outputs: Any, made: Values) -> tuple[Values, Values]:
    """Where outputs have their centres among the inputs: the fraction, and the input before it, (n,).

    Args:
        inputs, outputs: pixels of the whole side before and after.
        made: numbers of the outputs, (n,).
    """
    # In whole numbers: large pictures have positions that float32 cannot hold.
    doubled = (2 * made + 1) * inputs - outputs
    first = doubled // (2 * outputs)
    return (doubled - 2 * outputs * first) / (2 * outputs), first


def mirrored(at: Values, count: Any) -> Values:
    """Positions beyond the ends of `count` samples as those within, the edge sample repeated (MATLAB's "symmetric").

    Examples:
        >>> import numpy as np
        >>> from regrow.sides import mirrored
        >>> mirrored(np.array([-2, -1, 0, 2, 3, 4]), 3).tolist()
        [1, 0, 0, 2, 2, 1]
    """
    at = at % (2 * count)
    return at.clip(max=2 * count - 1 - at)  # no division: torch 2.13 compiles an index that has one wrongly


def fulls_for(full: int, small: int, smalls: Span) -> Span:
    """The full-size pixels that some small ones are made of."""
    way = Side(full, small, (0, full), smalls).shrinking
    return _span(way, max(FILTERS, way.taps))


def smalls_for(full: int, small: int, fulls: Span) -> Span:
    """The small pixels that some full-size ones are grown of."""
    return _span(Side(full, small, fulls, (0, small)).growing, 2 * REACH)


def fulls_of(full: int, small: int, smalls: Span) -> Span:
    """The full-size pixels that are grown of none but some small ones; perhaps none."""
    at = Side.whole(full, small).growing.places(2 * REACH)[1]
    inside = np.flatnonzero(((at >= smalls[0]) & (at < smalls[1])).all(1))
    return (int(inside[0]), int(inside[-1]) + 1) if len(inside) else (0, 0)


def _span(way: Way, taps: int) -> Span:
    at = way.places(taps)[1]
    return int(at.min()), int(at.max()) + 1
