"""What is in a folder: pictures and clips, and what had to be passed over."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from regrow.errors import printable
from regrow.io.kinds import kind_by_name, kind_of
from regrow.io.paths import PICTURE_SUFFIXES, suffix_of

log = logging.getLogger("regrow")

_SPECIAL = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


@dataclass(frozen=True)
class Passed:
    """What was passed over, and why."""

    path: Path
    why: str = ""
    """Empty for a file that is no picture or clip."""
    lost: bool = True
    """Whether it may be, or hold, a picture or clip."""

    def __str__(self) -> str:
        return printable(self.path) + (f" ({self.why})" if self.why else "")


@dataclass
class Search:
    """A walk through a folder and all below it; `passed` is complete when it is over.

    Hidden files and folders, whose names begin with a dot, are left out. Links are followed; a folder is entered once,
    so links cannot lead in circles.
    """

    folder: Path
    leave_out: Path | None = None
    """A folder that is not looked into, such as that of results, without links in its path."""
    passed: list[Passed] = field(default_factory=list)
    _entered: dict[tuple[int, int], Path] = field(default_factory=dict)

    def files(self) -> Iterator[Path]:
        """Pictures and clips, by their bytes or names, in the order of their paths."""
        yield from self._below(self.folder)

    def _below(self, folder: Path) -> Iterator[Path]:
        if self.leave_out and Path(os.path.realpath(folder)) == self.leave_out:
            return
        try:
            state = os.stat(folder)
            first = self._entered.setdefault((state.st_dev, state.st_ino), folder)
            if first is not folder:
                self.passed.append(Passed(folder, f"the same folder as {printable(first)}", lost=False))
                return
            names = sorted(os.listdir(folder))
        except OSError as error:
            self.passed.append(Passed(folder, self.reason(error, folder)))
            return
        # A linked folder comes last, so that the folder itself is the one that is entered.
        paths = [folder / name for name in names if not name.startswith(".")]
        for path in sorted(paths, key=lambda path: path.is_symlink() and path.is_dir()):
            yield from self._at(path)

    def _at(self, path: Path) -> Iterator[Path]:
        named = kind_by_name(path) is not None
        try:
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode):
                yield from self._below(path)
            elif not stat.S_ISREG(mode):
                self.passed.append(Passed(path, self.special(mode), lost=named))
            elif named or kind_of(path):
                yield path
            else:
                self.passed.append(Passed(path, lost=False))
        except OSError as error:
            self.passed.append(Passed(path, self.reason(error, path)))

    @staticmethod
    def special(mode: int) -> str:
        """What is neither file nor folder."""
        return _SPECIAL.get(stat.S_IFMT(mode), "no file")

    @staticmethod
    def reason(error: OSError, path: Path) -> str:
        """Why a path cannot be looked into."""
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            return "a link to nothing"
        return (error.strerror or type(error).__name__).lower()


def find_pictures(folder: Path, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> Iterator[Path]:
    """Every picture below a folder, by its suffix, in order, as `Search` finds them; warns of what is lost."""
    search = Search(folder)
    for path in search.files():
        if suffix_of(path) in suffixes:
            yield path
    for passed in search.passed:
        if passed.lost:
            log.warning("passed over: %s", passed)
