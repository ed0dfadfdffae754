"""The verbs on clips: what `shrink`, `grow` and the chain of restorers do to every frame."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from regrow.errors import RegrowError, UsageError
from regrow.inference.frames import groups_of, grow_group, shrink_group, stacked, windows_of
from regrow.inference.parallel import mapped
from regrow.io.passport import Passport
from regrow.io.paths import names_video
from regrow.io.provenance import mark
from regrow.operations.color_smoothing import REACH, steady
from regrow.operations.colorize import color_rows, glance, is_grey
from regrow.operations.rescale import (
    Scale,
    asked_scale,
    check_colors,
    default_clip_model,
    grown_colors,
    make_passport,
    plan_growth,
    rescaler,
    small_size,
)
from regrow.operations.restore import NONE, Chain
from regrow.progress import Report, silent
from regrow.runners.convert import RECORD, Result, convert, of_lengths, timed
from regrow.size import Size
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import for_result, for_small
from regrow.video.options import Video
from regrow.video.pixels import Pixels
from regrow.video.record import ClipRecord
from regrow.video.scenes import scenes
from regrow.video.segments import Group
from regrow.video.source import open_clip

if TYPE_CHECKING:
    from torch import Tensor


log = logging.getLogger("regrow")

TILE = 4096
"""Default side of a tile for frames: most are worked on whole."""

XMP = "REGROW_XMP"
"""Key of a container's metadata that holds the passport, or how frames were restored."""


def shrink(
    source: Any,
    out: Any,
    *,
    scale: Scale | None = None,
    grey: bool = False,
    model: str | None = None,
    video: Video | None = None,
    device: str = "auto",
    tile: int = TILE,
    report: Report = silent,
) -> None:
    """Shrink a clip into an ordinary small one that `grow` brings back; arguments as for `regrow.shrink`."""
    video = video or Video()
    clip = open_clip(source, video.frames_a_second)
    scales = asked_scale(scale, grey=grey)
    colors = clip.pixels.colors
    name = model or default_clip_model(scales, colors, out, grey=grey)
    net = rescaler(name, scales, device)
    check_colors(clip.name, colors, name, net, grey=grey)
    at_once = net.frames
    if at_once > 1 and not names_video(str(out)):
        raise UsageError(f"{out}: {name} shrinks frames in groups, and only a video file can say which; "
                         "name one such as small.mkv, or another model")  # fmt: skip
    size = clip.width, clip.height
    small = small_size(size, scales)
    depth = 8 if clip.pixels.bits == 8 else 16
    passport = make_passport(name, net, size, small, depth, colors, alpha=False, refine=0)
    held = min(colors, net.small_colors)

    def made(group: list[Frame]) -> Group:
        small = shrink_group([frame.pixels for frame in group], net, scales, tile=tile)
        return timed((with_colors(pixels, held) for pixels in small), group)

    def work(frames: Iterable[Frame], skip: int) -> Iterator[Group]:
        # Frames that are shrunk one by one need no scenes.
        found = (group for scene in scenes(frames) for group in groups_of(scene, at_once))
        groups = islice(found if at_once > 1 else groups_of(frames, 1), skip, None)
        return mapped(made, groups, at_once * size[0] * size[1], net.device.type)

    xmp = passport.to_xmp(None)
    result = Result(
        size=small, encoding=lambda suffix: for_small(suffix, held, small, video.codec, video.crf), xmp=xmp,
        settings={"passport": repr(passport)}, metadata={XMP: xmp.decode()}, tells=True,
    )  # fmt: skip
    convert(clip, out, work, result, report)


def grow(
    source: Any,
    out: Any,
    *,
    scale: Scale | None = None,
    size: tuple[int, int] | None = None,
    model: str | None = None,
    video: Video | None = None,
    device: str = "auto",
    tile: int = TILE,
    report: Report = silent,
) -> None:
    """Grow a clip that `shrink` made back; arguments as for `regrow.grow`."""
    video = video or Video()
    clip = open_clip(source, video.frames_a_second)
    xmp = xmp_of(clip)
    small = clip.width, clip.height
    growth = plan_growth(clip.name, small, xmp, scale, size, model, clip.pixels.colors, device)
    facts = ClipRecord.from_json(clip.metadata[RECORD], clip.name) if clip.metadata.get(RECORD) else None
    at_once = growth.model.frames
    if at_once > 1 and facts is None:
        raise RegrowError(f"{clip.name}: was shrunk in groups of frames and no longer says which; "
                          "get the file as regrow made it")  # fmt: skip
    colors = grown_colors(clip.name, growth, clip.pixels.colors)
    pixels = facts.pixels if facts else clip.pixels.at_height(clip.height, growth.size[1])
    exact = Size(*growth.size)
    kind: Any = np.uint8 if pixels.is_rgb and pixels.bits == 8 else np.float32

    def made(group: list[Frame]) -> Group:
        grown = grow_group([frame.pixels for frame in group], growth.model, exact, tile=tile, dtype=kind)
        return timed((with_colors(array, colors) for array in grown), group)

    def work(frames: Iterable[Frame], skip: int) -> Iterator[Group]:
        groups = of_lengths(frames, facts.groups) if facts and at_once > 1 else groups_of(frames, 1)
        at_a_time = at_once * growth.size[0] * growth.size[1]
        return mapped(made, islice(groups, skip, None), at_a_time, growth.model.device.type)

    said = [repr(growth.passport), model, growth.size]
    result = Result(
        size=growth.size, encoding=lambda suffix: for_result(suffix, pixels, growth.size, video.codec, video.crf),
        depth=growth.depth, settings={"grown": said}, metadata={XMP: "", RECORD: ""}, facts=facts,
    )  # fmt: skip
    convert(clip, out, work, result, report)


def xmp_of(clip: Clip) -> bytes | None:
    """What a clip says of itself."""
    said = clip.metadata.get(XMP)
    return said.encode() if said else clip.xmp


def info(source: Any) -> Passport | None:
    """The passport of a small clip, or None. RegrowError when it is damaged or too new."""
    clip = open_clip(source)
    xmp = xmp_of(clip)
    return Passport.from_xmp(xmp, name=clip.name) if xmp else None


def with_colors(pixels: np.ndarray, colors: int) -> np.ndarray:
    """(H, W, C) with so many: three equal ones become one by their mean, one becomes three."""
    if pixels.shape[2] == colors:
        return pixels
    if colors == 3:
        return np.repeat(pixels, 3, 2)
    mean = pixels.mean(2, keepdims=True, dtype=np.float32)
    return np.rint(mean).astype(pixels.dtype) if pixels.dtype.kind == "u" else mean


def restore(source: Any, out: Any, chain: Chain, *, video: Video | None = None, report: Report = silent) -> None:
    """Take a clip through a chain of restorers: colour, then enlarge, then enhance."""
    video, chain = video or Video(), replace(chain, tile=chain.tile or TILE)
    clip = open_clip(source, video.frames_a_second)
    chain.check(clip=True)
    size = clip.width, clip.height
    color = chain.colorizer != NONE and (not chain.sparing or _looks_grey(clip, source))
    if chain.colorizer != NONE and chain.sparing and not color:
        log.warning("%s: has colours, which are kept", clip.name)
    colors = 3 if color else clip.pixels.colors
    at_once = chain.window
    inside = 3 if at_once > 1 else colors
    before = at_once // 2  # the first frame that is looked at when one is enlarged; more where it is coloured too

    def made(window: list[Frame]) -> Group:
        rows = stacked([frame.pixels for frame in window], inside)
        pixels = np.concatenate(list(chain.enlarge(rows, size, inside)))
        return timed([with_colors(pixels, colors)], [window[before]])

    def windows(frames: Iterable[Frame], skip: int) -> Iterator[list[Frame]]:
        for scene in scenes(frames):
            first = skip - before
            needed = (frame for frame in scene if frame.number >= first - (REACH if color else 0))
            stream = _colored(needed, chain, clip, first) if color else needed
            yield from (window for window in windows_of(stream, at_once) if window[before].number >= skip)

    def work(frames: Iterable[Frame], skip: int) -> Iterator[Group]:
        return mapped(made, windows(frames, skip), wanted[0] * wanted[1], chain.device_type)

    wanted = chain.size(size)
    pixels = clip.pixels.at_height(size[1], wanted[1])
    if colors > pixels.colors:
        pixels = Pixels(pixels.format.replace("gray", "yuv420p"), pixels.matrix, pixels.range)
    steps = chain.steps(color=color)
    xmp = mark(xmp_of(clip), steps) or b""
    result = Result(
        size=wanted, encoding=lambda suffix: for_result(suffix, pixels, wanted, video.codec, video.crf), xmp=xmp,
        depth=8 if pixels.bits == 8 else 16, settings={"steps": steps}, metadata={XMP: xmp.decode(), RECORD: ""},
    )  # fmt: skip
    convert(clip, out, work, result, report)


def _colored(scene: Iterable[Frame], chain: Chain, clip: Clip, skip: int) -> Iterator[Frame]:
    """The frames of a scene with colours, upright while they are looked at."""

    def guessed(frame: Frame) -> tuple[Frame, tuple[Tensor, Tensor]]:
        frame = replace(frame, pixels=np.ascontiguousarray(np.rot90(frame.pixels, clip.turns)))
        height, width, held = frame.pixels.shape
        return frame, chain.guess(glance([frame.pixels], (width, height), held), (width, height))

    for window in windows_of(map(guessed, scene), 2 * REACH + 1):
        frame = window[REACH][0]
        if frame.number < skip:
            continue
        height, width, held = frame.pixels.shape
        colors = steady([guess for _, guess in window])
        rows = color_rows([frame.pixels], (width, height), held, colors, np.float32)
        yield replace(frame, pixels=np.ascontiguousarray(np.rot90(np.concatenate(list(rows)), -clip.turns)))


def _looks_grey(clip: Clip, source: Any) -> bool:
    """Whether a clip is black and white, as far as its first frames or, of a stream, its format tell."""
    if clip.pixels.colors == 1:
        return True
    if not isinstance(source, (str, os.PathLike)):
        return False
    size = clip.width, clip.height
    return all(is_grey(glance([frame.pixels], size, 3)) for frame in islice(clip.read(), 0, 100, 10))
