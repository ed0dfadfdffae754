"""Options for fitting a prior."""

from __future__ import annotations

import os
from dataclasses import dataclass

from regrow.errors import UsageError
from regrow.priors.settings import Settings, settings_for
from regrow.typed import check_fields


@dataclass(frozen=True, kw_only=True)
class Prior:
    """How a net is fitted to a picture; None takes the default of the task."""

    net: str = "fast"
    """`fast` (the paper's hourglass, with few channels where there are many pixels), `paper`, `unet` or `resnet`."""
    iterations: int | None = None
    """Maximum number of iterations."""
    seed: int = 0
    stop: bool | None = None
    """Whether to stop before noise is fitted; by default for tasks that would fit it otherwise."""
    half: int = 0
    """Iterations at half the size before those at the full size."""
    compile: bool = False
    """Compile the net with torch.compile."""
    snapshots: str | os.PathLike[str] | None = None
    """Folder for intermediate pictures."""
    every: int = 100
    """Iterations between intermediate pictures."""
    checkpoints: str | os.PathLike[str] | None = None
    """Folder of checkpoints, from which an interrupted fit continues when it is run again; hidden files, deleted at the
    end."""

    def __post_init__(self) -> None:
        check_fields(self)

    def settings(self, task: str) -> Settings:
        """Settings of a task with these options. UsageError for invalid values."""
        for name, value, least in (("half", self.half, 0), ("every", self.every, 1)):
            if not least <= value <= 10**6:
                raise UsageError(f"{name} {value}: must be from {least} to 1000000 iterations")
        return settings_for(
            task, net=self.net, stop=self.stop, iterations=self.iterations, seed=self.seed, compile=self.compile
        )  # fmt: skip
