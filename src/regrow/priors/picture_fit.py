"""A deep image prior fitted to a picture: in pieces where it is large, first at half the size where asked for."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from regrow.errors import UsageError
from regrow.inference.rows import to_dtype
from regrow.io.writer import PictureWriter
from regrow.nets.ops.resample import bicubic
from regrow.priors.deep_image import Fitted, Progress, Watch, fingerprint, fit, unwatched
from regrow.priors.options import Prior
from regrow.priors.problems import Problem, denoising, enlarging, halved, inpainting
from regrow.priors.settings import Settings
from regrow.priors.tiles import Blend, Box, boxes
from regrow.progress import Part, Report, said, silent
from regrow.size import Size

log = logging.getLogger("regrow")


@dataclass(frozen=True)
class Pieces:
    """How large pictures are cut into pieces. A net learns the textures of a small piece in fewer iterations than those
    of a whole picture, if it learns the latter at all.
    """

    most: int = 2**20
    """Maximum number of pixels that are fitted at once; a larger result is cut into pieces."""
    filled_in: int = 2**16
    """Maximum number of pixels of a piece that is filled in."""
    known: float = 0.25
    """Share of such a piece that must be known; otherwise pieces are made larger."""
    overlap: int = 64
    """Overlap of neighbouring pieces, in pixels of the result."""

    def cut(self, size: tuple[int, int], missing: Tensor | None, scale: float) -> list[Box]:
        """Boxes of the pieces of a picture of (height, width)."""
        most = int(self.most / scale**2)
        if missing is not None:
            most = self.filled_in
            while most < self.most and any(
                _share_known(missing, box) < self.known for box in boxes(size, most, self.overlap)
            ):
                most *= 2
        return boxes(size, most, int(self.overlap / scale))


@dataclass(kw_only=True)
class PictureFit:
    """A task of the deep image prior on one picture."""

    task: str
    """denoise, dejpeg, inpaint or upscale."""
    identity: str
    """The task and its settings as text, which distinguishes checkpoints."""
    name: str
    """Name of the picture in messages."""
    prior: Prior
    scale: float = 1
    device: str = "auto"
    pieces: Pieces = field(default_factory=Pieces)
    watch: Watch = unwatched
    """Called after each iteration, with the progress of the piece that is fitted."""
    report: Report = silent
    interrupted: bool = field(default=False, init=False)
    """Whether Ctrl-C ended it."""
    kept: list[Path] = field(default_factory=list, init=False)
    """Checkpoints from which an interrupted fit continues."""

    def __post_init__(self) -> None:
        self.settings = self.prior.settings(self.task)

    def run(self, picture: Tensor, missing: Tensor | None) -> Tensor:
        """The result (1, channels, H, W) of a picture (1, channels, h, w) and its missing pixels, (h, w) bool."""
        wanted, scale = self._wanted(picture), int(self.scale)
        cut = self.pieces.cut((picture.shape[-2], picture.shape[-1]), missing, self.scale)
        if len(cut) == 1:
            return self._piece(picture, missing, self.name, self.report)
        if scale != self.scale:
            raise UsageError(f"scale {self.scale:g}: {self.name} is too large for it; take a whole number")
        blend = Blend(picture.shape[1], wanted)
        for i, ((top, bottom), (left, right)) in enumerate(cut):
            piece = picture[..., top:bottom, left:right]
            gone = None if missing is None else missing[top:bottom, left:right]
            if self.interrupted:  # nothing better is known of what is left
                made = bicubic(piece, self._wanted(piece)).clamp(0, 1)
            else:
                name = f"{self.name}, piece {i + 1} of {len(cut)}"
                made = self._piece(piece, gone, name, Part(self.report, i, len(cut)))
            box = (top * scale, bottom * scale), (left * scale, right * scale)
            blend.add(made, box, self.pieces.overlap // scale * scale)
        return blend.picture

    def forget(self) -> None:
        """Delete the checkpoints."""
        for path in self.kept:
            path.unlink(missing_ok=True)

    def _piece(self, picture: Tensor, missing: Tensor | None, name: str, report: Report) -> Tensor:
        """The result of one fit, or of two, the first at half the size."""
        if missing is not None and not missing.any():
            return picture
        path, start = self._checkpoint(picture, missing), None
        if self.prior.half:
            settings = replace(self.settings, iterations=self.prior.half, stop="none")
            before = path and path.with_suffix(".half")
            self.kept += [before] if before else []
            problem = self._problem(picture, missing, half=True)
            start = self._fit(problem, settings, None, before, self._watching(name, report, half=True), report)
            if self.interrupted:
                return bicubic(start.picture, self._wanted(picture)).clamp(0, 1)
        problem = self._problem(picture, missing)
        found = self._fit(problem, self.settings, start, path, self._watching(name, report), report)
        log.info("%s: the result is that of iteration %d of %d", name, found.iteration, found.iterations)
        return found.picture

    def _fit(
        self,
        problem: Problem,
        settings: Settings,
        start: Fitted | None,
        checkpoint: Path | None,
        watch: Callable[[Progress], None],
        report: Report,
    ) -> Fitted:
        found = fit(
            problem, settings, device=self.device, start=start, checkpoint=checkpoint, report=report, watch=watch
        )
        self.interrupted = found.interrupted
        return found

    def _watching(self, name: str, report: Report, *, half: bool = False) -> Callable[[Progress], None]:
        """Show the PSNR beside the progress, and write snapshots."""

        def watch(progress: Progress) -> None:
            best = "" if half or self.settings.stop == "none" else f", best {progress.best_iteration}"
            said(report, f"iteration {progress.iteration}{best}, {progress.psnr:.2f} dB")
            if self.prior.snapshots is not None and progress.iteration % self.prior.every == 0:
                snapshot = f"{_stem(name)}{'-half' if half else ''}-{progress.iteration:05}.png"
                _snapshot(Path(self.prior.snapshots) / snapshot, progress.picture)
            self.watch(progress)

        return watch

    def _problem(self, picture: Tensor, missing: Tensor | None, *, half: bool = False) -> Problem:
        """The inverse problem of a picture; `half`: at half the size."""
        if self.task == "upscale":
            height, width = (-(-n // 2) if half else n for n in self._wanted(picture))
            return enlarging(picture, (height, width))
        if half:
            picture, missing = halved(picture, missing)
        return denoising(picture) if missing is None else inpainting(picture, missing)

    def _wanted(self, picture: Tensor) -> tuple[int, int]:
        """(height, width) of the result."""
        return Size(picture.shape[-1], picture.shape[-2]).times(self.scale).hw

    def _checkpoint(self, picture: Tensor, missing: Tensor | None) -> Path | None:
        """Checkpoint of a fit to this picture; the same request has the same name."""
        if self.prior.checkpoints is None:
            return None
        name = f".regrow-{fingerprint(self.settings, picture, missing, self.identity)}.fit"
        self.kept.append(Path(self.prior.checkpoints) / name)
        return self.kept[-1]


def _share_known(missing: Tensor, box: Box) -> float:
    """Of a piece."""
    (top, bottom), (left, right) = box
    return 1 - missing[top:bottom, left:right].float().mean().item()


def _stem(name: str) -> str:
    """A file name made from the name of a picture."""
    return re.sub(r"[^\w.-]+", "-", re.sub(r"\.\w+(?=$|,)", "", Path(name).name))


def _snapshot(path: Path, picture: Tensor) -> None:
    channels, height, width = picture.shape[1:]
    pixels = to_dtype(picture[0].permute(1, 2, 0).cpu().numpy(), channels, channels, np.uint8)
    with PictureWriter(path, width=width, height=height, colors=channels) as writer:
        writer.write(np.ascontiguousarray(pixels))
