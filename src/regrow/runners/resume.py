"""Whether a file is already what a verb would write, so that a batch that is run again goes on where it stopped."""

from __future__ import annotations

import os
from typing import Any

from regrow import zoo
from regrow.api import info, restored
from regrow.errors import RegrowError
from regrow.io.formats import format_of
from regrow.io.passport import Passport
from regrow.io.provenance import steps_of
from regrow.io.reader import Picture, open_picture
from regrow.operations.rescale import (
    Scale,
    asked_scale,
    check_scale,
    default_clip_model,
    default_model,
    grown_size,
    small_size,
)
from regrow.operations.restoration import Restoration
from regrow.runners.clip import xmp_of
from regrow.video.clip import Clip
from regrow.video.source import is_clip, open_clip


def is_shrunk(
    source: Any,
    target: str | os.PathLike[str],
    *,
    scale: Scale | None = None,
    grey: bool = False,
    model: str | None = None,
    refine: int = 0,
) -> bool:
    """Whether `target` is what `shrink` would make of `source`, as far as its passport tells; pixels are not read."""
    try:
        if not _newer(target, source):
            return False
        passport, scales = info(target), asked_scale(scale, grey=grey)
        if is_clip(source, target):
            clip = open_clip(source)
            size, colors = (clip.width, clip.height), clip.pixels.colors
            name = model or default_clip_model(scales, colors, target, grey=grey)
        else:
            opened = open_picture(source)
            if not format_of(target).turned:
                opened = opened.upright()
            size = opened.width, opened.height
            name = model or default_model(scales, opened.colors, grey=grey)
        return (
            passport is not None
            and passport.digest == zoo.digest(name)
            and (passport.refined or 0) == refine
            and (passport.width, passport.height) == size
            and (passport.small_width, passport.small_height) == small_size(size, scales)
        )
    except RegrowError:
        return False


def _newer(target: Any, source: Any) -> bool:
    try:
        return os.stat(target).st_mtime_ns >= os.stat(source).st_mtime_ns
    except OSError:
        return False


def is_grown(
    source: Any, target: str | os.PathLike[str], *, scale: Scale | None = None, size: tuple[int, int] | None = None
) -> bool:
    """Whether `target` has the size that `grow` would give `source` and is newer; pixels are not read."""
    try:
        if not _newer(target, source):
            return False
        if is_clip(source, target):
            said, result = info(source), open_clip(target)
            return said is not None and (result.width, result.height) == (said.width, said.height)
        small, grown = open_picture(source), open_picture(target)
        passport = Passport.from_xmp(small.xmp) if small.xmp else None
        if passport:
            size = passport.width, passport.height
        elif scale:
            size = size or grown_size((small.width, small.height), check_scale(scale))
        return size in ((grown.width, grown.height), (grown.height, grown.width))
    except RegrowError:
        return False


def is_restored(source: Any, target: str | os.PathLike[str], chain: Restoration) -> bool:
    """Whether `target` says of itself that this chain made it, of a picture of the size of `source`, and is newer."""
    try:
        if not _newer(target, source):
            return False
        before: Clip | Picture
        after: Clip | Picture
        if is_clip(source, target):
            before, after = open_clip(source), open_clip(target)
        else:
            before, after = open_picture(source).upright(), open_picture(target)
        done = restored(target) or ""
        return (after.width, after.height) == chain.size((before.width, before.height)) and done in {
            chain.steps(),
            chain.steps(color=False),
        }
    except RegrowError:
        return False


def is_stabilized(source: str, reference: str, target: str, steps: str) -> bool:
    """Whether a clip says that just this was done to it, has the size of `source`, and is newer than both."""
    try:
        if not (_newer(target, source) and _newer(target, reference)):
            return False
        before, after = open_clip(source), open_clip(target)
        return (after.width, after.height) == (before.width, before.height) and steps_of(xmp_of(after)) == steps
    except RegrowError:
        return False
