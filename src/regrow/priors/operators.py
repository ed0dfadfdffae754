"""Forward operators: functions from the wanted picture to its measurements.

Any differentiable function of a tensor (1, colours, H, W) is one. Those here are modules, so that they move to the
device on which a net is fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from regrow.errors import UsageError

Operator = Callable[[Tensor], Tensor]


class Masked(nn.Module):
    """The known pixels of a picture: x where `known`, 0 elsewhere.

    It is scaled such that the mean square of all samples is that of the known ones.

    Args:
        known: (H, W) bool, True somewhere.

    Raises:
        UsageError: nothing is known.
    """

    weights: Tensor

    def __init__(self, known: Tensor) -> None:
        super().__init__()
        share = known.float().mean().item()
        if share == 0:
            raise UsageError("the mask covers all of the picture; leave something to go by")
        self.register_buffer("weights", known.float() / share**0.5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        return x * self.weights


class Lanczos(nn.Module):
    """Resampling by Lanczos' windowed sinc, widened when shrinking; samples beyond the border do not count.

    (..., *size) -> (..., *small). With 3 lobes it equals Pillow's `LANCZOS` of floats; the deep image prior takes
    2 (Ulyanov et al. 2018, section 3.2).

    Args:
        size, small: (height, width) before and after, of any ratio.
        lobes: lobes of the kernel on each side.
    """

    down: Tensor
    across: Tensor

    def __init__(self, size: tuple[int, int], small: tuple[int, int], lobes: int = 2) -> None:
        super().__init__()
        self.register_buffer("down", _lanczos(size[0], small[0], lobes))
        self.register_buffer("across", _lanczos(size[1], small[1], lobes))

    def forward(self, x: Tensor) -> Tensor:
        """(..., height, width) -> (..., small height, small width)."""
        return self.down @ x @ self.across.mT


def _lanczos(n: int, m: int, lobes: int) -> Tensor:
    """(m, n) weights, by which n samples become m."""
    centres = (torch.arange(m, dtype=torch.float64) + 0.5) * (n / m) - 0.5
    distances = (torch.arange(n, dtype=torch.float64) - centres[:, None]) / max(1.0, n / m)
    weights = torch.sinc(distances) * torch.sinc(distances / lobes) * (distances.abs() < lobes)
    return (weights / weights.sum(1, keepdim=True)).float()


class Features(nn.Module):
    """Features of a picture in a layer of a net, for feature inversion (section 3.5, "natural pre-image").

    Args:
        net: takes (1, colours, H, W) in [0, 1]; include its input normalisation. It is frozen and put into
            evaluation mode.
        layer: name of the layer, as `net.named_modules()` has it; the layer must give one tensor.

    Raises:
        UsageError: no such layer.
    """

    def __init__(self, net: nn.Module, layer: str) -> None:
        super().__init__()
        layers = dict(net.named_modules())
        if layer not in layers:
            raise UsageError(f"layer {layer!r}: not in the net; it has {', '.join(filter(None, layers))}")
        self.net, self.layer = net.eval().requires_grad_(False), layers[layer]

    def forward(self, x: Tensor) -> Tensor:
        """(1, colours, H, W) -> what the layer gives."""
        found: list[Tensor] = []

        def keep(layer: nn.Module, given: Any, made: Tensor) -> None:
            found.append(made)

        hook = self.layer.register_forward_hook(keep)
        try:
            self.net(x)
        finally:
            hook.remove()
        return found[-1]
