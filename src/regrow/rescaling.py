"""What shrinking and growing take: which model at which scale, what the passport says, and whether they agree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.passport import Passport

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler

LARGEST_SCALE = 128


@dataclass(frozen=True)
class Growth:
    """What growing a picture takes: from its passport, or from the caller where there is none."""

    model: Rescaler
    size: tuple[int, int]
    depth: int
    passport: Passport | None


def plan_growth(
    what: str,
    small: tuple[int, int],
    xmp: bytes | None,
    scale: int | None,
    size: tuple[int, int] | None,
    name: str | None,
    device: str,
) -> Growth:
    """Decide how to grow a small picture.

    Args:
        what: the picture's name in messages.
        small: its (width, height).
        xmp: its XMP, where it has any.
        scale, size, name, device: what the caller says; name is a model's.

    Raises:
        RegrowError: no passport and no scale, or a passport that fits neither the picture nor a model that is here.
        UsageError: the caller and the passport, or scale and size, contradict each other.
    """
    passport = Passport.from_xmp(xmp, name=what) if xmp else None
    if passport is None:
        if scale is None:
            raise RegrowError(
                f"{what}: has no passport, so it was not shrunk by regrow or has lost it; "
                "if regrow shrank it, say how with --scale (and --model)"
            )
        check_scale(scale)
        size = size or (small[0] * scale, small[1] * scale)
        if any(-(-full // scale) != part for full, part in zip(size, small, strict=True)):
            raise UsageError(f"{what}: {small[0]}x{small[1]} grown by {scale} cannot become {size[0]}x{size[1]}")
        return Growth(rescaler(name or default_model(scale), scale, device), size, 8, None)
    if scale not in (None, passport.scale) or size not in (None, (passport.width, passport.height)):
        raise UsageError(f"{what}: its passport says scale {passport.scale} to {passport.width}x{passport.height}")
    passport.check_size(*small, name=what)
    if name is None:
        name = passport.model
        if name not in zoo.names():
            raise RegrowError(
                f"{what}: was shrunk by the model {name!r}, which is not here; give its folder with --model"
            )
    if zoo.digest(name) != passport.digest:
        raise RegrowError(
            f"{what}: was shrunk by other weights of {passport.model!r} than {name!r} has here; "
            "give the folder of the weights that shrank it with --model"
        )
    net = rescaler(name, passport.scale, device)
    return Growth(net, (passport.width, passport.height), passport.depth, passport)


def make_passport(model: str, scale: int, width: int, height: int, depth: int, colours: int, alpha: bool) -> Passport:
    """The passport of a picture that `model`, a name or a folder, shrinks; the rest is of the original."""
    name = re.sub("[^a-z0-9._-]+", "-", Path(model).name.lower()).strip("-._") or "model"
    return Passport(
        model=name[:64], digest=zoo.digest(model), scale=scale, width=width, height=height, depth=depth,
        colours=colours, alpha=alpha,
    )  # fmt: skip


def colour_bands(what: str, growth: Growth, colours: int, alpha: bool) -> tuple[int, Any]:
    """How many colours to grow, and which bands of the small picture hold them and alpha."""
    wanted = growth.passport.colours if growth.passport else colours
    if wanted > colours:
        raise RegrowError(f"{what}: its colours were taken out since it was shrunk; get the file as it was")
    # Formats without grey hold it as three equal channels.
    return wanted, [0, *range(3, 3 + alpha)] if wanted < colours else slice(None)


def check_scale(scale: int) -> None:
    """UsageError for a scale that cannot be had."""
    if not 2 <= scale <= LARGEST_SCALE or scale & (scale - 1):
        raise UsageError(f"scale {scale}: must be a power of 2 from 2 to {LARGEST_SCALE}")


def default_model(scale: int) -> str:
    """The shipped model for a scale: larger ones apply the x4 model's pair of nets again."""
    return "tad-x2" if scale == 2 else "tad-x4"


def rescaler(name: str, scale: int, device: str) -> Rescaler:
    """A model on a device, set to a scale: the same pair of nets, applied as often as the scale needs."""
    return _loaded(name, zoo.digest(name), scale, device)


@lru_cache(maxsize=4)
def _loaded(name: str, digest: str, scale: int, device: str) -> Rescaler:
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return zoo.load(name, settings={**zoo.config(name), "scale": scale}).to(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None
