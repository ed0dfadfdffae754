"""Early stopping: the method fits the picture first and its noise later.

While the picture appears the iterates change less and less, and once noise is fitted they change more again: where
they vary least is near where they are best. Source: Wang, Li, Zhuang, Chen, Liang and Sun, "Early stopping for deep
image prior", 2021: ES-WMV (algorithm 1) and ES-EMV (its variant with an exponential moving average).

Held-out pixels show it more clearly, as in cross-validation: their error is lowest where the picture is best, as long
as their noise is independent of that of their neighbours.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf

import torch
from torch import Tensor

from regrow.errors import UsageError

LEAST_HELD, MOST_HELD = 0.01, 0.05
"""Smallest and largest share of the known samples that is held out."""
SAMPLES = 2**15
"""Number of samples, always the same, that are compared of a larger iterate: enough for a mean."""


class MovingVariance(ABC):
    """Variation of the latest iterates: the mean over samples of their variance over time."""

    state: dict[str, Tensor]
    """The tensors to be saved in a checkpoint."""

    @abstractmethod
    def add(self, x: Tensor) -> float | None:
        """Add the iterate x, of any shape, and give the variance; None while there are too few iterates."""


class WindowedVariance(MovingVariance):
    """The variance of the last `window` iterates (equation 2 of the paper)."""

    def __init__(self, window: int = 100) -> None:
        self.window = window
        self.state = {}

    def add(self, x: Tensor) -> float | None:
        """None until the window is full."""
        x = _sampled(x)
        if not self.state:
            self.state = {"window": x.new_zeros(self.window, x.numel()), "count": torch.zeros((), dtype=torch.int64)}
        window, count = self.state["window"], self.state["count"]
        window[int(count) % self.window] = x
        count += 1
        if count < self.window:
            return None
        return float(window.var(0, correction=0).mean())


class ExponentialVariance(MovingVariance):
    """The variance around an exponential moving average: little memory for any window (equations 3 and 4)."""

    def __init__(self, forget: float = 0.1) -> None:
        self.forget = forget
        self.state = {}

    def add(self, x: Tensor) -> float | None:
        """None for the first iterate."""
        x, forget = _sampled(x), self.forget
        if not self.state:
            self.state = {"mean": x.clone(), "variance": torch.zeros((), dtype=torch.float64)}
            return None
        moved = float((x - self.state["mean"]).square().mean())
        self.state["variance"].mul_(1 - forget).add_(forget * (1 - forget) * moved)
        self.state["mean"].lerp_(x, forget)
        return float(self.state["variance"])


def held_out(known: Tensor, enough: int, seed: int) -> Tensor:
    """A random part of the known samples: bool of the same shape.

    A twentieth at most, down to a hundredth where that is `enough`. UsageError where fewer than 2 samples are known.
    """
    places = known.flatten().nonzero()[:, 0]
    if len(places) < 2:
        raise UsageError(f"{len(places)} known: too few to hold some out; let nothing stop it (--no-stop)")
    share = min(MOST_HELD, max(LEAST_HELD, enough / len(places)))
    order = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))
    chosen = places[order[: max(1, round(share * len(places)))]]
    held = torch.zeros(known.numel(), dtype=torch.bool)
    held[chosen] = True
    return held.view(known.shape)


def as_good(errors: Tensor, best: Tensor, margin: float) -> bool:
    """Whether the mean of errors, (N,), is above that of the best by less than `margin` of its standard errors.

    Held-out samples are at their best before fitted ones, so the latest iterate that is as good is taken. Source:
    the rule of one standard error of Breiman, Friedman, Olshen and Stone, "Classification and regression trees",
    1984, here for differences, sample by sample.
    """
    worse = errors - best
    return bool(worse.mean() < margin * worse.std(correction=0) / len(worse) ** 0.5)


class EarlyStop:
    """Finds the best iterate so far, and stops after `patience` iterations without a better one.

    Args:
        patience: number of iterations.
        warm: iterations at the beginning that cannot be the best: before a picture has appeared, little changes.
    """

    def __init__(self, patience: int, warm: int = 0) -> None:
        self.patience, self.warm = patience, warm
        self.iteration, self.best_iteration, self.least = 0, 0, inf

    def add(self, now: float | None) -> bool:
        """Whether the next iterate is the best so far, by a value of which less is better; None if unknown."""
        self.iteration += 1
        if self.iteration <= self.warm or now is None or not now < self.least:
            return False
        self.least, self.best_iteration = now, self.iteration
        return True

    @property
    def over(self) -> bool:
        """Whether to stop."""
        return self.least < inf and self.iteration - self.best_iteration >= self.patience


def _sampled(x: Tensor) -> Tensor:
    """Evenly spread samples of an iterate as a vector, on the CPU."""
    flat = x.flatten()
    if flat.numel() > SAMPLES:
        index = torch.linspace(0, flat.numel() - 1, SAMPLES, dtype=torch.float64).round().long()
        flat = flat[index.to(flat.device)]
    return flat.float().cpu()
