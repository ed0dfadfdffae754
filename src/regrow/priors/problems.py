"""Inverse problems: the measurements of a picture, and the forward operator that gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.ops.resample import bicubic
from regrow.priors.operators import Lanczos, Masked, Operator


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Find a picture for which `operator(picture)` is about `measured`."""

    measured: Tensor
    """Measurements, of any shape; pictures are (1, colours, h, w) in [0, 1]."""
    operator: Operator
    """Forward operator, from (1, colours, H, W) in [0, 1] to the shape of `measured`."""
    size: tuple[int, int]
    """(H, W) of the wanted picture, in pixels."""
    colors: int = 3
    known: Tensor | None = None
    """Bool mask of valid measurements, over the last two dimensions of `measured` (or its only one); None for all."""

    def on(self, device: torch.device) -> Problem:
        """The same problem on a device."""
        operator = self.operator.to(device) if isinstance(self.operator, nn.Module) else self.operator
        measured = self.measured.detach().to(device)
        return replace(self, measured=measured, operator=operator)


def denoising(picture: Tensor) -> Problem:
    """Denoising: the measurement is the picture itself, (1, colours, H, W) in [0, 1], with noise or JPEG artefacts."""
    return Problem(measured=picture, operator=nn.Identity(), size=_size(picture), colors=picture.shape[1])


def inpainting(picture: Tensor, missing: Tensor) -> Problem:
    """Inpainting: the picture, (1, colours, H, W) in [0, 1], is known except where `missing`, (H, W) bool."""
    operator = Masked(~missing)
    measured, size = operator(picture), _size(picture)
    return Problem(measured=measured, operator=operator, size=size, colors=picture.shape[1], known=~missing)


def enlarging(small: Tensor, size: tuple[int, int]) -> Problem:
    """Enlarging: the measurement is the picture of (height, width), shrunk by `Lanczos` to (1, colours, h, w)."""
    return Problem(measured=small, operator=Lanczos(size, _size(small)), size=size, colors=small.shape[1])


def halved(picture: Tensor, missing: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """A picture and its missing pixels at half the size, rounded up: means of known pixels."""
    half = -(-picture.shape[-2] // 2), -(-picture.shape[-1] // 2)
    if missing is None:
        return bicubic(picture, half).clamp(0, 1), None
    known = (~missing).float().expand_as(picture)
    share = F.adaptive_avg_pool2d(known, half)
    mean = F.adaptive_avg_pool2d(picture * known, half) / share.clamp(min=1e-6)
    return mean, share[0, 0] == 0


def _size(picture: Tensor) -> tuple[int, int]:
    return picture.shape[-2], picture.shape[-1]
