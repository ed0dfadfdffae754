"""Restoring by a deep image prior: a net that is fitted to the one picture it restores."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from regrow.errors import UsageError
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.inference.transparency import HIDDEN, filled
from regrow.io.containers import Metadata
from regrow.io.formats import Format
from regrow.io.provenance import INTERRUPTED
from regrow.operations.plan import Header, Operation, Plan, Rows
from regrow.operations.provenance import marked, recognized
from regrow.operations.restorers import LARGEST_SCALE
from regrow.priors.options import Prior
from regrow.progress import Report, silent
from regrow.size import Size

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.priors.deep_image import Watch
    from regrow.priors.picture_fit import PictureFit, Pieces

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Fit(Operation):
    """One task for the deep image prior. UsageError for settings that cannot be."""

    fitted = True

    verb: str
    """The task: denoise, dejpeg, inpaint or upscale."""
    prior: Prior = field(default_factory=Prior)
    scale: float = 1
    missing: np.ndarray | None = None
    """(H, W) bool, for inpaint: what is to be filled in."""
    device: str = "auto"
    pieces: Pieces | None = None
    """How large pictures are cut, when not as usual."""
    watch: Watch | None = None
    """Called after each iteration, with what is of the piece that is fitted."""

    def __post_init__(self) -> None:
        self.prior.settings(self.verb)
        if self.verb == "upscale" and not 1 < self.scale <= LARGEST_SCALE:
            raise UsageError(f"scale {self.scale:g}: must be above 1 and at most {LARGEST_SCALE}")

    def plan(self, header: Header) -> Plan:
        """The plan for a picture."""
        if header.clip:
            raise UsageError(f"{header.name}: a prior is fitted to one picture; it does not work on clips")
        return FitPlan(header, self)

    @property
    def provenance(self) -> str:
        """What is done, in words."""
        prior = self.prior
        words = [self.verb, f"prior {prior.net} steps {prior.settings(self.verb).iterations} seed {prior.seed}"]
        if self.scale != 1:
            words.insert(1, f"x{self.scale:g}")
        if prior.half:
            words.append(f"half {prior.half}")
        if prior.stop is not None:
            words.append("stop" if prior.stop else "no stop")
        if self.missing is not None:
            words.append(f"mask {hashlib.sha256(np.packbits(self.missing).tobytes()).hexdigest()[:12]}")
        return " ".join(words)


@dataclass(frozen=True)
class FitPlan(Plan):
    """How one picture is restored by a prior."""

    header: Header
    asked: Fit
    fit: PictureFit | None = None
    """The fit, once it is over."""
    result: np.ndarray | None = None
    """(H, W, bands) float32, what it found."""

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended the fit."""
        return self.fit is not None and self.fit.interrupted

    @property
    def size(self) -> Size:
        """Of the result."""
        return self.header.size.times(self.asked.scale)

    @property
    def channels(self) -> int:
        """Those of the picture."""
        return self.header.channels

    @property
    def identity(self) -> str:
        """What is done, in words."""
        return self.asked.provenance + (INTERRUPTED if self.interrupted else "")

    def made(self, result: Header) -> bool:
        """Whether a result says that just this was done, without an interrupt, to a picture of this size."""
        return result.size == self.size and recognized(result.metadata.xmp, {self.asked.provenance})

    def begun(self, result: Header) -> bool:
        """Whether a result says that this was done to a picture of this size until an interrupt."""
        return result.size == self.size and recognized(result.metadata.xmp, {self.asked.provenance + INTERRUPTED})

    def metadata(self, form: Format) -> Metadata:
        """The picture's own, with what was done."""
        return marked(self.header, self.identity, self.channels, form)

    def prepared(self, pictures: Iterable[Rows], report: Report = silent) -> Plan:
        """The plan once the net is fitted. Alpha stays, or is enlarged."""
        import torch
        import torch.nn.functional as F

        from regrow.priors.deep_image import unwatched
        from regrow.priors.picture_fit import PictureFit, Pieces

        (rows,), channels = pictures, self.channels
        pixels = torch.from_numpy(np.concatenate(list(to_float(rows(), channels, channels)))).permute(2, 0, 1)[None]
        missing, stored, alpha = self._missing(), pixels[:, :channels], pixels[:, channels:]
        picture = _visible(stored, alpha, missing) if alpha.shape[1] else stored
        log.info("%s: a net is fitted to this picture, which takes minutes; Ctrl-C gives the best so far",
                 self.header.name)  # fmt: skip
        fit = PictureFit(
            task=self.asked.verb, identity=self.asked.provenance, name=self.header.name, prior=self.asked.prior,
            scale=self.asked.scale, device=self.asked.device, pieces=self.asked.pieces or Pieces(),
            watch=self.asked.watch or unwatched, report=report,
        )  # fmt: skip
        found = fit.run(picture, missing)
        if missing is not None:
            found = torch.where(missing, found, stored)
        if alpha.shape[1]:
            stored, alpha = (F.interpolate(x, size=self.size.hw, mode="bilinear") for x in (stored, alpha))
            hidden = alpha < HIDDEN if missing is None else (alpha < HIDDEN) & ~missing
            found = torch.cat((torch.where(hidden, stored, found), alpha), 1)
        if fit.interrupted:
            goes_on = "; asked for again it goes on from there" if fit.kept else ""
            log.warning("%s: interrupted, so the result is the best so far%s", self.header.name, goes_on)
        return replace(self, fit=fit, result=np.ascontiguousarray(found[0].permute(1, 2, 0).numpy()))

    def _missing(self) -> Tensor | None:
        import torch

        if self.asked.missing is None:
            return None
        height, width = self.asked.missing.shape
        if (width, height) != self.header.size:
            raise UsageError(
                f"{self.header.name}: {self.header.size}, but the mask {width}x{height}; give one of its size"
            )
        return torch.from_numpy(self.asked.missing)

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """The result; once it was taken, nothing is kept to go on from."""
        assert self.fit is not None
        assert self.result is not None
        yield to_dtype(self.result, self.channels, self.channels, samples)
        if not self.interrupted:
            self.fit.forget()


def _visible(colors: Tensor, alpha: Tensor, missing: Tensor | None) -> Tensor:
    """(1, C, h, w) colours of which nothing is learned from what hides under transparency, or is missing."""
    import torch

    known = alpha if missing is None else torch.where(missing, 0, alpha)
    pixels = torch.cat((colors, known), 1)[0].permute(1, 2, 0)
    return torch.from_numpy(filled(pixels.numpy(), colors.shape[1])).permute(2, 0, 1)[None]
