"""Optimisers: Muon for the convolutions between features, Adam for the rest."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from regrow.errors import UsageError
from regrow.optim.settings import Optimizer


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is orthogonalised (Jordan et al. 2024, "Muon: an optimizer for hidden layers").

    Every kernel is taken as a matrix of (outputs, inputs * taps) and moves by `lr` in all its singular directions
    alike. Kernels of one shape are orthogonalised in one batch. torch.optim.Muon takes matrices only, one by one.

    Args:
        params: kernels, at least two-dimensional.
        lr: step, as the spectral norm of what is added to a kernel.
        momentum: decay of the average of gradients (Nesterov form).
        weight_decay: decoupled, relative to lr.
    """

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every kernel that has a gradient."""
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault(p.shape, []).append(p)
            for params in shapes.values():
                self._move(params, group["lr"], group["momentum"], group["weight_decay"])

    def _move(self, params: list[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        gradients = [p.grad for p in params if p.grad is not None]
        averages = [self.state[p].setdefault("momentum", torch.zeros_like(p)) for p in params]
        torch._foreach_lerp_(averages, gradients, 1 - momentum)
        lookahead = torch._foreach_lerp(gradients, averages, momentum)
        directions = orthogonalize(torch.stack([d.flatten(1) for d in lookahead]))
        for p, direction in zip(params, directions, strict=True):
            p.mul_(1 - lr * weight_decay).add_(direction.view(p.shape), alpha=-lr)


def orthogonalize(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Replace the singular values of (batch, rows, columns) matrices by values near 1, between about 0.7 and 1.2.

    Newton-Schulz iteration with the quintic polynomial of Jordan et al. 2024. Only x x^T and the product of the
    polynomials are iterated, which is cheaper, as all of these commute; rows should not outnumber columns.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrices.float()
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    gram = x @ x.mT
    product = torch.eye(x.shape[-2], device=x.device)
    for _ in range(iterations):
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        polynomial.diagonal(dim1=-2, dim2=-1).add_(a)
        product = polynomial @ product
        gram = polynomial @ gram @ polynomial
    return (product @ x).to(matrices.dtype)


def build(model: nn.Module, settings: Optimizer) -> list[torch.optim.Optimizer]:
    """The optimisers of a model, each parameter in exactly one of them."""
    if settings.name not in ("muon", "adam"):
        raise UsageError(f"optimizer {settings.name!r} is not known; known are muon, adam")
    hidden = _hidden_kernels(model, settings.narrowest) if settings.name == "muon" else []
    taken = {id(p) for p in hidden}
    rest = [p for p in model.parameters() if id(p) not in taken]
    rate = settings.adam_rate if hidden else settings.rate
    adam = torch.optim.AdamW(rest, rate, betas=(0.9, 0.99), weight_decay=settings.weight_decay, fused=True)
    return [Muon(hidden, settings.rate, weight_decay=settings.weight_decay), adam] if hidden else [adam]


def schedule(step: int, steps: int, settings: Optimizer) -> float:
    """Share of the full rate at a step: linear warm-up, then half a cosine down to zero."""
    warm = min(1.0, (step + 1) / max(1, settings.warmup))
    return warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def rates_of(optimizers: Iterable[torch.optim.Optimizer]) -> list[list[float]]:
    """The present learning rates of all parameter groups."""
    return [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]


def set_rates(optimizers: Iterable[torch.optim.Optimizer], rates: list[list[float]], share: float) -> None:
    """Set the learning rates to a share of those that `rates_of` gave."""
    for optimizer, full in zip(optimizers, rates, strict=True):
        for group, rate in zip(optimizer.param_groups, full, strict=True):
            group["lr"] = rate * share


def _hidden_kernels(model: nn.Module, narrowest: int) -> list[nn.Parameter]:
    """Kernels from features to features: neither the first nor the last of a net, which live at the scale of pixels."""
    kernels = (p for p in model.parameters() if p.ndim == 4 and min(p.shape[:2]) >= narrowest)
    return [p for p in kernels if p.shape[0] <= p[0].numel()]
