"""Nets without weights, on the meta device: what they are can be asked, and weights can be assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import init
from torch.overrides import TorchFunctionMode

_MADE_UP = {
    init.kaiming_uniform_, init.kaiming_normal_, init.xavier_uniform_, init.xavier_normal_, init.trunc_normal_,
    init.orthogonal_, init.normal_, init.uniform_, torch.Tensor.normal_, torch.Tensor.uniform_,
}  # fmt: skip
"""What gives weights to begin training with: on the meta device it does nothing but import a second of modules."""


class _Without(TorchFunctionMode):
    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in _MADE_UP:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def without_weights() -> Iterator[None]:
    """While the block runs, nets are built on the meta device: no memory is taken and no weight is made up."""
    with torch.device("meta"), _Without():
        yield
