"""Outputs of a clip: a video file, frames as pictures, or a stream."""

from __future__ import annotations

import hashlib
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from regrow.errors import RegrowError
from regrow.io.paths import atomic, is_pattern, names_folder, numbered
from regrow.io.search import find_pictures
from regrow.video import mux
from regrow.video.clip import Clip
from regrow.video.encoding import Encoder, Encoding
from regrow.video.folder import listed, write_frame
from regrow.video.options import GOP
from regrow.video.segments import Group, Segments


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

    @abstractmethod
    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write further groups; gives the number of frames that are done after each."""

    @abstractmethod
    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Complete the result. `times` replaces the times of the frames."""


class FileSink(Sink):
    """A video file: encoded piece by piece, then put together with the other tracks of the clip.

    Args:
        target: its path.
        clip: the clip that it is made from.
        encoding, size: encoding and size of its frames.
        settings: everything else that affects the result.
        time_base: time base of the result.
        starts: as for `regrow.video.mux.assemble`.
        gop: as for `regrow.video.segments.Segments`.
    """

    def __init__(
        self,
        target: Path,
        clip: Clip,
        encoding: Encoding,
        size: tuple[int, int],
        settings: dict[str, Any],
        time_base: Fraction,
        starts: mux.Starts | None,
        gop: int = GOP,
    ) -> None:
        self.target, self.clip, self.time_base, self.starts = target, clip, time_base, starts
        self.source = Path(clip.name) if Path(clip.name).is_file() else None
        state = self.source.stat() if self.source else None
        origin = [clip.name, state and state.st_size, state and state.st_mtime_ns]
        self.segments = Segments(target, {**settings, "origin": origin}, encoding, *size, clip.aspect, gop)
        self.skip = self.segments.groups

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Encode them."""
        return self.segments.add(groups)

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Write the file and delete the pieces."""
        held = self.segments.times
        if not held:
            raise RegrowError(f"{self.clip.name}: has no frames that can be decoded")
        if times is not None and len(times) != len(held):
            raise RegrowError(
                f"{self.clip.name}: has {len(held)} frames and says that it was shrunk with {len(times)}; it was cut "
                "or damaged since: get the file as regrow made it"
            )
        mux.assemble(
            self.segments, self.target, times or held, self.time_base, source=self.source, metadata=metadata,
            matrix=self.clip.matrix, aspect=self.clip.aspect, starts=self.starts,
        )  # fmt: skip
        self.segments.remove()


class FramesSink(Sink):
    """Pictures, numbered from 1 on or named as those they are made from, turned as players would turn them.

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
        if self.marker.is_file() and self.marker.read_text(encoding="utf-8") == said:
            # A clip that is a folder has no further names.
            with suppress(IndexError):
                while self.path(self.skip + 1).is_file():
                    self.skip += 1
        else:
            with atomic(self.marker) as part:
                part.write_text(said, encoding="utf-8")

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write a picture for each frame."""
        done = self.skip
        for group in groups:
            for frame in group:
                done += 1
                turned = np.ascontiguousarray(np.rot90(frame.pixels, self.clip.turns))
                write_frame(self.path(done), turned, depth=self.depth, xmp=self.xmp)
            yield done

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """All frames are there."""
        self.marker.unlink()


class StreamSink(Sink):
    """Standard output: y4m, or Matroska where frames are RGB. Other tracks are left out.

    Args:
        stream: binary, to be written to.
        clip: the clip that the frames come from.
        encoding: for the suffix of a container.
        size: (width, height) of the frames.
        metadata: metadata that are known before the first frame.
    """

    def __init__(
        self, stream: Any, clip: Clip, encoding: Encoding, size: tuple[int, int], metadata: dict[str, str]
    ) -> None:
        import av

        self.clip = clip
        plain = not encoding.pixels.is_rgb
        self.container = av.open(stream, "w", format="yuv4mpegpipe" if plain else "matroska")
        if plain:
            encoding = Encoding("rawvideo", encoding.pixels)
        else:
            self.container.metadata.update(metadata)
        self.encoder = Encoder(self.container, encoding, *size, aspect=clip.aspect, rate=clip.rate)

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Write them."""
        done = 0
        for group in groups:
            for frame in group:
                self.container.mux(self.encoder.encode(frame.pixels))
                done += 1
            yield done

    def finish(self, metadata: dict[str, str], times: list[tuple[int, int]] | None) -> None:
        """Write what is left."""
        self.container.mux(self.encoder.flush())
        self.container.close()
