"""What shrinking and growing take: which model at which scale, what the passport says, and whether they agree."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.passport import MAX_UNEVEN, Passport
from regrow.io.paths import names_video

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler

LARGEST_SCALE = 128

RESAMPLED = 1.75
"""Scale below which the model that was trained on resampled pictures is better than the one for x2."""

Scale = float | tuple[float, float]
"""How many times smaller each side becomes, or (width, height) on their own."""


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
    scale: Scale | None,
    size: tuple[int, int] | None,
    name: str | None,
    colors: int,
    device: str,
) -> Growth:
    """Decide how to grow a small picture.

    Args:
        what: the picture's name in messages.
        small: its (width, height).
        xmp: its XMP, where it has any.
        scale, size, name, device: what the caller says; name is a model's.
        colours: of the small picture.

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
        scales = check_scale(scale)
        size = size or grown_size(small, scales)
        if small_size(size, scales) != small:
            raise UsageError(
                f"{what}: {small[0]}x{small[1]} grown by {words(scales)} cannot become {size[0]}x{size[1]}"
            )
        return Growth(rescaler(name or default_model(scales, colors), scales, device), size, 8, None)
    size = size or (passport.width, passport.height)
    fits = scale is None or small_size(size, check_scale(scale)) == small
    if size != (passport.width, passport.height) or not fits:
        raise UsageError(
            f"{what}: its passport says {passport.width}x{passport.height}, "
            f"shrunk to {passport.small_width}x{passport.small_height}"
        )
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
    net = rescaler(name, (passport.scale, passport.scale), device)
    if passport.colours > net.colors:
        raise RegrowError(f"{what}: its passport says it had colours, and {name} is a model of grey pictures")
    return Growth(net, size, passport.depth, passport)


def make_passport(
    name: str,
    model: Rescaler,
    size: tuple[int, int],
    small: tuple[int, int],
    depth: int,
    colors: int,
    alpha: bool,
    refine: int,
) -> Passport:
    """The passport of a picture that `model` shrinks in so many steps of refinement.

    `name` is the model's name or folder; depth, colours and alpha are the original's.
    """
    plain = re.sub("[^a-z0-9._-]+", "-", Path(name).name.lower()).strip("-._") or "model"
    return Passport(
        model=plain[:64], digest=zoo.digest(name), scale=model.scale, width=size[0], height=size[1],
        small_width=small[0], small_height=small[1], depth=depth, colours=colors, alpha=alpha,
        refined=refine or None,
    )  # fmt: skip


def check_colors(what: str, colors: int, name: str, model: Rescaler, *, grey: bool) -> None:
    """UsageError where a picture has colours and the model takes none, or does not hide them as was asked."""
    if colors > model.colors:
        raise UsageError(f"{what}: has colours, and {name} is a model of grey pictures")
    if grey and model.small_colors == colors == 3:
        raise UsageError(f"{what}: {name} does not hide colours in grey; take a model that does, or leave out --grey")


def grown_colors(what: str, growth: Growth, held: int) -> int:
    """How many colours to grow from a small picture that holds so many."""
    model = growth.model
    if growth.passport is None:
        return model.colors if model.small_colors < model.colors else min(held, model.colors)
    if min(growth.passport.colours, model.small_colors) > held:
        raise RegrowError(f"{what}: its colours were taken out since it was shrunk; get the file as it was")
    return growth.passport.colours


def check_scale(scale: Scale) -> tuple[float, float]:
    """The scale of (width, height). UsageError for one that cannot be had."""
    try:
        across, down = map(float, scale if isinstance(scale, tuple) else (scale, scale))
    except (TypeError, ValueError):
        raise UsageError(f"scale {scale!r}: expected a number, or one for the width and one for the height") from None
    if not all(math.isfinite(n) and 1 <= n <= LARGEST_SCALE for n in (across, down)):
        raise UsageError(f"scale {words((across, down))}: must be from 1 to {LARGEST_SCALE}")
    if max(across, down) > MAX_UNEVEN * min(across, down):
        raise UsageError(f"scale {words((across, down))}: one side may shrink at most {MAX_UNEVEN} times more")
    return across, down


def asked_scale(scale: Scale | None, *, grey: bool) -> tuple[float, float]:
    """The scale of (width, height) that `shrink` was asked for: 2 when not said, 1 to hide colour alone."""
    return check_scale((1.0 if grey else 2.0) if scale is None else scale)


def words(pair: tuple[float, float]) -> str:
    """A scale as a person writes it: 2, 2.7, 2x1."""
    texts = [f"{n:.15g}" for n in pair]
    return texts[0] if texts[0] == texts[1] else "x".join(texts)


def small_size(size: tuple[int, int], scales: tuple[float, float]) -> tuple[int, int]:
    """(width, height) divided by the scale and rounded up."""
    width, height = (_divided(n, s) for n, s in zip(size, scales, strict=True))
    return width, height


def grown_size(small: tuple[int, int], scales: tuple[float, float]) -> tuple[int, int]:
    """The largest (width, height) that `small_size` makes so small."""
    width, height = (_multiplied(n, s) for n, s in zip(small, scales, strict=True))
    return width, height


def _divided(n: int, scale: float) -> int:
    return max(1, math.ceil(n / scale - 1e-9))


def _multiplied(n: int, scale: float) -> int:
    side = math.floor(n * scale + 1e-7)
    return side - (_divided(side, scale) > n)


def default_model(scales: tuple[float, float], colors: int = 3, *, grey: bool = False) -> str:
    """The shipped model for a scale; beyond 4 one pair of nets is applied again and again.

    Args:
        scales: (across, down).
        colours: of the picture, 1 or 3.
        grey: whether a picture's colours are to be hidden in a grey one.
    """
    largest = max(scales)
    if grey and colors == 3:
        return "tad-decolor" if largest == 1 else "tad-decolor-x2" if largest <= 2 else "tad-decolor-x4"
    if largest == 1:
        if grey:
            raise UsageError("the picture is grey already; leave it out, or say a --scale to make it smaller")
        raise UsageError("scale 1: the picture would stay as it is; say more, or --grey to hide its colours")
    if colors == 3 and largest < RESAMPLED:
        return "tad-any-x2"
    if colors == 3 and min(scales) == 1 and largest <= 4:
        return "tad-2x1" if scales[0] > 1 else "tad-1x2"
    if colors == 3 and largest > 4:
        return "tad-x16"
    kind = "tad-grey" if colors == 1 else "tad"
    return f"{kind}-x4" if 2 < largest <= 4 else f"{kind}-x2"


def default_clip_model(scales: tuple[float, float], colors: int, out: Any, *, grey: bool = False) -> str:
    """The shipped model for a clip: one of groups of frames where there is one and a video file can say which they are.

    Arguments as for `default_model`; `out` is where the small clip goes.
    """
    name = default_model(scales, colors, grey=grey)
    written = isinstance(out, (str, os.PathLike)) and names_video(out)
    return _OF_GROUPS.get(name, name) if written else name


_OF_GROUPS = {"tad-x4": "tad-video-x4"}
"""Models of groups of frames, by the models of pictures that they are better than on clips."""


def rescaler(name: str, scales: tuple[float, float], device: str) -> Rescaler:
    """A model on a device, applied as often as a scale needs. UsageError where it cannot be."""
    return _loaded(name, zoo.digest(name), max(scales), device)


@lru_cache(maxsize=4)
def _loaded(name: str, digest: str, needed: float, device: str) -> Rescaler:
    import torch

    from regrow.nets.rescale.base import Rescaler

    with torch.device("meta"):
        model = zoo.build(zoo.config(name))
    if not isinstance(model, Rescaler):
        raise UsageError(f"{name}: is a model that enlarges ordinary pictures; it neither shrinks nor grows")
    scale, factor = model.scale, max(model.factors)
    if needed == 1 < factor:
        raise UsageError(f"scale 1: {name} makes pictures smaller; say more than 1")
    if model.repeats:
        scale = factor ** max(1, math.ceil(math.log(needed, factor) - 1e-9))
        largest = factor ** math.floor(math.log(LARGEST_SCALE, factor) + 1e-9)
    else:
        largest = scale
    if needed > largest:
        raise UsageError(f"scale {needed:g}: {name} makes pictures at most {largest} times smaller")
    loaded = zoo.on_device(zoo.load(name, settings={**zoo.config(name), "scale": scale}), device)
    assert isinstance(loaded, Rescaler)
    return loaded
