"""Interruptible encoding: finished pieces are kept in a hidden folder beside the result."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regrow.errors import RegrowError
from regrow.io.paths import atomic, hidden_beside
from regrow.video.clip import Frame
from regrow.video.encoding import Encoder, Encoding
from regrow.video.options import GOP

if TYPE_CHECKING:
    from av import Packet

Group = list[Frame]
"""Frames that were made together."""


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
        self.gop = gop
        self.folder = hidden_beside(target)
        self.encoding, self.size, self.aspect = encoding, (width, height), aspect
        said = json.dumps({**settings, "codec": encoding.codec, "options": encoding.options,
                           "format": encoding.stored, "size": self.size}, sort_keys=True)  # fmt: skip
        marker = self.folder / "settings.json"
        if not marker.is_file() or marker.read_text(encoding="utf-8") != said:
            shutil.rmtree(self.folder, ignore_errors=True)
            with atomic(marker) as part:
                part.write_text(said, encoding="utf-8")
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
        writer: _Piece | None = None
        done = self.frames
        for group in groups:
            writer = writer or _Piece(self._path(len(self.pieces)), self.encoding, *self.size, self.aspect)
            for frame in group:
                writer.write(frame.pixels)
            held.append(group)
            done += len(group)
            yield done
            if sum(map(len, held)) >= self.gop:
                self._finish(writer, held)
                writer, held = None, []
        if writer is not None:
            self._finish(writer, held)

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

    def template(self) -> Any:
        """An opened container whose only stream is like that of all pieces."""
        import av

        return av.open(os.path.abspath(self._path(0)))

    def remove(self) -> None:
        """Delete the pieces, once the target is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06}.mkv"

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
        with atomic(path.with_suffix(".json")) as part:
            part.write_text(json.dumps(piece), encoding="utf-8")
        writer.close()  # now the piece counts
        self.pieces.append(piece)


class _Piece:
    """One file being encoded; it takes its name when it is closed."""

    def __init__(self, path: Path, encoding: Encoding, width: int, height: int, aspect: Fraction | None) -> None:
        import av

        self.path, self.part = path, path.with_suffix(".part")
        try:
            self.container = av.open(os.path.abspath(self.part), "w", format="matroska")
            self.encoder = Encoder(self.container, encoding, width, height, aspect=aspect)
        except (av.FFmpegError, OSError) as error:
            raise RegrowError(f"{self.part}: cannot be written ({error.strerror})") from error

    def write(self, pixels: np.ndarray) -> None:
        for packet in self.encoder.encode(pixels):
            self.container.mux(packet)

    def close(self) -> None:
        for packet in self.encoder.flush():
            self.container.mux(packet)
        self.container.close()
        self.part.replace(self.path)
