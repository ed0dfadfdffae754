"""Pictures as they are measured."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from regrow.io.memory import read_rgb


def as_tensor(picture: Any) -> Tensor:
    """Any picture as (3, H, W) float32 in [0, 1], rounded to 8 bits."""
    return torch.from_numpy(read_rgb(picture)).permute(2, 0, 1) / 255
