"""Shared helpers of the converters: renaming of tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

State = dict[str, "Tensor"]


@dataclass(frozen=True)
class Converted:
    """A net that was recognised: `architecture` and settings as `regrow.zoo.build` takes them, and its weights."""

    settings: dict[str, Any]
    state: State


def renamed(state: State, names: Mapping[str, str | Callable[[re.Match[str]], str]]) -> State:
    """The state with every pattern of the table replaced in its names, in turn."""
    for pattern, name in names.items():
        state = {re.sub(pattern, name, key): value for key, value in state.items()}
    return state


def places(state: State, prefix: str) -> int:
    """How many different names follow a prefix, up to their next dot: how long a sequence of layers is."""
    return len({key.removeprefix(prefix).split(".")[0] for key in state if key.startswith(prefix)})
