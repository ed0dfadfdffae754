"""The state of nets and optimizers as tensors, in one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from regrow.io.paths import atomic


def pack(nets: Mapping[str, nn.Module], optimizers: list[Any]) -> dict[str, Tensor]:
    """The state of nets by name and of optimizers as tensors by name, which `unpack` puts back."""
    tensors = {f"{name}.{k}": v for name, net in nets.items() for k, v in net.state_dict().items()}
    for i, optimizer in enumerate(optimizers):
        for p, state in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{i}.{p}.{key}": torch.as_tensor(value) for key, value in state.items()}
    return tensors


def write(path: Path, tensors: Mapping[str, Tensor], header: dict[str, str]) -> None:
    """Write tensors and words; the file appears whole or not at all."""
    # safetensors stores rows; clones part what shares memory.
    kept = {k: v.detach().cpu().clone(memory_format=torch.contiguous_format) for k, v in tensors.items()}
    with atomic(path) as part:
        save_file(kept, part, header)


def tensors_of(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """(words, tensors) that `write` wrote. OSError or SafetensorError when the file cannot be read."""
    with safe_open(path, "pt") as file:
        return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict


def unpack(tensors: dict[str, Tensor], nets: Mapping[str, nn.Module], optimizers: list[Any]) -> None:
    """Put tensors back where `pack` took them from."""
    for name, net in nets.items():
        net.load_state_dict(below(tensors, f"{name}."))
    for i, optimizer in enumerate(optimizers):
        params = [p for group in optimizer.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in below(tensors, f"optimizer.{i}.").items():
            p, key = name.split(".")
            if value.shape == params[int(p)].shape:
                # Fused optimisers walk through memory, so a state must lie there as its parameter does (channels last).
                value = torch.empty_like(params[int(p)], requires_grad=False).copy_(value)
            state.setdefault(int(p), {})[key] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names have a prefix, without that prefix."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
