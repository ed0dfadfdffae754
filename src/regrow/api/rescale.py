"""Shrink pictures and clips, grow them back, and read what they say of themselves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, BinaryIO, overload

from regrow.api.kinds import File, Out, PictureT
from regrow.io.allowed import MOST, allowing
from regrow.io.passport import Passport
from regrow.io.provenance import steps_of
from regrow.operations.coded.wish import Wish
from regrow.operations.grow import Grow
from regrow.operations.shrink import Shrink
from regrow.progress import Report, silent
from regrow.runners.dispatch import apply, header
from regrow.size import Scale
from regrow.typed import typed
from regrow.video.options import Video


@overload
def shrink(
    picture: File, out: Out, *, scale: Scale | None = ..., grey: bool = ..., model: str | None = ..., refine: int = ...,
    quality: int | None = ..., bytes: int | None = ..., bpp: float | None = ..., psnr: float | None = ...,
    lossless: bool = ..., strip: bool = ..., strip_icc: str | None = ..., device: str = ..., tile: int | None = ...,
    format: str | None = ..., partial: bool = ..., video: Video | None = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def shrink(
    picture: PictureT, *, scale: Scale | None = ..., grey: bool = ..., model: str | None = ..., refine: int = ...,
    strip: bool = ..., strip_icc: str | None = ..., device: str = ..., tile: int | None = ..., report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def shrink(
    picture: Any,
    out: Any = None,
    *,
    scale: Scale | None = None,
    grey: bool = False,
    model: str | None = None,
    refine: int = 0,
    quality: int | None = None,
    bytes: int | None = None,
    bpp: float | None = None,
    psnr: float | None = None,
    lossless: bool = False,
    strip: bool = False,
    strip_icc: str | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    partial: bool = False,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Shrink a picture or a clip into an ordinary small one that `grow` brings back.

    Args:
        picture: path or the bytes of a file; or numpy (H, W[, 1..4]) uint8 or uint16, PIL image, or tensor
            (1 or 3, H, W) float in [0, 1]. A clip is the path of a video file, of a folder of frames that becomes one,
            or a pattern such as frames/%05d.png; or a binary file to be read from, such as standard input.
        out: path or binary file to write, when `picture` is a path or bytes; for frames as pictures, a pattern.
        scale: how many times smaller each side becomes, from 1 to 128, such as 2 or 2.7, or (width, height) on their
            own; 2 when not given, with `grey` 1. Sizes are rounded up. Files of lossy codecs (JPEG, WebP, AVIF) get the
            scale that suits them best when it is not given.
        grey: hide the colours in a grey picture, from which `grow` brings them back.
        model: shipped name or folder; the shipped one for the scale when not given.
        refine: iterations by which this very picture is made to regrow better, 0 to 1000; 5 gain most, 20 where a lossy
            codec follows. Each takes about three times as long as growing, which takes no longer for it.
        quality: of a file of a lossy codec: where no scale is given, it grows as good as the codec alone at this
            quality, 1 to 100, in fewer bytes; where one is, the codec is told this quality. When nothing is asked for,
            80 for JPEG, 75 for WebP and 60 for AVIF.
        bytes: the best of at most so many bytes, metadata included.
        bpp: the best of at most so many bits for each pixel of the original.
        psnr: the smallest that grows back to so many dB (`rgb`).
        lossless: write WebP and AVIF without loss, as PNG and TIFF always are.
        strip: leave out all metadata but the orientation, and profiles and descriptions of colours that are not sRGB,
            without which colours would change. What `grow` brings back lacks it, too.
        strip_icc: "srgb" leaves out a profile that is sRGB in effect, which says nothing that no profile does not say.
        device: auto, cpu, cuda, mps ...
        tile: side in pixels of the tiles that are worked on; smaller needs less memory and more time. 512 when not
            given, for clips 4096.
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        partial: take what there is of a file that is damaged or cut short.
        video: how clips are read and written.
        report: told about progress, in rows or frames.

    Returns:
        What `picture` was: a path gives the path written; arrays, images and tensors the small picture, 8 bits deep.
        Files and PIL images carry a passport; with arrays and tensors, keep scale and size yourself.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.

    Example:
        >>> import numpy as np, regrow
        >>> photograph = np.zeros((427, 641, 3), np.uint8)
        >>> regrow.shrink(photograph, scale=4).shape
        (107, 161, 3)
    """
    wish = Wish(quality=quality, bytes=bytes, bpp=bpp, psnr=psnr)
    operation = Shrink(
        scale=scale, grey=grey, model=model, refine=refine, wish=wish, without_loss=lossless, strip=strip,
        strip_icc=strip_icc, device=device, tile=tile,
    )  # fmt: skip
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, video=video, report=report)


@overload
def grow(
    picture: File, out: Out, *, scale: Scale | None = ..., size: tuple[int, int] | None = ..., model: str | None = ...,
    light: bool = ..., codec_model: str | None = ..., device: str = ..., tile: int | None = ...,
    format: str | None = ..., partial: bool = ..., video: Video | None = ..., report: Report = ...,
) -> Out: ...  # fmt: skip
@overload
def grow(
    picture: PictureT, *, scale: Scale | None = ..., size: tuple[int, int] | None = ..., model: str | None = ...,
    device: str = ..., tile: int | None = ..., report: Report = ...,
) -> PictureT: ...  # fmt: skip
@typed
def grow(
    picture: Any,
    out: Any = None,
    *,
    scale: Scale | None = None,
    size: tuple[int, int] | None = None,
    model: str | None = None,
    light: bool = False,
    codec_model: str | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    partial: bool = False,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Grow a picture or a clip that `shrink` made back to its size.

    Args:
        picture: as for `shrink`. What a lossy codec coded grows best from its file: a PIL image remembers how coarsely
            it was coded of JPEG alone, and only as it was opened.
        out: path or binary file to write, when `picture` is a path or bytes.
        scale: only where there is no passport (arrays, tensors, stripped files): as for `shrink`.
        size: only where there is no passport: exact (width, height); scale times the small one when not given.
        model: shipped name or folder, where there is no passport or its model does not ship; the passport's weights
            must be in it. What a lossy codec coded may be grown by any net for its scale.
        light: grow what a lossy codec coded by a light net: a little worse, much faster.
        codec_model: net that grows a file of a lossy codec that lost its passport, or "auto": as its stream of bits
            says.
        device, tile, format, partial, video, report: as for `shrink`.

    Returns:
        What `picture` was: a path gives the path written; arrays and PIL images are 8 bits deep, or as deep as the
        passport says; tensors are float in [0, 1], unrounded.

    Raises:
        RegrowError: no passport, or one that does not fit the picture or the models here; UsageError.

    Example:
        >>> import numpy as np, regrow
        >>> small = regrow.shrink(np.zeros((427, 641, 3), np.uint8))
        >>> regrow.grow(small, scale=2, size=(641, 427)).shape
        (427, 641, 3)
    """
    operation = Grow(
        scale=scale, exact=size, model=model, light=light, codec_model=codec_model, device=device, tile=tile
    )  # fmt: skip
    with allowing(partial=partial or None):
        return apply(operation, picture, out, format=format, video=video, report=report)


@dataclass(frozen=True)
class Info:
    """What a picture or clip says of itself."""

    passport: Passport | None
    """How it was shrunk, of a small one."""
    restored: str | None
    """How it was restored: models and settings, of one that regrow colorized, enlarged or otherwise restored."""
    mark: float | None = None
    """The scale that the code of a small JPEG, WebP or AVIF suggests, which `grow` takes with `codec_model="auto"`
    where the passport is lost."""


def info(picture: str | os.PathLike[str] | bytes | BinaryIO) -> Info:
    """What a picture or clip says of itself, be it a file, the bytes of a picture or the stream of a clip.

    The command `regrow info` prints the same.

    RegrowError for a passport that is damaged or was written by a newer regrow.

    Example:
        >>> import regrow
        >>> path = regrow.shrink("docs/images/demo.png", "small.png")
        >>> regrow.info(path).passport.model
        'tad-x2'
    """
    with allowing(max_pixels=MOST):  # only the header is read
        found = header(picture)
    return Info(Passport.of(found.metadata, name=found.name), steps_of(found.metadata.xmp), found.mark)
