"""Shrinking a picture into a small file of a lossy codec, at the scale and the quality that suit it best."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.io.carrying import given_back, too_large, with_passport
from regrow.io.codecs import Facts
from regrow.io.formats import Format, check_pixels
from regrow.io.memory import read_pixels
from regrow.io.metadata import NOTHING, Metadata, notes_on
from regrow.io.passport import Passport
from regrow.io.stripping import NOTHING_STRIPPED, Stripping
from regrow.io.writer import PictureWriter
from regrow.operations.coded import nets
from regrow.operations.coded.curve import HIGHEST, Curve, highest
from regrow.operations.coded.sample import Sample, sampled
from regrow.operations.coded.search import Choice, Search
from regrow.operations.coded.smaller import Smaller
from regrow.operations.coded.wish import DEFAULTS, Wish
from regrow.operations.plan import Header, Plan, Rows
from regrow.operations.restorers import NONE
from regrow.progress import Report, said, silent
from regrow.size import Size, small_size

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer
    from regrow.nets.restore.codec_shrinker import CodecShrinker

NEAR = math.log(1 / 0.985)
"""How far below the bytes that were asked for a file may stay: a logarithm."""
UNSAID = 0.05
"""dB by which the codec alone may be better before that is said."""


@dataclass(frozen=True, kw_only=True)
class CodedShrinkPlan(Plan):
    """How one picture is shrunk into a file of a lossy codec. Pixels decide scale and quality."""

    header: Header
    form: Format
    wish: Wish
    pinned: float | None = None
    """The scale that was asked for; the best where None was."""
    refine: int = 0
    """Iterations of descent by which this very picture is made to regrow better."""
    stripping: Stripping = NOTHING_STRIPPED
    left: Metadata = NOTHING
    """What was left out of its metadata."""
    device: str = "auto"
    choice: Choice | None = None
    finished: bytes = b""
    summary: str = ""

    def __post_init__(self) -> None:
        header, small = self.header, self._small(self.pinned or 1)
        check_pixels(
            self.form, header.name, width=small.width, height=small.height, colors=header.channels, alpha=header.alpha,
            depth=self.depth,
        )  # fmt: skip
        limit, own = self.wish.limit(self.header.size.pixels), self.header.lossy_bytes
        if limit is not None and own is not None and limit >= own:
            raise UsageError(
                f"{self.header.name}: {self.wish.given[0]}: it has no more than {own} bytes as it is; ask for fewer"
            )

    @property
    def chosen(self) -> Choice:
        """What was found; before that, a guess."""
        return self.choice or self._guess(self.pinned or 1)

    def _guess(self, scale: float) -> Choice:
        return Choice(scale, nets.codec(self.form.name), True, DEFAULTS[self.form.name])

    @property
    def size(self) -> Size:
        """Of the small picture."""
        return self._small(self.chosen.scale)

    def _small(self, scale: float) -> Size:
        return small_size(self.header.size, (scale, scale))

    @property
    def channels(self) -> int:
        """Of the small picture."""
        return self.header.channels

    @property
    def depth(self) -> int:
        """Codecs take 8 bits."""
        return 8

    @property
    def file(self) -> bytes:
        """The finished file."""
        return self.finished

    @property
    def identity(self) -> str:
        """What is asked for."""
        return f"{self.form.name} {self.wish} {self.pinned} {self.refine}"

    def made(self, result: Header) -> bool:
        """Whether a picture's passport says that this was asked for."""
        found = Passport.of(result.metadata, name=result.name)
        return (
            found is not None
            and nets.is_behind_codec(found.model)
            and (found.width, found.height) == self.header.size
            and (found.asked or "") == str(self.wish)
            and self.pinned in (None, found.scale)
            and (found.refined or 0) == self.refine
            and not self.stripping.split(given_back(result.metadata, found))[1].said
        )

    @cached_property
    def passport(self) -> Passport:
        """What the small file says of itself."""
        at, own = self.chosen, self.header
        name = nets.default_net(at.scale) if at.net else NONE
        return Passport(
            model=name, digest=zoo.digest(name) if at.net else nets.NO_DIGEST, scale=at.scale,
            width=own.size.width, height=own.size.height, small_width=self.size.width, small_height=self.size.height,
            depth=own.depth, colours=own.channels, alpha=own.alpha,
            quality=at.quality if self.form.name == "avif" else None, asked=str(self.wish) or None,
            refined=self.refine or None,
        )  # fmt: skip

    def metadata(self, form: Format) -> Metadata:
        """The picture's own, with the passport."""
        return with_passport(self.passport, self.header.metadata, form, colors=self.channels)

    def notes(self, form: Format) -> Iterator[str]:
        """What was left out of the metadata, what travels nowhere, and that nothing was won."""
        yield from self.stripping.notes(self.header.metadata, self.left)
        for note in notes_on(too_large(self.header.metadata, form, colors=self.channels), form):
            yield f"{note}, being too large for the passport"
        own = self.header.lossy_bytes
        if own is not None and len(self.finished) >= own:
            yield f"the small file has {len(self.finished)} bytes, and the picture's own only {own}; ask for fewer"

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the small picture as the codec leaves them."""
        return iter([read_pixels(self.finished)])

    def prepared(self, pictures: Iterable[Rows], report: Report = silent) -> Plan:
        """The plan once scale and quality are found and the file is made. RegrowError where none is small enough."""
        (rows,) = pictures
        bands = self.header.channels + self.header.alpha
        pixels = np.concatenate([to_dtype(block, bands, bands, np.uint8) for block in to_float(rows(), bands, bands)])
        # What is refined is the whole, and not a sample of it.
        sample, name = Sample(pixels, 1.0) if self.refine else sampled(pixels), self.form.name
        search = Search(
            sample, nets.plain(name), nets.codec(name), self._scales(), partial(self._net, report), self._shrinker
        )
        limit = self.wish.limit(self.header.size.pixels)
        if limit is None:
            plan = replace(self, choice=self._free(search))
            smaller = plan._smaller(pixels)
            data = plan._file(smaller)
        else:
            plan, smaller, data = self._within(search, pixels, limit, sample.share)
        if self.refine and plan.chosen.net:
            said(report, f"refining x{plan.chosen.scale:g}")
            plan, data = plan._refined(smaller, sample, limit) or (plan, data)
        return replace(plan, finished=data, summary=plan._told(search, len(data), sample.share))

    def _refined(self, smaller: Smaller, whole: Sample, limit: int | None) -> tuple[CodedShrinkPlan, bytes] | None:
        """The plan, and the file, once the small picture is refined; None where it then needs too many bytes."""
        at, grower = self.chosen, partial(self._net, silent, self.chosen.scale)
        better = smaller.refined(at.quality, grower(at.codec.facts(at.quality)), self.refine)
        found = (at.quality, self._file(better)) if limit is None else self._largest(better, limit)
        if found is None:
            return None
        curve, (quality, data) = Curve(whole, better, grower), found
        made = replace(at, quality=quality, bytes=curve.bytes(quality), psnr=curve.psnr(quality))
        return replace(self, choice=made), data

    def _scales(self) -> tuple[float, ...]:
        if self.pinned:
            return (self.pinned,)
        # Alpha keeps its size: a net has not learned to enlarge it from what a codec leaves.
        return (1,) if self.header.alpha else nets.scales()

    def _net(self, report: Report, scale: float, facts: Facts) -> CodecRestorer:
        said(report, f"trying x{scale:g}")
        return nets.net(nets.default_net(scale), facts, self.device)

    def _shrinker(self, scale: float) -> Callable[[Facts], CodecShrinker] | None:
        return nets.shrinker(scale, self.device)

    def _smaller(self, pixels: np.ndarray) -> Smaller:
        """The small pictures at the scale that was chosen."""
        at = self.chosen
        return Smaller(pixels, at.codec, at.scale, self._shrinker(at.scale) if at.net else None)

    def _free(self, search: Search) -> Choice:
        """Where no size is asked for."""
        quality = self.wish.quality or DEFAULTS[self.form.name]
        if self.wish.psnr is not None:
            return search.reaching(self.wish.psnr)
        return search.at(self.pinned, quality) if self.pinned else search.as_good_as(quality)

    def _within(
        self, search: Search, pixels: np.ndarray, limit: int, share: float
    ) -> tuple[CodedShrinkPlan, Smaller, bytes]:
        """The plan, and the file, of at most so many bytes; where a larger scale is needed for that, with it."""
        choice = search.within((limit - self._overhead()) * share)
        scales = [curve.scale for curve in search.curves if choice is None or curve.scale >= choice.scale]
        # The whole may need a larger scale than the sample did.
        for scale in scales if choice else scales[-1:]:
            first = choice if choice and choice.scale == scale else self._guess(scale)
            plan = replace(self, choice=first)
            smaller = plan._smaller(pixels)
            if found := plan._largest(smaller, limit):
                quality, data = found
                if first is not choice or quality != first.quality:
                    plan = replace(plan, choice=search.again(first, quality))
                return plan, smaller, data
        last = self._guess(scales[-1])
        smallest = replace(last, quality=last.codec.qualities[0])
        plan = replace(self, choice=smallest)
        least = len(plan._file(plan._smaller(pixels)))
        raise RegrowError(
            f"{self.header.name}: cannot become {limit} bytes as {self.form.name.upper()}; the least is {least}"
        )

    def _largest(self, smaller: Smaller, limit: int) -> tuple[int, bytes] | None:
        """The highest quality of which the file of the picture has at most so many bytes, and the file."""
        if limit < 1:  # of less than 8 bits
            return None
        files: dict[int, bytes] = {}
        at = self.chosen

        def size(quality: int) -> float:
            files[quality] = replace(self, choice=replace(at, quality=quality))._file(smaller)
            return math.log(len(files[quality]))

        quality = highest(size, math.log(limit), (at.codec.qualities[0], HIGHEST), at.quality, NEAR)
        return None if quality is None else (quality, files[quality])

    def _file(self, smaller: Smaller) -> bytes:
        """The file of the picture, of the quality that was chosen."""
        small, target = smaller.at(self.chosen.quality), io.BytesIO()
        height, width, _ = small.shape
        writer = PictureWriter(
            target, width=width, height=height, colors=self.channels, alpha=self.header.alpha, format=self.form.name,
            metadata=self.metadata(self.form), codec=self.chosen.codec, quality=self.chosen.quality,
            mark=self.chosen.scale if self.chosen.net else None,
        )  # fmt: skip
        with writer:
            writer.write(small)
        return target.getvalue()

    def _overhead(self) -> int:
        """Bytes of the file that are not the codec's."""
        blank = np.zeros((16, 16, self.channels + self.header.alpha), np.uint8)
        codec, quality = self.chosen.codec, self.chosen.quality
        return len(self._file(Smaller(blank, codec, 1))) - len(codec.encode(blank, quality))

    def _told(self, search: Search, size: int, share: float) -> str:
        """What the file costs and gives, against the codec alone."""
        at, about = self.chosen, "" if share == 1 else "about "
        rate = 8 * size / self.header.size.pixels
        how = f"x{at.scale:g} at quality {at.quality}"
        if not at.net:
            how = f"at full size and quality {at.quality} for no net, which would not help"
        words = f"{size} bytes ({rate:.3f} bits a pixel), {how}; grown it has {about}{at.psnr:.1f} dB"
        name = self.form.name.upper()
        if self.wish.limit(1) is None and self.wish.psnr is None and not self.pinned:
            wanted = self.wish.quality or DEFAULTS[self.form.name]
            as_many = round(search.alone.bytes(wanted) / share)
            return f"{words}, as {name} alone has at quality {wanted} in {about}{as_many} bytes"
        if max(search.alone.sample.pixels.shape[:2]) > self.form.max_side:
            return f"{words}, where {name} alone ends at {self.form.max_side} pixels a side"
        quality = search.alone.largest(at.bytes, at.quality)
        if quality is None:
            return f"{words}, where {name} alone cannot make so few bytes"
        alone = search.alone.psnr(quality)
        better = f"; {name} alone would be better" if alone > at.psnr + UNSAID else ""
        return f"{words}, {name} alone {about}{alone:.1f} dB{better}"
