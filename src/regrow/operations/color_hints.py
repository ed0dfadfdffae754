"""Colours that are known: at points, in a sparse colour picture, or of a reference picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from regrow.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.color.base import Colorizer

RADIUS, TEXTURE = 4, 8.0
"""Lightness is smoothed over windows of 2 RADIUS + 1 pixels where it deviates by less than TEXTURE: no edges."""
CONTRAST = 5.0
"""Difference of L, from one pixel to the next, that costs a colour 1 to cross; twice that costs 4."""
FRICTION = 0.01
"""What a colour pays for each pixel, of the size that nets look at, however even."""
REACH = 3.0
"""Distance at which a known colour counts as much as the guessed one."""
BLEND = 4
"""Weights fall by this power of the distance."""
ROUNDS = 24
"""Turns around corners that a colour can take on its way."""
SHARPNESS = 0.03
"""Temperature of the match with a reference, in cosine similarity."""


@dataclass(frozen=True)
class Hint:
    """A colour at a pixel: `x` from the left, `y` from the top, red, green and blue from 0 to 255."""

    x: int
    y: int
    color: tuple[int, int, int]

    @classmethod
    def parse(cls, text: str) -> Hint:
        """From "x,y,#rrggbb". UsageError if it is none."""
        match = re.fullmatch(r"(\d{1,7}),(\d{1,7}),#?([0-9a-fA-F]{6})", text.replace(" ", ""))
        if not match:
            raise UsageError(f"hint {text!r}: expected x,y,#rrggbb, such as 120,80,#3060a0")
        return cls(int(match[1]), int(match[2]), tuple(bytes.fromhex(match[3])))  # type: ignore[arg-type]


def check(hints: Sequence[Hint], size: tuple[int, int]) -> None:
    """UsageError where a hint lies outside a picture of (width, height)."""
    for hint in hints:
        if not (0 <= hint.x < size[0] and 0 <= hint.y < size[1]):
            raise UsageError(f"hint {hint.x},{hint.y}: lies outside the picture, which is {size[0]}x{size[1]}")


def sparse(picture: np.ndarray, size: tuple[int, int]) -> list[Hint]:
    """The hints in a sparse colour picture: its pixels that are neither transparent nor grey.

    Args:
        picture: (H, W, 3 or 4) uint8, the size of the picture that is to be coloured.
        size: (width, height) of that one.

    UsageError where the sizes differ or there is no colour.
    """
    if picture.shape[1::-1] != size:
        raise UsageError(
            f"the picture of hints is {picture.shape[1]}x{picture.shape[0]}, "
            f"but the picture to colour is {size[0]}x{size[1]}; make them one size"
        )
    color = picture[..., :3]
    known = np.ptp(color, axis=-1) > 0
    if picture.shape[-1] == 4:
        known = picture[..., 3] > 127
    places = np.argwhere(known)
    if not len(places):
        raise UsageError("the picture of hints has no colour: paint on a grey or transparent one")
    return [Hint(int(x), int(y), tuple(color[y, x].tolist())) for y, x in places]


def spread(ab: Tensor, seen: Tensor, hints: Sequence[Hint], size: tuple[int, int]) -> Tensor:
    """Spread known colours over what belongs to them, and leave the rest as it was guessed.

    Every colour is blended by its distance, as water runs: little over even ground, much over edges of lightness. It is
    chrominance blending (Yatziv and Sapiro, "Fast image and video colorization using chrominance blending", IEEE TIP
    2006), with the guess as one more colour that is `REACH` away from everywhere.

    Args:
        ab: the guess, (1, 2, h, w).
        seen: L, (1, 1, h, w).
        hints: at pixels of a picture of `size`.
        size: (width, height).

    Returns:
        (1, 2, h, w).
    """
    import torch

    from regrow.nets.ops.color import lab
    from regrow.nets.ops.guided_filter import lines

    h, w = seen.shape[-2:]
    rgb = torch.tensor([hint.color for hint in hints], dtype=torch.float32) / 255
    colors = lab(rgb.T[:, None])[1:, 0].T.to(ab)
    places = [(min(hint.y * h // size[1], h - 1), min(hint.x * w // size[0], w - 1)) for hint in hints]
    # Like colours are one: the grid of the classification net tells them apart.
    groups: dict[tuple[float, ...], list[int]] = {}
    for i, color in enumerate((colors / 10).round().tolist()):
        groups.setdefault(tuple(color), []).append(i)
    start = torch.full((len(groups), h, w), torch.inf, device=ab.device)
    mean = torch.empty(len(groups), 2, device=ab.device)
    for group, members in enumerate(groups.values()):
        mean[group] = colors[members].mean(0)
        start[group, [places[i][0] for i in members], [places[i][1] for i in members]] = 0
    slope, offset = lines(seen, seen, RADIUS, TEXTURE**2)
    weights = (REACH / _distance(start, (slope * seen + offset)[0, 0]).clamp(min=1e-3)) ** BLEND
    known = torch.einsum("khw,kc->chw", weights, mean)
    return ((known + ab[0]) / (weights.sum(0) + 1))[None]


def _distance(start: Tensor, level: Tensor) -> Tensor:
    """Shortest ways from where `start`, (K, h, w), is 0, over the lightness (h, w): exact along lines, in turns."""
    import torch

    found = start
    for _ in range(ROUNDS):
        before = found
        for axis in (-1, -2):
            step = (level.diff(dim=axis) / CONTRAST) ** 2 + FRICTION
            way = torch.nn.functional.pad(step.cumsum(axis), (1, 0) if axis == -1 else (0, 0, 1, 0))
            ahead = (found - way).cummin(axis).values + way
            back = ((found + way).flip(axis).cummin(axis).values).flip(axis) - way
            found = torch.minimum(torch.minimum(found, ahead), back)
        if torch.equal(found, before):
            break
    return found


def carry_over(seen: Tensor, reference: np.ndarray, model: Colorizer) -> Tensor:
    """Give a picture the colours that a reference has where the net sees the same things.

    Each place takes the colours of the places in the reference that are most like it, in what the net's trunk says of
    them and in lightness: Welsh, Ashikhmin and Mueller, "Transferring color to greyscale images" (SIGGRAPH 2002), with
    learned features instead of neighbourhood statistics.

    Args:
        seen: L, (1, 1, h, w).
        reference: (H, W, 3) uint8, of any size.
        model: the net.

    Returns:
        a and b, (1, 2, h, w).
    """
    import torch
    import torch.nn.functional as F

    from regrow.nets.ops.color import lab, luma
    from regrow.nets.ops.color import lightness as lightness_of
    from regrow.nets.ops.resample import bicubic

    x = torch.from_numpy(reference).permute(2, 0, 1)[None].to(seen.device) / 255
    scale = min(seen.shape[-2:]) / min(x.shape[-2:])
    side = [max(1, round(n * scale / 16)) * 16 for n in x.shape[-2:]]
    x = bicubic(x, (side[0], side[1])).clamp(0, 1)
    other = lightness_of(luma(x))
    theirs = F.avg_pool2d(lab(x)[:, 1:], 8).flatten(2)[0]
    match = _described(model, seen).T @ _described(model, other) / SHARPNESS
    cells = seen.shape[-2] // 8, seen.shape[-1] // 8
    carried = (torch.softmax(match, 1) @ theirs.T).T.view(1, 2, *cells)
    return F.interpolate(carried, seen.shape[-2:], mode="bilinear")


def _described(model: Colorizer, seen: Tensor) -> Tensor:
    """Unit vectors that say what is in each cell of 8x8 pixels, (C, cells)."""
    import torch
    import torch.nn.functional as F

    features = model.features(seen).flatten(2)[0]
    features = F.normalize(features - features.mean(1, keepdim=True), dim=0)
    level = F.avg_pool2d(seen, 8).flatten(2)[0] / 50 - 1
    return F.normalize(torch.cat((features, level / 2)), dim=0)
