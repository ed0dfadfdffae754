"""Arguments as shells pass them on, before they are read as options and names."""

from __future__ import annotations

import os
import re
from pathlib import Path

from regrow.errors import UsageError
from regrow.io.paths import names_file


def checked(arguments: list[str]) -> list[str]:
    """Arguments without an empty one, in which names of files that begin with a dash are no options.

    Raises:
        UsageError: one is empty, as where a shell's variable is not set: it must not become the current folder.
    """
    for before, argument in zip(["regrow", *arguments], arguments, strict=False):
        if not argument or re.fullmatch(r"--?[a-z][a-z-]*=", argument):
            where = argument or f"after {before}"
            raise UsageError(
                f"an argument is empty ({where}); is a variable not set? say what is meant, or leave it out"
            )
    return [f".{os.sep}{argument}" if _is_file(argument) else argument for argument in arguments]


def folder(path: Path | None) -> Path | None:
    """A folder to write to. UsageError for one that looks like a file, such as out.png, and is no folder yet."""
    if path is not None and names_file(str(path)):
        raise UsageError(f"{path}: looks like a file, and a folder is to be written; name a folder")
    return path


def _is_file(argument: str) -> bool:
    """Whether an argument that begins like an option is the name of a file; names of options have no dots."""
    option = re.match(r"-o|--?[a-z][a-z-]*(=|$)", argument)
    return argument[:1] == "-" and argument != "-" and not option and os.path.lexists(argument)
