"""Files that FFmpeg writes through Python, so that a full disk is noticed."""

from __future__ import annotations

import errno
from pathlib import Path
from types import TracebackType

from regrow.errors import RegrowError
from regrow.io.formats import printable

FULL_DISK = "the disk is full; free some space and give the same command again, which goes on from there"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def why_not(error: BaseException) -> str:
    """Why a file cannot be written, in words."""
    if getattr(error, "errno", None) in _FULL:
        return FULL_DISK
    return f"cannot be written ({printable(getattr(error, 'strerror', None) or error)})"


class Written:
    """A new file for PyAV. FFmpeg swallows most errors of writing, and PyAV prints those of Python: both ask `check`.

    Args:
        path: where it is; nothing is buffered, for FFmpeg may open it a second time.
        target: the result it is for, in messages.
    """

    def __init__(self, path: Path, target: Path) -> None:
        self.name, self.target = str(path), target
        self.error: OSError | None = None
        self.file = path.open("w+b", buffering=0)

    def write(self, data: bytes) -> int:
        """Write all of it, or remember why not."""
        view = memoryview(data)
        try:
            while view and self.error is None:
                view = view[self.file.write(view) :]
        except OSError as error:
            self.error = error
        return len(data)

    def read(self, size: int = -1) -> bytes:
        """As a file does."""
        return self.file.read(size) or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """As a file does."""
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        """As a file does."""
        return self.file.tell()

    def check(self) -> None:
        """RegrowError where something could not be written."""
        if self.error is not None:
            raise RegrowError(f"{self.target}: {why_not(self.error)}") from self.error

    def close(self) -> None:
        """Close it."""
        self.file.close()

    @property
    def closed(self) -> bool:
        """As a file says."""
        return self.file.closed

    def __enter__(self) -> Written:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None or not isinstance(error, RegrowError):
            self.check()
