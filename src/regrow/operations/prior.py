"""Pictures through a prior: the same way as through a chain of restorers, but for the fitting."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regrow.errors import UsageError
from regrow.inference.rows import Samples, to_dtype, to_float
from regrow.io.writer import PictureWriter
from regrow.nets.ops.resample import bicubic
from regrow.priors.deep_image import Fitted, Progress, Watch, fingerprint, fit, unwatched
from regrow.priors.options import Prior
from regrow.priors.problems import Problem, denoising, enlarging, halved, inpainting
from regrow.priors.settings import Settings
from regrow.priors.tiles import Blend, Box, boxes
from regrow.progress import Part, Report, said, silent

MOST = 2**20
"""Pixels of a result that are fitted at once; a larger one is cut into pieces."""
FINE, KNOWN = 2**16, 0.25
"""Pixels of a piece that is filled in, and the share of it to go by; where less is known pieces are larger. The net
must learn the textures there are, and of a smaller piece it has them in fewer steps, where it ever has them of all."""
OVERLAP = 64
"""Of pieces, in pixels of the result."""

log = logging.getLogger("regrow")


@dataclass(kw_only=True)
class PriorRestorer:
    """One task for the deep image prior, as `regrow.operations.restoration.Restoration` wants it."""

    task: str
    """denoise, dejpeg, inpaint or upscale."""
    prior: Prior
    scale: float = 1
    missing: np.ndarray | None = None
    """(H, W) bool, for inpaint: what is to be filled in."""
    device: str = "auto"
    watch: Watch = unwatched
    """Called after each step, with what is of the piece that is fitted."""
    interrupted: bool = field(default=False, init=False)
    """Whether Ctrl-C ended the last run."""

    def __post_init__(self) -> None:
        self._kept: list[Path] = []
        self.settings = self.prior.settings(self.task)

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the result."""
        width, height = (max(1, round(n * self.scale)) for n in size)
        return width, height

    def steps(self, *, color: bool = True) -> str:
        """What is done, in words."""
        prior = self.prior
        words = [self.task, f"prior {prior.net} steps {self.settings.steps} seed {prior.seed}"]
        if self.scale != 1:
            words.insert(1, f"x{self.scale:g}")
        if prior.half:
            words.append(f"half {prior.half}")
        if prior.stop is not None:
            words.append("stop" if prior.stop else "no stop")
        if self.missing is not None:
            words.append(f"mask {hashlib.sha256(np.packbits(self.missing).tobytes()).hexdigest()[:12]}")
        return " ".join(words)

    def check(self) -> None:
        """Nothing is left to be refused: settings were checked when they were made."""

    def run(
        self,
        rows: Callable[[], Iterable[np.ndarray]],
        what: str,
        size: tuple[int, int],
        held: int,
        dtype: Samples,
        report: Report = silent,
    ) -> tuple[Iterator[np.ndarray], int, str]:
        """Restore a picture, as `regrow.operations.restore.Chain.run`. Alpha stays, or is enlarged."""
        pixels = torch.from_numpy(np.concatenate(list(to_float(rows(), held, held)))).permute(2, 0, 1)[None]
        picture, alpha = pixels[:, :held], pixels[:, held:]
        missing = self._mask(what, size)
        self.interrupted, self._kept = False, []
        log.warning("%s: a net is fitted to this picture, which takes minutes; Ctrl-C gives the best so far", what)
        found = self._fitted(picture, missing, what, report)
        if missing is not None:
            found = torch.where(missing, found, picture)
        if alpha.shape[1]:
            wanted = self.size(size)[::-1]
            found = torch.cat((found, F.interpolate(alpha, size=wanted, mode="bilinear")), 1)
        if self.interrupted:
            goes_on = "; asked for again (with --force) it goes on from there" if self._kept else ""
            log.warning("%s: interrupted, so the result is the best so far%s", what, goes_on)
        steps = self.steps() + ("; interrupted" if self.interrupted else "")
        result = np.ascontiguousarray(found[0].permute(1, 2, 0).numpy())
        return self._finished(to_dtype(result, held, held, dtype)), held, steps

    def _finished(self, result: np.ndarray) -> Iterator[np.ndarray]:
        """The result, and once it was taken nothing is kept to go on from."""
        yield result
        if not self.interrupted:
            for path in self._kept:
                path.unlink(missing_ok=True)

    def _mask(self, what: str, size: tuple[int, int]) -> Tensor | None:
        if self.missing is None:
            return None
        height, width = self.missing.shape
        if (width, height) != size:
            raise UsageError(f"{what}: {size[0]}x{size[1]}, but the mask {width}x{height}; give one of its size")
        return torch.from_numpy(self.missing)

    def _fitted(self, picture: Tensor, missing: Tensor | None, what: str, report: Report) -> Tensor:
        """The result, (1, colours, H, W), from pieces where it is large."""
        wanted, scale = self._wanted(picture), int(self.scale)
        cut = self._cut(picture, missing)
        if len(cut) == 1:
            return self._piece(picture, missing, what, report)
        if scale != self.scale:
            raise UsageError(f"scale {self.scale:g}: {what} is too large for it; take a whole number")
        blend = Blend(picture.shape[1], wanted)
        for i, ((top, bottom), (left, right)) in enumerate(cut):
            piece = picture[..., top:bottom, left:right]
            gone = None if missing is None else missing[top:bottom, left:right]
            if self.interrupted:  # nothing better is known of what is left
                made = bicubic(piece, self._wanted(piece)).clamp(0, 1)
            else:
                made = self._piece(piece, gone, f"{what}, piece {i + 1} of {len(cut)}", Part(report, i, len(cut)))
            box = (top * scale, bottom * scale), (left * scale, right * scale)
            blend.add(made, box, OVERLAP // scale * scale)
        return blend.picture

    def _cut(self, picture: Tensor, missing: Tensor | None) -> list[Box]:
        """Where the pieces of a picture are."""
        height, width = picture.shape[-2:]
        most = int(MOST / self.scale**2)
        if missing is not None:
            most = FINE
            while most < MOST and any(_known(missing, box) < KNOWN for box in boxes((height, width), most, OVERLAP)):
                most *= 2
        return boxes((height, width), most, int(OVERLAP / self.scale))

    def _piece(self, picture: Tensor, missing: Tensor | None, what: str, report: Report) -> Tensor:
        """The result of one fit, or of two, the first at half the size."""
        if missing is not None and not missing.any():
            return picture
        path, start = self._checkpoint(picture, missing), None
        if self.prior.half:
            settings = replace(self.settings, steps=self.prior.half, stop="none")
            before = path and path.with_suffix(".half")
            self._kept += [before] if before else []
            start = self._fit(self._problem(picture, missing, half=True), settings, None, before, what, report)
            if self.interrupted:
                return bicubic(start.picture, self._wanted(picture)).clamp(0, 1)
        found = self._fit(self._problem(picture, missing), self.settings, start, path, what, report)
        log.warning("%s: the result is that of step %d of %d", what, found.step, found.steps)
        return found.picture

    def _fit(
        self,
        problem: Problem,
        settings: Settings,
        start: Fitted | None,
        checkpoint: Path | None,
        what: str,
        report: Report,
    ) -> Fitted:
        """One fit, with words beside its progress and snapshots."""
        size = "-half" if settings is not self.settings else ""

        def watch(progress: Progress) -> None:
            best = "" if settings.stop == "none" else f", best {progress.best_step}"
            said(report, f"step {progress.step}{best}, {progress.psnr:.2f} dB")
            if self.prior.snapshots is not None and progress.step % self.prior.every == 0:
                name = f"{_stem(what)}{size}-{progress.step:05}.png"
                _snapshot(Path(self.prior.snapshots) / name, progress.picture)
            self.watch(progress)

        found = fit(
            problem, settings, device=self.device, start=start, checkpoint=checkpoint, report=report, watch=watch
        )
        self.interrupted = found.interrupted
        return found

    def _problem(self, picture: Tensor, missing: Tensor | None, *, half: bool = False) -> Problem:
        """What the task makes of a picture; `half`: to find it at half the size."""
        if self.task == "upscale":
            height, width = (-(-n // 2) if half else n for n in self._wanted(picture))
            return enlarging(picture, (height, width))
        if half:
            picture, missing = halved(picture, missing)
        return denoising(picture) if missing is None else inpainting(picture, missing)

    def _wanted(self, picture: Tensor) -> tuple[int, int]:
        """(height, width) of the result."""
        width, height = self.size((picture.shape[-1], picture.shape[-2]))
        return height, width

    def _checkpoint(self, picture: Tensor, missing: Tensor | None) -> Path | None:
        """Where a fit to this picture is kept; the same name whenever the same is asked for."""
        if self.prior.checkpoints is None:
            return None
        name = f".regrow-{fingerprint(self.settings, picture, missing, self.steps())}.fit"
        self._kept.append(Path(self.prior.checkpoints) / name)
        return self._kept[-1]


def _known(missing: Tensor, box: Box) -> float:
    """Share of a piece."""
    (top, bottom), (left, right) = box
    return 1 - missing[top:bottom, left:right].float().mean().item()


def _stem(what: str) -> str:
    """A file's name of what messages call a picture."""
    return re.sub(r"[^\w.-]+", "-", re.sub(r"\.\w+(?=$|,)", "", Path(what).name))


def _snapshot(path: Path, picture: Tensor) -> None:
    colors, height, width = picture.shape[1:]
    pixels = to_dtype(picture[0].permute(1, 2, 0).cpu().numpy(), colors, colors, np.uint8)
    with PictureWriter(path, width=width, height=height, colors=colors) as writer:
        writer.write(np.ascontiguousarray(pixels))
