"""Refinement of single small pictures for a codec: descent through its proxy and the net that grows what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regrow.io.codecs import Codec
from regrow.io.jpeg_tables import flat, steps
from regrow.io.memory import read_rgb

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from regrow.nets.restore.codec import CodecRestorer

TRADES = {"jpeg": 0.12, "webp": 0.1, "avif": 0.055}
"""Squared error, in levels, that codecs trade for a bit, over the square of their steps of luma, at full size.

Measured with `codec-x1` and `codec-x2` on training pictures, with the steps of `regrow.nets.ops.codec_proxy`.
"""
SPEED = 1e-3
"""First step of the descent, of pixels in [0, 1]; it falls to none."""
TILE, CONTEXT = 192, 32
"""Side of a tile, and what is coded and grown around it but does not change, in small pixels: whole blocks."""


def steps_of(codec: Codec, quality: int) -> tuple[Tensor, Tensor]:
    """The (8, 8) steps of luma and chroma of a codec's proxy at a quality."""
    import torch

    from regrow.nets.ops.codec_proxy import SIDE, flat_steps

    if codec.name != "jpeg":
        return flat_steps(codec.name, quality)
    tables = (flat(quality),) * 2 if codec.tuned else steps(quality)
    luma, chroma = (torch.tensor(np.asarray(table), dtype=torch.float32).view(SIDE, SIDE) for table in tables)
    return luma, chroma


def trade_of(codec: Codec, luma: Tensor, scale: float) -> float:
    """Squared error, in levels, that a bit for each pixel of the full picture is worth at these steps of luma."""
    return TRADES[codec.name] * float(luma.mean()) ** 2 * scale**2


def refined(
    pixels: np.ndarray, small: np.ndarray, codec: Codec, quality: int, net: CodecRestorer, iterations: int
) -> np.ndarray:
    """Change a small picture so that its file and what is grown from that are worth more, tile by tile.

    Of each tile, the iterate is kept that costs least: squared error + trade * bits, both of the real file.

    Args:
        pixels: (H, W, 1 or 3 and perhaps alpha) uint8, the full picture.
        small: (h, w, as many) uint8, the small one.
        codec, quality: those of the file.
        net: grows what the codec leaves, told of the file, on the device it is to run on.
        iterations: at least 1.

    Returns:
        (h, w, bands) uint8; alpha as it was.
    """
    found, colors = small.copy(), small.shape[2] - (small.shape[2] in (2, 4))
    larger, smaller = net.scale.as_integer_ratio()
    height, width = small.shape[:2]
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            first, start = max(0, top - CONTEXT), max(0, left - CONTEXT)
            last, stop = min(height, top + TILE + CONTEXT), min(width, left + TILE + CONTEXT)
            seen = found[first:last, start:stop, :colors]
            original = pixels[first * larger // smaller :, start * larger // smaller :, :colors]
            inner = np.s_[top - first : top - first + TILE, left - start : left - start + TILE]
            best = _descend(original, seen, inner, codec, quality, net, iterations)
            found[first:last, start:stop, :colors][inner] = best[inner]
    return found


def _descend(
    x: np.ndarray,
    y: np.ndarray,
    inner: tuple[slice, slice],
    codec: Codec,
    quality: int,
    net: CodecRestorer,
    iterations: int,
) -> np.ndarray:
    """The best of what y (h, w, 1 or 3) becomes on the way; only its inner part moves."""
    import torch

    from regrow.nets.ops.codec_proxy import CodecProxy

    luma, chroma = (part.to(net.device) for part in steps_of(codec, quality))
    trade, proxy = trade_of(codec, luma, net.scale), CodecProxy().to(net.device)
    colors = y.shape[2]
    original, start = (_tensor(p, net.device) for p in (x, y))
    moving = torch.zeros_like(start[:, :1])
    moving[..., inner[0], inner[1]] = 1
    change = torch.zeros_like(start, requires_grad=True)
    descent = torch.optim.Adam([change], SPEED, (0.9, 0.99))
    best, least = y, float("inf")
    for iteration in range(iterations + 1):
        descent.param_groups[0]["lr"] = SPEED * (1 - iteration / (iterations + 1))
        now = start + moving * change
        picture = _picture(now, colors)
        data = codec.encode(picture, quality)
        real = _tensor(np.asarray(read_rgb(data)), net.device)
        like, cost = proxy(now, luma, chroma)
        grown = net(like + (real - like).detach())
        height, width = (min(a, b) for a, b in zip(grown.shape[-2:], original.shape[-2:], strict=True))
        error = (grown[..., :height, :width] - original[..., :height, :width]).square().mean() * 255**2
        bits = 8 * len(data) / (height * width)
        value = float(error.detach()) + trade * bits
        if value < least:
            best, least = picture, value
        (error + trade * bits * cost[0] / cost[0].detach().clamp_min(1)).backward()
        descent.step()
        descent.zero_grad()
    return best


def _tensor(picture: np.ndarray, device: torch.device) -> Tensor:
    """(h, w, 1 or 3) uint8 -> (1, 3, h, w) in [0, 1]."""
    import torch

    x = torch.from_numpy(np.ascontiguousarray(picture)).to(device).permute(2, 0, 1)[None] / 255
    return x.expand(-1, 3, -1, -1)


def _picture(x: Tensor, colors: int) -> np.ndarray:
    """(1, 3, h, w) -> (h, w, colors) uint8."""
    x = x.detach().clamp(0, 1)
    x = x if colors == 3 else x.mean(1, keepdim=True)
    found: np.ndarray = (x[0] * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    return found
