"""Deep image prior: a net is fitted to the measurements of one picture, and its output is the restored picture.

A convolutional net maps noise to a picture. Of all outputs that agree with the measurements, gradient descent first
finds one that looks like a natural picture. Source: Ulyanov, Vedaldi and Lempitsky, "Deep image prior", CVPR 2018.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf, log10
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from torch import Tensor, nn

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.nets.prior.base import PriorNet
from regrow.optim import checkpoint as states
from regrow.optim import muon as optim
from regrow.optim.compiling import compiled
from regrow.optim.interrupt import interrupt_later
from regrow.optim.settings import Optimizer
from regrow.priors.beginning import begin_from, first_input, fresh_net, validation_samples
from regrow.priors.operators import Masked
from regrow.priors.problems import Problem
from regrow.priors.resume import SECONDS, Keeper
from regrow.priors.settings import Settings
from regrow.priors.stopping import EarlyStop, ExponentialVariance, MovingVariance, WindowedVariance, as_good
from regrow.progress import Report, silent

FALL = 5.0
"""Drop of PSNR in dB at which the weights that were kept last are restored: descent at this rate sometimes diverges."""
VARIANCES: dict[str, type[MovingVariance]] = {"windowed": WindowedVariance, "exponential": ExponentialVariance}
EARLY = 10
"""At iteration n the decay of the mean is at most n / (n + EARLY), so it covers few iterates while they change fast."""
NARROWEST = 8
"""Minimum number of input and output channels of kernels that Muon updates."""

log = logging.getLogger("regrow")


@dataclass(frozen=True)
class Progress:
    """The progress of a fit."""

    iteration: int
    iterations: int
    psnr: float
    """PSNR of this iterate against the measurements, in dB for a peak of 1."""
    best_iteration: int
    """The iteration that is the best so far; the present one where the fit does not stop early."""
    picture: Tensor
    """(1, colours, H, W) in [0, 1]: the mean over iterates. Not to be changed."""


Watch = Callable[[Progress], None]


def unwatched(progress: Progress) -> None:
    """A watch that does nothing, the default."""


@dataclass(frozen=True)
class Fitted:
    """A fitted picture, and the state of its fit."""

    picture: Tensor
    """(1, colours, H, W) in [0, 1], unrounded, on the CPU."""
    iteration: int
    """Iteration that the picture was taken from."""
    iterations: int
    """Number of iterations that were done."""
    psnr: float
    """PSNR of the picture against the measurements, in dB for a peak of 1."""
    interrupted: bool
    """Whether Ctrl-C ended it."""
    net: PriorNet
    input: Tensor
    """(1, inputs, h, w): input of the net."""


def fit(
    problem: Problem,
    settings: Settings | None = None,
    *,
    device: str = "auto",
    start: Fitted | None = None,
    checkpoint: Path | None = None,
    save_every: float = SECONDS,
    report: Report = silent,
    watch: Watch = unwatched,
) -> Fitted:
    """Find the picture. On the CPU, the same number of threads gives the same result, bit for bit.

    Args:
        problem: the measurements and the forward operator.
        settings: settings of the net and of the fit.
        device: as `regrow.zoo.store.on_device` takes it.
        start: another fit, of a picture of any size; this one starts from its weights and resized input.
        checkpoint: file that is written every `save_every` seconds and when interrupted. If it exists, the fit
            continues from it.
        save_every: seconds between two checkpoints.
        report: called with the progress, in iterations.
        watch: called after each iteration.

    Returns:
        The best iterate where `settings.stop` finds one, else the last; after an interrupt (Ctrl-C), that found so far.

    Raises:
        UsageError: the settings or the checkpoint do not fit the problem, or the operator's result does not fit the
            measurements.
        RegrowError: the checkpoint is damaged.
    """
    settings = settings or Settings()
    run = _Run(problem, settings, device, start)
    keeper, interrupted = Keeper(run, checkpoint, save_every), False
    with interrupt_later() as noted, torch.enable_grad():
        while not run.over and not interrupted:
            psnr = run.advance()
            report(run.iteration, run.iterations)
            watch(Progress(run.iteration, run.iterations, psnr, run.best_iteration, run.mean))
            interrupted = noted()
            keeper.after_iteration(interrupted)
    return run.result(interrupted=interrupted)


class _Run:
    """The state of a fit."""

    mean: Tensor
    """Running mean over iterates, (1, colours, H, W)."""

    def __init__(self, problem: Problem, settings: Settings, device: str, start: Fitted | None) -> None:
        self.settings = settings
        self.net = fresh_net(settings, problem.colors)
        zoo.on_device(self.net, device)
        self.problem = problem = problem.on(self.net.device)
        if start is not None:
            begin_from(self.net, start.net)
        self.input = first_input(settings, self.net, problem.size, start.input if start else None).to(self.net.device)
        self.input = self.input.contiguous(memory_format=torch.channels_last)
        self.forward = compiled(self.net, settings.compile, False, log.warning)
        self.optimizers = optim.build(self.net, _optimizer(settings))
        self.random = torch.Generator(self.net.device).manual_seed(settings.seed)
        self.variance = VARIANCES[settings.stop]() if settings.stop in VARIANCES else None
        self.stop = EarlyStop(settings.patience, settings.warmup) if settings.stop != "none" else None
        self.held_out = validation_samples(settings, problem)
        self.fitted = nn.Identity() if self.held_out is None else Masked(~self.held_out)
        self.held_errors = torch.zeros(0)
        self.iteration, self.best_iteration, self.kept_psnr = 0, 0, -inf
        self.mean = torch.zeros(1, problem.colors, *problem.size, device=self.net.device)
        self.best, self.kept = self.mean, self._weights()
        with torch.no_grad():
            _check(problem, self.mean)

    @property
    def iterations(self) -> int:
        return self.settings.iterations

    @property
    def over(self) -> bool:
        return self.iteration >= self.iterations or (self.stop is not None and self.stop.over)

    def advance(self) -> float:
        """One iteration of descent; gives the PSNR of the iterate it began with."""
        z, (height, width) = self.input, self.problem.size
        if self.settings.perturbation:
            # in the order in which z lies in memory: in any other, torch draws several times as slowly
            drawn = torch.randn(z.permute(0, 2, 3, 1).shape, generator=self.random, device=z.device)
            z = drawn.permute(0, 3, 1, 2).mul_(self.settings.perturbation).add_(z)
        x = self.forward(z)[..., :height, :width]
        self.net.zero_grad()
        loss = self._error(x, self.fitted)
        loss.backward()  # type: ignore[no-untyped-call]
        psnr = _decibels(loss)
        self.iteration += 1
        if not psnr >= self.kept_psnr - FALL:
            self.net.load_state_dict(self.kept)
            return psnr
        if (self.iteration - 1) % self.settings.backup == 0:
            self.kept, self.kept_psnr = self._weights(), psnr
        for optimizer in self.optimizers:
            optimizer.step()
        x = x.detach()
        decay = min(self.settings.average, (self.iteration - 1) / (self.iteration + EARLY))
        self.mean = self.mean.lerp(x, 1 - decay)
        if self.stop is None or self._is_good(x, self.stop):
            self.best, self.best_iteration = self.mean, self.iteration
        return psnr

    def _error(self, x: Tensor, part: nn.Module) -> Tensor:
        """Mean squared error over a part of the measurements."""
        return F.mse_loss(part(self.problem.operator(x)), part(self.problem.measured))

    @torch.no_grad()
    def _is_good(self, x: Tensor, stop: EarlyStop) -> bool:
        """Whether to keep this iterate: it is the best so far, or no comparison is possible yet."""
        if self.held_out is None:
            return stop.add(self.variance.add(x) if self.variance else None) or stop.least == inf
        off = (self.problem.operator(self.mean) - self.problem.measured)[..., self.held_out].square()
        errors = off.flatten(0, -2).mean(0)
        if stop.add(errors.mean().item()):
            self.held_errors = errors
            return True
        return stop.least == inf or as_good(errors, self.held_errors, self.settings.margin)

    def result(self, *, interrupted: bool) -> Fitted:
        """The result so far."""
        with torch.no_grad():
            psnr = _decibels(self._error(self.best, nn.Identity()))
        return Fitted(self.best.cpu(), self.best_iteration, self.iteration, psnr, interrupted, self.net, self.input)

    def save(self, path: Path) -> None:
        """Write everything that `load` needs."""
        tensors = states.pack({"net": self.net}, self.optimizers)
        tensors |= {f"kept.{name}": value for name, value in self.kept.items()}
        tensors |= {"mean": self.mean, "best": self.best, "held_errors": self.held_errors}
        tensors |= {"random": self.random.get_state()}
        told = {"step": self.iteration, "best_step": self.best_iteration, "kept_psnr": self.kept_psnr}
        if self.variance:
            tensors |= {f"stop.{name}": value for name, value in self.variance.state.items()}
        if self.stop:
            told |= {
                "stop_step": self.stop.iteration,
                "stop_best_step": self.stop.best_iteration,
                "least": self.stop.least,
            }
        states.write(path, tensors, {"fit": self._identity(), "state": json.dumps(told)})

    def load(self, path: Path) -> None:
        """Restore the saved state of a run of the same settings and problem."""
        try:
            header, tensors = states.tensors_of(path)
            if header["fit"] != self._identity():
                raise UsageError(f"{path}: is of another picture or other settings; delete it or name another")
            told = json.loads(header["state"])
            states.unpack(tensors, {"net": self.net}, self.optimizers)
            self.kept = {k: v.to(self.net.device) for k, v in states.below(tensors, "kept.").items()}
            self.mean, self.best, self.held_errors = (
                tensors[name].to(self.net.device) for name in ("mean", "best", "held_errors")
            )
            self.random.set_state(tensors["random"])
            self.iteration, self.best_iteration, self.kept_psnr = told["step"], told["best_step"], told["kept_psnr"]
            if self.variance:
                self.variance.state = states.below(tensors, "stop.")
            if self.stop:
                self.stop.iteration, self.stop.best_iteration, self.stop.least = (
                    told["stop_step"], told["stop_best_step"], told["least"]
                )  # fmt: skip
        except (OSError, SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise RegrowError(f"{path}: not a checkpoint of a deep image prior: {error}; delete it") from None

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.net.state_dict().items()}

    def _identity(self) -> str:
        """Identity that a checkpoint must have."""
        return fingerprint(self.settings, self.problem.measured, self.problem.known, repr(self.problem.size))


def fingerprint(settings: Settings, *parts: Tensor | str | None) -> str:
    """Digest of the settings, the measurements and everything else that affects the fit: 16 characters."""
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    for part in parts:
        if isinstance(part, Tensor):
            digest.update(repr(part.shape).encode())
            digest.update(part.detach().cpu().contiguous().numpy().tobytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()[:16]


def _optimizer(settings: Settings) -> Optimizer:
    rate = settings.rate
    return Optimizer(name=settings.optimizer, rate=rate, adam_rate=rate, narrowest=NARROWEST)


def _check(problem: Problem, picture: Tensor) -> None:
    made = problem.operator(picture)
    if made.shape != problem.measured.shape:
        raise UsageError(
            f"the operator makes {tuple(made.shape)} of a picture {tuple(picture.shape)}, but what was measured has "
            f"the shape {tuple(problem.measured.shape)}"
        )


def _decibels(error: Tensor) -> float:
    mean = error.item()
    return -10 * log10(mean) if mean > 0 else inf if mean == 0 else -inf
