"""Nets that must see pixels as a codec stored them, run over pictures that were turned upright since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from regrow.inference.resize import cropped
from regrow.inference.restore import restore_rows
from regrow.inference.rows import Net, Samples
from regrow.size import Size

if TYPE_CHECKING:
    from regrow.nets.upscale.base import Restorer


class Turn(NamedTuple):
    """How upright pixels were made of those that were stored: transposed first, then reversed."""

    transposed: bool
    down: bool
    """Whether the order of the rows was reversed."""
    across: bool
    """Whether the order of the columns was."""


TURNS = {
    1: Turn(False, False, False),
    2: Turn(False, False, True),
    3: Turn(False, True, True),
    4: Turn(False, True, False),
    5: Turn(True, False, False),
    6: Turn(True, False, True),
    7: Turn(True, True, True),
    8: Turn(True, True, False),
}
"""By the EXIF orientation of what was stored."""


def stored_rows(
    rows: Iterable[np.ndarray],
    size: Size,
    channels: int,
    model: Restorer,
    dtype: Samples = np.uint8,
    tile: int | None = None,
    orientation: int = 1,
) -> Iterator[np.ndarray]:
    """As `regrow.inference.restore.restore_rows`, by a net that keeps the size and sees pixels as they were stored.

    Where the stored picture ends, it is extended to whole cells of the net's grid, as codecs do, so tiles of the
    upright picture begin where the grid does, however it was turned. Nothing but a tile is ever turned back.

    Args:
        rows, size, channels, dtype, tile: as for `restore_rows`.
        model: the net, whose scale is 1.
        orientation: the EXIF orientation by which the stored pixels were turned upright, 1 to 8; 1 where they lie as
            stored.

    Yields:
        (n, width, bands) of that dtype, top to bottom.
    """
    turn = TURNS[orientation]
    more = Size(-size.width % model.grid, -size.height % model.grid)
    whole = Size(size.width + more.width, size.height + more.height)
    extended = _extended(rows, more, turn)
    found = restore_rows(extended, whole, channels, model, dtype, tile, seen=lambda net: turned_back(net, turn))
    return cropped(_behind(found, more.height if turn.down else 0, more.width if turn.across else 0), size)


def turned_back(net: Net, turn: Turn) -> Net:
    """The net that gives for an upright picture, (h, w, c), what `net` gives for the one that was stored."""
    reversed_ = tuple(axis for axis, is_reversed in ((0, turn.down), (1, turn.across)) if is_reversed)

    def run(x: np.ndarray) -> np.ndarray:
        stored = np.flip(x, reversed_)
        found = net(stored.swapaxes(0, 1)).swapaxes(0, 1) if turn.transposed else net(stored)
        return np.flip(found, reversed_)

    return run if any(turn) else net


def _extended(rows: Iterable[np.ndarray], more: Size, turn: Turn) -> Iterator[np.ndarray]:
    """Rows with so many more columns and rows, repeated where the stored picture ended."""
    columns = (more.width, 0) if turn.across else (0, more.width)
    above, below, block = more.height * turn.down, more.height * (not turn.down), None
    for block in (np.pad(block, ((0, 0), columns, (0, 0)), mode="edge") for block in rows):
        if above:
            yield np.repeat(block[:1], above, axis=0)
            above = 0
        yield block
    if below and block is not None:
        yield np.repeat(block[-1:], below, axis=0)


def _behind(rows: Iterable[np.ndarray], top: int, left: int) -> Iterator[np.ndarray]:
    """Rows without the first ones and the first columns."""
    for block in rows:
        skipped = min(top, len(block))
        top -= skipped
        if skipped < len(block):
            yield block[skipped:, left:]
