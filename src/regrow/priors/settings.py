"""Settings of a fit of the deep image prior, and the defaults of each task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from regrow.errors import UsageError

HOURGLASS: dict[str, Any] = {"architecture": "hourglass"}

NETS: dict[str, dict[str, Any]] = {
    "fast": {**HOURGLASS, "inputs": 16, "first": 16, "channels": 64, "padding": "zeros"},
    "paper": HOURGLASS,
    "unet": {"architecture": "unet"},
    "resnet": {"architecture": "resnet"},
}
"""Nets by name, as `regrow.zoo.registry.build` takes them; `outputs` comes from the picture."""

STOPS = "none", "windowed", "exponential", "held-out"
INPUTS = "noise", "mesh"
OPTIMIZERS = "muon", "adam"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a fit. UsageError for invalid values."""

    net: Mapping[str, Any] = field(default_factory=lambda: NETS["fast"])
    """Architecture and settings of the net, as `regrow.zoo.registry.build` takes them."""
    iterations: int = 3000
    """Maximum number of iterations."""
    optimizer: str = "adam"
    """adam, as in the paper, or muon, with Adam for kernels of few channels. Muon needs a fraction of the iterations,
    but fits noise earlier where little prevents it."""
    rate: float = 0.01
    """Learning rate of either optimizer."""
    input: str = "noise"
    """Input of the net: noise, uniform below 0.1, or mesh, the coordinates of each pixel (for 2 `inputs`)."""
    perturbation: float = 1 / 30
    """Standard deviation of the noise that is added to the input at each iteration (the authors' `reg_noise_std`)."""
    average: float = 0.99
    """Decay of the mean over iterates, which is the result; 0 takes the last iterate itself."""
    stop: str = "none"
    """Rule of early stopping, which keeps the best iterate: the variance of iterates, windowed (ES-WMV) or exponential
    (ES-EMV); the error of held-out samples (held-out); or none."""
    held_out: int = 200
    """Sufficient number of held-out samples; a twentieth of the known ones at most, and a hundredth at least."""
    margin: float = 0
    """Number of standard errors by which the held-out error may exceed its minimum. The latest such iterate is taken,
    because fitted samples are at their best later."""
    patience: int = 500
    """Number of iterations without improvement after which the fit stops."""
    warmup: int = 100
    """Iterations at the start that cannot be the best, because the picture has not appeared yet."""
    backup: int = 100
    """Iterations between backups of the weights, which are restored if descent diverges."""
    seed: int = 0
    """Seed of weights, noise and perturbations."""
    compile: bool = False
    """Compile the net with torch.compile, where there is a C++ compiler; this takes a minute."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("iterations", 1, 10**6), ("patience", 1, 10**6), ("held_out", 1, 10**9), ("rate", 1e-8, 10),
            ("margin", 0, 10), ("perturbation", 0, 10), ("average", 0, 0.99999), ("seed", 0, 2**63 - 1),
            ("warmup", 0, 10**6), ("backup", 1, 10**6),
        ):  # fmt: skip
            value = getattr(self, name)
            if not least <= value <= most:
                raise UsageError(f"{name} {value:g}: must be from {least:g} to {most:g}")
        for name, allowed in (("stop", STOPS), ("input", INPUTS), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{name} {getattr(self, name)!r}: is none of {', '.join(allowed)}")


TASKS: dict[str, Settings] = {
    "denoise": Settings(
        stop="held-out", held_out=2000, margin=1
    ),  # so many that their noise does not hide what they tell
    "dejpeg": Settings(iterations=1500, stop="windowed"),
    "inpaint": Settings(iterations=1500, stop="held-out"),
    "upscale": Settings(iterations=2000, optimizer="muon"),
}


def settings_for(task: str, *, net: str | None = None, stop: bool | None = None, **changes: Any) -> Settings:
    """Settings of a task, with the given changes that are not None. UsageError for an unknown net."""
    if (net := net or "fast") not in NETS:
        raise UsageError(f"net {net!r}: is none of {', '.join(NETS)}")
    chosen = NETS[net]
    if task == "inpaint" and chosen["architecture"] == "hourglass":  # what is known passes by the narrow places
        chosen = {**chosen, "skip": 16 if net == "fast" else 128, "upsampling": "nearest"}
    settings = replace(TASKS[task], net=chosen, **{k: v for k, v in changes.items() if v is not None})
    if stop is False:
        return replace(settings, stop="none")
    return replace(settings, stop="windowed") if stop and settings.stop == "none" else settings
