"""A result rehearsed before its first frame is computed: can it be written, and does it say what it should?

A black frame and the beginning of every other track go all the way to a file, which is read back. What FFmpeg's muxers
and encoders can say differs by codec, container and version; so nothing here is a table.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np

from regrow.errors import RegrowError
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import Encoding
from regrow.video.mux import Contents, assemble
from regrow.video.orientation import alike
from regrow.video.pixels import FULL, LIMITED, USUAL
from regrow.video.reader import OWN, open_container, open_video
from regrow.video.segments import Segments
from regrow.video.times import copied
from regrow.video.tracks import left_out

PACKETS = 24
"""Number of packets of other tracks that are copied."""
NEAR = 0.01
"""By how much the shape of pixels may differ: players show frames of whole pixels."""
LEAST = 1 / 2000
"""Least size of encoded frames, relative to what they take uncompressed."""


def rehearse(target: Path, encoding: Encoding, size: tuple[int, int], contents: Contents) -> tuple[Encoding, list[str]]:
    """Try to write a clip, and tell what it cannot hold.

    Args:
        target: the file that is to be written.
        encoding, size: of its frames.
        contents: all else that it gets.

    Returns:
        The encoding, changed where colours must be converted because the file could not say what they mean, and
        remarks on what is lost.

    Raises:
        RegrowError: it cannot be written.
    """
    _check_space(target, encoding, size, contents)
    with _folder(target) as folder:
        trial = Path(folder) / f"trial{target.suffix}"
        try:
            _perform(trial, encoding, size, contents)
        except RegrowError as error:
            said = str(error).replace(str(trial), str(target))
            if said.endswith(")"):  # FFmpeg's words
                said = _advised(said, trial, target, encoding, size, contents)
            raise type(error)(said) from error
        try:
            found = open_video(trial)
        except RegrowError as error:
            raise RegrowError(
                f"{target}: cannot be read again with codec {encoding.codec}; take another with --codec"
            ) from error
    return _told(encoding, found), list(_remarks(target, encoding, contents, found))


def _advised(
    said: str, trial: Path, target: Path, encoding: Encoding, size: tuple[int, int], contents: Contents
) -> str:
    """What FFmpeg said, and what to do: it does not tell whether the frames or the other tracks are at fault."""
    other = f"another container than {target.suffix}"
    try:
        _perform(trial, encoding, size, replace(contents, clip=replace(contents.clip, once=True)))
    except RegrowError:
        return f"{said}; take {other}, or another --codec than {encoding.codec}"
    if contents.source is None:
        return f"{said}; take {other}"
    with open_container(str(contents.source)) as given:
        names = ", ".join(f"{stream.type} {stream.codec_context.name}" for stream in copied(given))
    return f"{target}: cannot hold the tracks of the clip as they are ({names}); take {other}"


@contextmanager
def _folder(target: Path) -> Iterator[str]:
    try:
        with TemporaryDirectory(prefix="regrow-") as folder:
            yield folder
    except OSError as error:
        raise RegrowError(f"{target}: cannot be tried out in {gettempdir()} ({error.strerror or error})") from error


def _remarks(target: Path, encoding: Encoding, contents: Contents, found: Clip) -> Iterator[str]:
    source = contents.source
    for note in (source and left_out(source, target)) or ():
        yield f"{contents.clip.name}: {note}"
    for note in _missing(encoding, contents, found):
        yield f"{target}: {note.removesuffix('; take .mkv') if target.suffix == '.mkv' else note}"


def _perform(trial: Path, encoding: Encoding, size: tuple[int, int], contents: Contents) -> None:
    pixels, clip = encoding.pixels, contents.clip
    width, height = size
    black = np.zeros((height, width, pixels.colors), np.uint8)
    lasts = round(1 / (clip.rate * contents.time_base)) or 1
    alpha = np.zeros((height, width, 1), np.uint8) if pixels.alpha else None
    segments = Segments(trial, {}, encoding, width, height, clip.aspect)
    try:
        for _ in segments.add([[Frame(black, 0, lasts, 0, alpha)]]):
            pass
        assemble(segments, trial, [(0, lasts)], contents, most=PACKETS)
    finally:
        segments.remove()


def _told(encoding: Encoding, found: Clip) -> Encoding:
    """With colours that mean what players will take them to mean."""
    pixels, there = encoding.pixels, found.pixels
    height = found.height
    meant, taken = pixels.meant(height), there.meant(height)
    if not pixels.is_rgb and meant.range != taken.range:
        limited = taken.range == LIMITED
        form = pixels.format.replace("yuvj", "yuv") if limited else pixels.format
        pixels = replace(pixels, format=form, range=0 if limited else FULL)
    if not pixels.is_rgb and pixels.colors == 3 and meant.matrix != taken.matrix:
        pixels = replace(pixels, matrix=there.matrix)
    return replace(encoding, pixels=replace(pixels, alpha=pixels.alpha and there.alpha))


def _missing(encoding: Encoding, contents: Contents, found: Clip) -> Iterator[str]:
    """What a file does not say, or hold, of what it should."""
    clip, pixels, there = contents.clip, encoding.pixels, found.pixels
    if not pixels.is_rgb and pixels.meant(found.height).range != there.meant(found.height).range:
        words = ("full", "limited") if there.meant(found.height).range == LIMITED else ("limited", "full")
        yield "cannot say that colours have the {} range, so they are converted to the {} one; take .mkv".format(*words)
    asked = encoding.asked or pixels
    if asked.bits > there.bits:
        had = f"{asked.bits} of the clip"
        yield f"has {there.bits} bits a sample with {encoding.codec}, to which the {had} are rounded; take .mkv"
    if asked.is_rgb and asked.colors == 3 and not pixels.is_rgb:
        yield f"holds colours as {there.format} with {encoding.codec}, and not as RGB; take .mkv"
    for kind in ("primaries", "transfer"):
        value = getattr(pixels, kind)
        if value not in USUAL and getattr(there, kind) != value:
            yield f"cannot say which {kind} colours have (number {value} of ISO/IEC 23091-2); take .mkv"
    if abs(float((found.aspect or 1) / (clip.aspect or 1)) - 1) > NEAR:
        yield f"cannot say that pixels are {clip.aspect} times as wide as high, so players show it too " \
              f"{'narrow' if (clip.aspect or 1) > 1 else 'wide'}; take .mkv"  # fmt: skip
    if clip.fields > 1 and found.fields < 2:
        yield "cannot say that frames are interlaced; take .mkv"
    if clip.matrix and not alike(clip.matrix, found.matrix):
        yield "cannot say how players turn its frames; take .mkv"
    if clip.light and not clip.light.like(found.light):
        yield "cannot state the mastering display and light level of HDR; take .mkv"
    if clip.pixels.alpha and not (pixels.alpha and there.alpha):
        yield f"has no alpha channel with {encoding.codec}, so that of the clip is left out; take .mov, .mkv or .webm"
    said = {k.lower() for k, v in contents.metadata.items() if v}
    known = {k.lower() for k in found.metadata}
    lost = sorted(k for k in said | _kept(contents) if k not in known)
    if lost:
        yield f"cannot hold some metadata ({', '.join(lost)}), which are left out; take .mkv"


def _kept(contents: Contents) -> set[str]:
    removed = {k.lower() for k in contents.metadata}
    given = contents.clip.metadata if contents.source else {}
    return {k.lower() for k, v in given.items() if v and k.lower() not in OWN} - removed


def _check_space(target: Path, encoding: Encoding, size: tuple[int, int], contents: Contents) -> None:
    """RegrowError where the disk certainly has no room for the frames, which lie there twice at the end."""
    folder = next(p for p in (target.parent, *target.resolve().parents) if p.is_dir())
    frames = contents.clip.count or 0
    least = 2 * frames * size[0] * size[1] * encoding.pixels.colors * LEAST
    with suppress(OSError):
        free = shutil.disk_usage(folder).free
        if free < least:
            raise RegrowError(f"{target}: needs {least / 1e6:.0f} MB at the very least, and the disk has only "
                              f"{free / 1e6:.0f} MB left; free some space")  # fmt: skip
