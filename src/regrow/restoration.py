"""What a person asks for a picture that nobody shrank for us: colorize, restore."""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import tee
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from regrow import hints as known
from regrow import zoo
from regrow.coloring import choose_colours, color_rows, glance, is_grey
from regrow.correction import corrected_rows
from regrow.errors import UsageError
from regrow.fit import resampled
from regrow.formats import format_of, get_format, icc_fits
from regrow.hints import Hint
from regrow.inputs import accept, read_rgb
from regrow.output import Report, named, reported, silent, unnamed, write
from regrow.passport import strip
from regrow.picture import open_picture
from regrow.pipeline import TILE, Samples, restore_rows, to_dtype, to_float
from regrow.provenance import mark

if TYPE_CHECKING:
    from regrow.nets.color.base import Colorizer
    from regrow.nets.upscale.base import Restorer

NONE = "none"
"""The name of a step that is left out."""
COLORIZER = "colorize"
LARGEST_SCALE = 4

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class Chain:
    """The restorers that a picture goes through: colour, then enlarge, then enhance."""

    colorizer: str = NONE
    """Names of shipped models, folders, or `NONE`."""
    upscaler: str = NONE
    enhancer: str = NONE
    scale: float = 1
    temperature: float | None = None
    """Of a colorizer that has one; its own when None."""
    hints: tuple[Hint, ...] = ()
    painted: np.ndarray | None = None
    """Hints as a sparse picture, (H, W, 3 or 4) uint8."""
    reference: np.ndarray | None = None
    """(H, W, 3) uint8."""
    correct: float | None = None
    """Levels of 255 by which the enlarged picture may differ from the bilinear one."""
    sparing: bool = False
    """Leave pictures alone that have colours."""
    device: str = "auto"
    tile: int = TILE

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the result."""
        width, height = (max(1, round(n * self.scale)) for n in size)
        return width, height

    def steps(self, *, colour: bool = True) -> str:
        """What is done, in words: models by name and digest, and settings. `colour`: whether colours are given."""
        words = []
        if colour and self.colorizer != NONE:
            words.append(f"colorize {_cited(self.colorizer)}")
            if self.temperature is not None:
                words.append(f"temperature {self.temperature:g}")
            if self.hints or self.painted is not None or self.reference is not None:
                words.append(f"hints {self._fingerprint()}")
        if self.upscaler != NONE:
            words.append(f"upscale {_cited(self.upscaler)} x{self.scale:g}")
        if self.correct is not None:
            words.append(f"correct {self.correct:g}")
        if self.enhancer != NONE:
            words.append(f"enhance {_cited(self.enhancer)}")
        return "; ".join(words)

    def _fingerprint(self) -> str:
        digest = hashlib.sha256(repr(self.hints).encode())
        for picture in (self.painted, self.reference):
            if picture is not None:
                digest.update(repr(picture.shape).encode() + picture.tobytes())
        return digest.hexdigest()[:12]

    def check(self) -> None:
        """UsageError where a model is not there, is of another kind, or does not reach the scale."""
        if self.colorizer != NONE:
            _colorizer(self.colorizer, zoo.digest(self.colorizer), self.temperature, self.device)
        for name in {self.upscaler, self.enhancer} - {NONE}:
            net = _restorer(name, zoo.digest(name), self.device)
            if name == self.upscaler and net.scale < self.scale:
                raise UsageError(f"scale {self.scale:g}: {name} enlarges by {net.scale}; take another --upscaler")
            if name == self.enhancer and net.scale > 1:
                raise UsageError(f"{name}: enlarges by {net.scale}, so it is no enhancer; take it as --upscaler")

    def run(
        self, rows: Callable[[], Iterable[np.ndarray]], what: str, size: tuple[int, int], held: int, dtype: Samples
    ) -> tuple[Iterator[np.ndarray], int, str]:
        """Restore a picture.

        Args:
            rows: gives its rows from the start, as for `regrow.pipeline.restore_rows`.
            what: its name in messages.
            size, held: its (width, height) and colours.
            dtype: of the result.

        Returns:
            Rows of the result, how many colours they have, and what was done in words.
        """
        self.check()
        stream, colours, colour = rows(), held, False
        if self.colorizer != NONE:
            seen = glance(rows(), size, held)
            grey = is_grey(seen)
            colour = grey or not self.sparing
            if not grey:
                log.warning("%s: has colours, which %s", what, "are replaced" if colour else "are kept")
        if colour:
            model = _colorizer(self.colorizer, zoo.digest(self.colorizer), self.temperature, self.device)
            hints = [*self.hints, *(() if self.painted is None else known.sparse(self.painted, size))]
            known.check(hints, size)
            found = choose_colours(seen, size, model, hints, self.reference)
            stream, colours = color_rows(stream, size, held, found, np.float32), 3
        stream = to_float(stream, colours, colours)
        at = size
        for name in (self.upscaler, self.enhancer):
            if name == NONE:
                continue
            net = _restorer(name, zoo.digest(name), self.device)
            before, stream = tee(stream) if self.correct is not None and name == self.upscaler else (None, stream)
            wanted = at[0] * net.scale, at[1] * net.scale
            stream = restore_rows(stream, at, colours, net, np.float32, self.tile)
            if before is not None:
                stream = corrected_rows(stream, before, at, wanted, self.correct or 0)
            at = wanted
        stream = resampled(stream, at, self.size(size), colours)
        return (to_dtype(block, colours, colours, dtype) for block in stream), colours, self.steps(colour=colour)


def colorize(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    model: str | None = None,
    hint: Sequence[str | Hint] = (),
    hints: Any = None,
    reference: Any = None,
    temperature: float | None = None,
    device: str = "auto",
    format: str | None = None,
    report: Report = silent,
) -> Any:
    """Give a grey picture colours that are likely, and leave its luma as it is.

    Nobody knows the true colours: files and PIL images say in their XMP that a model guessed them.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]. Of colour pictures only the luma is looked at.
        out: path or binary file to write, when `picture` is a path or bytes.
        model: shipped name, folder, or the file of weights that Zhang et al. publish for PyTorch; the shipped one when
            not given.
        hint: colours that are known, "x,y,#rrggbb": x and y in pixels from the top left.
        hints: a sparse picture of them, of any kind that `picture` may be and its size, painted on grey or on
            transparent ground.
        reference: a colour picture, of any kind that `picture` may be, whose colours are carried over.
        temperature: of a model of classes, above 0: lower is more vivid, 1 is the mean; its own when not given.
        device: auto, cpu, cuda, mps ...
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        report: told about progress.

    Returns:
        What `picture` was, with three colours: a path gives the path written; tensors are float in [0, 1], unrounded.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    chain = coloring_chain(model, hint, hints, reference, temperature, device)
    return _restored(picture, out, "colorize", chain, format, report)


def restore(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    scale: float = 2,
    colorizer: str | None = None,
    upscaler: str | None = None,
    enhancer: str | None = None,
    correct: float | None = None,
    device: str = "auto",
    tile: int = TILE,
    format: str | None = None,
    report: Report = silent,
) -> Any:
    """Colour a picture if it is black and white, enlarge it, and enhance it.

    Args:
        picture, out: as for `colorize`.
        scale: how many times larger each side becomes, 1 to 4.
        colorizer, upscaler, enhancer: shipped names or folders, or "none"; the shipped ones when not given.
        correct: replace pixels that differ from bilinear enlargement by more than so many levels of 255.
        device, format, report: as for `colorize`.
        tile: side in pixels of the pieces that are worked on; smaller needs less memory and more time.

    Returns:
        What `picture` was.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    chain = restoring_chain(scale, colorizer, upscaler, enhancer, correct, device, tile)
    return _restored(picture, out, "restore", chain, format, report)


def coloring_chain(
    model: str | None, hint: Sequence[str | Hint], hints: Any, reference: Any, temperature: float | None, device: str
) -> Chain:
    """What `colorize` does. UsageError for settings that cannot be."""
    if temperature is not None and not 0 < temperature <= 1:
        raise UsageError(f"temperature {temperature}: must be above 0 and at most 1")
    return Chain(
        colorizer=model or COLORIZER,
        hints=tuple(one if isinstance(one, Hint) else Hint.parse(one) for one in hint),
        painted=None if hints is None else _painted(hints),
        reference=None if reference is None else read_rgb(reference),
        temperature=temperature,
        device=device,
    )


def restoring_chain(
    scale: float,
    colorizer: str | None,
    upscaler: str | None,
    enhancer: str | None,
    correct: float | None,
    device: str,
    tile: int,
) -> Chain:
    """What `restore` does. UsageError for settings that cannot be."""
    if not 1 <= scale <= LARGEST_SCALE:
        raise UsageError(f"scale {scale:g}: must be from 1 to {LARGEST_SCALE}")
    if correct is not None and not 0 <= correct <= 255:
        raise UsageError(f"correct {correct:g}: must be from 0 to 255 levels")
    if upscaler is None:
        upscaler = NONE if scale == 1 else f"edsr-light-x{max(2, math.ceil(scale))}"
    if upscaler == NONE and scale != 1:
        raise UsageError(f"scale {scale:g}: nothing enlarges when the upscaler is none; say --scale 1 too")
    return Chain(
        colorizer=colorizer or COLORIZER, upscaler=upscaler, enhancer=enhancer or NONE, scale=scale, correct=correct,
        sparing=True, device=device, tile=tile,
    )  # fmt: skip


def restore_file(source: Any, out: Any, chain: Chain, *, format: str | None = None, report: Report = silent) -> None:
    """Take a picture file, a path or its bytes, through a chain and write the result."""
    opened = open_picture(source).upright()  # nets expect the sky above
    form = get_format(format) if format else format_of(out)
    size = opened.width, opened.height
    dtype = np.uint16 if opened.depth == 16 else np.uint8
    rows, colours, steps = chain.run(opened.rows, opened.name, size, opened.colours, dtype)
    icc = opened.icc
    if icc and not icc_fits(icc, colours=colours, format=form.name):
        log.warning("%s: its profile does not fit the colours of the result and is left out", opened.name)
        icc = None
    own = opened.xmp and strip(opened.xmp)
    if own != opened.xmp:
        log.warning("%s: has a passport; `regrow grow` brings the picture back that it was", opened.name)
    opened = replace(opened, icc=icc, xmp=mark(own, steps))
    write(out, rows, opened, chain.size(size), colours, opened.depth, form, report)


def _restored(picture: Any, out: Any, verb: str, chain: Chain, format: str | None, report: Report) -> Any:
    if isinstance(picture, (str, os.PathLike, bytes)):
        restore_file(picture, named(out, verb), chain, format=format, report=report)
        return out
    unnamed(out, verb)
    given = accept(picture)
    size = given.pixels.shape[1], given.pixels.shape[0]
    kind: Any = given.pixels.dtype.type
    rows, colours, steps = chain.run(lambda: [given.pixels], type(picture).__name__, size, given.colours, kind)
    result = given.wrap(np.concatenate(list(reported(rows, chain.size(size)[1], report))))
    if given.holds_xmp:
        result.info["xmp"] = mark(given.xmp, steps)
        if colours > given.colours:  # a profile of grey is none of colours
            result.info.pop("icc_profile", None)
    return result


def _painted(hints: Any) -> np.ndarray:
    """A picture of hints of any kind, (H, W, 3 or 4) uint8."""
    if isinstance(hints, (str, os.PathLike, bytes)):
        pixels = np.concatenate(list(open_picture(hints).upright().rows()))
    else:
        pixels = accept(hints).pixels
    if pixels.dtype != np.uint8 or pixels.shape[-1] < 3:
        raise UsageError("a picture of hints must have colours, of 8 bits")
    return pixels


def _cited(name: str) -> str:
    return f"{os.path.basename(os.path.normpath(name))} {zoo.digest(name)[:12]}"


@lru_cache(maxsize=4)
def _colorizer(name: str, digest: str, temperature: float | None, device: str) -> Colorizer:
    from regrow.nets.color.base import Colorizer
    from regrow.nets.color.classification import ClassificationColorizer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, Colorizer):
        raise UsageError(f"{name}: is no colorizer")
    if temperature is not None:
        if not isinstance(model, ClassificationColorizer):
            raise UsageError(f"temperature {temperature:g}: {name} has none; leave it out")
        model.config = replace(model.config, temperature=temperature)
    return model


@lru_cache(maxsize=4)
def _restorer(name: str, digest: str, device: str) -> Restorer:
    from regrow.nets.upscale.base import Restorer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, Restorer):
        raise UsageError(f"{name}: neither enlarges nor enhances ordinary pictures")
    return model
