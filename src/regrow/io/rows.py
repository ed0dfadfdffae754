"""The rows of an opened picture, and what to say where they cannot be decoded."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyvips

from regrow.errors import RegrowError
from regrow.io.formats import reason

ROWS_BYTES = 2**21
"""Size in bytes of the blocks of rows that iterating over a picture gives."""

_TAKE = "get a fresh copy, or take what there is of it with --partial"


class Rows:
    """The rows of a picture, from top to bottom, once: call `read(n)`, or iterate over blocks.

    Blocks have shape (n, width, bands); uint8 (0 to 255) or uint16 (0 to 65535). Where the file turns out to be damaged
    or cut short, `failed` makes the error that is raised of libvips's; where it is None, such rows are 0. `confirm` is
    called after the last row, and raises libvips's error where rows were not whole after all.
    """

    def __init__(
        self,
        image: pyvips.Image,
        failed: Callable[[pyvips.Error], RegrowError] | None,
        confirm: Callable[[], None] = lambda: None,
    ) -> None:
        self._region = pyvips.Region.new(image)
        self._image = image  # holds what the file is read through, which a region does not
        self._failed, self._confirm = failed, confirm
        self._dtype = np.uint16 if image.format == "ushort" else np.uint8
        self._shape = (image.width, image.bands)
        self.height: int = image.height
        self.position = 0

    def read(self, count: int) -> "np.ndarray[Any, Any]":
        """The next `count` rows; fewer at the end, and none after it."""
        count = min(count, self.height - self.position)
        if count <= 0:
            return np.empty((0, *self._shape), self._dtype)
        data = self._taken(count) if self._failed is None else self._fetched(count)
        self.position += count
        return np.frombuffer(data, self._dtype).reshape(count, *self._shape)

    def _fetched(self, count: int) -> bytes:
        try:
            data: bytes = self._region.fetch(0, self.position, self._shape[0], count)
            if self.position + count == self.height:
                self._confirm()
        except pyvips.Error as error:
            assert self._failed
            raise self._failed(error) from error
        return data

    def _taken(self, count: int) -> bytes:
        """Row by row, for those beside a row that cannot be decoded may be there."""
        rows = []
        for row in range(self.position, self.position + count):
            try:
                rows.append(self._region.fetch(0, row, self._shape[0], 1))
            except pyvips.Error:
                rows.append(bytes(self._shape[0] * self._shape[1] * np.dtype(self._dtype).itemsize))
        return b"".join(rows)

    def __iter__(self) -> "Iterator[np.ndarray[Any, Any]]":
        row = self._shape[0] * self._shape[1] * np.dtype(self._dtype).itemsize
        # Whole groups of 16 rows suit the blocks that JPEG and most TIFF files are cut into.
        count = max(16, ROWS_BYTES // row // 16 * 16)
        while len(block := self.read(count)):
            yield block


def damaged(name: str, error: pyvips.Error, *, in_part: bool = False) -> RegrowError:
    """What to say of a file that cannot be decoded; `in_part` where some of it can be."""
    what = reason(error)
    if "heif" in what.lower() and ("unsupported" in what.lower() or "plugin" in what.lower()):
        return RegrowError(f"{name}: this kind of HEIF cannot be read here ({what}); convert it to AVIF, PNG or JPEG")
    told = f" ({what})" if error.detail else ""  # without details libvips names a function of its own
    return RegrowError(
        f"{name}: cannot be decoded, being damaged, cut short or of an unusual kind{told}; "
        + (_TAKE if in_part else "get a fresh copy or save it as PNG")
    )


def lacking(name: str, *, in_part: bool) -> RegrowError:
    """What to say of a file that lacks data, though its decoder would not."""
    return RegrowError(f"{name}: is cut short or damaged; {_TAKE if in_part else 'get a fresh copy'}")
