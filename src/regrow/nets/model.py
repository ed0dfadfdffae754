"""The base of all models: weights, the settings that make them again, and what whoever runs them needs to know."""

from __future__ import annotations

from abc import ABC
from dataclasses import asdict
from typing import Any, ClassVar

import torch
from torch import nn


class Model(nn.Module, ABC):
    """A net that the zoo keeps and the training loop trains.

    What whoever runs a model asks for is here, with the values of a net for single pictures that keeps their size and
    sees them whole.
    """

    architecture: ClassVar[str]
    """Its name in `regrow.zoo.registry`."""
    Config: ClassVar[type[Any]]
    """The dataclass of its settings; the class is called with one of these, or with nothing for the defaults."""
    renamed: ClassVar[dict[str, str]] = {}
    """How names of weights began when older versions saved them, and how they begin now."""
    takes_bfloat16: ClassVar[bool] = False
    """Whether autocast to bfloat16 costs it nothing that counts: its first layer, which sees pictures, refuses."""

    config: Any
    """Its settings, a `Config`."""
    scale: int = 1
    """How many times larger or smaller it makes the side that it changes most."""
    frames: int = 1
    """How many frames of a clip it takes together, one after another among the channels: the largest group of a
    rescaler, the window of a restorer."""
    halo: int | None = None
    """How far it looks: tiles that overlap by this much agree with the whole. None where it sees a picture whole."""
    grid: int = 1
    """Tiles agree with the whole if they start at multiples of so many pixels, of which the halo is a multiple too."""
    tile: int | None = None
    """Side in pixels of the tiles of what it is given that it runs best on; None where it does not matter."""
    unshuffle: int = 1
    """Both sides of every small picture must be multiples of this."""

    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values: what `config.json` keeps and `regrow.zoo.build` takes."""
        return {"architecture": self.architecture, **asdict(self.config)}

    def start_from(self, other: Model) -> None:
        """Take over the weights of another model, as the start of training; ValueError if the layouts do not allow."""
        if type(other) is not type(self):
            raise ValueError(f"a {type(other).__name__} is no {type(self).__name__}")
        try:
            self.load_state_dict(other.state_dict())
        except RuntimeError:
            raise ValueError(f"the layouts differ: {other.settings()} and {self.settings()}") from None

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device
