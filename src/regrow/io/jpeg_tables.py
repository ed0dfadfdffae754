"""Quantization tables of JPEG: those of the standard, what libjpeg makes of them, and how coarse a table is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

LARGEST = 255
"""Step at which baseline JPEG ends, and libjpeg cuts tables off."""


def _table(words: str) -> np.ndarray:
    return np.array([int(word) for word in words.split()]).reshape(8, 8)


LUMA = _table(
    "16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99"
)
CHROMA = _table(
    "17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99 "
    "99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99"
)
"""ITU-T T.81, tables K.1 and K.2: steps in levels of 255, row frequency first."""


def _zigzag() -> tuple[int, ...]:
    cells = ((row, column) for row in range(8) for column in range(8))
    order = sorted(cells, key=lambda c: (sum(c), c[0] if sum(c) % 2 else c[1]))
    return tuple(8 * row + column for row, column in order)


ZIGZAG = _zigzag()
"""Where each step of a file's table belongs, counted row by row (ITU-T T.81, figure A.6)."""


def percent(quality: float) -> float:
    """How many hundredths of the standard's steps libjpeg takes at a quality from 1 to 100."""
    return 5000 / quality if quality < 50 else 200 - 2 * quality


def steps(quality: int) -> tuple[np.ndarray, np.ndarray]:
    """The (8, 8) steps of luma and of chroma that libjpeg uses at a quality from 1 to 100."""
    luma, chroma = (
        np.clip((table * int(percent(quality)) + 50) // 100, 1, LARGEST).astype(np.float32) for table in (LUMA, CHROMA)
    )
    return luma, chroma


def flat(quality: int) -> list[int]:
    """The 64 equal steps of the flat table of mozjpeg at a quality from 1 to 100."""
    return [min(max((16 * int(percent(quality)) + 50) // 100, 1), LARGEST)] * 64


def coarseness(table: Sequence[int], reference: np.ndarray) -> float:
    """How coarse a file's table is, in zigzag order, beside one of the standard: as `regrow.io.codecs.Facts` has it.

    Steps that are cut off say nothing. ValueError for a table that is none.
    """
    expected = reference.reshape(-1)
    pairs = [(step, int(expected[i])) for step, i in zip(table, ZIGZAG, strict=True) if step < LARGEST]
    pairs = pairs or [(LARGEST, int(expected[0]))]
    return math.log2(sum(step for step, _ in pairs) / sum(usual for _, usual in pairs)) / 4
