"""Published weights, recognised by the names of their tensors and converted for our nets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.zoo.converters import spandrel
from regrow.zoo.converters.carn import carn
from regrow.zoo.converters.edsr import edsr, rcan
from regrow.zoo.converters.names import Converted, State
from regrow.zoo.converters.rrdb import rrdb
from regrow.zoo.converters.smfanet import smfanet
from regrow.zoo.converters.zhang import zhang
from regrow.zoo.state_dict import fill, read_state

if TYPE_CHECKING:
    from regrow.nets.model import Model

KNOWN = "the colorizer of Zhang et al. 2016, CARN and CARN-M, EDSR, RCAN, ESRGAN and Real-ESRGAN, SMFANet"
FAMILIES: tuple[Callable[[State], Converted | None], ...] = zhang, carn, smfanet, rcan, edsr, rrdb
"""Recognises a state dict; gives None for weights that its net cannot represent exactly."""


def load(path: str) -> Model:
    """A model from a file of published weights, ready to run, on the CPU.

    Known are, as their authors publish them for PyTorch: the colorizer of Zhang et al. 2016; CARN and CARN-M, which
    contain the scales 2, 3 and 4 and start at 2 (`regrow.nets.upscale.base.Restorer.at`); EDSR; RCAN; ESRGAN and
    Real-ESRGAN; SMFANet. Other files are loaded by spandrel, where it is installed.

    RegrowError where the file cannot be read safely, is of no known net, or is damaged.
    """
    from regrow.zoo.meta import without_weights
    from regrow.zoo.registry import build

    state = read_state(path)
    misfit = f"{path}: its tensors are not those of the published net"
    try:
        converted = next((found for family in FAMILIES if (found := family(state))), None)
        if converted:
            with without_weights():  # no memory is taken before the weights are seen to fit
                model = build(converted.settings)
    except (RegrowError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        # A damaged file may fail at any of its tensors.
        raise RegrowError(f"{misfit}: {' '.join(str(error).split())[:200]}") from None
    if converted:
        return fill(model, converted.state, path, misfit)
    return spandrel.load(state, path, f"weights of no net that is known here; known are {KNOWN}")
