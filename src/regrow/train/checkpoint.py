"""Checkpoints of training: one safetensors file with everything that a run needs to continue as if uninterrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from regrow.errors import RegrowError, UsageError
from regrow.nets.model import Model
from regrow.optim import checkpoint as states
from regrow.train.recipe import Recipe
from regrow.zoo.store import current_name


def save(path: Path, step: int, nets: Mapping[str, nn.Module], optimizers: list[Any], recipe: Recipe) -> None:
    """Write nets by name, optimisers, random state, step and recipe; the file appears whole or not at all."""
    tensors = {**states.pack(nets, optimizers), "random": torch.get_rng_state()}
    states.write(path, tensors, {"step": str(step), "recipe": json.dumps(recipe.to_dict())})


def read(path: Path) -> tuple[int, Recipe, dict[str, Tensor]]:
    """(step, recipe, tensors) of a checkpoint. RegrowError when it is damaged."""
    try:
        header, tensors = states.tensors_of(path)
        # Settings that did not exist when it was written are as they are by default.
        recipe = Recipe.from_dict(json.loads(header["recipe"]), where=str(path))
        return int(header["step"]), recipe, tensors
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RegrowError(f"{path}: not a checkpoint of regrow train: {error}") from None


def read_of(path: Path, recipe: Recipe) -> tuple[int, dict[str, Tensor]]:
    """(step, tensors) of a checkpoint of this very recipe. UsageError where it is of another."""
    step, written, tensors = read(path)
    if written != recipe:
        raise UsageError(
            f"{path.parent}: was started from other settings than {recipe.name} has now; name another --out"
        )
    return step, tensors


def restore(tensors: dict[str, Tensor], nets: Mapping[str, nn.Module], optimizers: list[Any]) -> None:
    """Put the tensors of `read` back where `save` took them from, whatever their names were then."""
    states.unpack(_renamed(tensors, nets), nets, optimizers)
    torch.set_rng_state(tensors["random"])


def _renamed(tensors: dict[str, Tensor], nets: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """Tensors by the names that the weights of nets have now."""
    found = {}
    for key, value in tensors.items():
        name, _, weight = key.partition(".")
        net = nets.get(name)
        found[f"{name}.{current_name(weight, net)}" if isinstance(net, Model) else key] = value
    return found
