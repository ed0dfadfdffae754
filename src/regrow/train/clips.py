"""Training clips made of photographs: the camera moves, an object moves in front of it, and the scene sways."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from regrow.nets.layers import quantize
from regrow.train.data import Crops
from regrow.train.recipe import SPACE

OVER = 2
"""Factor by which frames are sampled more finely, then averaged as by a sensor, so that all are equally sharp."""
FARTHEST = 6.0
"""Maximum motion from one frame to the next, in pixels."""


class Clips:
    """Random clips of a few frames, from pictures that do not move.

    Each shows a piece of one picture through a camera that shifts, turns and zooms steadily, with some shake; what it
    sees sways a little, and in half the clips a piece of another picture moves before it on a path of its own. In one
    of eight nothing moves. Which clips a batch holds depends on the seed, the process and the step alone.

    Args:
        crops: pieces of pictures, about twice as wide as a frame.
        frames: of a clip.
        side: of a frame, in pixels.
    """

    def __init__(self, crops: Crops, frames: int, side: int) -> None:
        self.crops, self.frames, self.side = crops, frames, side

    def __call__(self, step: int) -> Tensor:
        """The batch of a step: (batch, 3 * frames, side, side) float32 in [0, 1], the frames one after another."""
        rng = np.random.default_rng((self.crops.seed, self.crops.process, step, 1))
        pieces = self.crops(step)
        still = rng.random() < 1 / 8
        clip = self._seen(pieces, rng, still)
        if rng.random() < 1 / 2:
            shape = torch.from_numpy(rng.standard_normal((len(pieces), 1, 6, 6)).astype(np.float32)).to(pieces.device)
            shape = F.interpolate(shape, pieces.shape[-2:], mode="bicubic")
            mask = torch.sigmoid((shape - 0.5) * 40)
            front = self._seen(torch.cat((pieces.roll(1, 0), mask), 1), rng, still)
            clip = torch.lerp(clip, front[:, :, :3], front[:, :, 3:])
        return clip.clamp(0, 1).flatten(1, 2)

    def _seen(self, pieces: Tensor, rng: np.random.Generator, still: bool) -> Tensor:
        """What a moving camera sees of pieces (B, C, S, S): (B, frames, C, side, side)."""
        batch, frames, side = len(pieces), self.frames, self.side
        shape = (batch, 1)
        time = np.arange(frames)[None] - (frames - 1) / 2
        move = 0.0 if still else 1.0
        speed = FARTHEST * 2.0 ** rng.uniform(-6, 0, shape)
        course = rng.uniform(0, 2 * math.pi, shape)
        shake = move * rng.standard_normal((2, batch, frames)) * 0.3 * speed * (rng.random(shape) < 0.3)
        dy, dx = move * speed * np.stack((np.sin(course), np.cos(course))) * time + shake
        turn = move * rng.standard_normal(shape) * 0.004 * time
        scale = rng.uniform(1.2, 2, shape)
        zoom = scale * np.exp(move * rng.standard_normal(shape) * 0.004 * time)
        sway = move * rng.standard_normal((batch, 2, 5, 5)) * 0.4 * (rng.random((batch, 1, 1, 1)) < 0.5)

        def tensor(x: np.ndarray) -> Tensor:
            return torch.from_numpy(x.astype(np.float32)).to(pieces.device)

        n = side * OVER
        along = (torch.arange(n, device=pieces.device) + 0.5) / OVER - side / 2
        bend = F.interpolate(tensor(sway), (n, n), mode="bicubic", align_corners=True)[:, None]  # a pixel a frame
        bend = bend * tensor(time)[..., None, None, None]
        x = along.expand(n, n) + bend[:, :, 0] + tensor(dx)[..., None, None]
        y = along[:, None].expand(n, n) + bend[:, :, 1] + tensor(dy)[..., None, None]
        cos, sin = (tensor(zoom * f(turn))[..., None, None] for f in (np.cos, np.sin))
        grid = torch.stack((cos * x - sin * y, sin * x + cos * y), -1) * (2 / pieces.shape[-1])
        found = F.grid_sample(
            pieces.repeat_interleave(frames, 0), grid.flatten(0, 1),
            mode="bicubic", padding_mode="reflection", align_corners=False,
        )  # fmt: skip
        return F.avg_pool2d(found, OVER).reshape(batch, frames, -1, side, side)


def held_out_clips(
    pictures: list[Tensor], frames: int, side: int, multiple: int, device: torch.device
) -> Iterator[Tensor]:
    """As many clips as there are held-out pictures, made of them, the same every time.

    Args:
        pictures: (H, W, 3) uint8 each.
        frames: of a clip.
        side: of a frame, at most; less where the pictures are small.
        multiple: what the side must divide by.
        device: where the clips are to be.

    Yields:
        (1, 3 * frames, side, side), rounded to 8 bits.
    """
    if not pictures:
        return
    side = min(side, int(min(min(p.shape[:2]) for p in pictures) / SPACE)) // multiple * multiple
    clips = Clips(Crops(pictures, round(SPACE * side), 1, 0), frames, side)
    for step in range(len(pictures)):
        yield quantize(clips(step).to(device))
