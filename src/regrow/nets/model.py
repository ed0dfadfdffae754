"""The base class of all models: weights, settings, and the properties that callers need to run them."""

from __future__ import annotations

from abc import ABC
from dataclasses import asdict
from typing import Any, ClassVar

import torch
from torch import nn


class Model(nn.Module, ABC):
    """A net that the zoo stores and the training loop trains.

    The attributes describe the model to its callers. Their defaults are those of a net for single pictures that keeps
    the size and sees a picture whole.
    """

    architecture: ClassVar[str]
    """Name of the architecture in `regrow.zoo.registry`."""
    Config: ClassVar[type[Any]]
    """Dataclass of the settings. The model class takes an instance, or nothing for the defaults."""
    renamed: ClassVar[dict[str, str]] = {}
    """Prefixes of weight names: those that older versions saved, and the present ones."""
    takes_bfloat16: ClassVar[bool] = False
    """Whether the model may run under autocast to bfloat16. Its first layer, which sees pictures, stays in float32."""

    config: Any
    """The settings, an instance of `Config`."""
    scale: float = 1
    """Factor by which the model enlarges or shrinks the side that it changes most."""
    frames: int = 1
    """Number of frames of a clip that the model takes together, concatenated along the channels: the largest group of a
    rescaler, the window of a restorer."""
    halo: int | None = None
    """Reach of the model: tiles that overlap by this much agree with the whole. None if it sees a picture whole."""
    grid: int = 1
    """Tiles agree with the whole if they start at multiples of this many pixels; the halo is a multiple of it too."""
    tile: int | None = None
    """Best side of a tile, in pixels of the input; None where it does not matter."""
    unshuffle: int = 1
    """Both sides of every small picture must be multiples of this."""

    def settings(self) -> dict[str, Any]:
        """`architecture` and the settings as plain values, as in `config.json`; `regrow.zoo.build` takes them."""
        return {"architecture": self.architecture, **asdict(self.config)}

    def start_from(self, other: Model) -> None:
        """Copy the weights of another model, as the start of training. ValueError if the layouts differ."""
        if type(other) is not type(self):
            raise ValueError(f"a {type(other).__name__} is no {type(self).__name__}")
        try:
            self.load_state_dict(other.state_dict())
        except RuntimeError:
            raise ValueError(f"the layouts differ: {other.settings()} and {self.settings()}") from None

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return next(self.parameters()).device
