"""Shrinking pictures and clips into small ones that grow back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.channels import with_channels
from regrow.inference.refine import MOST
from regrow.inference.rescale import shrink_rows
from regrow.inference.rows import Samples
from regrow.io.carrying import given_back, too_large, with_passport
from regrow.io.formats import Format
from regrow.io.metadata import NOTHING, Metadata, notes_on
from regrow.io.passport import Passport
from regrow.io.stripping import Stripping
from regrow.operations.coded import nets
from regrow.operations.coded.shrink import CodedShrinkPlan
from regrow.operations.coded.wish import NOTHING_ASKED, Wish
from regrow.operations.plan import Header, Operation, Plan, Rows, Turned, check_tile
from regrow.operations.rescalers import alpha_rescaler, asked_scale, check_channels, default_model, rescaler
from regrow.size import Scale, Size, scale_text, small_size

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler
    from regrow.video.clip import Frame

SRGB = "srgb"
"""Which profiles can be left out."""

JPEG_COST = (
    "JPEG destroys part of what a small picture hides, even at quality 100: regrown x2 pictures lose 1.0 dB "
    "(mean of Set5); PNG, WebP, TIFF and AVIF lose nothing"
)


@dataclass(frozen=True, kw_only=True)
class Shrink(Operation):
    """Shrinks by a rescaler; `regrow.shrink` says what the settings are. UsageError for those that cannot be."""

    scale: Scale | None = None
    grey: bool = False
    model: str | None = None
    refine: int = 0
    without_loss: bool = False
    """Whether no file is one of a lossy codec. Those are not, in any case, whose format has none, or that a lossy codec
    has no net for. JPEG cannot be without loss."""
    wish: Wish = NOTHING_ASKED
    """What is asked of files of lossy codecs."""
    strip: bool = False
    strip_icc: str | None = None
    device: str = "auto"
    tile: int | None = None

    verb = "shrink"
    turned = Turned.WHERE_NEEDED
    lossless = True

    def __post_init__(self) -> None:
        asked_scale(self.scale, grey=self.grey)
        check_tile(self.tile)
        if self.without_loss and self.wish.given:
            raise UsageError(f"{self.wish.given[0]}: is for lossy files, not for lossless ones; leave one of them out")
        if not 0 <= self.refine <= MOST:
            raise UsageError(f"refine {self.refine}: must be from 0 to {MOST} iterations")
        if self.strip_icc not in (None, SRGB):
            raise UsageError(f"strip-icc {self.strip_icc}: must be {SRGB}; without other profiles colours would change")

    @property
    def lossy(self) -> bool:  # type: ignore[override]
        """Whether files of lossy codecs were asked for."""
        return bool(self.wish.given)

    @property
    def scales(self) -> tuple[float, float]:
        """How many times smaller width and height become."""
        return asked_scale(self.scale, grey=self.grey)

    def plan(self, header: Header) -> Plan:
        """The plan for a picture or clip."""
        if header.clip and self.refine:
            raise UsageError(f"refine {self.refine}: is for pictures, not for clips; leave it out")
        strips = self.stripping
        if header.clip and (strips.everything or strips.srgb):
            raise UsageError(f"{'strip' if self.strip else 'strip-icc'}: is for pictures, not for clips; leave it out")
        kept, left = strips.split(header.metadata)
        header = replace(header, metadata=kept)
        if self.without_loss and header.form and not header.form.lossless:
            raise UsageError(f"{header.name}: lossless: {header.form.name.upper()} always loses; name a result that "
                             "ends in .png, .webp, .tiff or .avif")  # fmt: skip
        why = self._why_not_lossy(header)
        if not why and header.form:
            pinned = None if self.scale is None else self.scales[0]
            return CodedShrinkPlan(
                header=header, form=header.form, wish=self.wish, pinned=pinned, stripping=strips, left=left,
                device=self.device, refine=self.refine,
            )  # fmt: skip
        if self.wish.given:
            raise UsageError(f"{header.name}: {self.wish.given[0]} is for small files of lossy codecs, but {why}")
        chosen = self.without_loss or self.grey or self.model or header.clip
        lossy = header.form is not None and header.form.lossy and not chosen
        return ShrinkPlan(header, self, left, why if lossy else "")

    @property
    def stripping(self) -> Stripping:
        """What is left out of metadata."""
        return Stripping(everything=self.strip, srgb=self.strip_icc == SRGB)

    def _why_not_lossy(self, header: Header) -> str:
        """Why a small file is not made by a lossy codec, in words; empty where it is."""
        form, scales = header.form, self.scales
        asked = [
            *(["--grey is"] if self.grey else []),
            *([f"{self.model} is"] if self.model else []),
        ]
        if header.clip:
            return "this is a clip"
        if form is None:
            return "a picture in memory stays one; save it as PNG and give the paths of both files"
        if not form.lossy:
            return f"{form.name.upper()} is lossless; name a file that ends in .jpg, .webp or .avif"
        if asked:
            return f"{asked[0]} for lossless ones alone"
        if self.scale is not None and (scales[0] != scales[1] or scales[0] not in nets.scales()):
            known = ", ".join(f"{scale:g}" for scale in nets.scales())
            return f"lossy codecs have nets for scales {known} alone, not for {scale_text(scales)}"
        return "lossless files were asked for" if self.without_loss else ""


@dataclass(frozen=True)
class ShrinkPlan(Plan):
    """How one picture or clip is shrunk."""

    header: Header
    asked: Shrink
    left: Metadata = NOTHING
    """What was left out of its metadata."""
    why: str = ""
    """Why no lossy codec is taken where the format has one, in words."""

    @cached_property
    def model(self) -> str:
        """Name of the model, or its folder."""
        groups = self.header.clip is not None and self.header.clip.result_says_groups
        asked = self.asked
        return asked.model or default_model(asked.scales, self.header.channels, grey=asked.grey, groups=groups)

    @cached_property
    def net(self) -> Rescaler:
        """The model, with its weights. UsageError where it does not fit the picture."""
        net = rescaler(self.model, self.asked.scales, self.asked.device)
        check_channels(self.header.name, self.header.channels, self.model, net, grey=self.asked.grey)
        clip = self.header.clip
        if clip and net.frames > 1 and not clip.result_says_groups:
            raise UsageError(f"{clip.result}: {self.model} shrinks frames in groups, and only a video file can say "
                             "which; name one such as small.mkv, or another model")  # fmt: skip
        return net

    @cached_property
    def alpha(self) -> tuple[str, Rescaler] | None:
        """Name and model of what shrinks alpha, if there is any."""
        if not self.header.alpha or self.header.clip:
            return None
        return alpha_rescaler(self.asked.model, self.model, self.net, self.asked.scales)

    @property
    def size(self) -> Size:
        """Of the small picture: sides are rounded up."""
        return small_size(self.header.size, self.asked.scales)

    @property
    def channels(self) -> int:
        """Of the small picture."""
        return min(self.header.channels, self.net.small_colors)

    @property
    def depth(self) -> int:
        """Small pictures have 8 bits."""
        return 8

    @property
    def identity(self) -> str:
        """The passport."""
        return repr(self.passport)

    def made(self, result: Header) -> bool:
        """Whether a picture's passport says that it was shrunk just so."""
        found = Passport.of(result.metadata, name=result.name)
        return (
            found is not None
            and zoo.has_digest(self.model, found.digest)
            and (found.refined or 0) == self.asked.refine
            and (found.width, found.height) == self.header.size
            and (found.small_width, found.small_height) == self.size
            and not self.asked.stripping.split(given_back(result.metadata, found))[1].said
        )

    @cached_property
    def passport(self) -> Passport:
        """What the small picture says of itself, but for metadata that its file cannot hold."""
        alpha = self.alpha[0] if self.alpha else None
        return Passport(
            model=_named(self.model), digest=zoo.digest(self.model), scale=self.net.scale,
            width=self.header.size.width, height=self.header.size.height,
            small_width=self.size.width, small_height=self.size.height,
            depth=self.header.depth, colours=self.header.channels, alpha=self.header.alpha,
            refined=self.asked.refine or None,
            alpha_model=_named(alpha) if alpha else None, alpha_digest=zoo.digest(alpha) if alpha else None,
        )  # fmt: skip

    def metadata(self, form: Format) -> Metadata:
        """The picture's own, with the passport; what the small file cannot hold travels in that."""
        return with_passport(self.passport, self.header.metadata, form, colors=self.channels)

    def notes(self, form: Format) -> Iterator[str]:
        """What was left out of the metadata, what travels nowhere, and what of the picture cannot come back."""
        yield from self.asked.stripping.notes(self.header.metadata, self.left)
        for note in notes_on(too_large(self.header.metadata, form, colors=self.channels), form):
            yield f"{note}, being too large for the passport"
        if form.lossless and self.why:
            yield f"is stored without loss, since {self.why}"
        if not form.lossless and not self.header.clip:
            yield JPEG_COST
        size, scales = self.header.size, self.asked.scales
        if not self.header.clip and (size.width < scales[0] or size.height < scales[1]):
            yield (
                f"{size} is too small to be shrunk by {scale_text(scales)}; hardly more than its mean colour will "
                "come back"
            )

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the small picture, uint8."""
        tile = self.header.tile(self.asked.tile)
        return shrink_rows(
            rows(), self.header.size, self.header.channels, self.net, self.size, tile, self.asked.refine,
            alpha=self.alpha[1] if self.alpha else None,
        )  # fmt: skip

    def frames(self, frames: Iterable[Frame], samples: Samples, skip: int) -> Iterator[list[Frame]]:
        """Small frames, one by one or in groups of which none reaches over a cut."""
        from regrow.inference.frames import groups_of, shrink_group
        from regrow.inference.parallel import mapped
        from regrow.video.scenes import scenes

        together, tile = self.net.frames, self.header.tile(self.asked.tile)

        def shrunk(group: list[Frame]) -> list[Frame]:
            small = shrink_group([frame.pixels for frame in group], self.net, self.asked.scales, tile=tile)
            return [
                replace(frame, pixels=with_channels(pixels, self.channels))
                for frame, pixels in zip(group, small, strict=True)
            ]

        if together == 1:
            groups = groups_of(frames, 1)
        else:
            groups = (group for scene in scenes(frames) for group in groups_of(scene, together))
        return mapped(shrunk, islice(groups, skip, None), together * self.header.size.pixels, self.net.device.type)


def _named(model: str) -> str:
    """A model's name, or its folder's, as passports spell it."""
    name = re.sub("[^a-z0-9._-]+", "-", Path(model).name.lower()).strip("-._") or "model"
    return name[:64]
