"""What goes wrong, in words for the person who asked."""

from __future__ import annotations

import errno
import os
import unicodedata


class RegrowError(Exception):
    """A failure the user can understand: one line that repeats what was given, what is wrong and what to do.

    The command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class UsageError(RegrowError):
    """The request itself cannot be met: a wrong option, a wrong combination, a missing input."""

    exit_code = 2


class Fault(RegrowError):
    """Something that nobody foresaw."""


class BestSoFar(KeyboardInterrupt):
    """An interrupt that left a result: the best there was by then."""


def printable(name: object) -> str:
    r"""A name or message on one line: what could break it or disturb a terminal is escaped, as in `a\nb.png`."""
    text = os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else str(name)
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":  # spaces of any script
        return character
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is no text
        return f"\\x{ord(character) - 0xDC00:x}"
    return character.encode("unicode_escape").decode()


_TO_DO = {
    errno.ENOSPC: "make room there, or name another place",
    errno.EDQUOT: "make room there, or name another place",
    errno.EFBIG: "files may not be so large there; name another place",
    errno.EROFS: "name another place",
    errno.EMFILE: "take fewer --jobs, or raise the limit (ulimit -n)",
    errno.ENFILE: "close other programs",
    errno.ENAMETOOLONG: "take a shorter name",
    errno.EACCES: "ask for the right to do so, or name another",
    errno.EPERM: "ask for the right to do so, or name another",
    errno.EBADF: "it is closed",
    errno.EIO: "the device or its connection fails",
}
MEMORY = "the memory does not suffice; take a smaller --tile or fewer --jobs"


def worded(error: Exception, name: str | None = None) -> RegrowError:
    """Any exception as one that a person can understand.

    Args:
        error: what was raised.
        name: what was worked on, where the exception does not name a file.
    """
    if isinstance(error, RegrowError):
        return error
    what = " ".join(str(getattr(error, "strerror", None) or error).split())
    if isinstance(error, OSError):
        named = error.filename if isinstance(error.filename, str | bytes | os.PathLike) else name
        return _of(named, (what or type(error).__name__) + what_to_do(error))
    if isinstance(error, MemoryError) or _lacks_memory(what):
        return _of(name, MEMORY)
    if isinstance(error, RecursionError):
        return _of(name, "is nested too deeply to be read")
    if isinstance(error, UnicodeError):
        return _of(name, f"a name or text is not in Unicode ({what}); rename it, or save the text as UTF-8")
    if isinstance(error, ImportError):
        return _of(name, f"a library cannot be loaded ({what}); install regrow again")
    if type(error).__module__.partition(".")[0] in ("pyvips", "av"):
        return _of(name, f"cannot be read or written ({what})")
    told = f"{type(error).__name__}: {what}" if what else type(error).__name__
    return Fault(str(_of(name, f"a fault of regrow itself: {told}; please report it with what --debug shows")))


def what_to_do(error: Exception) -> str:
    """The end of a message: what helps where the system refuses something."""
    to_do = _TO_DO.get(getattr(error, "errno", None) or 0)
    return f"; {to_do}" if to_do else ""


def _of(name: object, words: str) -> RegrowError:
    return RegrowError(f"{printable(name)}: {words}" if name else words)


def _lacks_memory(what: str) -> bool:
    """Whether a library says so in its own words: torch raises RuntimeError."""
    return any(words in what.lower() for words in ("out of memory", "can't allocate memory", "not enough memory"))
