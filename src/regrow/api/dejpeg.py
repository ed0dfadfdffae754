"""Take out what a lossy codec left in a picture: by a trained net or, with a prior, by one fitted to the picture."""

from __future__ import annotations

from typing import Any, overload

from regrow.api.kinds import File, Out, PictureT
from regrow.errors import UsageError
from regrow.io.allowed import allowing
from regrow.operations.plan import Operation
from regrow.operations.prior import Fit
from regrow.operations.restore import Deblock
from regrow.operations.restorers import DEBLOCKER, LIGHT_DEBLOCKER
from regrow.priors.options import Prior
from regrow.progress import Report, silent
from regrow.runners.dispatch import apply
from regrow.typed import typed


@overload
def dejpeg(
    picture: File, out: Out, *, model: str | None = ..., light: bool = ..., prior: Prior | None = ...,
    device: str = ..., tile: int | None = ..., format: str | None = ..., partial: bool = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def dejpeg(
    picture: PictureT, *, model: str | None = ..., light: bool = ..., prior: Prior | None = ..., device: str = ...,
    tile: int | None = ..., report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def dejpeg(
    picture: Any,
    out: Any = None,
    *,
    model: str | None = None,
    light: bool = False,
    prior: Prior | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    partial: bool = False,
    report: Report = silent,
) -> Any:
    """Remove the blocks, ringing and blur that JPEG, WebP or AVIF left in a picture, in seconds, at its size.

    The net is told what the file of a JPEG or a WebP states: which codec wrote it, and how coarse its steps are; a PIL
    image that was opened from a JPEG remembers that. Of AVIF, and of other pictures in memory, it has to go by the
    pixels alone; so give the file where there is one.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1], whose top left must be that of what was coded. Alpha stays as it is.
        out: path or binary file to write, when `picture` is a path or bytes.
        model: shipped name or folder, or a file of published weights that `regrow.zoo.converters` knows, of a net that
            keeps the size; the shipped one when not given.
        light: take the shipped model of a seventh of the cost, which is a little less good.
        prior: fit a deep image prior for minutes instead of taking a model: `regrow.Prior()`, or with settings.
        device: auto, cpu, cuda, mps ...
        tile: side in pixels of the tiles that are worked on; smaller needs less memory and more time. 512 when not
            given.
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        partial: take what there is of a file that is damaged or cut short.
        report: told about progress, in rows or, with a prior, iterations.

    Returns:
        What `picture` was: a path gives the path written; tensors are float in [0, 1], unrounded. Of a prior, after
        Ctrl-C the best so far.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
        KeyboardInterrupt: of a prior, after the best so far was written to `out`.

    Example:
        >>> import numpy as np, regrow
        >>> regrow.dejpeg(np.zeros((32, 48, 3), np.uint8)).shape
        (32, 48, 3)
    """
    operation = dejpegging(model, device, tile, light=light, prior=prior)
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, report=report)


def dejpegging(model: str | None, device: str, tile: int | None, *, light: bool, prior: Prior | None) -> Operation:
    """The operation of `dejpeg`. UsageError for settings that cannot be."""
    if model and light:
        raise UsageError(f"light: is for the models that ship; leave it out, or the model {model}")
    if prior is None:
        return Deblock(deblocker=model or (LIGHT_DEBLOCKER if light else DEBLOCKER), device=device, tile=tile)
    for name, value in (("model", model), ("light", light), ("tile", tile)):
        if value:
            said = name if value is True else f"{name} {value}"
            raise UsageError(f"{said}: is for models, not for a prior; leave it out")
    return Fit(verb="dejpeg", prior=prior, device=device)
