"""bfloat16, where the hardware computes with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.model import Model


def bf16_is_fast(device: str) -> bool:
    """Whether the hardware has bfloat16; elsewhere it is emulated, slower than float32."""
    import torch

    if device != "cpu" and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    # Without a public name in torch so far; where it is missing, float32 is right everywhere.
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def in_bfloat16(model: Model) -> Callable[[Tensor], Tensor]:
    """The same function, in bfloat16 where both the model and the hardware support it."""
    import torch

    kind = model.device.type
    if not (model.takes_bfloat16 and kind in ("cpu", "cuda") and bf16_is_fast(kind)):
        return model

    def run(x: Tensor) -> Tensor:
        with torch.autocast(kind, torch.bfloat16):
            return model(x)

    return run
