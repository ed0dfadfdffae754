"""How the memory of the process is held."""

from __future__ import annotations

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # the names of glibc's malloc.h
LARGEST_MMAP_THRESHOLD = 32 << 20
HELD = 512 << 20


def hold_freed() -> None:
    """Let the allocator keep up to half a gibibyte that was freed, on Linux with glibc; elsewhere nothing is done.

    Nets take and free the same large pieces over and over. Once given back to the system, each returns page by page,
    which can take as long as computing what is written there.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        mallopt(TRIM_THRESHOLD, HELD)
