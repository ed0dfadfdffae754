"""The beginning of a fit: a net with random weights, its input, and the held-out samples."""

from __future__ import annotations

import hashlib

import torch
import torch.nn.functional as F
from torch import Tensor

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.prior.base import PriorNet
from regrow.priors.problems import Problem
from regrow.priors.settings import Settings
from regrow.priors.stopping import held_out

NOISE = 0.1
"""Upper bound of the noise (section 2 of the supplementary material)."""


def fresh_net(settings: Settings, colors: int) -> PriorNet:
    """Build the net with random weights from the seed; torch's global generator is not changed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(settings.seed)
        net = zoo.build({**settings.net, "outputs": colors})
    if not isinstance(net, PriorNet):
        raise UsageError(f"architecture {settings.net['architecture']!r}: is no prior; take hourglass, unet or resnet")
    return net


def begin_from(net: PriorNet, other: PriorNet) -> None:
    """Copy the weights of another fit's net. UsageError if the nets differ."""
    try:
        net.start_from(other)
    except ValueError as error:
        raise UsageError(f"cannot start from a fit with another net: {error}") from None


def first_input(settings: Settings, net: PriorNet, size: tuple[int, int], start: Tensor | None) -> Tensor:
    """The input, (1, inputs, H, W), of the smallest size from which the net makes a picture of (height, width).

    `start` is the input of another fit, which is resized.
    """
    canvas = net.canvas(size)
    if settings.input == "mesh":
        if net.config.inputs != 2:
            raise UsageError(f"input mesh: has 2 coordinates, but the net {net.config.inputs} inputs; say inputs = 2")
        axes = [torch.linspace(0, 1, n) for n in canvas]
        return torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
    if start is not None:
        return F.interpolate(start, size=canvas, mode="nearest")
    # not the seed itself: of that somebody may have made the very noise that is to go, which the net would then be told
    seed = int.from_bytes(hashlib.sha256(f"input {settings.seed}".encode()).digest()[:7], "big")
    generator = torch.Generator().manual_seed(seed)
    return NOISE * torch.rand(1, net.config.inputs, *canvas, generator=generator)


def validation_samples(settings: Settings, problem: Problem) -> Tensor | None:
    """The samples held out of the fit, or None."""
    if settings.stop != "held-out":
        return None
    known = torch.ones(problem.measured.shape[-2:], dtype=torch.bool) if problem.known is None else problem.known
    return held_out(known.cpu(), settings.held_out, settings.seed).to(problem.measured.device)
