"""What passes between operations and runners: headers, and plans made from them.

::

    header ──> operation.plan(header) ──> Plan ──> plan.prepared(pictures) ──> rows in ──> plan.rows ──> rows out

A runner knows where pictures are: in a file, in memory, in a clip. An operation knows what is done to them, and nothing
of where they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from regrow.errors import UsageError
from regrow.inference.rows import TILE, Samples
from regrow.io.codecs import UNKNOWN, Facts
from regrow.io.containers import Metadata
from regrow.io.formats import Format
from regrow.progress import Report, silent
from regrow.size import Size

if TYPE_CHECKING:
    from regrow.video.clip import Frame

Rows = Callable[[], Iterable[np.ndarray]]
"""Gives the rows of a picture from the start at each call: (n, width, bands) uint8, uint16 or float32 in [0, 1]."""

FRAME_TILE = 4096
"""Side of a tile of a clip, in pixels, when nobody says: most frames are worked on whole."""


LEAST_TILE = 8
"""Below it, margins cost so much that nothing ends."""


def check_tile(tile: int | None) -> None:
    """UsageError for a side of tiles that is too small."""
    if tile is not None and tile < LEAST_TILE:
        raise UsageError(f"tile {tile}: must be at least {LEAST_TILE} pixels")


class Turned(Enum):
    """When a picture is turned upright, as its orientation says, before an operation sees it."""

    ALWAYS = "nets expect the sky above"
    WHERE_NEEDED = "the format of the result cannot say how viewers must turn it"
    NEVER = "pixels are in the order in which they were stored"


@dataclass(frozen=True, kw_only=True)
class ClipHeader:
    """What is known of a clip beside the header of its frames."""

    turns: int = 0
    """Quarter turns, counter-clockwise, that players give frames."""
    groups: tuple[int, ...] | None = None
    """How many frames were shrunk together each time; None where the clip does not say."""
    result_says_groups: bool = False
    """Whether the result is a file that can say so."""
    result: str = ""
    """Name of the result in messages."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What is known of a picture, or of the frames of a clip, before any pixel is read."""

    name: str
    """In messages."""
    size: Size
    channels: int
    """1 (grey) or 3 (RGB); alpha is not counted."""
    alpha: bool = False
    depth: int = 8
    """Bits of a sample, 8 or 16."""
    metadata: Metadata = field(default_factory=Metadata)
    facts: Facts = UNKNOWN
    """What the file of a picture states of the loss in its coding."""
    turned: int = 1
    """The EXIF orientation by which the pixels of a file were turned upright; 1 where they lie as stored."""
    mark: float | None = None
    """The scale that the stream of bits of a small picture suggests; None for all other pictures."""
    lossy_bytes: int | None = None
    """Bytes of the picture's file, where that is one of a lossy codec."""
    form: Format | None = None
    """Format of the file of the result; None where there is none."""
    clip: ClipHeader | None = None
    """None for a picture."""

    def tile(self, asked: int | None) -> int:
        """Side of a tile in pixels of the larger picture: as asked, else one that suits; frames are worked on whole."""
        return asked or (FRAME_TILE if self.clip else TILE)


class Operation(ABC):
    """What is done to pictures: settings, and plans for pictures of given headers."""

    turned: ClassVar[Turned] = Turned.ALWAYS
    lossless: ClassVar[bool] = False
    """Whether results hide detail, so that clips are stored without loss and with a record of the original."""
    fitted: ClassVar[bool] = False
    """Whether a net is fitted to each picture, of which an early result may look like nothing."""
    lossy = False
    """Whether files of lossy codecs were asked for."""
    undoes_coding: ClassVar[bool] = False
    """Whether what it is given is what a codec left, so that what an image in memory remembers of its file holds: an
    ordinary one may have been resized in place since."""
    original: ClassVar[bool] = False
    """Whether results are the original again: clips get back what the record says."""

    verb: str
    """Its name in messages."""

    @abstractmethod
    def plan(self, header: Header) -> Plan:
        """What is made of a picture or clip with this header. UsageError or RegrowError where nothing can be."""

    def check(self) -> None:  # noqa: B027 - most operations have nothing to check
        """UsageError for settings that fit no picture at all: before a batch begins."""


class Plan(ABC):
    """What an operation makes of one picture or clip, and how. Nets are loaded when they are first needed."""

    header: Header

    @property
    def file(self) -> bytes:
        """The finished file of the result, where making it was part of the preparation; empty elsewhere."""
        return b""

    summary: str = ""
    """What a file that is finished cost and gives, in words."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the preparation, so that the result is the best there was by then."""
        return False

    @property
    @abstractmethod
    def size(self) -> Size:
        """Of the result."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Of the result, 1 or 3; alpha is what the picture has."""

    @property
    def depth(self) -> int:
        """Bits of a sample of the result, 8 or 16."""
        return self.header.depth

    @property
    @abstractmethod
    def identity(self) -> str:
        """All that decides the result: settings, and digests of weights."""

    @abstractmethod
    def made(self, result: Header) -> bool:
        """Whether a finished result is what this plan makes, as far as its header tells; no weights are loaded."""

    def begun(self, result: Header) -> bool:
        """Whether a result is the best that this plan had when it was interrupted."""
        return False

    @abstractmethod
    def metadata(self, form: Format) -> Metadata:
        """What the result carries beside pixels, in a file of this format."""

    def notes(self, form: Format) -> Iterator[str]:
        """What whoever asked should know of the result."""
        yield from ()

    def prepared(self, pictures: Iterable[Rows], report: Report = silent) -> Plan:
        """The plan once it has looked at pixels, where it must; what needs no look is returned as it is.

        Args:
            pictures: the picture, or a few frames of a clip; none where frames can be read only once.
            report: told about progress, where a net is fitted first.
        """
        return self

    @abstractmethod
    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the result, (n, width, channels and perhaps alpha), top to bottom.

        `samples` is the type that the runner can take, of which an operation may give a narrower one.
        """

    def frames(self, frames: Iterable[Frame], samples: Samples, skip: int) -> Iterator[list[Frame]]:
        """Frames of the result, in the groups that were made together, but for the first `skip` groups."""
        raise UsageError(f"{self.header.name}: this is done to pictures, not to clips")
