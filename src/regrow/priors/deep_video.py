"""Deep video prior: a net is fitted to one clip and removes the flicker of a process that was applied frame by frame.

A net that learns the process fits what the frames have in common before it fits their differences, so places that
look alike before come to look alike afterwards. Source: Lei, Xing and Chen, "Blind video
temporal consistency via deep video prior", NeurIPS 2020.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import islice, repeat
from math import inf
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.nets.prior.frames import FrameUNet, reweighted
from regrow.optim import checkpoint as states
from regrow.optim import muon as optim
from regrow.optim.compiling import compiled
from regrow.optim.interrupt import interrupt_later
from regrow.optim.settings import Optimizer
from regrow.priors.resume import SECONDS, Keeper
from regrow.progress import Report, said, silent

FIRST, SHARE = 100, 4
"""Iterations on the first frame alone, before the others are seen, and the minimum ratio of the others' iterations to
these. The main result learns the first frame fully, and so prefers its alternative of two, as in the paper."""
AGAIN = 4
"""The first frame is seen again after this many iterations, so that the two results do not swap."""
NEAR = 0.02
"""Mean difference from which on a place may train the other result instead (delta of the paper)."""
WINDOW = 20
"""Number of iterations over which the figure beside the progress is averaged."""

Pairs = Callable[[], Iterable[tuple[Tensor, Tensor]]]
"""Iterates over a clip from its start: each frame before and after the process, (1, 3, H, W) in [0, 1]."""

log = logging.getLogger("regrow")


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """How a net is fitted to a clip. UsageError for invalid settings."""

    epochs: int = 25
    """Number of times each frame is seen: with more, the result is nearer to the processed clip and its flicker."""
    modes: int = 2
    """2 where the process gives one of two results for a frame, such as two colours, which are then separated (IRT);
    1 where it gives similar results for all frames."""
    channels: int = 16
    levels: int = 3
    """Width of the net, `regrow.nets.prior.frames`."""
    crop: int = 256
    """Side in pixels of the crop of a frame that one step of training sees, at a random place."""
    rate: float = 0.006
    """Learning rate of Muon; that of Adam is 0.001."""
    seed: int = 0
    """Seed of weights and places."""
    compile: bool = False
    """Compile the net with torch.compile, where there is a C++ compiler; this takes a minute."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("epochs", 1, 10_000), ("modes", 1, 2), ("channels", 1, 256), ("levels", 1, 6), ("crop", 16, 4096),
            ("rate", 1e-8, 1), ("seed", 0, 2**63 - 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise UsageError(f"{name} {value:g}: must be from {least:g} to {most:g}")


@dataclass(frozen=True)
class FittedClip:
    """A fitted net, and the state of its fit."""

    net: FrameUNet
    iterations: int
    """Number of iterations that were done."""
    interrupted: bool
    """Whether Ctrl-C ended it."""


def fit_clip(
    pairs: Pairs,
    count: int,
    settings: ClipSettings | None = None,
    *,
    device: str = "auto",
    checkpoint: Path | None = None,
    save_every: float = SECONDS,
    identity: str = "",
    report: Report = silent,
) -> FittedClip:
    """Fit a net to the effect of a process on the frames of a clip. On the CPU the result is the same, bit for bit.

    Args:
        pairs: the frames, iterated over once an epoch, so that none need be kept.
        count: number of frames.
        settings: settings of the net and of the fit.
        device: as `regrow.zoo.store.on_device` takes it.
        checkpoint: file that is written every `save_every` seconds and when interrupted. If it exists, the fit
            continues from it.
        save_every: seconds between two checkpoints.
        identity: text that distinguishes clips, for the checkpoint.
        report: called with the progress, in iterations: some on the first frame, then one for each frame and epoch.

    Raises:
        UsageError: the checkpoint is of other settings or another clip. RegrowError: it is damaged.
    """
    settings = settings or ClipSettings()
    run = _Run(settings, count, device, identity)
    keeper, interrupted = Keeper(run, checkpoint, save_every), False
    with interrupt_later() as noted, torch.enable_grad():
        while not run.over and not interrupted:
            for before, after in run.coming(pairs):
                error = run.advance(before, after)
                report(run.iteration, run.iterations)
                said(report, f"iteration {run.iteration} of {run.iterations}, off by {255 * error:.1f} levels")
                interrupted = noted()
                keeper.after_iteration(interrupted)
                if interrupted:
                    break
    return FittedClip(run.net, run.iteration, interrupted)


class _Run:
    """The state of a fit."""

    def __init__(self, settings: ClipSettings, count: int, device: str, identity: str) -> None:
        self.settings, self.count, self.iteration = settings, count, 0
        self.first = min(FIRST, settings.epochs * count // SHARE) if settings.modes > 1 else 0
        self.iterations = self.first + settings.epochs * count
        self.identity = hashlib.sha256(json.dumps([asdict(settings), count, identity]).encode()).hexdigest()[:16]
        self.net = _net(settings)
        zoo.on_device(self.net, device)
        self.both = compiled(_Both(self.net), settings.compile, False, log.warning)
        self.optimizer = Optimizer(rate=settings.rate, warmup=min(20, self.iterations // 10))
        self.optimizers = optim.build(self.net, self.optimizer)
        self.rates = optim.rates_of(self.optimizers)
        self.random = torch.Generator().manual_seed(settings.seed)
        self.error = torch.zeros(())
        self.opening: tuple[Tensor, Tensor] | None = None

    @property
    def over(self) -> bool:
        return self.iteration >= self.iterations

    def coming(self, pairs: Pairs) -> Iterable[tuple[Tensor, Tensor]]:
        """The frames of the iterations to come, up to the end of an epoch."""
        self.opening = self.opening or next(iter(pairs()))
        if self.iteration < self.first:
            return repeat(self.opening, self.first - self.iteration)
        return islice(pairs(), (self.iteration - self.first) % self.count, None)

    def advance(self, before: Tensor, after: Tensor) -> float:
        """One iteration of descent; gives the recent mean error of main results, in [0, 1]."""
        optim.set_rates(self.optimizers, self.rates, optim.schedule(self.iteration, self.iterations, self.optimizer))
        beginning = self.iteration < self.first
        x, target = self._part(before, after)
        if self.first and not beginning and self.iteration % AGAIN == 0 and self.opening:
            x, target = (torch.cat(both) for both in zip((x, target), self._part(*self.opening), strict=True))
        self.net.zero_grad()
        found = self.both(x)
        loss = reweighted(found[:1], target[:1], inf if beginning else NEAR)
        if len(x) > 1:
            loss = loss + reweighted(found[1:], target[1:], inf)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.optimizer.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        self.iteration += 1
        error = (found.detach()[:1, 0] - target[:1]).abs().mean().cpu()
        self.error = self.error.lerp(error, max(1 / self.iteration, 1 / WINDOW))
        return float(self.error)

    def _part(self, *frames: Tensor) -> list[Tensor]:
        """The crop of the frames for this iteration."""
        spans = []
        for n in frames[0].shape[-2:]:
            length = min(self.settings.crop, n)
            first = int(torch.randint(n - length + 1, (), generator=self.random))
            spans.append(slice(first, first + length))
        return [frame[..., spans[0], spans[1]].to(self.net.device) for frame in frames]

    def save(self, path: Path) -> None:
        """Write everything that `load` needs."""
        tensors = states.pack({"net": self.net}, self.optimizers)
        tensors |= {"random": self.random.get_state(), "error": self.error}
        states.write(path, tensors, {"clip": self.identity, "step": str(self.iteration)})

    def load(self, path: Path) -> None:
        """Restore the saved state of a run of the same settings and clip."""
        try:
            header, tensors = states.tensors_of(path)
            if header["clip"] != self.identity:
                raise UsageError(f"{path}: is of another clip or other settings; delete it or name another")
            states.unpack(tensors, {"net": self.net}, self.optimizers)
            self.random.set_state(tensors["random"])
            self.error, self.iteration = tensors["error"], int(header["step"])
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise RegrowError(f"{path}: not a checkpoint of a deep video prior: {error}; delete it") from None


class _Both(torch.nn.Module):
    """`FrameUNet.both` as a module of its own, as torch.compile wants it."""

    def __init__(self, net: FrameUNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, y: Tensor) -> Tensor:
        return self.net.both(y)


def _net(settings: ClipSettings) -> FrameUNet:
    """Build the net with random weights from the seed; torch's global generator is not changed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        kinds = {name: getattr(settings, name) for name in ("modes", "channels", "levels")}
        net = zoo.build({"architecture": "frame-unet", **kinds})
    assert isinstance(net, FrameUNet)
    return net
