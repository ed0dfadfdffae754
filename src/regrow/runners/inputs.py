"""What a person names as inputs of a batch: files, folders, patterns, frames, and standard input."""

from __future__ import annotations

import errno
import glob
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from regrow.errors import RegrowError, UsageError, worded
from regrow.io.paths import PICTURE_SUFFIXES, STDIO, VIDEO_SUFFIXES, is_pattern, names_video
from regrow.io.search import Passed, Search

ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)


@dataclass
class Inputs:
    """Inputs, one after another, and what is found there."""

    out: str
    """What they become."""
    passed: list[Passed]
    """What was passed over."""
    names: list[str] = field(default_factory=list)
    """What was given."""
    found: list[tuple[str, Path]] = field(default_factory=list)
    """Each source, and where it belongs in a folder of results."""
    several: bool = False
    """Whether there may be several, be it one by chance, so that results go into a folder."""

    def add(self, item: str) -> None:
        """Take one. UsageError where it does not exist."""
        self.names.append(item)
        if item == STDIO:
            self.found.append((item, Path("stdin.png")))
        elif not item:
            raise UsageError("an input has an empty name; name a file or folder")
        elif os.path.isdir(item) and not names_video(self.out):
            self._folder(item)
        elif os.path.exists(item):
            self.found.append((item, Path(os.path.basename(os.path.normpath(item)))))
        elif is_pattern(item):
            self.found.append((item, Path(f"{Path(item).parent.name or 'clip'}.png")))
        elif glob.has_magic(item) and (matches := sorted(glob.glob(item, recursive=True))):
            self._matches(matches, deep="**" in item)
            if "**" in item:
                self._unreadable_below(item)
        else:
            raise _absent(item)

    def _folder(self, item: str) -> None:
        self.several = True
        folder, below = os.path.realpath(item), os.path.realpath(self.out)
        if below == folder:
            raise UsageError(f"{item}: would be mixed with its own results; name another output folder")
        # Results of an earlier run are no pictures to work on.
        search = Search(Path(item), leave_out=Path(below) if Path(folder) in Path(below).parents else None)
        self.found += [(str(path), path.relative_to(item)) for path in search.files()]
        self.passed += search.passed

    def _matches(self, matches: list[str], *, deep: bool) -> None:
        """Files that a pattern matches; folders are left to `**`."""
        self.several |= len(matches) > 1
        seen = set[str]()
        for path in matches:
            place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            if place in seen:  # links lead in circles
                continue
            seen.add(place)
            try:
                mode = os.stat(path).st_mode
            except OSError as error:
                self.passed.append(Passed(Path(path), Search.reason(error, Path(path))))
                continue
            if stat.S_ISREG(mode):
                self.found.append((path if path != STDIO else os.path.join(".", path), Path(os.path.basename(path))))
            elif not deep or not stat.S_ISDIR(mode):
                what = "a folder; name it, or take **" if stat.S_ISDIR(mode) else Search.special(mode)
                self.passed.append(Passed(Path(path), what))

    def _unreadable_below(self, pattern: str) -> None:
        """What `**` did not enter, of which nobody hears otherwise."""
        parts = Path(pattern).parts
        plain = next(i for i, part in enumerate(parts) if glob.has_magic(part))
        search = Search(Path(*parts[:plain]))
        for _ in search.files():
            pass
        self.passed += [passed for passed in search.passed if passed.lost and os.path.isdir(passed.path)]

    def nothing(self) -> RegrowError:
        """That nothing was found."""
        names = ", ".join(self.names)
        if lost := [passed for passed in self.passed if passed.lost]:
            return RegrowError(f"{names}: no pictures there; passed over: {', '.join(map(str, lost[:5]))}")
        known = " ".join(sorted(PICTURE_SUFFIXES | VIDEO_SUFFIXES))
        return UsageError(f"{names}: no pictures there; known suffixes are {known}")


def _absent(item: str) -> RegrowError:
    """Why there is no such input."""
    try:
        os.stat(item)
    except ValueError:  # a name that no path can have
        pass
    except OSError as error:
        if error.errno == errno.ENOENT and os.path.islink(item):
            return UsageError(f"{item}: is a link to nothing")
        if error.errno not in ABSENT:
            return worded(error, item)
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            return UsageError(f"{item}: no such file ({error.strerror})")
    return UsageError(f"{item}: no such file or folder")
