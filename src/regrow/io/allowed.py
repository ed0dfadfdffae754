"""What may be opened and made: files are not trusted further than whoever runs regrow says."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from regrow.errors import RegrowError, UsageError
from regrow.size import Size

MOST = 2**31
"""Pixels that a picture can have at all."""


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What may be opened and made.

    Args:
        partial: whether pictures that lack data are taken for what there is of them.
        max_pixels: pixels that a picture or frame may have, opened or grown, up to 2,147,483,648.

    UsageError where `max_pixels` is no such number.
    """

    partial: bool = False
    max_pixels: int = 2**28

    def __post_init__(self) -> None:
        if not 1 <= self.max_pixels <= MOST:
            raise UsageError(f"max_pixels {self.max_pixels}: must be from 1 to {MOST}")

    def check(self, name: str, size: Size) -> None:
        """RegrowError for pictures that are larger: opened, grown or enlarged."""
        if size.pixels > MOST:
            raise RegrowError(f"{name}: {size} is too large; regrow reads and writes up to {MOST} pixels")
        if size.pixels > self.max_pixels:
            raise RegrowError(
                f"{name}: {size} has more than {self.max_pixels} pixels; "
                f"if you trust it, say --max-pixels {size.pixels}"
            )


_allowed = ContextVar("allowed", default=Allowed())  # noqa: B039 - frozen


def allowed() -> Allowed:
    """What may be opened and made now, in this thread."""
    return _allowed.get()


@contextmanager
def allowing(*, partial: bool | None = None, max_pixels: int | None = None) -> Iterator[None]:
    """While the block runs, in this thread, other things are allowed; what is not said stays as it was.

    Args:
        partial: whether pictures that lack data are taken for what there is of them; they are refused at first.
        max_pixels: pixels that a picture or frame may have, opened or grown, 1 to 2,147,483,648; 268,435,456 at first.

    Raises:
        UsageError: `max_pixels` is no such number.

    Example:
        >>> import regrow
        >>> with regrow.allowing(max_pixels=1000):
        ...     regrow.shrink("photo.png", "s.png")
        Traceback (most recent call last):
        ...
        regrow.errors.RegrowError: photo.png: 128x96 has more than 1000 pixels; if you trust it, say --max-pixels 12288
    """
    now = _allowed.get()
    now = now if partial is None else replace(now, partial=partial)
    before = _allowed.set(now if max_pixels is None else replace(now, max_pixels=max_pixels))
    try:
        yield
    finally:
        _allowed.reset(before)
