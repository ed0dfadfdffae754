"""What a person asks for that a prior answers: denoise, dejpeg, inpaint, and upscale without a model."""

from __future__ import annotations

import os
from typing import Any, BinaryIO

import numpy as np

from regrow.errors import UsageError
from regrow.io.memory import read_rgb
from regrow.operations.prior import PriorRestorer
from regrow.operations.restoration import LARGEST_SCALE, restored_picture
from regrow.priors.options import Prior
from regrow.progress import Report, silent


def denoise(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    prior: Prior | None = None,
    device: str = "auto",
    format: str | None = None,
    report: Report = silent,
) -> Any:
    """Take noise out of a picture by a net fitted to it, the deep image prior, which is stopped before it fits noise.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]. Alpha stays as it is.
        out: path or binary file to write, when `picture` is a path or bytes.
        prior: how the net is fitted.
        device: auto, cpu, cuda, mps ...
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        report: told about progress, in steps.

    Returns:
        What `picture` was: a path gives the path written; tensors are float in [0, 1], unrounded. After Ctrl-C the best
        so far.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
        KeyboardInterrupt: after the best so far was written to `out`.
    """
    restorer = PriorRestorer(task="denoise", prior=prior or Prior(), device=device)
    return restored_picture(picture, out, "denoise", restorer, format, None, report)


def dejpeg(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    prior: Prior | None = None,
    device: str = "auto",
    format: str | None = None,
    report: Report = silent,
) -> Any:
    """Take blocks and ringing out of what was a JPEG, as `denoise` does noise.

    Args, returns and raises as `denoise`.
    """
    restorer = PriorRestorer(task="dejpeg", prior=prior or Prior(), device=device)
    return restored_picture(picture, out, "dejpeg", restorer, format, None, report)


def inpaint(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    mask: Any,
    prior: Prior | None = None,
    device: str = "auto",
    format: str | None = None,
    report: Report = silent,
) -> Any:
    """Fill in what is missing of a picture; what is known stays exactly as it is.

    Args:
        picture, out: as for `denoise`.
        mask: a picture, of any kind that `picture` may be and its size: white, or any colour that is half as bright,
            where the picture is to be filled in.
        prior, device, format, report: as for `denoise`.

    Returns and raises as `denoise`.
    """
    return restored_picture(picture, out, "inpaint", inpainter(mask, prior or Prior(), device), format, None, report)


def inpainter(mask: Any, prior: Prior, device: str) -> PriorRestorer:
    """What `inpaint` does. UsageError where the mask marks nothing."""
    missing: np.ndarray = read_rgb(mask).max(-1) >= 128
    if not missing.any():
        name = mask if isinstance(mask, (str, os.PathLike)) else "the mask"
        raise UsageError(f"{name}: has no white, which marks what is to be filled in")
    return PriorRestorer(task="inpaint", prior=prior, missing=missing, device=device)


def enlarger(
    scale: float,
    prior: Prior,
    device: str,
    *,
    model: str | None = None,
    ensemble: bool = False,
    tile: int | None = None,
) -> PriorRestorer:
    """What `upscale` does with a prior. UsageError for settings that only models have."""
    for name, value in (("model", model), ("ensemble", ensemble), ("tile", tile)):
        if value:
            raise UsageError(f"{name} {value}: is for models, not for a prior; leave it out")
    if not 1 < scale <= LARGEST_SCALE:
        raise UsageError(f"scale {scale:g}: must be above 1 and at most {LARGEST_SCALE}")
    return PriorRestorer(task="upscale", prior=prior, scale=scale, device=device)
