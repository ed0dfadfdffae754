"""The base class of training tasks: a loss of a batch, and figures on held-out pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from regrow.errors import UsageError
from regrow.nets.adversarial.srgan import Discriminator
from regrow.nets.model import Model
from regrow.train.losses import DISTANCES, distance
from regrow.train.recipe import Loss


class Task(nn.Module, ABC):
    """A loss as a module, so that one call runs (and compiles) the whole way.

    Called with (B, 3, H, W) pictures, or (B, 3 * frames, H, W) clips, in [0, 1] and what `draw` gave, it returns
    scalars: `loss`, which the model minimises, its parts, and, where there is a discriminator, what that minimises,
    `discriminator`.
    """

    multiple: int
    """The side of a crop must be a multiple of this."""
    discriminator: Discriminator | None
    """The discriminator, which is trained beside the model."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.discriminator = None
        self.distance = distance(loss.task)
        if loss.guidance not in DISTANCES:
            raise UsageError(f"guidance {loss.guidance!r} is not known; known are {', '.join(DISTANCES)}")

    def look_at(self, pictures: list[Tensor]) -> None:
        """Take from the training pictures, (H, W, 3) uint8 each, the statistics that the loss needs."""

    def draw(self, x: Tensor) -> dict[str, Any]:
        """Draw the random arguments of `forward` for a batch, from the global generator of the CPU."""
        return {}

    @abstractmethod
    def validate(self, model: Model, pictures: list[Tensor], side: int) -> dict[str, float]:
        """Figures over the centres of held-out pictures, all rounded to 8 bits.

        Args:
            model: the running average of what is trained.
            pictures: (H, W, 3) uint8 each.
            side: of the centre that is measured, in pixels, cut to a multiple of what the model takes.
        """


def centres(pictures: list[Tensor], side: int, multiples: tuple[int, int], device: torch.device) -> Iterator[Tensor]:
    """Of (H, W, 3) uint8 pictures the centres, (1, 3, h, w) in [0, 1]: at most `side`, multiples of (down, across)."""
    for picture in pictures:
        h, w = (min(side, n) // m * m for n, m in zip(picture.shape[:2], multiples, strict=True))
        top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
        yield picture[top : top + h, left : left + w].permute(2, 0, 1)[None].to(device) / 255
