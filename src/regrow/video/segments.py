"""Interruptible encoding: finished pieces are kept in a hidden folder beside the result."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError
from regrow.io.paths import atomic, hidden_beside
from regrow.video.clip import Frame
from regrow.video.disk import Written, why_not
from regrow.video.encoding import Encoder, Encoding, supported
from regrow.video.lock import Lock
from regrow.video.options import GOP
from regrow.video.reader import library

if TYPE_CHECKING:
    from av import Packet

Group = list[Frame]
"""Frames that were made together."""

_PIECES = (".mkv", "matroska"), (".mov", "mov"), (".avi", "avi"), (".nut", "nut")
"""Containers of pieces, of which the first that can hold a codec is taken."""


class Segments:
    """Encoded pieces of a clip; each is complete or absent.

    Args:
        target: the file that the pieces will form.
        settings: everything that affects the result; pieces made with other settings are deleted.
        encoding, width, height, aspect: encoding and size of the frames, and their pixel aspect ratio.
        gop: minimum number of frames of a piece.
    """

    def __init__(
        self,
        target: Path,
        settings: dict[str, Any],
        encoding: Encoding,
        width: int,
        height: int,
        aspect: Fraction | None = None,
        gop: int = GOP,
    ) -> None:
        self.gop, self.target = gop, target
        self.folder = hidden_beside(target)
        self.encoding, self.size, self.aspect = encoding, (width, height), aspect
        said = json.dumps({**settings, "codec": encoding.codec, "options": encoding.options,
                           "format": encoding.stored, "size": self.size}, sort_keys=True)  # fmt: skip
        self.suffix, self.kind = next((s, kind) for s, kind in _PIECES if encoding.codec in supported(kind))
        with _disk(target):
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock = Lock(self.folder / "lock", str(target))
        marker = self.folder / "settings.json"
        if not marker.is_file() or marker.read_text(encoding="utf-8") != said:
            self._clear()
            with _disk(target), atomic(marker) as part:
                part.write_text(said, encoding="utf-8")
        self.writer: _Piece | None = None
        self.pieces: list[dict[str, Any]] = []
        while (known := self._described(len(self.pieces))) is not None:
            self.pieces.append(known)

    @property
    def groups(self) -> int:
        """Number of groups of frames that are done."""
        return sum(len(piece["groups"]) for piece in self.pieces)

    @property
    def frames(self) -> int:
        """Number of frames that are done."""
        return len(self.times)

    @property
    def times(self) -> list[tuple[int, int]]:
        """Time and duration of every frame that is done."""
        return [(time, duration) for piece in self.pieces for time, duration in piece["times"]]

    @property
    def lengths(self) -> list[int]:
        """Number of frames of every group that is done."""
        return [n for piece in self.pieces for n in piece["groups"]]

    def add(self, groups: Iterable[Group]) -> Iterator[int]:
        """Encode further groups of frames; gives the number of frames done after each."""
        held: list[Group] = []
        done = self.frames
        for group in groups:
            writer = self.writer
            if writer is None:
                with _disk(self.target):
                    writer = _Piece(self._path(len(self.pieces)), self.target, self.encoding, *self.size, self.aspect)
                self.writer = writer
            with _disk(self.target):
                for frame in group:
                    writer.write(frame)
            held.append(group)
            done += len(group)
            yield done
            if sum(map(len, held)) >= self.gop:
                self._finish(writer, held)
                held = []
        if self.writer is not None:
            self._finish(self.writer, held)

    def first(self) -> Path:
        """The first piece, whose only stream is like that of all."""
        return self._path(0)

    def packets(self) -> Iterator[tuple[Packet, int]]:
        """Every packet in the order of decoding, with the number of its frame."""
        import av

        first = 0
        for i, piece in enumerate(self.pieces):
            with av.open(os.path.abspath(self._path(i))) as container:
                for packet in container.demux(video=0):
                    if packet.size:
                        number = round(packet.pts * packet.time_base * Encoder.RATE)
                        yield packet, first + number
            first += len(piece["times"])

    def remove(self) -> None:
        """Delete the pieces, once the target is complete or cannot be made of them."""
        self.pieces = []
        self.close()

    def close(self) -> None:
        """Let others write the target; the folder stays where it has pieces."""
        if self.lock.file < 0:
            return
        if self.writer is not None:
            self.writer.abandon()
            self.writer = None
        if not self.pieces:
            self._clear()
        self.lock.release()
        with suppress(OSError):
            self.folder.rmdir()

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path != self.lock.path:
                path.unlink(missing_ok=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}{self.suffix}"

    def _described(self, number: int) -> dict[str, Any] | None:
        try:
            if not self._path(number).is_file():
                return None
            found: dict[str, Any] = json.loads(self._path(number).with_suffix(".json").read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return None

    def _finish(self, writer: _Piece, groups: list[Group]) -> None:
        times = [(frame.time, frame.duration) for group in groups for frame in group]
        piece = {"times": times, "groups": [len(group) for group in groups]}
        path = self._path(len(self.pieces))
        with _disk(self.target):
            with atomic(path.with_suffix(".json")) as part:
                part.write_text(json.dumps(piece), encoding="utf-8")
            writer.close()  # now the piece counts
        self.writer = None
        self.pieces.append(piece)


@contextmanager
def _disk(target: Path) -> Iterator[None]:
    """Say in words that a piece cannot be written."""
    try:
        yield
    except (OSError, library().FFmpegError) as error:
        raise RegrowError(f"{target}: {why_not(error)}") from error


class _Piece:
    """One file being encoded; it takes its name when it is closed."""

    def __init__(
        self, path: Path, target: Path, encoding: Encoding, width: int, height: int, aspect: Fraction | None
    ) -> None:
        import av

        self.path, self.part = path, path.with_suffix(".part")
        kind = dict(_PIECES)[path.suffix]
        self.file = Written(self.part, target)
        self.container = av.open(self.file, "w", format=kind)
        self.encoder = Encoder(self.container, encoding, width, height, aspect=aspect)

    def write(self, frame: Frame) -> None:
        for packet in self.encoder.encode(frame.pixels, frame.alpha):
            self.container.mux(packet)
        self.file.check()

    def close(self) -> None:
        for packet in self.encoder.flush():
            self.container.mux(packet)
        self.container.close()
        self.file.close()
        self.file.check()
        self.part.replace(self.path)

    def abandon(self) -> None:
        with suppress(Exception):
            self.file.close()
        with suppress(Exception):
            self.container.close()
        self.part.unlink(missing_ok=True)
