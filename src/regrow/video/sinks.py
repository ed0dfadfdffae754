"""Outputs of a clip: a video file, or frames as pictures; `regrow.video.streams` has the third kind."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from regrow.errors import RegrowError
from regrow.io.paths import atomic, is_pattern, names_folder, numbered
from regrow.io.search import find_pictures
from regrow.video import mux
from regrow.video.clip import Clip
from regrow.video.disk import FULL_DISK
from regrow.video.encoding import Encoding
from regrow.video.folder import listed, write_frame
from regrow.video.lock import Lock
from regrow.video.options import GOP
from regrow.video.rehearsal import rehearse
from regrow.video.segments import Group, Segments

log = logging.getLogger("regrow")


def exists(target: str) -> bool:
    """Whether a target exists: a file, or frames that are not those of an interrupted run."""
    if is_pattern(target):
        return numbered(target, 1).exists() and not _marker(target).exists()
    if names_folder(target):
        return next(find_pictures(Path(target)), None) is not None and not _marker(target).exists()
    return Path(target).exists()


def _marker(target: str) -> Path:
    """The file that exists while frames are being written."""
    if not is_pattern(target):
        return Path(target) / ".frames.regrow"
    return numbered(target, 1).parent / f".{os.path.basename(target).replace('%', '')}.regrow"


def _paths(target: str, clip: Clip) -> Callable[[int], Path]:
    """Paths of frames, counted from 1: by a pattern, or in a folder under their own names."""
    folder = Path(target)
    if is_pattern(target):
        return partial(numbered, target)
    if not Path(clip.name).is_dir():
        return partial(numbered, str(folder / "%05d.png"))
    names = [path.relative_to(clip.name).with_suffix(".png") for path in listed(clip.name)]
    return lambda number: folder / names[number - 1]


class Sink(ABC):
    """An output that takes groups of frames and, at the end, their times and metadata."""

    skip = 0
    """Number of groups that an interrupted run has completed."""
    frames = 0
    """Number of frames of these groups."""

    @abstractmethod
    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write further groups; gives the number of frames that are done after each."""

    @abstractmethod
    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Complete the result. `times` replaces the times of the frames."""

    def give_up(self) -> None:  # noqa: B027
        """Throw away what an interrupted run would go on from."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of what is held, whether the result is complete or not."""


class FileSink(Sink):
    """A video file: encoded piece by piece, then put together with the other tracks of the clip.

    Args:
        target: its path.
        contents: the clip that it is made from, and all that is copied.
        encoding, size: encoding and size of its frames.
        settings: everything else that affects the result.
        gop: as for `regrow.video.segments.Segments`.

    Raises:
        RegrowError: it cannot be written: nothing is, and no frame was computed.
    """

    def __init__(
        self,
        target: Path,
        contents: mux.Contents,
        encoding: Encoding,
        size: tuple[int, int],
        settings: dict[str, Any],
        gop: int = GOP,
    ) -> None:
        self.target, self.contents = target, contents
        encoding, remarks = rehearse(target, encoding, size, contents)
        for remark in remarks:
            log.warning(remark)
        state = contents.source.stat() if contents.source else None
        origin = [contents.clip.name, state and state.st_size, state and state.st_mtime_ns]
        self.segments = Segments(target, {**settings, "origin": origin}, encoding, *size, contents.clip.aspect, gop)
        self.skip, self.frames = self.segments.groups, self.segments.frames

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Encode them."""
        return self.segments.add(groups)

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Write the file and delete the pieces, which are kept only where the disk is full."""
        held, name = self.segments.times, self.contents.clip.name
        if not held:
            raise RegrowError(f"{name}: has no frames that can be decoded")
        if times is not None and len(times) != len(held):
            self.segments.remove()
            raise RegrowError(
                f"{name}: has {len(held)} frames and says that it was shrunk with {len(times)}; it was cut "
                "or damaged since: get the file as regrow made it"
            )
        if self.target.suffix.lower() == ".avi" and (times or held)[0][0]:
            log.warning("%s: its first frame is shown from the beginning on, and not later as in the clip; .avi "
                        "cannot say so, take .mkv", self.target)  # fmt: skip
        try:
            mux.assemble(self.segments, self.target, times or held, replace(self.contents, metadata=metadata))
        except RegrowError as error:
            if FULL_DISK not in str(error):
                self.segments.remove()
            raise
        self.segments.remove()

    def give_up(self) -> None:
        """Delete the pieces."""
        self.segments.remove()

    def close(self) -> None:
        """Let others write the target."""
        self.segments.close()


class FramesSink(Sink):
    """Pictures, numbered from 1 on or named as those they are made from. Frames are turned already.

    Args:
        target: a pattern such as frames/%05d.png, or a folder.
        clip: the clip that they are made from.
        depth: bits of a sample, 8 or 16.
        xmp: XMP packet of each picture.
        settings: everything that affects the result.
    """

    def __init__(self, target: str, clip: Clip, depth: int, xmp: bytes | None, settings: dict[str, Any]) -> None:
        self.path, self.clip, self.depth, self.xmp = _paths(target, clip), clip, depth, xmp
        said = hashlib.sha256(json.dumps([clip.name, settings], sort_keys=True).encode()).hexdigest()
        self.marker = _marker(target)
        folder = self.marker.parent
        self._new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = Lock(self.marker.with_name(f"{self.marker.name}.lock"), target)
        if self.marker.is_file() and self.marker.read_text(encoding="utf-8") == said:
            # A clip that is a folder has no further names.
            with suppress(IndexError):
                while self.path(self.skip + 1).is_file():
                    self.skip += 1
        else:
            with atomic(self.marker) as part:
                part.write_text(said, encoding="utf-8")
        self.done = self.frames = self.skip

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write a picture for each frame."""
        for group in groups:
            for frame in group:
                path = self.path(self.done + 1)
                write_frame(path, frame.pixels, depth=self.depth, xmp=self.xmp, alpha=frame.alpha)
                self.done += 1
            yield self.done

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """All frames are there."""
        self.marker.unlink(missing_ok=True)

    def close(self) -> None:
        """Let others write them; where there is none yet, nothing is left behind."""
        if not self.done:
            self.marker.unlink(missing_ok=True)
        self.lock.release()
        with suppress(OSError):  # the first that is not empty ends it
            for folder in self._new:
                folder.rmdir()
