"""The verb `stabilize`: what was done to every frame of a clip by itself, made steady in time by a net fitted to it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrow.errors import RegrowError, UsageError
from regrow.inference.frames import restore_window
from regrow.inference.parallel import mapped, overlapped
from regrow.io.paths import folder_of, is_pattern
from regrow.io.provenance import mark
from regrow.nets.ops.resample import bicubic
from regrow.priors.deep_video import ClipSettings, fit_clip
from regrow.progress import Report, said, silent
from regrow.runners.clip import TILE, XMP, with_colors, xmp_of
from regrow.runners.convert import RECORD, Result, convert, timed
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import for_result
from regrow.video.folder import listed
from regrow.video.options import Video
from regrow.video.segments import Group
from regrow.video.source import open_clip

SKEW = 0.02
"""By how much the shapes of frames may differ, relative to their width: sizes are rounded."""

log = logging.getLogger("regrow")


def stabilize(
    processed: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    reference: str | os.PathLike[str],
    epochs: int = ClipSettings.epochs,
    modes: int = ClipSettings.modes,
    seed: int = 0,
    compile: bool = False,
    device: str = "auto",
    video: Video | None = None,
    report: Report = silent,
) -> Any:
    """Make a clip whose frames were processed one by one steady, by a net that is fitted to it for minutes.

    It learns what the process made of the frames of the reference, and makes that again without what changes from one
    frame to the next: the deep video prior (Lei et al., NeurIPS 2020). Sound and all else is that of `processed`.

    Args:
        processed: path of a video file or of a folder of frames, or a pattern such as frames/%05d.png.
        out: likewise; frames in a folder are named as those of a processed folder.
        reference: the clip that it was made from, with as many frames; theirs may be smaller or larger.
        epochs: how often the net sees each frame: more is nearer to what was made, in the end with its flicker.
        modes: 2 where the process may make either of two things of a frame, such as colours, of which the result leans
            towards that of the first frame; else 1 does.
        seed: another gives another result.
        compile: let torch.compile make the net faster.
        device: auto, cpu, cuda, mps ...
        video: how clips are read and written.
        report: told about progress, in steps and then frames.

    Returns:
        The path written.

    Raises:
        RegrowError: one line that says what is wrong and what to do; UsageError when the request is.
        KeyboardInterrupt: after what had been learned by then was written. The same again goes on from there.
    """
    for source in (processed, reference):
        if isinstance(source, (str, os.PathLike)) and Path(source).resolve() == Path(out).resolve():
            raise UsageError(f"{out}: would overwrite what it is made from; name another output")
    video = video or Video()
    settings = ClipSettings(epochs=epochs, modes=modes, seed=seed, compile=compile)
    clip, before = (_opened(source, video) for source in (processed, reference))
    count = _count(clip, before)
    identity = json.dumps([_told(one) for one in (clip, before)])
    name = hashlib.sha256(f"{identity}{settings}".encode()).hexdigest()[:16]
    checkpoint = folder_of(str(out)) / f".regrow-{name}.fit"
    size = clip.width, clip.height

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        frames = zip(before.read(), clip.read(), strict=True)
        return overlapped((_tensor(was, size), _tensor(now, size)) for was, now in frames)

    log.warning("%s: a net is fitted to this clip, which takes minutes; Ctrl-C gives the result so far", clip.name)
    parts = _Parts(report, count)
    fitted = fit_clip(
        pairs, count, settings, device=device, checkpoint=checkpoint, identity=identity, report=parts.fitting
    )
    if fitted.interrupted:
        log.warning("%s: interrupted after step %d; the same again (with --force) goes on from there",
                    clip.name, fitted.steps)  # fmt: skip
    net, pixels = fitted.net.eval(), clip.pixels
    kind: Any = np.uint8 if pixels.is_rgb and pixels.bits == 8 else np.float32

    def made(pair: tuple[Frame, Frame]) -> Group:
        was, now = pair
        found = restore_window([_array(_tensor(was, size))], net, tile=TILE, dtype=kind)
        return timed([with_colors(found, pixels.colors)], [now])

    def work(frames: Iterable[Frame], skip: int) -> Iterator[Group]:
        both = islice(zip(before.read(), frames, strict=True), skip, None)
        return mapped(made, both, size[0] * size[1], net.device.type)

    steps = words(epochs, modes, seed) + ("; interrupted" if fitted.interrupted else "")
    xmp = mark(xmp_of(clip), steps) or b""
    result = Result(
        size=size, encoding=lambda suffix: for_result(suffix, pixels, size, video.codec, video.crf), xmp=xmp,
        depth=8 if pixels.bits == 8 else 16, settings={"steps": steps, "origin": identity, "done": fitted.steps},
        metadata={XMP: xmp.decode(), RECORD: ""},
    )  # fmt: skip
    convert(clip, out, work, result, parts.writing)
    if fitted.interrupted:
        raise KeyboardInterrupt
    checkpoint.unlink(missing_ok=True)
    return out


def words(epochs: int, modes: int, seed: int) -> str:
    """What is done, as a result says of itself."""
    return f"stabilize prior frame-unet epochs {epochs} modes {modes} seed {seed}"


class _Parts:
    """The report of a fit and then of frames that are written, as one."""

    def __init__(self, report: Report, count: int) -> None:
        self.report, self.steps, self.count = report, 0, count

    def fitting(self, done: int, total: int) -> None:
        self.steps = total
        self.report(done, total + self.count)

    def writing(self, done: int, total: int) -> None:
        said(self.report, "writing")
        self.report(self.steps + done, self.steps + total)


def _opened(source: str | os.PathLike[str], video: Video) -> Clip:
    if not isinstance(source, (str, os.PathLike)):
        raise UsageError("a stream can be read but once; save the clip and name the file")
    frames = is_pattern(str(source)) or Path(source).is_dir()
    return open_clip(source, video.frames_a_second if frames else None)


def _count(clip: Clip, reference: Clip) -> int:
    """How many frames both have. UsageError where they do not fit each other, RegrowError where there are none."""
    a, b = ((one.width, one.height) for one in (clip, reference))
    if abs(a[0] / a[1] * b[1] / b[0] - 1) > SKEW:
        raise UsageError(f"{clip.name}: {a[0]}x{a[1]}, but the reference {reference.name} has another shape, "
                         f"{b[0]}x{b[1]}; give the clip that it was made from")  # fmt: skip
    counts = [0, 0]
    for pair in zip_longest(clip.read(), reference.read()):
        counts = [n + (frame is not None) for n, frame in zip(counts, pair, strict=True)]
    if counts[0] != counts[1]:
        raise UsageError(f"{clip.name}: has {counts[0]} frames, but the reference {reference.name} {counts[1]}; "
                         "give the clip that it was made from")  # fmt: skip
    if not counts[0]:
        raise RegrowError(f"{clip.name}: has no frames that can be decoded")
    return counts[0]


def _told(clip: Clip) -> list[Any]:
    """What tells a clip from others, and from itself once it was changed."""
    name = clip.name
    files = [Path(name)] if Path(name).is_file() else listed(name)
    return [str(Path(name).resolve()), [[path.stat().st_size, path.stat().st_mtime_ns] for path in files]]


def _tensor(frame: Frame, size: tuple[int, int]) -> Tensor:
    """(1, 3, H, W) in [0, 1], enlarged or shrunk to a (width, height)."""
    pixels = torch.from_numpy(np.ascontiguousarray(with_colors(frame.pixels, 3))).permute(2, 0, 1)[None]
    x = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
    height, width = size[1], size[0]
    return x if x.shape[-2:] == (height, width) else bicubic(x, (height, width)).clamp(0, 1)


def _array(x: Tensor) -> np.ndarray:
    """(H, W, 3) float32."""
    return np.ascontiguousarray(x[0].permute(1, 2, 0).numpy())
