"""Nets on PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from regrow.inference.rows import Net

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def of_arrays(net: Callable[[Tensor], Tensor], device: torch.device) -> Net:
    """A net of tensors, (1, c, h, w) to (1, C, H, W), as one of arrays."""
    import torch

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            # What is flipped is contiguous to NumPy where a side has one pixel, and to PyTorch it is not.
            x = x.copy() if min(x.strides) < 0 else np.ascontiguousarray(x)
            tensor = torch.from_numpy(x).to(device).permute(2, 0, 1)[None]
            return np.asarray(net(tensor)[0].permute(1, 2, 0).cpu().numpy())

    return run
