"""torch.compile, where it is available."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import torch


def compiled(
    module: torch.nn.Module, wanted: bool, any_size: bool, report: Callable[[str], None]
) -> Callable[..., Any]:
    """The module compiled if `wanted`, or as it is, with a word to `report`, where there is no compiler for it.

    `any_size`: whether one program may serve several sizes; otherwise each size is compiled separately.
    """
    if not wanted:
        return module
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        report("no C++ compiler found: going on without torch.compile, slower")
        return module
    # Clips come in few lengths, each compiled for itself; the compiler fails at one program for all.
    return torch.compile(module, dynamic=None if any_size else False)
