"""Weights that other people published, recognised by the names of their tensors and put into our nets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.weightfile import read_state

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.model import Model


def load(path: str) -> Model:
    """A model from a file of published weights, ready to run, on the CPU.

    Known is the colorizer of Zhang et al. 2016 as its authors publish it for PyTorch.

    RegrowError where the file cannot be read safely or is of no known net.
    """
    import torch

    state = read_state(path)
    if "model8.6.weight" in state and "model_out.weight" in state:
        model, state = _zhang(state)
    else:
        raise RegrowError(f"{path}: weights of no net that is known here; known is the colorizer of Zhang et al. 2016")
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    if {key: value.shape for key, value in state.items()} != shapes:
        raise RegrowError(f"{path}: its tensors are not those of the published net")
    if not all(torch.isfinite(value).all() for value in state.values()):
        raise RegrowError(f"{path}: the weights are damaged: some are no numbers")
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def _zhang(state: dict[str, Tensor]) -> tuple[Model, dict[str, Tensor]]:
    """The net at full width. Its last layer holds the colours of the classes, and its mean is not annealed again."""
    from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig

    named = {re.sub(r"^model([1-8])\.", r"trunk.conv\1.", key): value for key, value in state.items()}
    for kind in ("weight", "bias"):
        if f"trunk.conv8.6.{kind}" in named:
            named[f"classes.{kind}"] = named.pop(f"trunk.conv8.6.{kind}")
    named["bins"] = named.pop("model_out.weight").flatten(1).T * 110
    return ClassificationColorizer(ClassificationConfig(width=64, temperature=1.0)), named
