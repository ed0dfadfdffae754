"""What a person asks for a picture that nobody shrank for us: colorize, upscale, restore."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from regrow.errors import UsageError
from regrow.inference.rows import Samples
from regrow.io.formats import format_of, get_format, icc_fits
from regrow.io.memory import accept, read_rgb
from regrow.io.passport import strip
from regrow.io.provenance import mark
from regrow.io.reader import open_picture
from regrow.operations.color_hints import Hint
from regrow.operations.restore import BICUBIC, NONE, ZSSR, Chain
from regrow.progress import Report, reported, silent
from regrow.runners.output import named, refuse_for_clips, refuse_for_pictures, unnamed, write
from regrow.video.options import Video
from regrow.video.source import is_clip

if TYPE_CHECKING:
    from regrow.priors.options import Prior

COLORIZER = "colorize"
"""The shipped model that colours, when no other is asked for."""
LARGEST_SCALE = 8

log = logging.getLogger("regrow")


class Restoration(Protocol):
    """What pictures go through: a `regrow.operations.restore.Chain`, whose methods say more, or a prior."""

    @property
    def interrupted(self) -> bool:
        """Whether the last run was, and gave the best it had by then."""

    def check(self) -> None:
        """UsageError for what cannot be."""

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the result."""

    def steps(self, *, color: bool = True) -> str:
        """What is done, in words."""

    def run(
        self,
        rows: Callable[[], Iterable[np.ndarray]],
        what: str,
        size: tuple[int, int],
        held: int,
        dtype: Samples,
        report: Report = silent,
    ) -> tuple[Iterator[np.ndarray], int, str]:
        """Rows of the result, how many colours they have, and what was done in words."""


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
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Give a grey picture or clip colours that are likely, and leave its luma as it is.

    Nobody knows the true colours: files and PIL images say in their XMP that a model guessed them.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]; or a clip, as for `shrink`. Of colours only the luma is looked at.
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
        video: how clips are read and written.
        report: told about progress, in rows or frames.

    Returns:
        What `picture` was, with three colours: a path gives the path written; tensors are float in [0, 1], unrounded.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    chain = coloring_chain(model, hint, hints, reference, temperature, device)
    return restored_picture(picture, out, "colorize", chain, format, video, report)


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
    tile: int | None = None,
    format: str | None = None,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Colour a picture or clip if it is black and white, enlarge it, and enhance it.

    Args:
        picture, out: as for `colorize`.
        scale: how many times larger each side becomes, 1 to 8.
        colorizer, upscaler, enhancer: shipped names or folders, or "none"; the shipped ones when not given.
        correct: replace pixels that differ from bilinear enlargement by more than so many levels of 255.
        device, format, video, report: as for `colorize`.
        tile: side in pixels of the pieces that are worked on; smaller needs less memory and more time. When
            not given 512, or what suits the model, such as 256 of the picture before it; for clips 4096.

    Returns:
        What `picture` was.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    chain = restoring_chain(scale, colorizer, upscaler, enhancer, correct, device, tile)
    return restored_picture(picture, out, "restore", chain, format, video, report)


def upscale(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    scale: float = 2,
    model: str | None = None,
    ensemble: bool = False,
    prior: Prior | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Enlarge a picture or clip that nobody shrank with regrow.

    Args:
        picture, out: as for `colorize`.
        scale: how many times larger each side becomes, 1 to 8.
        model: shipped name or folder, or a file of published weights that `regrow.zoo.converters` knows, or "A+B", one
            after another, or "bicubic", or "zssr", fitted to the picture first for minutes
            (`regrow.operations.zero_shot`); the shipped one for the scale when not given.
        ensemble: the mean over all flips and transposes of the picture: a little better, in eight times the time.
        prior: fit a deep image prior instead of taking a model: `regrow.Prior()`, or with settings.
        device, tile, format, video, report: as for `restore`. While a net is fitted, progress is in steps.

    Returns:
        What `picture` was.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    if prior is not None:
        from regrow.operations.prior_verbs import enlarger

        restoration: Restoration = enlarger(scale, prior, device, model=model, ensemble=ensemble, tile=tile)
    else:
        restoration = upscaling_chain(scale, model, device, tile, ensemble=ensemble)
    return restored_picture(picture, out, "upscale", restoration, format, video, report)


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
    tile: int | None,
) -> Chain:
    """What `restore` does; a net that is fitted always takes the mean. UsageError for settings that cannot be."""
    if not 1 <= scale <= LARGEST_SCALE:
        raise UsageError(f"scale {scale:g}: must be from 1 to {LARGEST_SCALE}")
    if correct is not None and not 0 <= correct <= 255:
        raise UsageError(f"correct {correct:g}: must be from 0 to 255 levels")
    if upscaler is None:
        upscaler = NONE if scale == 1 else default_upscaler(scale)
    if upscaler == NONE and scale != 1:
        raise UsageError(f"scale {scale:g}: nothing enlarges when the upscaler is none; say --scale 1 too")
    if upscaler == NONE and correct is not None:
        raise UsageError(f"correct {correct:g}: nothing is enlarged that could be corrected; leave it out")
    return Chain(
        colorizer=colorizer or COLORIZER, upscaler=upscaler, enhancer=enhancer or NONE, scale=scale, correct=correct,
        sparing=True, ensemble=upscaler == ZSSR, device=device, tile=tile,
    )  # fmt: skip


def default_upscaler(scale: float) -> str:
    """The shipped model that enlarges by a scale above 1 and at most `LARGEST_SCALE`, when no other is asked for."""
    whole = max(2, math.ceil(scale))
    return {2: "plain-x2", 3: "plain-x3", 4: "plain-x4"}.get(whole, "plain-x4+plain-x2")


def upscaling_chain(scale: float, model: str | None, device: str, tile: int | None, *, ensemble: bool = False) -> Chain:
    """What `upscale` does. UsageError for settings that cannot be."""
    chain = restoring_chain(scale, NONE, model, None, None, device, tile)
    if ensemble and chain.upscaler in (NONE, BICUBIC):
        raise UsageError(f"ensemble at scale {scale:g}: no net enlarges whose mean could be taken; leave it out")
    return replace(chain, ensemble=ensemble or chain.ensemble)


def restore_file(
    source: Any,
    out: Any,
    chain: Restoration,
    *,
    format: str | None = None,
    video: Video | None = None,
    report: Report = silent,
) -> None:
    """Take the file of a picture or clip, a path or its bytes, through a chain and write the result.

    KeyboardInterrupt after writing the best there was when it was interrupted, where the chain gives that.
    """
    if is_clip(source, out):
        from regrow.runners import clip as clips

        refuse_for_clips(format=format)
        if not isinstance(chain, Chain):
            raise UsageError(f"{source}: a prior is fitted to one picture; it does not work on clips")
        clips.restore(source, out, chain, video=video, report=report)
        return
    refuse_for_pictures(video)
    opened = open_picture(source).upright()  # nets expect the sky above
    form = get_format(format) if format else format_of(out)
    size = opened.width, opened.height
    dtype = np.uint16 if opened.depth == 16 else np.uint8
    rows, colors, steps = chain.run(opened.rows, opened.name, size, opened.colors, dtype, report)
    icc = opened.icc
    if icc and not icc_fits(icc, colors=colors, format=form.name):
        log.warning("%s: its profile does not fit the colours of the result and is left out", opened.name)
        icc = None
    opened = replace(opened, icc=icc, xmp=_marked(opened.xmp, opened.name, steps))
    write(out, rows, opened, chain.size(size), colors, opened.depth, form, report)
    if chain.interrupted:
        raise KeyboardInterrupt


def restored_picture(
    picture: Any, out: Any, verb: str, chain: Restoration, format: str | None, video: Video | None, report: Report
) -> Any:
    """What a verb of this module does with any kind of picture or clip."""
    if isinstance(picture, (str, os.PathLike, bytes)) or is_clip(picture):
        restore_file(picture, named(out, verb), chain, format=format, video=video, report=report)
        return out
    refuse_for_pictures(video)
    unnamed(out, verb)
    given = accept(picture)
    size = given.pixels.shape[1], given.pixels.shape[0]
    kind: Any = given.pixels.dtype.type
    rows, colors, steps = chain.run(lambda: [given.pixels], type(picture).__name__, size, given.colors, kind, report)
    result = given.wrap(np.concatenate(list(reported(rows, chain.size(size)[1], report))))
    if given.holds_xmp:
        if xmp := _marked(given.xmp, type(picture).__name__, steps):
            result.info["xmp"] = xmp
        if colors > given.colors:  # a profile of grey is none of colours
            result.info.pop("icc_profile", None)
    return result


def _marked(xmp: bytes | None, name: str, steps: str) -> bytes | None:
    """A picture's XMP without the passport, which fits no longer, and with what was done."""
    own = xmp and strip(xmp)
    if own != xmp:
        log.warning("%s: has a passport; `regrow grow` brings the picture back that it was", name)
    return mark(own, steps) if steps else own


def _painted(hints: Any) -> np.ndarray:
    """A picture of hints of any kind, (H, W, 3 or 4) uint8."""
    if isinstance(hints, (str, os.PathLike, bytes)):
        pixels = np.concatenate(list(open_picture(hints).upright().rows()))
    else:
        pixels = accept(hints).pixels
    if pixels.dtype != np.uint8 or pixels.shape[-1] < 3:
        raise UsageError("a picture of hints must have colours, of 8 bits")
    return pixels
