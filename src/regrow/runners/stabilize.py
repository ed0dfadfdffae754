"""The verb `stabilize`: what was done to every frame of a clip by itself, made steady in time by a net fitted to it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from regrow.errors import BestSoFar, RegrowError, UsageError
from regrow.inference.channels import with_channels
from regrow.inference.frames import restore_window
from regrow.inference.parallel import mapped, overlapped
from regrow.io.paths import folder_of, is_pattern
from regrow.io.provenance import INTERRUPTED, mark, steps_of
from regrow.nets.ops.resample import bicubic
from regrow.operations.plan import FRAME_TILE
from regrow.priors.deep_video import ClipSettings, FittedClip, fit_clip
from regrow.progress import Report, said
from regrow.runners import clip as clip_runner
from regrow.runners.clip import XMP, samples_of, xmp_of
from regrow.runners.resume import State, newer
from regrow.runners.transcode import RECORD, Output, losses_of, refuse_coding_of_frames, transcode, turns_frames
from regrow.size import Size
from regrow.video.clip import Clip, Frame
from regrow.video.encoding import for_result
from regrow.video.folder import listed
from regrow.video.options import Video
from regrow.video.segments import Group
from regrow.video.source import is_pipe, open_clip

SKEW = 0.02
"""By how much the shapes of frames may differ, relative to their width: sizes are rounded."""

log = logging.getLogger("regrow")


def run(
    processed: str | os.PathLike[str],
    out: str | os.PathLike[str],
    reference: str | os.PathLike[str],
    settings: ClipSettings,
    *,
    device: str,
    video: Video,
    report: Report,
) -> None:
    """Fit a net to a clip and its reference, and write what it makes; `regrow.stabilize` says more."""
    for source in (processed, reference):
        if isinstance(source, (str, os.PathLike)) and Path(source).resolve() == Path(out).resolve():
            raise UsageError(f"{out}: would overwrite what it is made from; name another output")
    refuse_coding_of_frames(out, video)
    clip, before = (_opened(source, out, video) for source in (processed, reference))
    losses_of(clip, out, _output(clip, "", b"", video))
    count = _count(clip, before)
    identity = json.dumps([_told(one) for one in (clip, before)])
    name = hashlib.sha256(f"{identity}{settings}".encode()).hexdigest()[:16]
    checkpoint = folder_of(str(out)) / f".regrow-{name}.fit"
    size = Size(clip.width, clip.height)

    def pairs() -> Iterator[tuple[Tensor, Tensor]]:
        frames = zip(before.read(), clip.read(), strict=True)
        return overlapped((_tensor(was, size), _tensor(now, size)) for was, now in frames)

    log.info("%s: a net is fitted to this clip, which takes minutes; Ctrl-C gives the result so far", clip.name)
    parts = _Parts(report, count)
    fitted = fit_clip(
        pairs, count, settings, device=device, checkpoint=checkpoint, identity=identity, report=parts.fitting
    )
    if fitted.interrupted:
        log.warning("%s: interrupted after iteration %d; the same again goes on from there",
                    clip.name, fitted.iterations)  # fmt: skip
    _write(clip, before, out, fitted, f"{identity} {fitted.iterations}", provenance(settings), video, parts.writing)
    if fitted.interrupted:
        raise BestSoFar
    checkpoint.unlink(missing_ok=True)


def _write(
    clip: Clip,
    reference: Clip,
    out: Any,
    fitted: FittedClip,
    identity: str,
    done: str,
    video: Video,
    report: Report,
) -> None:
    """Every frame of the reference as the net makes it, with all else that the clip has."""
    net, pixels, size = fitted.net.eval(), clip.pixels, Size(clip.width, clip.height)

    def made(pair: tuple[Frame, Frame]) -> Group:
        was, now = pair
        found = restore_window([_array(_tensor(was, size))], net, tile=FRAME_TILE, dtype=samples_of(pixels))
        return [replace(now, pixels=with_channels(found, pixels.colors))]

    def work(frames: Iterable[Frame], skip: int) -> Iterator[Group]:
        both = islice(zip(reference.read(), frames, strict=True), skip, None)
        return mapped(made, both, size.pixels, net.device.type)

    done += INTERRUPTED if fitted.interrupted else ""
    xmp = mark(xmp_of(clip), done) or b""
    transcode(clip, out, work, _output(clip, f"{done} {identity}", xmp, video), report)


def _output(clip: Clip, identity: str, xmp: bytes, video: Video) -> Output:
    pixels = clip.pixels
    return Output(
        size=Size(clip.width, clip.height), xmp=xmp, depth=8 if pixels.bits == 8 else 16, identity=identity,
        encoding=lambda suffix, size: for_result(suffix, pixels, size, video.codec, video.crf),
        metadata={XMP: xmp.decode(), RECORD: ""},
    )  # fmt: skip


def provenance(settings: ClipSettings) -> str:
    """What is done, as a result says of itself."""
    return f"stabilize prior frame-unet epochs {settings.epochs} modes {settings.modes} seed {settings.seed}"


def state_of(source: str, target: str, reference: str, settings: ClipSettings) -> State:
    """What a clip is that has the name of the result, by its size, its age and what it says was done to it."""
    try:
        if newer(target, source) and newer(target, reference):
            before, after = clip_runner.header(source), clip_runner.header(target)
            said, done = steps_of(after.metadata.xmp), provenance(settings)
            if after.size == before.size and said in (done, done + INTERRUPTED):
                return State.DONE if said == done else State.BEGUN
    except (RegrowError, OSError):
        pass
    return State.OTHER


class _Parts:
    """The report of a fit and then of frames that are written, as one."""

    def __init__(self, report: Report, count: int) -> None:
        self.report, self.iterations, self.count = report, 0, count

    def fitting(self, done: int, total: int) -> None:
        self.iterations = total
        self.report(done, total + self.count)

    def writing(self, done: int, total: int) -> None:
        said(self.report, "writing")
        self.report(self.iterations + done, self.iterations + total)


def _opened(source: str | os.PathLike[str], out: Any, video: Video) -> Clip:
    if not isinstance(source, (str, os.PathLike)) or is_pipe(str(source)):
        raise UsageError("a stream can be read but once; save the clip and name the file")
    frames = is_pattern(str(source)) or Path(source).is_dir()
    clip = open_clip(source, video.frames_a_second if frames else None)
    return clip if turns_frames(out) else clip.upright()


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
    pixels = torch.from_numpy(np.ascontiguousarray(with_channels(frame.pixels, 3))).permute(2, 0, 1)[None]
    x = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels
    height, width = size[1], size[0]
    return x if x.shape[-2:] == (height, width) else bicubic(x, (height, width)).clamp(0, 1)


def _array(x: Tensor) -> np.ndarray:
    """(H, W, 3) float32."""
    return np.ascontiguousarray(x[0].permute(1, 2, 0).numpy())
