"""Task-aware downscaling of several frames at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from regrow.nets.rescale.tad import TAD, TADConfig, Trunk


@dataclass(frozen=True, kw_only=True)
class VideoTADConfig(TADConfig):
    """Settings of the task-aware autoencoder for groups of frames."""

    frames: int = 5
    """Frames of a group, at most; fewer are a group too."""
    mix_every: int = 2
    """Frames look at each other after every so many residual blocks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.frames <= 16 or self.mix_every < 1:
            raise ValueError(f"frames {self.frames} or mix_every {self.mix_every} out of range: 1 to 16, 1 or more")
        if self.subpixel_features or self.small_colors < self.colors:
            raise ValueError("groups of frames have neither subpixel_features nor hidden colours")


class Mixer(nn.Conv2d):
    """Every frame's features get a linear map of those of all frames of the group, at the same place.

    The map depends on which frame of the group it is, so that small frames of a scene that stands still can hold
    different parts of it. It starts at zero: every frame for itself.
    """

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__(frames * channels, frames * channels, 1, bias=False)
        nn.init.zeros_(self.weight)

    def forward(self, x: Tensor, frames: int) -> Tensor:  # type: ignore[override]
        """(B * frames, channels, h, w) -> the same."""
        _, c, h, w = x.shape
        n = frames * c
        # As a product of matrices: the convolution would leave the memory format that all others run in.
        seen = x.permute(0, 2, 3, 1).reshape(-1, frames, h * w, c).transpose(1, 2).reshape(-1, h * w, n)
        mixed = seen @ self.weight[:n, :n, 0, 0].T
        mixed = mixed.view(-1, h * w, frames, c).transpose(1, 2).reshape(-1, h, w, c)
        return x + mixed.permute(0, 3, 1, 2)


class GroupTrunk(Trunk):
    """The trunk of single pictures, run on each frame of a group, with mixers between its blocks."""

    def __init__(self, inputs: int, outputs: int, config: VideoTADConfig, **options: Any) -> None:
        super().__init__(inputs, outputs, config, **options)
        self.every, self.frames = config.mix_every, config.frames
        self.mixers = nn.ModuleList(
            Mixer(config.frames, config.channels) for _ in range(config.blocks // config.mix_every)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, frames * inputs, h, w) in [0, 1] -> (B, frames * outputs, h, w)."""
        frames = x.shape[1] // self.head.in_channels
        head = x = self._in(x.reshape(-1, self.head.in_channels, *x.shape[-2:]))
        for i, block in enumerate(self.blocks, start=1):
            x = block(x)
            if i % self.every == 0:
                x = self.mixers[i // self.every - 1](x, frames)
        x = self._out(head, x)
        return x.reshape(-1, frames * x.shape[1], *x.shape[-2:])

    def weights(self) -> float:
        """Weights that run for each cell of a frame: those of the mixers run once for a whole group."""
        mixing = sum(p.numel() for p in self.mixers.parameters())
        return super().weights() - mixing * (1 - 1 / self.frames)


class VideoTAD(TAD):
    """The task-aware autoencoder on groups of frames, which lie one after another among the channels.

    ::

        shrink   (B, n * C, H, W) -> (B, n * c, h, w)   n frames, up to `frames`, shrunk together
        grow     (B, n * c, h, w) -> (B, n * C, H, W)   and grown together

    Each frame goes through the nets of single pictures; between their blocks frames learn of each other (`Mixer`).
    Several frames into as many small ones, restored together: as in MIMO-VRN (Huang et al., CVPR 2021).
    """

    architecture = "video-tad"
    Config = VideoTADConfig
    trunk = GroupTrunk
    config: VideoTADConfig

    def __init__(self, config: VideoTADConfig | None = None) -> None:
        super().__init__(config or VideoTADConfig())
        self.frames = self.config.frames
