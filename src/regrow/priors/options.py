"""What may be said of how a prior is fitted."""

from __future__ import annotations

import os
from dataclasses import dataclass

from regrow.errors import UsageError
from regrow.priors.settings import Settings, settings_for


@dataclass(frozen=True, kw_only=True)
class Prior:
    """How a net is fitted to a picture; what is None is as the task has it."""

    net: str = "fast"
    """`fast`, the paper's hourglass with few channels where there are many pixels, `paper`, `unet` or `resnet`."""
    iterations: int | None = None
    """At most so many."""
    seed: int = 0
    stop: bool | None = None
    """Whether to stop once the result varies more again: by default where noise would be fitted otherwise."""
    half: int = 0
    """Iterations at half the size before those at the full size."""
    compile: bool = False
    """Let torch.compile make the net faster."""
    snapshots: str | os.PathLike[str] | None = None
    """Folder for intermediate pictures."""
    every: int = 100
    """Iterations between them."""
    checkpoints: str | os.PathLike[str] | None = None
    """Folder for what an interrupted fit goes on from when the same is asked for again; hidden files, deleted at the
    end."""

    def settings(self, task: str) -> Settings:
        """Those of a task with what was said. UsageError for what cannot be."""
        for name, value, least in (("half", self.half, 0), ("every", self.every, 1)):
            if not least <= value <= 10**6:
                raise UsageError(f"{name} {value}: must be from {least} to 1000000 iterations")
        return settings_for(
            task, net=self.net, stop=self.stop, iterations=self.iterations, seed=self.seed, compile=self.compile
        )  # fmt: skip
