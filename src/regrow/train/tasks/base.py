"""What the training loop trains: a loss of a batch, and figures on held-out pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor, nn

from regrow.errors import UsageError
from regrow.nets.adversarial.srgan import Discriminator
from regrow.nets.color.base import Colorizer
from regrow.nets.color.classification import ClassificationColorizer
from regrow.nets.color.regression import RegressionColorizer
from regrow.nets.model import Model
from regrow.nets.rescale.base import Rescaler
from regrow.nets.upscale.base import Restorer
from regrow.nets.video.base import VideoRestorer
from regrow.train.losses import DISTANCES, distance
from regrow.train.recipe import Data, Loss, Recipe


class Task(nn.Module, ABC):
    """A loss as a module, so that one call runs (and compiles) the whole way.

    Called with (B, 3, H, W) pictures, or (B, 3 * frames, H, W) clips, in [0, 1] and what `draw` gave, it returns
    scalars: `loss`, which the model minimises, its parts, and, where there is a discriminator, what that minimises,
    `discriminator`.
    """

    multiple: int
    """What the side of a crop must divide by."""
    discriminator: Discriminator | None
    """What is trained beside the model, and against it."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.discriminator = None
        self.distance = distance(loss.task)
        if loss.guidance not in DISTANCES:
            raise UsageError(f"guidance {loss.guidance!r} is not known; known are {', '.join(DISTANCES)}")

    def look_at(self, pictures: list[Tensor]) -> None:
        """Take from the training pictures, (H, W, 3) uint8 each, what the loss needs to know of them."""

    def draw(self, x: Tensor) -> dict[str, Any]:
        """What is random in the loss of a batch, from the global generator of the CPU: arguments of `forward`."""
        return {}

    @abstractmethod
    def validate(self, model: Model, pictures: list[Tensor], side: int) -> dict[str, float]:
        """Figures over the centres of held-out pictures, all rounded to 8 bits.

        Args:
            model: the running average of what is trained.
            pictures: (H, W, 3) uint8 each.
            side: of the centre that is measured, in pixels, cut to a multiple of what the model takes.
        """


def task_for(model: Model, recipe: Recipe) -> Task:
    """How a model of its kind is trained.

    UsageError where none is known, or where the recipe sets what training that kind makes no use of.
    """
    of_rescalers = "guidance", "guidance_weight", "radius", "noise", "through", "flicker"
    of_restorers = "content", "vgg", "adversarial", "relativistic"
    if isinstance(model, Rescaler):
        _refuse(recipe.data, ("thumbnails", "enlarged", "zoom", "tone", "flow"), "a rescaler")
        _refuse(recipe.loss, ("rebalance", *of_restorers, "warping"), "a rescaler")
        from regrow.train.tasks.rescale import RescaleTask, VideoRescaleTask
        from regrow.train.tasks.video import ThroughVideoTask

        if recipe.loss.through or model.frames > 1:
            _refuse(recipe.data, ("grey", "stretch"), "a rescaler of clips")
            _refuse(recipe.loss, ("noise",), "a rescaler of clips")
        else:
            _refuse(recipe.data, ("frames",), "a rescaler of single pictures")
        if recipe.loss.through or model.frames == 1:
            _refuse(recipe.loss, ("flicker",), "what makes frames one by one")
        if recipe.loss.through:
            return ThroughVideoTask(model, recipe.loss, recipe.data)
        return (VideoRescaleTask if model.frames > 1 else RescaleTask)(model, recipe.loss, recipe.data)
    if isinstance(model, VideoRestorer):
        _refuse(recipe.data, ("enlarged", "grey", "stretch", "zoom", "tone"), "a restorer of clips")
        _refuse(recipe.loss, (*of_rescalers, "rebalance", *of_restorers), "a restorer of clips")
        if recipe.data.flow:
            _refuse(recipe.loss, ("warping",), "a net whose flows are given")
        from regrow.train.tasks.video import VideoRestoreTask

        return VideoRestoreTask(model, recipe.loss, recipe.data)
    if isinstance(model, Restorer):
        _refuse(recipe.data, ("grey", "stretch", "zoom", "tone", "frames", "flow"), "a restorer")
        _refuse(recipe.loss, (*of_rescalers, "rebalance", "warping"), "a restorer")
        from regrow.train.adversarial import discriminator_for
        from regrow.train.tasks.restore import RestoreTask

        against = discriminator_for(recipe) if recipe.discriminator else None
        return RestoreTask(model, recipe.loss, recipe.data, against)
    if isinstance(model, Colorizer):
        _refuse(recipe.data, ("thumbnails", "enlarged", "grey", "stretch", "frames", "flow"), "a colorizer")
        _refuse(recipe.loss, (*of_rescalers, *of_restorers, "warping"), "a colorizer")
        if not isinstance(model, ClassificationColorizer):
            _refuse(recipe.loss, ("rebalance",), "a colorizer without classes")
        if not isinstance(model, RegressionColorizer):
            _refuse(recipe.loss, ("task",), "a colorizer without distances")
        from regrow.train.tasks.colorize import ColorizeTask

        return ColorizeTask(model, recipe.loss, recipe.data)
    raise UsageError(f"{recipe.name}: a {type(model).__name__} cannot be trained")


def _refuse(settings: Data | Loss, names: tuple[str, ...], what: str) -> None:
    """UsageError that names the first of these settings that is not at its default."""
    for setting in fields(settings):
        value = getattr(settings, setting.name)
        if setting.name in names and value != setting.default:
            table = type(settings).__name__.lower()
            raise UsageError(f"[{table}]: {setting.name} is {value!r}, but {what} has no use for it; leave it out")


def centres(pictures: list[Tensor], side: int, multiples: tuple[int, int], device: torch.device) -> Iterator[Tensor]:
    """Of (H, W, 3) uint8 pictures the centres, (1, 3, h, w) in [0, 1]: at most `side`, multiples of (down, across)."""
    for picture in pictures:
        h, w = (min(side, n) // m * m for n, m in zip(picture.shape[:2], multiples, strict=True))
        top, left = (picture.shape[0] - h) // 2, (picture.shape[1] - w) // 2
        yield picture[top : top + h, left : left + w].permute(2, 0, 1)[None].to(device) / 255
