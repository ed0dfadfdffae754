"""How weights are updated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How the weights are updated. After a linear warm-up, learning rates follow half a cosine down to zero."""

    name: str = "muon"
    """muon (Muon for convolutions between features, AdamW for all other parameters) or adam (AdamW for all)."""
    rate: float = 0.01
    """Peak learning rate of the optimizer in `name`."""
    adam_rate: float = 1e-3
    """Peak learning rate of AdamW for the parameters that Muon does not update. Not used by adam."""
    narrowest: int = 16
    """Fewest input and output channels of a kernel that Muon updates."""
    weight_decay: float = 0.0
    """Decoupled weight decay, relative to the learning rate."""
    warmup: int = 200
    """Steps over which the learning rate rises from 0 to its peak."""
    clip: float = 1.0
    """Largest norm of the whole gradient. A longer gradient is scaled down to it."""
    ema: float = 0.999
    """Decay of the exponential moving average of the weights, which is what is validated and saved."""
