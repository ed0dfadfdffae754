"""What every model is, whatever it does: weights with settings that make it again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import nn


class Model(nn.Module, ABC):
    """A net that the zoo keeps and the training loop trains."""

    takes_bfloat16: ClassVar[bool] = False
    """Whether autocast to bfloat16 costs it nothing that counts: its first layer, which sees pictures, refuses."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """`architecture` and its settings as plain values: what `config.json` keeps and `regrow.zoo.build` takes."""

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
