"""The before/after sheet: details of pictures side by side, as one PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips

from regrow.io.paths import atomic

SIDE = 96
"""Side of a detail, in pixels of the original."""
ZOOM = 3
GAP = 6
HEIGHT = 200
"""Of whole pictures, in pixels."""


def write_sheet(rows: list[dict[str, np.ndarray]], path: Path, corner: tuple[int, int] | None = None) -> None:
    """Draw one row of details for each picture, labelled columns, enlarged without smoothing.

    Args:
        rows: for each picture, (H, W, 3) uint8 by label; the first is the original, all of one size, or smaller (a
            small picture, shown enlarged).
        path: PNG to write.
        corner: (y, x) of the top left of the details; where a picture has most fine structure when not given.
    """
    lines = [_row(row, corner) for row in rows]
    sheet = pyvips.Image.arrayjoin(lines, across=1, shim=GAP, background=[255])
    with atomic(path) as part:
        sheet.pngsave(str(part), keep="none")


def write_overview(rows: list[dict[str, np.ndarray]], path: Path) -> None:
    """Draw one row of whole pictures for each picture, `HEIGHT` pixels high, with labels.

    Args:
        rows: for each picture, (H, W, 3) uint8 by label; all of one size.
        path: PNG to write.
    """
    lines = []
    for row in rows:
        cells = []
        for label, picture in row.items():
            whole = pyvips.Image.new_from_array(np.ascontiguousarray(picture)).copy(interpretation="srgb")
            cells.append(_captioned(whole.resize(HEIGHT / whole.height), label))
        lines.append(pyvips.Image.arrayjoin(cells, across=len(cells), shim=GAP, background=[255]))
    width = max(line.width for line in lines)
    lines = [line.embed(0, 0, width, line.height, extend="background", background=[255]) for line in lines]
    sheet = pyvips.Image.arrayjoin(lines, across=1, shim=GAP, background=[255])
    with atomic(path) as part:
        sheet.pngsave(str(part), keep="none")


def _row(pictures: dict[str, np.ndarray], corner: tuple[int, int] | None) -> pyvips.Image:
    original = next(iter(pictures.values()))
    top, left = corner or _busiest(original)
    sides = original.shape[:2]
    places = [np.arange(start, min(start + SIDE, n)) for start, n in zip((top, left), sides, strict=True)]
    cells = []
    for label, picture in pictures.items():
        y, x = (place * m // n for place, m, n in zip(places, picture.shape[:2], sides, strict=True))
        detail = pyvips.Image.new_from_array(np.ascontiguousarray(picture[y[:, None], x]))
        detail = detail.copy(interpretation="srgb").zoom(ZOOM, ZOOM)
        cells.append(_captioned(detail, label))
    return pyvips.Image.arrayjoin(cells, across=len(cells), shim=GAP, background=[255])


def _captioned(picture: pyvips.Image, label: str) -> pyvips.Image:
    words = pyvips.Image.text(label, font="sans 10", dpi=96).invert()
    words = words.embed(2, 4, picture.width, 26, background=[255], extend="background")
    return words.bandjoin([words, words]).copy(interpretation="srgb").join(picture, "vertical")


def _busiest(picture: np.ndarray) -> tuple[int, int]:
    """Top left of the detail with the most fine structure, away from the rim."""
    fine = np.abs(np.diff(picture.astype(np.float32).mean(-1), axis=1))[:-1]
    step = SIDE // 2
    places = [
        (fine[y : y + SIDE, x : x + SIDE].mean(), y, x)
        for y in range(0, max(1, picture.shape[0] - SIDE), step)
        for x in range(0, max(1, picture.shape[1] - SIDE), step)
    ]
    _, top, left = max(places)
    return top, left
