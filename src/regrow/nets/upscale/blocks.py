"""Blocks that more than one net for enlarging uses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIV2K_MEAN = (0.4488, 0.4371, 0.4040)
"""Mean colour of DIV2K, which most nets take off their input and add to their result."""
FEW = 4
"""Channels up to which a transposed convolution is computed as a sub-pixel one."""
UPSAMPLERS = "subpixel", "transposed", "nearest", "bilinear"

Activation = Callable[[], nn.Module]


def relu() -> nn.Module:
    """A rectifier that overwrites its input."""
    return nn.ReLU(inplace=True)


def leaky() -> nn.Module:
    """A rectifier of slope 0.2 below zero that overwrites its input."""
    return nn.LeakyReLU(0.2, inplace=True)


def mean_color(x: Tensor) -> Tensor:
    """`DIV2K_MEAN` in the shape (3, 1, 1), where x is."""
    return torch.tensor(DIV2K_MEAN, device=x.device).view(3, 1, 1)


def conv(inputs: int, outputs: int, kernel: int = 3, *, dilation: int = 1, **options: Any) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2 * dilation, dilation=dilation, **options)


def transposed(inputs: int, outputs: int, kernel: int, stride: int, **options: Any) -> nn.ConvTranspose2d:
    """A transposed convolution that enlarges by its stride, centred where kernel and stride are both odd or even."""
    padding = (kernel - stride + 1) // 2
    more = stride + 2 * padding - kernel
    kind = SubpixelTransposed if outputs <= FEW and stride > 1 and not options else nn.ConvTranspose2d
    return kind(inputs, outputs, kernel, stride, padding, more, **options)


class SubpixelTransposed(nn.ConvTranspose2d):
    """A transposed convolution computed as the sub-pixel convolution that it equals (Shi et al. 2016, the note of that
    name): three times as fast on processors where few channels come out.
    """

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(B, inputs, h, w) -> (B, outputs, stride * h, stride * w)."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        reach, before = transposed_reach(kernel, stride), int(self.padding[0])
        taps = 2 * reach + 1
        # Along each side: what lies stride taps apart works on the same pixels of x, the last tap on the first of them.
        first = stride * reach - before
        last = stride * taps - kernel - first
        w = F.pad(self.weight, (first, last, first, last))
        w = w.reshape(self.in_channels, self.out_channels, taps, stride, taps, stride)
        w = w.flip(2, 4).permute(1, 3, 5, 0, 2, 4).flatten(0, 2).contiguous(memory_format=torch.channels_last)
        bias = None if self.bias is None else self.bias.repeat_interleave(stride**2)
        return F.pixel_shuffle(F.conv2d(x, w, bias, padding=reach), stride)


def transposed_reach(kernel: int, stride: int) -> int:
    """How many input pixels away `transposed` looks."""
    padding = (kernel - stride + 1) // 2
    return max((stride - 1 + padding) // stride, (kernel - 1 - padding) // stride)


def bilinear_start(layer: nn.ConvTranspose2d) -> nn.ConvTranspose2d:
    """Make a transposed convolution begin as bilinear enlargement of each channel."""
    (side, _), stride = layer.kernel_size, layer.stride[0]
    ramp = 1 - ((torch.arange(side) - (side - 1) / 2) / stride).abs()
    with torch.no_grad():
        layer.weight.zero_()
        for i in range(min(layer.weight.shape[:2])):
            layer.weight[i, i] = torch.outer(ramp, ramp).to(layer.weight.device)
    return layer


def he_start(net: nn.Module, generator: torch.Generator | None = None) -> None:
    """Start every convolution for the rectifiers that follow it (He et al. 2015), its bias at zero."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.kaiming_normal_(module.weight, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def zero_start(layer: nn.Conv2d) -> nn.Conv2d:
    """Make a convolution begin at zero: with the skip around it the net begins as what is skipped to."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Upsampler(nn.Sequential):
    """(B, inputs, h, w) -> (B, outputs, scale * h, scale * w), in steps of 2 and 3 or at once.

    Args:
        inputs, scale: of the features, and how much larger they become.
        outputs: as many as inputs when not given.
        kind: subpixel, a convolution and a shuffle (Shi et al. 2016) that begins as nearest-neighbour enlargement
            (ICNR, Aitken et al. 2017); transposed, a transposed convolution; nearest or bilinear, a resize followed
            by a convolution (Odena et al. 2016).
        kernel: of the convolutions; 3 when not given, of transposed ones that of bilinear enlargement.
        groups: of the convolutions.
        activation: follows every step.
        at_once: one step for the whole scale.
    """

    def __init__(
        self,
        inputs: int,
        scale: int,
        outputs: int | None = None,
        *,
        kind: str = "subpixel",
        kernel: int | None = None,
        groups: int = 1,
        activation: Activation | None = None,
        at_once: bool = False,
    ) -> None:
        super().__init__()
        self.reach = Fraction(0)
        """How many input pixels away it looks."""
        done = 1
        steps = [scale] if at_once and scale > 1 else factors(scale)
        for i, step in enumerate(steps):
            last = (outputs or inputs) if i == len(steps) - 1 else inputs
            side = kernel or (2 * step - step % 2 if kind == "transposed" else 3)
            if kind == "subpixel":
                layers: list[nn.Module] = [_icnr(inputs, last, side, step, groups), nn.PixelShuffle(step)]
                self.reach += Fraction(side // 2, done)
            elif kind == "transposed":
                layers = [transposed(inputs, last, side, step, groups=groups)]
                self.reach += Fraction(transposed_reach(side, step), done)
            else:
                layers = [nn.Upsample(scale_factor=step, mode=kind), conv(inputs, last, side, groups=groups)]
                reach = 1 + side // 2 // step if kind == "bilinear" else -(-(side // 2) // step)
                self.reach += Fraction(reach, done)
            for layer in layers + ([activation()] if activation else []):
                self.append(layer)
            done *= step


def factors(scale: int) -> list[int]:
    """The steps of 2 and 3, or another prime, that make up a scale."""
    steps = []
    for prime in (2, 3, 5, 7):
        while scale % prime == 0:
            steps.append(prime)
            scale //= prime
    return steps


def _icnr(inputs: int, outputs: int, kernel: int, step: int, groups: int) -> nn.Conv2d:
    layer = conv(inputs, outputs * step**2, kernel, groups=groups)
    with torch.no_grad():
        for weights in layer.parameters():
            weights.copy_(weights[:: step**2].repeat_interleave(step**2, 0))
    return layer


class Residual(nn.Module):
    """x + scaling * layers(x)."""

    def __init__(self, *layers: nn.Module, scaling: float = 1.0) -> None:
        super().__init__()
        self.scaling = scaling
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        update = self.layers(x)
        return x + (update if self.scaling == 1 else self.scaling * update)


def normalized_block(channels: int, activation: Activation) -> Residual:
    """A residual block with batch normalisation after both 3x3 convolutions (SRResNet, figure 4)."""
    c = channels
    return Residual(conv(c, c), nn.BatchNorm2d(c), activation(), conv(c, c), nn.BatchNorm2d(c))


class DenseLayers(nn.Module):
    """Convolutions, each of which sees all that came before it (Huang et al. 2017).

    (B, channels, H, W) -> (B, channels + layers * growth, H, W): the input and what each layer made.
    """

    def __init__(self, channels: int, growth: int, layers: int, activation: Activation) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(conv(channels + i * growth, growth), activation()) for i in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Everything, concatenated."""
        for layer in self.layers:
            x = torch.cat((x, layer(x)), 1)
        return x


def residual_dense(channels: int, growth: int, layers: int, activation: Activation, start: float = 1.0) -> Residual:
    """The residual dense block: x + a 1x1 convolution of its dense layers (RDN, Zhang et al. 2018, figure 3).

    `start` is the share of its usual size that the 1x1 convolution starts at.
    """
    fuse = conv(channels + layers * growth, channels, 1)
    with torch.no_grad():
        fuse.weight.mul_(start)
    return Residual(DenseLayers(channels, growth, layers, activation), fuse)


class ChannelAttention(nn.Module):
    """Each channel times a gate that the means of all channels decide (RCAN, figure 3)."""

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        narrow = max(1, channels // reduction)
        self.gate = nn.Sequential(conv(channels, narrow, 1), relu(), conv(narrow, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same."""
        return x * self.gate(x.mean((-2, -1), keepdim=True))


class RecursiveBlock(nn.Module):
    """Residual units of two convolutions whose weights all units share, each with normalisation and ReLU before it.

    With `normalized` every unit has batch normalisations of its own, for statistics change from unit to unit.
    """

    def __init__(self, channels: int, units: int, *, normalized: bool, from_start: bool) -> None:
        super().__init__()
        self.from_start = from_start
        """Whether units add to the input of the block (DRRN), or each to its own (MemNet)."""
        self.conv1, self.conv2 = conv(channels, channels), conv(channels, channels)
        norm: Callable[[], nn.Module] = (lambda: nn.BatchNorm2d(channels)) if normalized else nn.Identity
        self.norms = nn.ModuleList(nn.ModuleList((norm(), norm())) for _ in range(units))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, channels, H, W) -> what every unit made, each the same shape."""
        results, start = [], x
        for norms in self.norms:
            inner = self.conv1(norms[0](x).relu())  # type: ignore[index]
            x = (start if self.from_start else x) + self.conv2(norms[1](inner).relu())  # type: ignore[index]
            results.append(x)
        return results


def plain(widths: Sequence[int], **options: Any) -> nn.Sequential:
    """3x3 convolutions from each width to the next, ReLU between them; options are those of `conv`."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [conv(inputs, outputs, **options), relu()]
    return nn.Sequential(*layers[:-1])


def normalized(widths: Sequence[int], *, bias: bool, dilations: Sequence[int] = ()) -> nn.Sequential:
    """As `plain`, with batch normalisation after the inner convolutions; the last one begins at zero.

    `bias` is of the inner ones; dilations are 1 when not given.
    """
    layers: list[nn.Module] = []
    for i, (inputs, outputs) in enumerate(pairwise(widths)):
        dilation = dilations[i] if dilations else 1
        if 0 < i < len(widths) - 2:
            layers += [conv(inputs, outputs, dilation=dilation, bias=bias), nn.BatchNorm2d(outputs), relu()]
        else:
            layers += [conv(inputs, outputs, dilation=dilation), relu()]
    net = nn.Sequential(*layers[:-1])
    he_start(net)
    zero_start(net[-1])  # type: ignore[arg-type]
    return net
