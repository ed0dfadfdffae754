"""How a deep image prior is fitted: settings, and those that suit each task."""

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
"""Nets by name, as `regrow.zoo.registry.build` takes them; `outputs` is what the picture has."""

STOPS = "none", "windowed", "exponential", "held-out"
INPUTS = "noise", "mesh"
OPTIMIZERS = "muon", "adam"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings; UsageError for those that cannot be."""

    net: Mapping[str, Any] = field(default_factory=lambda: NETS["fast"])
    """Architecture and settings of the net, as `regrow.zoo.registry.build` takes them."""
    iterations: int = 3000
    """At most so many."""
    optimizer: str = "adam"
    """adam, as in the paper, or muon, with Adam for what has few channels: in a fraction of the iterations further, and
    nearer to noise where little holds it back."""
    rate: float = 0.01
    """Of both."""
    input: str = "noise"
    """What the net is given: noise, uniform below 0.1, or mesh, the coordinates of each pixel (for 2 `inputs`)."""
    perturbation: float = 1 / 30
    """Standard deviation of what is added to it anew at each iteration (the authors' `reg_noise_std`)."""
    average: float = 0.99
    """Decay of the mean over iterates that is the result; 0 takes the last one itself."""
    stop: str = "none"
    """By what to stop early, with the best iterate kept: the variance of iterates, windowed (ES-WMV) or exponential
    (ES-EMV), or the error of a little of what is known, held-out of the fit; or none."""
    held_out: int = 200
    """Samples that are enough to be held out: a twentieth of what is known at most, and a hundredth at least."""
    margin: float = 0
    """By how many standard errors what is held out may be further off than at best: the latest such iterate is taken,
    as the rest is at its best later."""
    patience: int = 500
    """Iterations without a lower one after which it stops."""
    warmup: int = 100
    """Iterations at the start that cannot be the best: nothing has appeared yet."""
    backup: int = 100
    """Iterations after which weights are kept, to be taken back where descent breaks down."""
    seed: int = 0
    """Of weights, noise and perturbations."""
    compile: bool = False
    """Let torch.compile make the net faster, where there is a C++ compiler; it takes a minute first."""

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
    """Those of a task, with the given changes where they are not None. UsageError for a net that is not known."""
    if (net := net or "fast") not in NETS:
        raise UsageError(f"net {net!r}: is none of {', '.join(NETS)}")
    chosen = NETS[net]
    if task == "inpaint" and chosen["architecture"] == "hourglass":  # what is known passes by the narrow places
        chosen = {**chosen, "skip": 16 if net == "fast" else 128, "upsampling": "nearest"}
    settings = replace(TASKS[task], net=chosen, **{k: v for k, v in changes.items() if v is not None})
    if stop is False:
        return replace(settings, stop="none")
    return replace(settings, stop="windowed") if stop and settings.stop == "none" else settings
