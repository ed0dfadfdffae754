"""Ctrl-C: the first ends the work in order, a further one at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from regrow.cli.streams import say
from regrow.io.paths import remove_parts

CODE = 130
"""The exit code after an interrupt."""


@contextmanager
def heeded() -> Iterator[None]:
    """Let the first Ctrl-C raise KeyboardInterrupt, and any further one end the process, with no part of a file left.

    Where signals are ignored, as in the background of some shells, or are not ours to take, nothing changes.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _first)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is _first:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _first(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _further)
    raise KeyboardInterrupt


def _further(number: int, frame: FrameType | None) -> None:
    """What threads still do cannot be waited for."""
    remove_parts()
    say("regrow: interrupted again, and left at once")
    os._exit(CODE)
