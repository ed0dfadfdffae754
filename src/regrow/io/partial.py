"""Whether pictures that lack data are refused, or taken for what there is of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_allowed = ContextVar("partial", default=False)


def allowed() -> bool:
    """Whether pictures that are opened now may lack data."""
    return _allowed.get()


@contextmanager
def allowing(partial: bool) -> Iterator[None]:
    """While the block runs, in this thread, pictures may lack data, or may not."""
    before = _allowed.set(partial)
    try:
        yield
    finally:
        _allowed.reset(before)
