"""Zero-shot super-resolution: a net fitted to the one picture that it then enlarges, and to no other.

What is small in a picture often comes again in it, larger. So the picture itself is shrunk, the net learns to enlarge
that back, and then enlarges the picture. Source: Shocher, Cohen and Irani, "Zero-shot" super-resolution using deep
internal learning, CVPR 2018. Unlike there, steps have a fixed number, and are Muon's, which gets further in
the same time than Adam.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regrow import zoo
from regrow.errors import RegrowError
from regrow.inference.precision import in_bfloat16
from regrow.inference.rows import to_float
from regrow.inference.tiling import Band
from regrow.inference.transparency import parted
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import Restorer
from regrow.nets.upscale.blocks import he_start, zero_start
from regrow.nets.upscale.zssr import ZSSR, ZSSRConfig
from regrow.optim.muon import build
from regrow.optim.settings import Optimizer
from regrow.progress import Report, silent
from regrow.size import Size

STEPS = 1000
SEED = 0
CHANNELS = 48
"""Of the net; fewer than the 64 of the paper leave time for more steps."""
SMALLEST = 8
"""Shortest side of what a picture is shrunk to, in pixels."""
CROP = 96
"""Side in pixels of what each step looks at."""
SHRUNK = 1.0, 0.9, 0.8, 0.7, 0.6
"""Sizes at which the picture is learned from: section 3.2, "augmentation"."""
PIECE, PIECES = 256, 16
"""Side and number of the random pieces that a picture with more pixels than they have is learned from."""


class ZeroShot(Restorer):
    """ZSSR, and its result corrected until, shrunk again, it is nearly what was enlarged (section 3.2).

    The correction is back-projection: what bicubic shrinking finds missing is enlarged and added (Irani and Peleg,
    "Improving resolution by image registration", 1991). It goes with turns, flips and means: a self-ensemble of
    corrected results is a corrected self-ensemble.
    """

    scale: int
    architecture = "zssr"
    takes_bfloat16 = True
    corrections = 2

    def __init__(self, scale: int, seed: int = SEED) -> None:
        super().__init__()
        self.config = ZSSRConfig(scale=scale, channels=CHANNELS)
        self.scale = scale
        with torch.device("meta"):  # which leaves torch's own random numbers alone
            self.net = ZSSR(self.config)
        self.net.to_empty(device="cpu")
        he_start(self.net, torch.Generator().manual_seed(seed))
        zero_start(self.net.layers[-1])  # type: ignore[arg-type]
        self.halo = self.net.halo + 4 * self.corrections

    def forward(self, y: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, 3, scale * h, scale * w)."""
        x = self.net(y)
        for _ in range(self.corrections):
            x = x + bicubic(y - bicubic(x, (y.shape[-2], y.shape[-1])), (x.shape[-2], x.shape[-1]))
        return x


def fitted(
    rows: Iterable[np.ndarray],
    size: tuple[int, int],
    channels: int,
    name: str,
    *,
    scale: int,
    device: str = "auto",
    steps: int = STEPS,
    seed: int = SEED,
    report: Report = silent,
) -> ZeroShot:
    """The net for one picture; the same each time, on the same machine.

    Args:
        rows: (n, width, bands) uint8, uint16 or float32 in [0, 1], top to bottom. No more is held than
            `PIECES` pieces.
        size: (width, height).
        channels: its colours, 1 or 3; alpha is left out.
        name: the picture's name in messages.
        scale: 2 to 8.
        device: as `regrow.zoo.store.on_device` takes it.
        steps: of fitting.
        seed: of weights and crops.
        report: told about progress, in steps.

    Raises:
        RegrowError: the picture is too small.
    """
    if min(size) < SMALLEST * scale:
        raise RegrowError(
            f"{name}: {size[0]}x{size[1]} is too small to learn from; at scale {scale} zssr needs {SMALLEST * scale} "
            "pixels each way, take another model"
        )
    model, generator = ZeroShot(scale, seed), torch.Generator().manual_seed(seed)
    zoo.on_device(model, device)
    pieces = [piece.to(model.device) for piece in _pieces(rows, size, channels, generator)]
    fathers = [_shrunk(piece, share) for piece in pieces for share in SHRUNK]
    with torch.enable_grad():
        _fit(model.net, fathers, steps, generator, report)
    return model.eval().requires_grad_(False)


def _fit(net: ZSSR, fathers: list[Tensor], steps: int, generator: torch.Generator, report: Report) -> None:
    """Learn to enlarge what crops of the fathers are shrunk to, their sons."""
    run, optimizers = in_bfloat16(net), build(net, Optimizer(rate=0.01, adam_rate=1e-3))
    rates = [optimizer.param_groups[0]["lr"] for optimizer in optimizers]
    areas = torch.tensor([float(father[0, 0].numel()) for father in fathers])
    for step in range(steps):
        father = _crop(fathers[int(torch.multinomial(areas, 1, generator=generator))], net.scale, generator)
        son = bicubic(father, (father.shape[-2] // net.scale, father.shape[-1] // net.scale))
        net.zero_grad()
        F.l1_loss(run(son), father).backward()  # type: ignore[no-untyped-call]
        for optimizer, rate in zip(optimizers, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
            optimizer.step()
        report(step + 1, steps)


def _pieces(
    rows: Iterable[np.ndarray], size: tuple[int, int], channels: int, generator: torch.Generator, side: int = PIECE
) -> list[Tensor]:
    """The picture, or random pieces of a large one, (1, 3, h, w) each."""
    width, height = size
    across, down = (width, height) if width * height <= PIECES * side**2 else (min(side, n) for n in size)
    lefts, tops = (_draw(n - cut, generator, PIECES).tolist() for n, cut in ((width, across), (height, down)))
    if (across, down) == size:
        lefts, tops = [0], [0]
    seen = parted(to_float(rows, channels, 3), Size(width, height), 3)
    band, found = Band(block[..., :3] for block in seen), []
    for top, left in sorted(zip(tops, lefts, strict=True)):
        piece = np.array(band.rows(top, top + down)[:, left : left + across])
        found.append(torch.from_numpy(piece).permute(2, 0, 1)[None])
    return found


def _draw(most: int, generator: torch.Generator, count: int = 1) -> Tensor:
    """Random numbers from 0 to `most`."""
    return torch.randint(most + 1, (count,), generator=generator)


def _shrunk(picture: Tensor, share: float) -> Tensor:
    height, width = (round(n * share) for n in picture.shape[-2:])
    return bicubic(picture, (height, width))


def _crop(picture: Tensor, multiple: int, generator: torch.Generator) -> Tensor:
    """A random piece of up to `CROP` pixels each way, of a size that can be shrunk, turned or mirrored at random."""
    for axis in (-2, -1):
        side = min(CROP, picture.shape[axis]) // multiple * multiple
        picture = picture.narrow(axis, int(_draw(picture.shape[axis] - side, generator)), side)
    transposed, down, across = _draw(1, generator, 3).tolist()
    picture = picture.mT if transposed else picture
    return picture.flip([axis for axis, flipped in ((-2, down), (-1, across)) if flipped])
