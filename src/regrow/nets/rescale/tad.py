"""Task-aware image downscaling (Kim, Choi, Lim and Lee, ECCV 2018)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.layers import ResidualBlock
from regrow.nets.rescale.base import Rescaler
from regrow.resample import bicubic


@dataclass(frozen=True, kw_only=True)
class TADConfig:
    """Settings of the task-aware autoencoder.

    `TADConfig(channels=64, blocks=3, trunk_conv=True, subpixel_features=True)` is the paper's layout.
    """

    scale: int = 2
    """Factor of the whole model: 2, or a higher power of 2 by applying the pair of x2 nets again (section 3.2)."""
    pairs: int = 1
    """Pairs of nets: each application has its own, and further ones use the last again. The paper has one for all."""
    channels: int = 32
    blocks: int = 14
    """Residual blocks a side."""
    trunk_conv: bool = False
    """A convolution after the residual blocks, with a skip around both, as in EDSR."""
    subpixel_features: bool = False
    """Grow the features (4 * channels, pixel shuffle, one full-size convolution), as in EDSR; else grow the picture."""

    def __post_init__(self) -> None:
        if not 2 <= self.scale <= 128 or self.scale & (self.scale - 1):
            raise ValueError(f"scale {self.scale} is not a power of 2 from 2 to 128")
        # The upper limits keep a hostile configuration from asking for all memory.
        if not 1 <= self.pairs <= 7:
            raise ValueError(f"pairs {self.pairs} out of range: 1 to 7")
        if not 1 <= self.channels <= 1024 or not 0 <= self.blocks <= 256:
            raise ValueError(f"channels {self.channels} or blocks {self.blocks} out of range: 1 to 1024, 0 to 256")


class Trunk(nn.Module):
    """head -> residual blocks -> tail, all at the small picture's resolution: (B, inputs, h, w) -> (B, outputs, h, w).

    The tail starts at zero, so that an untrained pair is plain bicubic resampling.
    """

    def __init__(self, inputs: int, outputs: int, config: TADConfig, *, subpixel_features: bool = False) -> None:
        super().__init__()
        c = config.channels
        self.head = nn.Conv2d(inputs, c, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualBlock(c) for _ in range(config.blocks)))
        self.trunk_conv = nn.Conv2d(c, c, 3, padding=1) if config.trunk_conv else None
        self.upsampler = nn.Conv2d(c, 4 * c, 3, padding=1) if subpixel_features else None
        self.tail = nn.Conv2d(c, outputs, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) in [0, 1] -> (B, outputs, h, w), or twice that size with `subpixel_features`."""
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            head = self.head((x - 0.5).contiguous(memory_format=torch.channels_last))
        x = self.blocks(head)
        if self.trunk_conv is not None:
            x = head + self.trunk_conv(x)
        if self.upsampler is not None:
            x = F.pixel_shuffle(self.upsampler(x), 2)
        return self.tail(x).float()

    def start_from(self, other: Trunk) -> None:
        """Take over another trunk's weights; blocks it lacks start as the identity. RuntimeError if they differ."""
        weights = other.state_dict()
        for name, own in self.state_dict().items():
            part, index, *_ = name.split(".")
            if part == "blocks" and int(index) >= len(other.blocks):
                # Only the second convolution: what it adds is zero, but its gradient is not.
                weights[name] = torch.zeros_like(own) if ".conv2." in name else own
        self.load_state_dict(weights)


class TAD(Rescaler):
    """A pair of nets trained together: the encoder shrinks for the decoder that grows.

    ::

        shrink   x (B,3,H,W) --+-- pixel unshuffle -- encoder --+--> (B,3,H/2,W/2)    the paper's f_TAD
                               +-- antialiased bicubic ---------+    (the guidance image)
        grow     y (B,3,h,w) --+-- decoder -- pixel shuffle ----+--> (B,3,2h,2w)      the paper's g_TAU
                               +-- bicubic ---------------------+

    Both are applied log2(scale) times (section 3.2).
    """

    factor = 2

    def __init__(self, config: TADConfig | None = None) -> None:
        super().__init__()
        self.config = config or TADConfig()
        self.steps = self.config.scale.bit_length() - 1
        layers = 2 * self.config.blocks + 2 + self.config.trunk_conv + self.config.subpixel_features
        self.halo = max(layers, 3)  # 3: what the bicubic kernel reaches
        growing_features = self.config.subpixel_features
        pairs, outputs = range(self.config.pairs), 3 if growing_features else 12
        self.encoders = nn.ModuleList(Trunk(12, 3, self.config) for _ in pairs)
        self.decoders = nn.ModuleList(Trunk(3, outputs, self.config, subpixel_features=growing_features) for _ in pairs)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def shrink_once(self, x: Tensor, step: int = 0) -> Tensor:
        """(B, 3, 2h, 2w) -> (B, 3, h, w); step 0 starts from the full size."""
        encoder = self.encoders[min(step, self.config.pairs - 1)]
        return bicubic(x, (x.shape[-2] // 2, x.shape[-1] // 2)) + encoder(F.pixel_unshuffle(x, 2))

    def grow_once(self, y: Tensor, step: int = 0) -> Tensor:
        """(B, 3, h, w) -> (B, 3, 2h, 2w); step 0 ends at the full size."""
        details = self.decoders[min(step, self.config.pairs - 1)](y)
        if not self.config.subpixel_features:
            details = F.pixel_shuffle(details, 2)
        return bicubic(y, (y.shape[-2] * 2, y.shape[-1] * 2)) + details

    def start_from(self, other: Rescaler) -> None:
        """Take over another model's weights.

        Where this one has more pairs, the other's last is repeated; further blocks start as the identity.
        """
        if not isinstance(other, TAD):
            raise ValueError("the other model is no task-aware autoencoder")
        for i in range(self.config.pairs):
            source = min(i, other.config.pairs - 1)
            try:
                self.encoders[i].start_from(other.encoders[source])  # type: ignore[operator]
                self.decoders[i].start_from(other.decoders[source])  # type: ignore[operator]
            except RuntimeError:
                raise ValueError(f"the layouts differ: {other.config} and {self.config}") from None

    def multiply_adds(self) -> tuple[float, float]:
        """Multiply-adds of the convolutions for each full-size pixel, all steps: (shrinking, growing)."""

        def weights(trunk: nn.Module) -> float:
            # Weights run once a small pixel; those after the pixel shuffle run once a full-size pixel.
            assert isinstance(trunk, Trunk)
            total = sum(p.numel() for p in trunk.parameters() if p.ndim == 4)
            tail = trunk.tail.weight.numel() if trunk.upsampler is not None else 0
            return (total - tail) / 4 + tail

        repeats = sum(0.25**step for step in range(self.steps))
        return weights(self.encoders[0]) * repeats, weights(self.decoders[0]) * repeats

    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values."""
        return {"architecture": "tad", **asdict(self.config)}
