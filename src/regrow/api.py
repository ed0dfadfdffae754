"""What a person asks for, from start to end: shrink, grow, info."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from regrow.errors import UsageError
from regrow.inference.refine import MOST
from regrow.inference.rows import TILE, grow_rows, shrink_rows
from regrow.io.formats import format_of, get_format, icc_fits
from regrow.io.memory import accept
from regrow.io.passport import Passport, strip
from regrow.io.provenance import steps_of
from regrow.io.reader import Picture, open_picture
from regrow.operations.rescale import (
    Growth,
    Scale,
    asked_scale,
    check_colors,
    default_model,
    grown_colors,
    make_passport,
    plan_growth,
    rescaler,
    small_size,
    words,
)
from regrow.progress import Report, reported, silent
from regrow.runners.output import named, refuse_for_clips, refuse_for_pictures, unnamed, write
from regrow.size import Size
from regrow.video.options import Video
from regrow.video.source import is_clip, open_clip

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler

JPEG_COST = (
    "JPEG destroys part of what a small picture hides, even at quality 100: regrown x2 pictures lose 1.0 dB "
    "(mean of Set5); PNG, WebP, TIFF and AVIF lose nothing"
)

log = logging.getLogger("regrow")


def shrink(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    scale: Scale | None = None,
    grey: bool = False,
    model: str | None = None,
    refine: int = 0,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
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
            own; 2 when not given, with `grey` 1. Sizes are rounded up.
        grey: hide the colours in a grey picture, that `grow` brings back.
        model: shipped name or folder; the shipped one for the scale when not given.
        refine: steps of descent by which this very picture is made to regrow better, 0 to 1000; 5 gain most. Each
            takes about three times as long as growing, and growing takes no longer for it.
        device: auto, cpu, cuda, mps ...
        tile: side in pixels of the pieces that are worked on; smaller needs less memory and more time. 512 when not
            given, for clips 4096.
        format: png, webp, tiff, avif or jpeg; what the name of `out` says when not given.
        video: how clips are read and written.
        report: told about progress, in rows or frames.

    Returns:
        What `picture` was: a path gives the path written; arrays, images and tensors the small picture, 8 bits deep.
        Files and PIL images carry a passport; with arrays and tensors, keep scale and size yourself.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
    """
    scales = asked_scale(scale, grey=grey)
    if not 0 <= refine <= MOST:
        raise UsageError(f"refine {refine}: must be from 0 to {MOST} steps")
    if is_clip(picture, out):
        from regrow.runners import clip as clips

        refuse_for_clips(format=format, refine=refine)
        options: dict[str, Any] = {"video": video, "device": device, "tile": tile or clips.TILE, "report": report}
        clips.shrink(picture, named(out, "shrink"), scale=scales, grey=grey, model=model, **options)
        return out
    refuse_for_pictures(video)
    tile = tile or TILE
    if isinstance(picture, (str, os.PathLike, bytes)):
        out = named(out, "shrink")
        opened = open_picture(picture)
        name = model or default_model(scales, opened.colors, grey=grey)
        net = rescaler(name, scales, device)
        check_colors(opened.name, opened.colors, name, net, grey=grey)
        _shrink_file(opened, out, name, net, scales, refine, tile, format, report)
        return out
    unnamed(out, "shrink")
    given = accept(picture)
    size = given.pixels.shape[1], given.pixels.shape[0]
    name = model or default_model(scales, given.colors, grey=grey)
    net, small = rescaler(name, scales, device), small_size(size, scales)
    check_colors(type(picture).__name__, given.colors, name, net, grey=grey)
    rows = shrink_rows([given.pixels], Size(*size), given.colors, net, Size(*small), tile, refine)
    shrunk = given.wrap(np.concatenate(list(reported(rows, small[1], report))))
    if given.holds_xmp:
        alpha = given.pixels.shape[2] > given.colors
        passport = make_passport(name, net, size, small, given.depth, given.colors, alpha, refine)
        if net.small_colors < given.colors:  # a profile of colours is none of grey
            passport = replace(passport, icc=shrunk.info.pop("icc_profile", None))
        shrunk.info["xmp"] = passport.to_xmp(given.xmp)
    return shrunk


def grow(
    picture: Any,
    out: str | os.PathLike[str] | BinaryIO | None = None,
    *,
    scale: Scale | None = None,
    size: tuple[int, int] | None = None,
    model: str | None = None,
    device: str = "auto",
    tile: int | None = None,
    format: str | None = None,
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Grow a picture or a clip that `shrink` made back to its size.

    Args:
        picture: as for `shrink`.
        out: path or binary file to write, when `picture` is a path or bytes.
        scale: only where there is no passport (arrays, tensors, stripped files): as for `shrink`.
        size: only where there is no passport: exact (width, height); scale times the small one when not given.
        model: shipped name or folder, where there is no passport or its model does not ship; the passport's weights
            must be in it.
        device, tile, format, video, report: as for `shrink`.

    Returns:
        What `picture` was: a path gives the path written; arrays and PIL images are 8 bits deep, or as deep as the
        passport says; tensors are float in [0, 1], unrounded.

    Raises:
        RegrowError: no passport, or one that does not fit the picture or the models here; UsageError.
    """
    if is_clip(picture, out):
        from regrow.runners import clip as clips

        refuse_for_clips(format=format)
        options: dict[str, Any] = {"video": video, "device": device, "tile": tile or clips.TILE, "report": report}
        clips.grow(picture, named(out, "grow"), scale=scale, size=size, model=model, **options)
        return out
    refuse_for_pictures(video)
    tile = tile or TILE
    if isinstance(picture, (str, os.PathLike, bytes)):
        out = named(out, "grow")
        opened = open_picture(picture)
        small = (opened.width, opened.height)
        growth = plan_growth(opened.name, small, opened.xmp, scale, size, model, opened.colors, device)
        _grow_file(opened, out, growth, tile, format, report)
        return out
    unnamed(out, "grow")
    given = accept(picture)
    height, width = given.pixels.shape[:2]
    what = type(picture).__name__
    growth = plan_growth(what, (width, height), given.xmp, scale, size, model, given.colors, device)
    dtype = np.float32 if given.pixels.dtype.kind == "f" else np.uint16 if growth.depth == 16 else np.uint8
    colors = grown_colors(what, growth, given.colors)
    inside, exact = Size(width, height), Size(*growth.size)
    rows = grow_rows([given.pixels], inside, exact, given.colors, colors, growth.model, dtype, tile)
    grown = given.wrap(np.concatenate(list(reported(rows, growth.size[1], report))))
    if given.holds_xmp and given.xmp and (own := strip(given.xmp)):
        grown.info["xmp"] = own
    if given.holds_xmp and growth.passport and growth.passport.icc:
        grown.info["icc_profile"] = growth.passport.icc
    return grown


def info(picture: str | os.PathLike[str] | bytes) -> Passport | None:
    """The passport of a small picture or clip, or None when it has none. RegrowError when damaged or too new."""
    if is_clip(picture):
        from regrow.runners import clip as clips

        return clips.info(picture)
    opened = open_picture(picture)
    return Passport.from_xmp(opened.xmp, name=opened.name) if opened.xmp else None


def restored(picture: str | os.PathLike[str] | bytes) -> str | None:
    """How a picture or clip says that regrow restored it: models and settings, or None."""
    if is_clip(picture):
        from regrow.runners import clip as clips

        return steps_of(clips.xmp_of(open_clip(picture)))
    return steps_of(open_picture(picture).xmp)


def _shrink_file(
    picture: Picture,
    out: Any,
    name: str,
    net: Rescaler,
    scales: tuple[float, float],
    refine: int,
    tile: int,
    format: str | None,
    report: Report,
) -> None:
    form = get_format(format) if format else format_of(out)
    if not form.turned:
        picture = picture.upright()
    if not form.lossless:
        log.warning("%s: %s", picture.name, JPEG_COST)
    size = picture.width, picture.height
    small, colors = small_size(size, scales), min(picture.colors, net.small_colors)
    if size[0] < scales[0] or size[1] < scales[1]:
        log.warning(
            "%s: %dx%d is too small to be shrunk by %s; hardly more than its mean colour will come back",
            picture.name, *size, words(scales),
        )  # fmt: skip
    # What the small file cannot hold travels in the passport.
    keeps_exif = form.exif_limit > 0
    keeps_icc = picture.icc is None or icc_fits(picture.icc, colors=colors, format=form.name)
    passport = replace(
        make_passport(name, net, size, small, picture.depth, picture.colors, picture.alpha, refine),
        exif=None if keeps_exif else picture.exif,
        icc=None if keeps_icc else picture.icc,
    )
    rows = shrink_rows(picture.rows(), Size(*size), picture.colors, net, Size(*small), tile, refine)
    picture = replace(
        picture,
        xmp=passport.to_xmp(picture.xmp),
        exif=picture.exif if keeps_exif else None,
        icc=picture.icc if keeps_icc else None,
    )
    write(out, rows, picture, small, colors, 8, form, report)


def _grow_file(picture: Picture, out: Any, growth: Growth, tile: int, format: str | None, report: Report) -> None:
    form = get_format(format) if format else format_of(out)
    passport = growth.passport
    colors = grown_colors(picture.name, growth, picture.colors)
    dtype = np.uint16 if growth.depth == 16 else np.uint8
    size = picture.width, picture.height
    inside, exact = Size(*size), Size(*growth.size)
    grown = grow_rows(picture.rows(), inside, exact, picture.colors, colors, growth.model, dtype, tile)
    if passport:
        picture = replace(
            picture,
            icc=passport.icc or picture.icc,
            exif=passport.exif or picture.exif,
            xmp=strip(picture.xmp) if picture.xmp else None,
        )
    write(out, grown, picture, growth.size, colors, growth.depth, form, report)
