"""One run at a time at one result."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from regrow.errors import RegrowError


class Lock:
    """An exclusive lock on a file; the system takes it away from a process that ends, however it ends.

    Args:
        path: the file, in a folder that exists; it is made, and removed by `release`.
        target: what is written under it, in messages.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        while True:
            self.file = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
            if not _locked(self.file):
                os.close(self.file)
                raise RegrowError(f"{target}: another run is writing it; wait until it is done, or name another output")
            if _same(self.file, path):
                return
            os.close(self.file)  # it was removed by the run that had it

    def release(self) -> None:
        """Give it up."""
        if self.file >= 0:
            self.path.unlink(missing_ok=True)
            os.close(self.file)
            self.file = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False


def _locked(file: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return not isinstance(error, BlockingIOError)  # a file system that knows no locks
    return True
