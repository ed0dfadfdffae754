"""Restore ordinary images and clips: colorize, upscale, or both."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence
from typing import Any, overload

from regrow.api.kinds import File, Out, PictureT
from regrow.errors import UsageError
from regrow.io.allowed import allowing
from regrow.io.memory import read_pixels, read_rgb
from regrow.operations.color_hints import Hint
from regrow.operations.plan import Operation
from regrow.operations.prior import Fit
from regrow.operations.restore import Restore
from regrow.operations.restorers import AUTO, COLORIZER, NONE, ZSSR, default_upscaler
from regrow.priors.options import Prior
from regrow.progress import Report, silent
from regrow.runners.dispatch import apply
from regrow.typed import typed
from regrow.video.options import Video


@overload
def colorize(
    picture: File, out: Out, *, model: str | None = ..., hint: Sequence[str | Hint] = ..., hint_image: Any = ...,
    reference: Any = ..., temperature: float | None = ..., device: str = ..., format: str | None = ...,
    partial: bool = ..., video: Video | None = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def colorize(
    picture: PictureT, *, model: str | None = ..., hint: Sequence[str | Hint] = ..., hint_image: Any = ...,
    reference: Any = ..., temperature: float | None = ..., device: str = ..., report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def colorize(
    picture: Any,
    out: Any = None,
    *,
    model: str | None = None,
    hint: Sequence[str | Hint] = (),
    hint_image: Any = None,
    reference: Any = None,
    temperature: float | None = None,
    device: str = "auto",
    format: str | None = None,
    partial: bool = False,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Give a grey picture or clip likely colours, and leave its luma as it is.

    Nobody knows the true colours: files and PIL images say in their XMP that a model guessed them.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]; or a clip, as for `shrink`. Of colours only the luma is looked at.
        out: path or binary file to write, when `picture` is a path or bytes.
        model: shipped name, folder, or the file of weights that Zhang et al. publish for PyTorch; the shipped one when
            not given.
        hint: known colours, "x,y,#rrggbb": x and y in pixels from the top left.
        hint_image: known colours painted on a grey or transparent copy, of any kind that `picture` may be.
        reference: a colour picture, of any kind that `picture` may be, whose colours are carried over.
        temperature: of a model of classes, above 0: lower is more vivid, 1 is the mean; its own when not given.
        device: auto, cpu, cuda, mps ...
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        partial: take what there is of a file that is damaged or cut short.
        video: how clips are read and written.
        report: told about progress, in rows or frames.

    Returns:
        What `picture` was, with three colours: a path gives the path written; tensors are float in [0, 1], unrounded.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.

    Example:
        >>> import numpy as np, regrow
        >>> regrow.colorize(np.full((64, 96), 128, np.uint8), hint=["10,10,#3060a0"]).shape
        (64, 96, 3)
    """
    operation = colorizing(model, hint, hint_image, reference, temperature, device)
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, video=video, report=report)


@overload
def restore(
    picture: File, out: Out, *, scale: float = ..., deblocker: str | None = ..., colorizer: str | None = ...,
    upscaler: str | None = ..., enhancer: str | None = ..., correct: float | None = ..., device: str = ...,
    tile: int | None = ..., format: str | None = ..., partial: bool = ..., video: Video | None = ...,
    report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def restore(
    picture: PictureT, *, scale: float = ..., deblocker: str | None = ..., colorizer: str | None = ...,
    upscaler: str | None = ..., enhancer: str | None = ..., correct: float | None = ..., device: str = ...,
    tile: int | None = ..., report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def restore(
    picture: Any,
    out: Any = None,
    *,
    scale: float = 2,
    deblocker: str | None = None,
    colorizer: str | None = None,
    upscaler: str | None = None,
    enhancer: str | None = None,
    correct: float | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    partial: bool = False,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Colour a picture or clip if it is black and white, enlarge it, and enhance it.

    Before that, what JPEG or WebP left in a picture is taken out.

    Args:
        picture, out: as for `colorize`.
        scale: how many times larger each side becomes, 1 to 8.
        deblocker: shipped name or folder, as for `dejpeg`, or "none"; when not given "auto", the shipped one for files
            of JPEG and WebP that state a loss in their coding. Clips have none.
        colorizer, upscaler, enhancer: shipped names or folders, or "none"; the shipped ones when not given.
        correct: replace pixels that differ from bilinear enlargement by more than so many levels of 255.
        device, format, partial, video, report: as for `colorize`.
        tile: side in pixels of the tiles that are worked on; smaller needs less memory and more time. When
            not given 512, or what suits the model, such as 256 of the picture before it; for clips 4096.

    Returns:
        What `picture` was.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.

    Example:
        >>> import numpy as np, regrow
        >>> regrow.restore(np.full((32, 48), 128, np.uint8), scale=2).shape
        (64, 96, 3)
    """
    operation = restoring(scale, deblocker, colorizer, upscaler, enhancer, correct, device, tile)
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, video=video, report=report)


@overload
def upscale(
    picture: File, out: Out, *, scale: float = ..., model: str | None = ..., ensemble: bool = ...,
    deblocker: str | None = ..., prior: Prior | None = ..., device: str = ..., tile: int | None = ...,
    format: str | None = ..., partial: bool = ..., video: Video | None = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def upscale(
    picture: PictureT, *, scale: float = ..., model: str | None = ..., ensemble: bool = ...,
    deblocker: str | None = ..., prior: Prior | None = ..., device: str = ..., tile: int | None = ...,
    report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def upscale(
    picture: Any,
    out: Any = None,
    *,
    scale: float = 2,
    model: str | None = None,
    ensemble: bool = False,
    deblocker: str | None = None,
    prior: Prior | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    partial: bool = False,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Enlarge an ordinary picture or clip: one that regrow did not shrink.

    Args:
        picture, out: as for `colorize`.
        scale: how many times larger each side becomes, 1 to 8.
        model: shipped name or folder, or a file of published weights that `regrow.zoo.converters` knows, or "A+B", one
            after another, or "bicubic", or "zssr", fitted to the picture first for minutes
            (`regrow.operations.zero_shot`); the shipped one for the scale when not given.
        ensemble: the mean over all flips and transposes of the picture: a little better, in eight times the time.
        deblocker: as for `restore`, but none when not given.
        prior: fit a deep image prior instead of taking a model: `regrow.Prior()`, or with settings.
        device, tile, format, partial, video, report: as for `restore`. While a net is fitted, progress is in
            iterations.

    Returns:
        What `picture` was.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.

    Example:
        >>> import numpy as np, regrow
        >>> regrow.upscale(np.zeros((30, 40, 3), np.uint8), scale=3).shape
        (90, 120, 3)
    """
    operation = upscaling(scale, model, device, tile, ensemble=ensemble, deblocker=deblocker, prior=prior)
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, video=video, report=report)


def colorizing(
    model: str | None,
    hint: Sequence[str | Hint],
    hint_image: Any,
    reference: Any,
    temperature: float | None,
    device: str,
) -> Restore:
    """The operation of `colorize`. UsageError for settings that cannot be."""
    return Restore(
        verb="colorize",
        colorizer=model or COLORIZER,
        hints=_known(hint),
        hint_image=None if hint_image is None else _painted(hint_image),
        reference=None if reference is None else read_rgb(reference),
        temperature=temperature,
        device=device,
    )


def restoring(
    scale: float,
    deblocker: str | None,
    colorizer: str | None,
    upscaler: str | None,
    enhancer: str | None,
    correct: float | None,
    device: str,
    tile: int | None,
) -> Restore:
    """The operation of `restore`. UsageError for settings that cannot be."""
    upscaler = upscaler or _default(scale)
    return Restore(
        deblocker=deblocker or AUTO, colorizer=colorizer or COLORIZER, upscaler=upscaler, enhancer=enhancer or NONE,
        scale=scale, correct=correct, keep_colors=True, ensemble=upscaler == ZSSR, device=device, tile=tile,
    )  # fmt: skip


def upscaling(
    scale: float,
    model: str | None,
    device: str,
    tile: int | None,
    *,
    ensemble: bool,
    deblocker: str | None,
    prior: Prior | None,
) -> Operation:
    """The operation of `upscale`; a net that is fitted takes the mean. UsageError for settings that cannot be."""
    if prior is None:
        upscaler = model or _default(scale)
        return Restore(
            verb="upscale", deblocker=deblocker or NONE, upscaler=upscaler, scale=scale,
            ensemble=ensemble or upscaler == ZSSR, device=device, tile=tile,
        )  # fmt: skip
    for name, value in (("model", model), ("ensemble", ensemble), ("deblocker", deblocker), ("tile", tile)):
        if value:
            said = name if value is True else f"{name} {value}"
            raise UsageError(f"{said}: is for models, not for a prior; leave it out")
    return Fit(verb="upscale", prior=prior, scale=scale, device=device)


def _known(hint: Sequence[str | Hint]) -> tuple[Hint, ...]:
    """Hints, some of them as text. UsageError for what is no list of them."""
    hints = None if isinstance(hint, str) or not isinstance(hint, Iterable) else tuple(hint)
    if hints is None or not all(isinstance(one, str | Hint) for one in hints):
        raise UsageError(f"hint {reprlib.repr(hint)}: must be a list of x,y,#rrggbb")
    return tuple(one if isinstance(one, Hint) else Hint.parse(one) for one in hints)


def _default(scale: float) -> str:
    return NONE if scale == 1 else default_upscaler(scale)


def _painted(hint_image: Any) -> Any:
    """Hints as a sparse picture, (H, W, 3 or 4) uint8."""
    pixels = read_pixels(hint_image)
    if pixels.dtype != "uint8" or pixels.shape[-1] < 3:
        raise UsageError("a picture of hints must have colours, of 8 bits")
    return pixels
