"""Shrinking a picture into a small file of a lossy codec, at the scale and the quality that suit it best."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.io.carrying import given_back, too_large, with_passport
from regrow.io.codecs import Facts
from regrow.io.formats import FORMATS, Format, check_pixels, names_of
from regrow.io.memory import read_pixels
from regrow.io.metadata import NOTHING, Metadata, notes_on
from regrow.io.passport import Passport
from regrow.io.stripping import NOTHING_STRIPPED, Stripping
from regrow.io.writer import PictureWriter
from regrow.operations.coded import nets
from regrow.operations.coded.curve import LOWEST, Curve, highest, tried
from regrow.operations.coded.passport import passport_of
from regrow.operations.coded.sample import Sample, sampled
from regrow.operations.coded.search import Choice, Search
from regrow.operations.coded.smaller import Smaller
from regrow.operations.coded.wish import DEFAULTS, Wish
from regrow.operations.plan import Header, Plan, Rows
from regrow.progress import Report, said, silent
from regrow.size import Size, small_size

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer
    from regrow.nets.restore.codec_shrinker import CodecShrinker

    Net = Callable[[float, Facts], CodecRestorer]

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
    settled: bool = False
    """Whether refinement found nothing better."""

    def __post_init__(self) -> None:
        header = self.header
        if not self._scales():
            raise self._too_large()
        small = self._small(self._scales()[0])
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
        return self.choice or self._guess(self._scales()[0])

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
        own = self.header
        return passport_of(
            self.chosen, self.wish, own.size,
            depth=own.depth, channels=own.channels, alpha=own.alpha, refined=self.refine,
        )  # fmt: skip

    def metadata(self, form: Format) -> Metadata:
        """The picture's own, with the passport."""
        return with_passport(self.passport, self.header.metadata, form, colors=self.channels)

    def notes(self, form: Format) -> Iterator[str]:
        """What was left out of the metadata, what travels nowhere, and that nothing was won."""
        yield from self.stripping.notes(self.header.metadata, self.left)
        for note in notes_on(too_large(self.header.metadata, form, colors=self.channels), form):
            yield f"{note}, being too large for the passport"
        if self.settled:
            yield f"refinement found nothing better in {self.refine} iterations"
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
        whole, name = Sample(pixels, 1.0), self.form.name
        # What is refined is the whole, and not a sample of it; the codec alone may not hold that.
        sample = whole if self.refine and self._holds(1) else sampled(pixels, self.form.max_side)
        net = partial(self._net, report)
        search = Search(
            sample, nets.plain(name), nets.codec(name), self._scales(), partial(net, light=True), self._shrinker
        )
        alone = search.alone if sample.whole else Curve(whole, Smaller(pixels, nets.plain(name), 1), None)
        limit = self.wish.limit(self.header.size.pixels)
        if limit is None:
            plan, smaller, data = self._free(search, net, alone)
        else:
            plan, smaller, data = self._within(search, net, alone, limit)
        if self.refine and plan.chosen.net:
            said(report, f"refining x{plan.chosen.scale:g}")
            plan, data = plan._refined(smaller, whole, limit) or (plan, data)
        return replace(plan, finished=data, summary=plan._told(search, alone, len(data)))

    def _refined(self, smaller: Smaller, whole: Sample, limit: int | None) -> tuple[CodedShrinkPlan, bytes] | None:
        """The plan, and the file, once the small picture is refined; None where it then needs too many bytes."""
        at, grower = self.chosen, partial(self._net, silent, self.chosen.scale)
        better = smaller.refined(at.quality, grower(at.codec.facts(at.quality)), self.refine)
        found = (at.quality, self._file(better)) if limit is None else self._largest(better, limit)
        if found is None:
            return None
        curve, (quality, data) = Curve(whole, better, grower), found
        made = replace(at, quality=quality, bytes=curve.bytes(quality), psnr=curve.psnr(quality))
        same = np.array_equal(better.at(quality), smaller.at(quality))
        return replace(self, choice=made, settled=same), data

    def _scales(self) -> tuple[float, ...]:
        """The scales that may be tried, ascending: those whose small picture the format can hold."""
        return tuple(scale for scale in self._wanted() if self._holds(scale))

    def _wanted(self) -> tuple[float, ...]:
        if self.pinned:
            return (self.pinned,)
        # Alpha keeps its size: a net has not learned to enlarge it from what a codec leaves.
        return (1,) if self.header.alpha else nets.scales()

    def _holds(self, scale: float) -> bool:
        return max(self._small(scale)) <= self.form.max_side

    def _too_large(self) -> UsageError:
        """What to ask for instead, where the format holds no small picture that was asked for."""
        header, form, scale = self.header, self.form, self._wanted()[-1]
        larger = [] if header.alpha else [f"{each:g}" for each in nets.scales() if self._holds(each)]
        side = max(self._small(scale))
        forms = [f for f in FORMATS.values() if side <= f.max_side and (f.alpha or not header.alpha)]
        to_do = f"take a scale of {' or '.join(larger)}" if larger else f"use {names_of(forms)}"
        what = f"{self._small(scale)} at x{scale:g}, and {form.name.upper()} ends at {form.max_side} pixels a side"
        return UsageError(f"{header.name}: is too large, {what}; {to_do}")

    def _net(self, report: Report, scale: float, facts: Facts, *, light: bool = False) -> CodecRestorer:
        said(report, f"trying x{scale:g}")
        return nets.net(nets.default_net(scale, light=light), facts, self.device)

    def _shrinker(self, scale: float) -> Callable[[Facts], CodecShrinker] | None:
        return nets.shrinker(scale, self.device)

    def _smaller(self, pixels: np.ndarray, at: Choice) -> Smaller:
        """The small pictures for what was chosen."""
        return Smaller(pixels, at.codec, at.scale, self._shrinker(at.scale) if at.net else None)

    def _free(self, search: Search, net: Net, alone: Curve) -> tuple[CodedShrinkPlan, Smaller, bytes]:
        """The plan, and the file, where no size is asked for."""
        quality, psnr = self.wish.quality or DEFAULTS[self.form.name], self.wish.psnr

        def found(search: Search) -> Choice:
            if psnr is not None:
                return search.reaching(psnr)
            return search.at(self.pinned, quality) if self.pinned else search.as_good_as(quality)

        # Which scale is best, light nets tell as well, and sooner.
        search = search.narrowed(self.pinned or found(search).scale, net)
        choice = found(search)
        smaller = self._smaller(alone.sample.pixels, choice) if choice.net else alone.smaller
        if alone is not search.alone:  # the whole gives more, or less, than the sample of it
            seen = _seen(alone, smaller, choice, net)
            # What the codec alone cannot hold at full size is as good as it is in the sample.
            if psnr is not None or (not self.pinned and self._holds(1)):
                wanted = alone.psnr(quality) if psnr is None else psnr
                seen = search.shifted(choice, wanted, seen.psnr - choice.psnr)
            choice = seen
        plan = replace(self, choice=choice)
        data = plan._file(smaller)
        cost = len(data) - plan._overhead(self.metadata(self.form))
        if psnr is None and not self.pinned and search.free and choice.net and cost >= alone.bytes(quality):
            plan, smaller = replace(self, choice=_bare(alone, quality)), alone.smaller
            data = plan._file(smaller)
        return plan, smaller, data

    def _within(self, search: Search, net: Net, alone: Curve, limit: int) -> tuple[CodedShrinkPlan, Smaller, bytes]:
        """The plan, and the file, of at most so many bytes; where a larger scale is needed for that, with it."""
        choice = search.within((limit - self._overhead(self.metadata(self.form))) * search.alone.sample.share)
        scales = [curve.scale for curve in search.curves if choice is None or curve.scale >= choice.scale]
        # The whole may need a larger scale than the sample did.
        for scale in scales if choice else scales[-1:]:
            first = choice if choice and choice.net and choice.scale == scale else self._guess(scale)
            smaller = self._smaller(alone.sample.pixels, first)
            found = replace(self, choice=first)._largest(smaller, limit)
            if found is None:
                continue
            choice = _seen(alone, smaller, replace(first, quality=found[0]), net)
            bare = self._alone_within(search, alone, limit) if search.free else None
            if bare and bare[0].psnr > choice.psnr:
                return replace(self, choice=bare[0]), alone.smaller, bare[1]
            return replace(self, choice=choice), smaller, found[1]
        last = self._guess(scales[-1])
        smallest = replace(last, quality=last.codec.qualities[0])
        plan = replace(self, choice=smallest)
        least = len(plan._file(self._smaller(alone.sample.pixels, smallest)))
        raise RegrowError(
            f"{self.header.name}: cannot become {limit} bytes as {self.form.name.upper()}; the least is {least}"
        )

    def _alone_within(self, search: Search, alone: Curve, limit: int) -> tuple[Choice, bytes] | None:
        """The codec alone with at most so many bytes, and the file; None where it has none."""
        first = self._alone_at(search, alone, limit)
        found = replace(self, choice=first)._largest(alone.smaller, limit) if first else None
        return found and (_bare(alone, found[0]), found[1])

    def _alone_at(self, search: Search, alone: Curve, size: int) -> Choice | None:
        """What the codec alone makes of as many bytes, without a passport; None where it has no quality so low."""
        own = size - self._overhead(self.header.metadata)
        guess = search.alone.largest(own * search.alone.sample.share)
        quality = alone.largest(own, guess or LOWEST)
        return None if quality is None else _bare(alone, quality)

    def _largest(self, smaller: Smaller, limit: int) -> tuple[int, bytes] | None:
        """The highest quality of which the file of the picture has at most so many bytes, and the file."""
        if limit < 1:  # of less than 8 bits
            return None
        files: dict[int, bytes] = {}
        at = self.chosen

        def size(quality: int) -> float:
            files[quality] = replace(self, choice=replace(at, quality=quality))._file(smaller)
            return math.log(len(files[quality]))

        quality = highest(size, math.log(limit), tried(at.codec, net=at.net), at.quality, NEAR)
        return None if quality is None else (quality, files[quality])

    def _file(self, smaller: Smaller) -> bytes:
        """The file of the picture, of the quality that was chosen."""
        return self._written(smaller.at(self.chosen.quality), self.metadata(self.form))

    def _written(self, small: np.ndarray, metadata: Metadata) -> bytes:
        """The file of a small picture."""
        target, (height, width, _) = io.BytesIO(), small.shape
        writer = PictureWriter(
            target, width=width, height=height, colors=self.channels, alpha=self.header.alpha, format=self.form.name,
            metadata=metadata, codec=self.chosen.codec, quality=self.chosen.quality,
            mark=self.chosen.scale if self.chosen.net else None,
        )  # fmt: skip
        with writer:
            writer.write(small)
        return target.getvalue()

    def _overhead(self, metadata: Metadata) -> int:
        """Bytes of the file, with such metadata, that are not the codec's."""
        blank = np.zeros((16, 16, self.channels + self.header.alpha), np.uint8)
        codec, quality = self.chosen.codec, self.chosen.quality
        return len(self._written(blank, metadata)) - len(codec.encode(blank, quality))

    def _told(self, search: Search, alone: Curve, size: int) -> str:
        """What the file costs and gives, against the codec alone."""
        at, about = self.chosen, "about " if self.chosen.guessed else ""
        rate = 8 * size / self.header.size.pixels
        how = f"x{at.scale:g} at quality {at.quality}"
        if not at.net:
            how = f"at full size and quality {at.quality} by the codec alone, as no net would help"
        words = f"{size} bytes ({rate:.3f} bits a pixel), {how}; grown it has {about}{at.psnr:.1f} dB"
        name = self.form.name.upper()
        if not self._holds(1):
            return f"{words}, where {name} alone ends at {self.form.max_side} pixels a side"
        if self.wish.limit(1) is None and self.wish.psnr is None and not self.pinned:
            wanted = self.wish.quality or DEFAULTS[self.form.name]
            better = f"; {name} alone would be better" if at.net and alone.bytes(wanted) < size else ""
            return f"{words}, as {name} alone has at quality {wanted} in {alone.bytes(wanted)} bytes{better}"
        bare = self._alone_at(search, alone, size)
        if bare is None:
            return f"{words}, where {name} alone cannot make so few bytes"
        better = f"; {name} alone would be better" if bare.psnr > at.psnr + UNSAID else ""
        return f"{words}, {name} alone {bare.psnr:.1f} dB{better}"


def _bare(alone: Curve, quality: int) -> Choice:
    """The codec alone at a quality."""
    return Choice(1, alone.codec, False, quality, alone.bytes(quality), alone.psnr(quality))


def _seen(alone: Curve, smaller: Smaller, choice: Choice, net: Net) -> Choice:
    """What was chosen by a sample, as it is in the whole."""
    curve = Curve(alone.sample, smaller, partial(net, choice.scale)) if choice.net else alone
    return replace(choice, bytes=curve.bytes(choice.quality), psnr=curve.psnr(choice.quality))
