"""Standard input, output and error, be they closed, full, or left by whoever read them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from regrow.io.kinds import HEAD, kind_of_bytes

_CLOSED = {"stdin": os.O_WRONLY, "stdout": os.O_RDONLY, "stderr": os.O_WRONLY}
"""How the null device takes the place of a stream that is closed, so that no other file gets its number: reading the
first and writing the second fails, as it should, and messages vanish."""


class _Output(io.FileIO):
    """Standard output, which says so in its errors."""

    def write(self, data: Any) -> int | None:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError as error:
            error.filename = "standard output"
            raise


@contextmanager
def standard_streams() -> Iterator[None]:
    """Let all three streams be there, and what cannot be written to them break nothing in the end."""
    for number, (name, access) in enumerate(_CLOSED.items()):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, access), number)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8", closefd=False))  # noqa: SIM115
    if sys.stdout is sys.__stdout__ or sys.__stdout__ is None:
        raw = io.BufferedWriter(_Output(1, "w", closefd=False))
        sys.stdout.flush()
        # Names of files are bytes, not always text.
        sys.stdout = io.TextIOWrapper(
            raw, sys.stdout.encoding, "surrogateescape", line_buffering=bool(sys.stdout.line_buffering)
        )
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        yield
    finally:
        for number, stream in ((1, sys.stdout), (2, sys.stderr)):
            try:
                stream.flush()
            except (OSError, ValueError):  # what is left would be tried again at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), number)


def say(words: str) -> None:
    """Print a line on standard error, if anybody listens."""
    with suppress(OSError, ValueError, RuntimeError):
        print(words, file=sys.stderr, flush=True)


def standard_input() -> Any:
    """The bytes of a picture on standard input, or the stream itself, where it is a clip."""
    stream: Any = sys.stdin.buffer
    head = stream.peek(HEAD)[:HEAD] if isinstance(stream, io.BufferedReader) else b""
    return stream if kind_of_bytes(head) == "clip" else stream.read()
