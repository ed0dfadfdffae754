"""Taking ordinary images through the chain of restorers."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import tee
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from regrow.errors import UsageError
from regrow.inference.channels import with_channels
from regrow.inference.correction import corrected_rows
from regrow.inference.resize import resized
from regrow.inference.restore import restore_rows
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.inference.stored import stored_rows
from regrow.io.containers import Metadata
from regrow.io.formats import Format
from regrow.operations.chain import Chain
from regrow.operations.colorize import Colors, color_rows, glance, is_grey
from regrow.operations.plan import Header, Operation, Plan, Rows, Turned
from regrow.operations.provenance import losses, marked, recognized
from regrow.operations.restorers import AUTO, NONE, ZSSR, deblocker, deblocker_of
from regrow.progress import Report, silent
from regrow.size import Size, grown_size

if TYPE_CHECKING:
    from regrow.nets.upscale.base import Restorer
    from regrow.operations.restorers import Net
    from regrow.video.clip import Frame

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Restore(Chain, Operation):
    """Takes pictures and clips through a chain: take out what codecs left, colour, enlarge, then enhance."""

    def plan(self, header: Header) -> Plan:
        """The plan for a picture or clip."""
        if header.clip and self.upscaler == ZSSR:
            raise UsageError(f"{ZSSR}: is fitted to one picture; for the frames of a clip take another model")
        if header.clip and self.deblocker not in (NONE, AUTO):
            raise UsageError(f"{header.name}: {self.deblocker} takes out what codecs left in pictures, not in clips")
        return RestorePlan(header, self)


@dataclass(frozen=True, kw_only=True)
class Deblock(Restore):
    """Takes out what lossy codecs left in pictures, and nothing else: the pixels keep their order."""

    turned: ClassVar[Turned] = Turned.WHERE_NEEDED
    undoes_coding: ClassVar[bool] = True

    verb: str = "dejpeg"


@dataclass(frozen=True)
class RestorePlan(Plan):
    """How one picture or clip is restored."""

    header: Header
    asked: Restore
    color: bool = True
    """Whether it gets colours, where there is a colorizer: known once it was looked at."""
    colors: Colors | None = None
    """Those of a picture."""
    fitted: Restorer | None = None
    """The upscaler that was fitted to the picture, if one was."""

    @property
    def size(self) -> Size:
        """Of the result."""
        return self.header.size.times(self.asked.scale)

    @property
    def channels(self) -> int:
        """Of the result."""
        return 3 if self.color and self.asked.colorizer != NONE else self.header.channels

    @property
    def identity(self) -> str:
        """What is done, in words."""
        return self.asked.provenance(color=self.color, deblocker=self.deblocker)

    @property
    def deblocker(self) -> str:
        """Name of what takes out what a codec left in the picture, or `NONE`."""
        return NONE if self.header.clip else deblocker_of(self.asked.deblocker, self.header.facts)

    def made(self, result: Header) -> bool:
        """Whether a result says that just this was done, to a picture of this size."""
        return result.size == self.size and recognized(
            result.metadata.xmp,
            {self.asked.provenance(color=color, deblocker=self.deblocker) for color in (True, False)},
        )

    def metadata(self, form: Format) -> Metadata:
        """The picture's own, with what was done, and without the passport of a small picture."""
        return marked(self.header, self.identity, self.channels, form)

    def notes(self, form: Format) -> Iterator[str]:
        """What is left out."""
        return losses(self.header, self.channels, form)

    def prepared(self, pictures: Iterable[Rows], report: Report = silent) -> Plan:
        """The plan once it is known whether the picture has colours, which it gets, and what enlarges it."""
        self.asked.check()
        if self.header.clip:
            return replace(self, color=self._clip_gets_color(pictures))
        if any(net.frames > 1 for net in self.asked.upscalers):
            raise UsageError(
                f"{self.asked.upscaler}: enlarges frames by what others show of them; it is an upscaler for clips"
            )
        (rows,) = pictures
        self._tell_of_loss()
        plan = self._colored(rows)
        if self.asked.upscaler == ZSSR:
            from regrow.operations import zero_shot

            log.info("%s: a net is fitted to this picture first, which can take minutes", self.header.name)
            scale = max(2, math.ceil(self.asked.scale))
            fitted = zero_shot.fitted(
                plan.source(rows), self.header.size, plan.channels, self.header.name, scale=scale,
                device=self.asked.device, report=report,
            )  # fmt: skip
            plan = replace(plan, fitted=fitted)
        return plan

    def _tell_of_loss(self) -> None:
        """Say what is known of the loss in the coding of a picture from which a deblocker takes what that left."""
        codec = self.header.facts.codec
        if self.deblocker != NONE and codec is None:
            log.info("%s: is not known to come from JPEG or WebP; %s goes by the pixels alone", self.header.name,
                     self.deblocker)  # fmt: skip
        elif self.deblocker != NONE and self.asked.deblocker == AUTO:
            log.info("%s: what %s left is taken out first", self.header.name, codec.upper() if codec else "")

    def _colored(self, rows: Rows) -> RestorePlan:
        if self.asked.colorizer == NONE:
            return replace(self, color=False)
        seen = glance(rows(), self.header.size, self.header.channels)
        if not is_grey(seen):
            kept = self.asked.keep_colors
            log.info("%s: has colours, which %s", self.header.name, "are kept" if kept else "are replaced")
            if kept:
                return replace(self, color=False)
        return replace(self, color=True, colors=Colors.fit(*self.asked.guess(seen, self.header.size)))

    def _clip_gets_color(self, pictures: Iterable[Rows]) -> bool:
        """Whether a clip is to be coloured, as far as some of its frames or, of a stream, its format tell."""
        if self.asked.colorizer == NONE:
            return False
        if not self.asked.keep_colors or self.header.channels == 1:
            return True
        seen = [is_grey(glance(rows(), self.header.size, 3)) for rows in pictures]
        if seen and all(seen):
            return True
        log.info("%s: has colours, which are kept", self.header.name)
        return False

    def source(self, rows: Rows) -> Iterable[np.ndarray]:
        """The rows without what a codec left in them, and with the colours they get."""
        size, channels, found = self.header.size, self.header.channels, rows()
        if self.deblocker != NONE:
            net = deblocker(self.deblocker, self.asked.device, self.header.facts)
            found = stored_rows(found, size, channels, net, np.float32, self.asked.tile, self.header.turned)
        if self.colors is None:
            return found
        return color_rows(found, size, channels, self.colors, np.float32)

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the restored picture."""
        channels = self.channels
        stream = self.enlarged(to_float(self.source(rows), channels, channels), channels)
        return (to_dtype(block, channels, channels, samples) for block in stream)

    def enlarged(self, stream: Iterable[np.ndarray], channels: int) -> Iterator[np.ndarray]:
        """Rows, float32, enlarged and enhanced to the size of the result.

        Where the upscaler looks at a window of frames, their bands lie one after another, of three channels each.
        """
        upscalers = self.asked.upscalers if self.fitted is None else [self.fitted]
        before, stream = tee(stream) if self.asked.correct is not None else (None, stream)
        stream, at = self._through(upscalers, stream, self.header.size, channels, ensemble=self.asked.ensemble)
        if before is not None:
            first = self.window // 2 * channels
            before = (block[..., first : first + channels] for block in before) if first else before
            stream = corrected_rows(stream, before, self.header.size, at, channels, self.asked.correct or 0)
        stream, at = self._through(self.asked.enhancers, stream, at, channels, ensemble=False)
        return resized(stream, at, self.size, channels)

    def _through(
        self, nets: list[Net], stream: Iterable[np.ndarray], at: Size, channels: int, *, ensemble: bool
    ) -> tuple[Iterable[np.ndarray], Size]:
        """Rows of a picture of a size taken through nets one after another, and its size then."""
        tile = self.header.tile(self.asked.tile) if self.header.clip else self.asked.tile
        for net in nets:
            stream = restore_rows(stream, at, channels, net, np.float32, tile, ensemble=ensemble)
            at = grown_size(at, (net.scale, net.scale))
        return stream, at

    @property
    def window(self) -> int:
        """How many frames of a clip the upscaler looks at: 1 where it is one of pictures."""
        return self.asked.upscalers[0].frames if self.asked.upscalers else 1

    def frames(self, frames: Iterable[Frame], samples: Samples, skip: int) -> Iterator[list[Frame]]:
        """Restored frames, one by one, each with what its neighbours show where nets look at them."""
        from regrow.inference.frames import stacked
        from regrow.inference.parallel import mapped
        from regrow.operations.color_smoothing import windows

        window, nets = self.window, [*self.asked.upscalers, *self.asked.enhancers]
        channels = 3 if window > 1 else self.channels

        def restored(around: list[Frame]) -> list[Frame]:
            rows = stacked([frame.pixels for frame in around], channels)
            pixels = np.concatenate(list(self.enlarged(rows, channels)))
            return [replace(around[window // 2], pixels=with_channels(pixels, self.channels))]

        colored = self.asked.guess if self.color and self.asked.colorizer != NONE else None
        around = windows(frames, window, skip, colored, self.header.clip.turns if self.header.clip else 0)
        return mapped(restored, around, self.size.pixels, nets[0].device.type if nets else "cpu")
