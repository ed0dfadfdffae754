"""Growing a small file of a lossy codec."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.inference.resize import cropped
from regrow.inference.restore import restore_rows
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.io.carrying import given_back
from regrow.io.codecs import UNKNOWN, Facts
from regrow.io.formats import Format
from regrow.io.metadata import Metadata
from regrow.io.passport import Passport
from regrow.operations.coded import nets
from regrow.operations.plan import Header, Plan, Rows
from regrow.operations.restorers import NONE
from regrow.size import Size

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer


@dataclass(frozen=True, kw_only=True)
class CodedGrowPlan(Plan):
    """How one small file is grown by the net behind its codec."""

    header: Header
    model: str
    """Name or folder of the net, or `NONE` where the codec alone was better."""
    exact: Size
    """Of the original."""
    passport: Passport | None
    guessed: bool = False
    """Whether nobody said the size of the original."""
    device: str = "auto"
    tile: int | None = None

    @cached_property
    def net(self) -> CodecRestorer | None:
        """The net, told of the file; None where the codec alone was better."""
        return None if self.model == NONE else nets.net(self.model, self.facts, self.device)

    @property
    def facts(self) -> Facts:
        """What the file states, else what the passport does."""
        quality = self.passport.quality if self.passport else None
        if self.header.facts != UNKNOWN or quality is None:
            return self.header.facts
        return nets.codec("avif").facts(quality)

    @property
    def size(self) -> Size:
        """Of the result."""
        return self.exact

    @property
    def channels(self) -> int:
        """Of the original."""
        return self.passport.colours if self.passport else self.header.channels

    @property
    def depth(self) -> int:
        """Of the original, 8 where nobody says."""
        return self.passport.depth if self.passport else 8

    @property
    def identity(self) -> str:
        """Passport, net and size."""
        return repr((self.passport, self.model, tuple(self.size)))

    def made(self, result: Header) -> bool:
        """Whether a picture has the size; AVIF may have stored it turned."""
        return self.size in (result.size, result.size[::-1])

    def metadata(self, form: Format) -> Metadata:
        """What the original had."""
        own = self.header.metadata
        return given_back(own, self.passport) if self.passport else own

    def notes(self, form: Format) -> Iterator[str]:
        """That a size is a guess, that the net goes by the pixels alone, and that one was trained anew since."""
        passport = self.passport
        if self.model != NONE and self.facts == UNKNOWN:
            yield "nothing tells how coarsely it was coded; the file itself grows better, if it is JPEG or WebP"
        if self.guessed and self.size != self.header.size:
            yield f"says no size; the original may have a pixel or two fewer than {self.size}: correct that with --size"
        same = passport is not None and self.model == passport.model != NONE
        if passport and same and not zoo.digest(self.model).startswith(passport.digest):
            yield f"was made for other weights of {self.model}; the result may differ a little from what was told then"

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the grown picture."""
        own, wanted = self.header.channels, self.channels
        quality = self.passport.quality if self.passport else None
        stored = rows()
        if self.net is None and quality is not None:
            stored = [nets.plain("avif").shown(np.concatenate(list(stored)), quality)]
        floats = to_float(stored, own, own)
        if self.net is not None:
            floats = restore_rows(floats, self.header.size, own, self.net, np.float32, self.tile)
        return (to_dtype(block, own, wanted, samples) for block in cropped(floats, self.size))
