"""Ctrl-C: the first ends the work in order, a further one at once; what is done is told once."""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from regrow.cli.streams import say
from regrow.io.paths import remove_parts

CODE = 130
"""The exit code after an interrupt."""
LATER = 0.01
"""Seconds after which an interrupt is tried again that came at a bad time."""

_words: list[Callable[[], str]] = []
"""What is to be said of an interrupt, the last of it; nothing where it was said."""
_again: list[threading.Timer] = []
"""The one that tries an interrupt again, if any."""


@contextmanager
def telling(words: Callable[[], str]) -> Iterator[None]:
    """Let these words be said if an interrupt ends the process within the block, or they are told there."""
    _words.append(words)
    yield
    _words.pop()


def tell() -> None:
    """Say that the command was interrupted, and what is done, once."""
    if _words:
        words = _words[-1]
        _words.clear()
        say(f"regrow: {words()}")


def _ours() -> bool:
    """Whether signals are ours to take: not where they are ignored, as in the background of some shells."""
    main = threading.current_thread() is threading.main_thread()
    return main and signal.getsignal(signal.SIGINT) is signal.default_int_handler


@contextmanager
def _taken(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    if not _ours():
        yield
        return
    signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        for again in _again:
            again.cancel()
        _again.clear()
        if signal.getsignal(signal.SIGINT) in (_first, _leave):
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def heeded() -> Iterator[None]:
    """Let the first Ctrl-C raise KeyboardInterrupt and any further one end the process, with no part of a file left."""
    _words[:] = [lambda: "interrupted"]
    with _taken(_first):
        yield


@contextmanager
def leaving() -> Iterator[None]:
    """Let Ctrl-C end the process while nothing is begun yet."""
    _words[:] = [lambda: "interrupted"]
    with _taken(_leave):
        yield


def _called_back(frame: FrameType | None) -> bool:
    """Whether libvips waits for what runs.

    It would take what is raised there for a file that cannot be read, or, where it only logs, for nothing at all.
    """
    while frame:
        name = frame.f_code.co_name
        ours = name.startswith("_marshal_") or name == "_log_handler_callback"
        if ours and frame.f_globals.get("__name__") in ("pyvips", "pyvips.gobject"):
            return True
        frame = frame.f_back
    return False


def _first(number: int, frame: FrameType | None) -> None:
    if _called_back(frame):
        _again[:] = [threading.Timer(LATER, signal.raise_signal, [number])]
        _again[0].daemon = True
        _again[0].start()
        return
    signal.signal(signal.SIGINT, _leave)
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # the interpreter is on its way out then
    raise KeyboardInterrupt


def _leave(number: int, frame: FrameType | None) -> None:
    """What other threads still do is not waited for."""
    remove_parts()
    tell()
    os._exit(CODE)
