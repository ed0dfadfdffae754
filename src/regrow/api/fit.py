"""Restore a picture by a net that is fitted to it alone, the deep image prior: denoise and inpaint."""

from __future__ import annotations

import os
from typing import Any, overload

import numpy as np

from regrow.api.kinds import File, Out, PictureT
from regrow.errors import UsageError
from regrow.io.allowed import allowing
from regrow.io.memory import read_rgb
from regrow.operations.prior import Fit
from regrow.priors.options import Prior
from regrow.progress import Report, silent
from regrow.runners.dispatch import apply
from regrow.typed import typed


@overload
def denoise(
    picture: File, out: Out, *, prior: Prior | None = ..., device: str = ..., format: str | None = ...,
    partial: bool = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def denoise(picture: PictureT, *, prior: Prior | None = ..., device: str = ..., report: Report = ...) -> PictureT: ...
@typed
def denoise(
    picture: Any,
    out: Any = None,
    *,
    prior: Prior | None = None,
    device: str = "auto",
    format: str | None = None,
    partial: bool = False,
    report: Report = silent,
) -> Any:
    """Remove noise from a picture by a net fitted to it, which is stopped before it fits the noise too.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]. Alpha stays as it is.
        out: path or binary file to write, when `picture` is a path or bytes.
        prior: how the net is fitted.
        device: auto, cpu, cuda, mps ...
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        partial: take what there is of a file that is damaged or cut short.
        report: told about progress, in iterations.

    Returns:
        What `picture` was: a path gives the path written; tensors are float in [0, 1], unrounded. After Ctrl-C the best
        so far.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
        KeyboardInterrupt: after the best so far was written to `out`.

    Example:
        >>> import numpy as np, regrow
        >>> noisy = np.random.default_rng(0).integers(100, 156, (32, 32, 3), np.uint8, endpoint=True)
        >>> regrow.denoise(noisy, prior=regrow.Prior(iterations=2)).shape
        (32, 32, 3)
    """
    with allowing(partial=partial or None):
        return apply(
            Fit(verb="denoise", prior=prior or Prior(), device=device), picture, out, format=format, report=report
        )


@overload
def inpaint(
    picture: File, out: Out, *, mask: Any, prior: Prior | None = ..., device: str = ..., format: str | None = ...,
    partial: bool = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def inpaint(
    picture: PictureT, *, mask: Any, prior: Prior | None = ..., device: str = ..., report: Report = ...
) -> PictureT: ...
@typed
def inpaint(
    picture: Any,
    out: Any = None,
    *,
    mask: Any,
    prior: Prior | None = None,
    device: str = "auto",
    format: str | None = None,
    partial: bool = False,
    report: Report = silent,
) -> Any:
    """Fill in what is missing from a picture; what is known stays exactly as it is.

    Args:
        picture, out: as for `denoise`.
        mask: a picture, of any kind that `picture` may be and its size: white, or any colour that is half as bright,
            where the picture is to be filled in.
        prior, device, format, partial, report: as for `denoise`.

    Returns and raises as `denoise`.

    Example:
        >>> import numpy as np, regrow
        >>> mask = np.zeros((32, 32), np.uint8)
        >>> mask[8:16, 8:16] = 255
        >>> regrow.inpaint(np.full((32, 32), 90, np.uint8), mask=mask, prior=regrow.Prior(iterations=2)).shape
        (32, 32)
    """
    with allowing(partial=partial or None):
        return apply(inpainting(mask, prior or Prior(), device), picture, out, format=format, report=report)


def inpainting(mask: Any, prior: Prior, device: str) -> Fit:
    """The operation of `inpaint`. UsageError where the mask marks nothing."""
    missing: np.ndarray = read_rgb(mask).max(-1) >= 128
    if not missing.any():
        name = mask if isinstance(mask, (str, os.PathLike)) else "the mask"
        raise UsageError(f"{name}: has no white, which marks what is to be filled in")
    return Fit(verb="inpaint", prior=prior, missing=missing, device=device)
