"""Sparse coding based network, SCN (Wang, Liu, Yang, Han and Huang, ICCV 2015)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.upscale.base import LumaRestorer, enlarged_halo, in_range, one_of
from regrow.nets.upscale.blocks import conv


@dataclass(frozen=True, kw_only=True)
class SCNConfig:
    """Settings; `SCNConfig(colors=1)` is the paper's."""

    scale: int = 2
    """Any from 1 to 8: the net works on what bicubic has enlarged."""
    features: int = 100
    """Filters of a patch of 9x9."""
    atoms: int = 128
    """Of the dictionary."""
    steps: int = 1
    """Times that the code is corrected."""
    colors: int = 3

    def __post_init__(self) -> None:
        in_range(1, 8, scale=self.scale)
        in_range(1, 1024, features=self.features, atoms=self.atoms)
        in_range(0, 64, steps=self.steps)
        one_of((1, 3), colors=self.colors)


class SCN(LumaRestorer):
    """bicubic -> features of patches -> their sparse code, by LISTA -> patches of 5x5 -> put together, + bicubic.

    Figures 1 and 2. 41,237 parameters; surveys say 42 thousand. The authors take off the mean of each patch and
    divide by its deviation before they code it; here the bicubic is added instead.
    """

    architecture = "scn"
    Config = SCNConfig
    enlarged = True

    def __init__(self, config: SCNConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SCNConfig()
        self.scale, self.colors, n = config.scale, config.colors, config.atoms
        self.halo = enlarged_halo(4 + 2, config.scale)
        self.features = conv(config.colors, config.features, 9, bias=False)
        self.encode = conv(config.features, n, 1, bias=False)
        self.correct = conv(n, n, 1, bias=False)
        self.threshold = nn.Parameter(torch.full((n, 1, 1), 0.01))
        self.decode = conv(n, 25 * config.colors, 1, bias=False)
        self.assemble = conv(25 * config.colors, config.colors, 5, bias=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def restored(self, x: Tensor) -> Tensor:
        """(B, colours, H, W) -> the same."""
        start = self.encode(self.features(x))
        code = self._shrunk(start)
        for _ in range(self.config.steps):
            code = self._shrunk(start + self.correct(code))
        return x + self.assemble(self.decode(code))

    def _shrunk(self, x: Tensor) -> Tensor:
        return F.relu(x - self.threshold) - F.relu(-x - self.threshold)
