"""Whether a result is there already, so that a batch that is run again goes on where it stopped."""

from __future__ import annotations

import os
from enum import Enum
from typing import Any

from regrow.errors import RegrowError
from regrow.operations.plan import Operation
from regrow.runners.alike import alike
from regrow.runners.dispatch import runner


class State(Enum):
    """What a file is that has the name of a result."""

    DONE = "done already"
    BEGUN = "begun: goes on from there"
    """The best that an interrupted fit had by then."""
    OTHER = "exists, made by something else: needs --force"


def state_of(operation: Operation, source: Any, target: str | os.PathLike[str], *, look: bool = False) -> State:
    """What `target` is, as far as headers tell; what is older than `source` was made from something else.

    Args:
        operation: what is done to `source`.
        source, target: paths.
        look: whether pixels are looked at, too: headers of two photographs, or of two clips, may be the same.
    """
    try:
        if newer(target, source):
            kind = runner(source, target)
            plan, result = operation.plan(kind.header(source, operation, target)), kind.header(target)
            if plan.made(result):
                same = not look or operation.fitted or alike(kind.first(source), kind.first(target))
                return State.DONE if same else State.OTHER
            if plan.begun(result):
                return State.BEGUN
    except (RegrowError, OSError):
        pass
    return State.OTHER


def newer(target: Any, source: Any) -> bool:
    """Whether both are files and the first was changed last."""
    try:
        return os.stat(target).st_mtime_ns >= os.stat(source).st_mtime_ns
    except (OSError, ValueError):
        return False
