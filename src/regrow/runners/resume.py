"""Whether a result is there already, so that a batch that is run again goes on where it stopped."""

from __future__ import annotations

import os
from typing import Any

from regrow.errors import RegrowError
from regrow.operations.plan import Operation
from regrow.runners.dispatch import runner


def is_done(operation: Operation, source: Any, target: str | os.PathLike[str]) -> bool:
    """Whether `target` is newer than `source` and what the operation makes of it, as far as headers tell."""
    try:
        if not newer(target, source):
            return False
        kind = runner(source, target)
        return operation.plan(kind.header(source, operation, target)).made(kind.header(target))
    except RegrowError:
        return False


def newer(target: Any, source: Any) -> bool:
    """Whether both are files and the first was changed last."""
    try:
        return os.stat(target).st_mtime_ns >= os.stat(source).st_mtime_ns
    except OSError:
        return False
