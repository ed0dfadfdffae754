"""EDSR (Lim et al. 2017) and RCAN (Zhang et al. 2018), as their authors publish them: for samples up to 255.

Ours are nets of [0, 1]. Without biases, convolutions, ReLU and shuffles make of a 255th of a picture a 255th of the
result, so biases become a 255th of what they were. The gates of RCAN's attention are not like that: they are to see
means of the old size, so their first weights become 255 times as large and their biases stay.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING

from regrow.zoo.converters.names import Converted, State, places, renamed

if TYPE_CHECKING:
    from torch import Tensor

SHIFTS = {"sub_mean": -1, "add_mean": 1}
SHARED = {r"^head\.0\.": "head.", r"^tail\.0\.": "upsampler.", r"^tail\.1\.": "tail."}


def edsr(state: State) -> Converted | None:
    """EDSR, of any size. The weights do not contain the factor of the residuals; it is the paper's for the width."""
    if not {"head.0.weight", "body.0.body.2.weight", "tail.0.0.weight"} <= state.keys():
        return None
    peak = _peak(state)
    if peak is None:
        return None
    channels = len(state["head.0.weight"])
    settings = {
        "architecture": "edsr",
        "scale": _scale(state, channels),
        "channels": channels,
        "blocks": places(state, "body.") - 1,
        "residual_scaling": 0.1 if channels == 256 else 1.0,
    }
    names = {
        r"^body\.(\d+)\.body\.0\.": r"blocks.\1.conv1.",
        r"^body\.(\d+)\.body\.2\.": r"blocks.\1.conv2.",
        r"^body\.\d+\.(weight|bias)$": r"trunk_conv.\1",
    }
    return Converted(settings, _to_unit(renamed(state, {**SHARED, **names}), peak))


def rcan(state: State) -> Converted | None:
    """RCAN, of any size."""
    gate = state.get("body.0.body.0.body.3.conv_du.0.weight")
    if gate is None or not {"head.0.weight", "tail.0.0.weight"} <= state.keys():
        return None
    peak = _peak(state)
    if peak is None:
        return None
    channels = len(state["head.0.weight"])
    settings = {
        "architecture": "rcan",
        "scale": _scale(state, channels),
        "channels": channels,
        "groups": places(state, "body.") - 1,
        "blocks": places(state, "body.0.body.") - 1,
        "reduction": channels // len(gate),
    }
    names = {r"^body\.": "body.layers.", r"(\d)\.body\.": r"\1.layers.", r"\.conv_du\.": ".gate."}
    return Converted(settings, _to_unit(renamed(state, {**SHARED, **names}), peak))


def _peak(state: State) -> float | None:
    """The largest sample, 255 or 1, by the mean colour that is taken off; None where it is not the one of our nets."""
    import torch

    from regrow.nets.upscale.blocks import DIV2K_MEAN

    def is_like(name: str, wanted: Tensor) -> bool:
        given = state.get(name)
        return given is not None and given.shape == wanted.shape and torch.allclose(given.float(), wanted, rtol=1e-3)

    for peak in (255.0, 1.0):
        shifts = {name: sign * peak * torch.tensor(DIV2K_MEAN) for name, sign in SHIFTS.items()}
        if all(is_like(f"{name}.bias", shift) for name, shift in shifts.items()):
            eye = torch.eye(3).view(3, 3, 1, 1)
            return peak if all(is_like(f"{name}.weight", eye) for name in SHIFTS) else None
    return None


def _scale(state: State, channels: int) -> int:
    steps = [len(value) / channels for key, value in state.items() if re.fullmatch(r"tail\.0\.\d+\.weight", key)]
    return prod(round(step**0.5) for step in steps)


def _to_unit(state: State, peak: float) -> State:
    """A net of samples up to the peak, its tensors named as ours, made one of [0, 1]; without the mean colours."""
    state = {key: value for key, value in state.items() if key.split(".")[0] not in SHIFTS}
    return {key: value.float() * _factor(key, peak) for key, value in state.items()}


def _factor(key: str, peak: float) -> float:
    if ".gate." in key:
        return peak if key.endswith(".gate.0.weight") else 1.0
    return 1 / peak if key.endswith(".bias") else 1.0
