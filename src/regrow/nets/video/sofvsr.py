"""Video super-resolution through high-resolution optical flow (Wang, Guo, Lin, Deng and An, ACCV 2018; TIP 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regrow.nets.ops.resample import bicubic_by
from regrow.nets.upscale.blocks import residual_dense
from regrow.nets.video.base import VideoRestorer, middle_and_others
from regrow.nets.video.warp import pixels, sample, warp


@dataclass(frozen=True, kw_only=True)
class SOFVSRConfig:
    """Settings.

    `SOFVSRConfig(channels=64, blocks=5, layers=5, growth=32, flow_layers=4)` has the sizes of the paper of 2018.
    """

    scale: int = 4
    """2, 3 or 4."""
    frames: int = 3
    """An odd number; the one in the middle is enlarged."""
    channels: int = 32
    blocks: int = 5
    """Residual dense blocks of the net that restores (the paper's SRnet)."""
    layers: int = 4
    """Convolutions of each of them."""
    growth: int = 16
    """Features that each of these adds, in both nets."""
    flow_channels: int = 32
    flow_blocks: int = 2
    """Residual dense blocks of each level of the net that finds flows (the paper's OFRnet)."""
    flow_layers: int = 3
    reach: int = 16
    """The longest flow along either side, in small pixels: longer ones are cut to it."""

    def __post_init__(self) -> None:
        if self.scale not in (2, 3, 4):
            raise ValueError(f"scale {self.scale} is not 2, 3 or 4")
        if not 3 <= self.frames <= 15 or self.frames % 2 == 0:
            raise ValueError(f"frames {self.frames} is not an odd number from 3 to 15")
        for name, least, most in (
            ("channels", 1, 1024),
            ("blocks", 0, 64),
            ("layers", 1, 64),
            ("growth", 1, 1024),
            ("flow_channels", 1, 1024),
            ("flow_blocks", 0, 64),
            ("flow_layers", 1, 64),
            ("reach", 1, 256),
        ):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} {getattr(self, name)} out of range: {least} to {most}")


def leaky() -> nn.Module:
    """The rectifier of the published nets."""
    return nn.LeakyReLU(0.1, inplace=True)


class DenseNet(nn.Module):
    """head -> residual dense blocks -> 1x1 convolution of what each gave, and head -> tail, which starts at zero."""

    def __init__(self, inputs: int, outputs: int, channels: int, blocks: int, layers: int, growth: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(inputs, channels, 3, padding=1)
        # They start small, so that a deep stack starts near the identity.
        self.blocks = nn.ModuleList(residual_dense(channels, growth, layers, leaky, 0.1) for _ in range(blocks))
        self.fuse = nn.Conv2d((blocks + 1) * channels, channels, 1)
        self.tail = nn.Conv2d(channels, outputs, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, h, w) float32."""
        # What is hidden in a small picture is a fraction of a level: bfloat16 would lose it before the first layer.
        with torch.autocast(x.device.type, enabled=False):
            found = [self.head(x.contiguous(memory_format=torch.channels_last))]
        for block in self.blocks:
            found.append(block(found[-1]))
        return self.tail(F.leaky_relu(self.fuse(torch.cat(found, 1)), 0.1)).float()


class SOFVSR(VideoRestorer):
    """Flows at high resolution, small frames warped by them, and a net that restores.

    ::

        flows    pairs (frame, middle) at 1/2 -- net --> flow 1
                 pairs, frame warped by flow 1 -- net --> + flow 1 = flow 2, at the size of the small frames
                 pairs, frame warped by flow 2 -- net, sub-pixel --> + flow 2 = flow 3, at the size of the result
        drafts   flow 3, space to depth: scale^2 flows at the size of the small frames, by which each frame is warped
        restore  middle frame and drafts -- net, sub-pixel --> + bicubic = result

    The paper takes luma and leaves chroma to bicubic; here frames and result are RGB. The bicubic and the flow that is
    fed to each level are added to what the nets give, so that an untrained one is plain bicubic. Flows are cut to
    `reach`, which bounds how far it looks; one that is given is used as it is.
    """

    architecture = "sofvsr"
    Config = SOFVSRConfig
    grid = 2

    def __init__(self, config: SOFVSRConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SOFVSRConfig()
        self.scale, self.frames, area = config.scale, config.frames, config.scale**2
        sizes = config.flow_channels, config.flow_blocks, config.flow_layers, config.growth
        self.levels = nn.ModuleList(DenseNet(8, outputs, *sizes) for outputs in (2, 2, 2 * area))
        self.restorer = DenseNet(
            3 + 3 * area * (config.frames - 1), 3 * area, config.channels, config.blocks, config.layers, config.growth
        )
        # What is warped is always a frame that was given, so that reaches do not add up: where a net is fed one, the
        # longer counts, the reach or the way on through what made the flow. Level 1 sees twice as far.
        finding, restoring = 2 + config.flow_blocks * config.flow_layers, 2 + config.blocks * config.layers
        halo = restoring + 2 * finding + max(config.reach + 1, 2 * finding + 2)
        self.halo = halo + halo % self.grid
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, y: Tensor, flow: Tensor | None = None) -> Tensor:
        """(B, frames * 3, h, w) -> (B, 3, scale * h, scale * w); flow as the last of `flows(y)`, if given."""
        if flow is None:
            flow = self.flows(y)[-1]
        middle, others = middle_and_others(y)
        s, (h, w) = self.scale, y.shape[-2:]
        # All scale^2 flows of a small pixel start from its centre.
        start = pixels(y).repeat_interleave(s, 1).repeat_interleave(s, 2)
        drafts = sample(others.flatten(0, 1), start + flow.flatten(0, 1) / s)
        drafts = F.pixel_unshuffle(drafts, s).reshape(y.shape[0], -1, h, w)
        details = self.restorer(torch.cat((middle, drafts), 1) - 0.5)
        return bicubic_by(middle, s) + F.pixel_shuffle(details, s)

    def flows(self, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, frames * 3, h, w) -> flows at half the size, rounded up, at the size, and at the size of the result."""
        (h, w), s = y.shape[-2:], self.scale
        # Not F.pad: compiled by torch 2.13, its gradient fails.
        y = torch.cat((y, y[..., -1:, :]), -2) if h % 2 else y
        y = torch.cat((y, y[..., -1:]), -1) if w % 2 else y
        middle, others = middle_and_others(y - 0.5)
        pairs = others.flatten(0, 1), middle[:, None].expand_as(others).flatten(0, 1)
        halves = F.avg_pool2d(pairs[0], 2), F.avg_pool2d(pairs[1], 2)
        none = torch.zeros_like(halves[0][:, :2])
        first = self._flow(0, halves, none)
        second = self._flow(1, pairs, _enlarged(first, 2))
        third = self._flow(2, pairs, second)
        first, second, third = (flow.reshape(y.shape[0], -1, *flow.shape[1:]) for flow in (first, second, third))
        return first, second[..., :h, :w], third[..., : s * h, : s * w]

    def _flow(self, level: int, pairs: tuple[Tensor, Tensor], flow: Tensor) -> Tensor:
        """A level's flow between pairs of frames, from one at their size."""
        frame, middle = pairs
        correction = self.levels[level](torch.cat((warp(frame, flow), middle, flow), 1))
        if level == 2:
            flow, correction = _enlarged(flow, self.scale), F.pixel_shuffle(correction, self.scale)
        reach = self.config.reach * (0.5, 1, self.scale)[level]
        return (flow + correction).clamp(-reach, reach)

    def multiply_adds(self) -> float:
        """Multiply-adds of the convolutions for each pixel of the result; for odd sizes a little more."""
        costs = [sum(p.numel() for p in net.parameters() if p.ndim == 4) for net in (*self.levels, self.restorer)]
        pairs = self.frames - 1
        return (pairs * (costs[0] / 4 + costs[1] + costs[2]) + costs[3]) / self.scale**2


def _enlarged(flow: Tensor, times: int) -> Tensor:
    """A flow (B, 2, h, w) at a size and in pixels so many times finer."""
    return times * F.interpolate(flow, scale_factor=times, mode="bilinear", align_corners=False)
