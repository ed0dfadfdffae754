"""Which rescaler shrinks or grows at which scale."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from regrow import zoo
from regrow.errors import UsageError
from regrow.size import LARGEST_SCALE, Scale, check_scale

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler

OF_GROUPS = {"tad-x4": "tad-video-x4", "tad-any-x4": "tad-video-x4"}
"""Models of groups of frames, by the models of pictures that they are better than on clips."""


def asked_scale(scale: Scale | None, *, grey: bool) -> tuple[float, float]:
    """The scale of (width, height) that `shrink` was asked for: 2 when not said, 1 to hide colour alone."""
    return check_scale((1.0 if grey else 2.0) if scale is None else scale)


def default_model(scales: tuple[float, float], channels: int = 3, *, grey: bool = False, groups: bool = False) -> str:
    """The shipped model for a scale; beyond 4 one pair of nets is applied again and again.

    Args:
        scales: (across, down).
        channels: of the picture, 1 or 3.
        grey: whether a picture's colours are to be hidden in a grey one.
        groups: whether frames may be shrunk several together.
    """
    name = _default_model(scales, channels, grey=grey)
    return OF_GROUPS.get(name, name) if groups else name


def _default_model(scales: tuple[float, float], channels: int, *, grey: bool) -> str:
    largest = max(scales)
    if grey and channels == 3:
        return "tad-decolor" if largest == 1 else "tad-decolor-x2" if largest <= 2 else "tad-decolor-x4"
    if largest == 1:
        if grey:
            raise UsageError("the picture is grey already; leave it out, or say a --scale to make it smaller")
        raise UsageError("scale 1: the picture would stay as it is; say more, or --grey to hide its colours")
    if channels == 1:
        return "tad-grey-x4" if 2 < largest <= 4 else "tad-grey-x2"
    if min(scales) == 1 and 2 <= largest <= 4:
        return "tad-2x1" if scales[0] > 1 else "tad-1x2"
    if largest <= 2:
        return "tad-x2" if min(scales) == 2 else "tad-any"
    if largest <= 4:
        return "tad-x4" if min(scales) == 4 else "tad-any-x4"
    return "tad-x16"


def rescaler(name: str, scales: tuple[float, float], device: str) -> Rescaler:
    """A model on a device, applied as often as a scale needs. UsageError where it cannot be."""
    return _loaded(name, zoo.digest(name), max(scales), device)


def alpha_rescaler(given: str | None, used: str, net: Rescaler, scales: tuple[float, float]) -> tuple[str, Rescaler]:
    """Name and model of what shrinks alpha: that of grey pictures, or the one for colours where its tiles differ.

    Args:
        given: the model that was asked for, if one was: alpha takes the same.
        used, net: name and model of what shrinks colours.
        scales: (across, down).
    """
    from regrow.nets.rescale.base import FixedScale

    if given is None and isinstance(net, FixedScale):
        name = default_model(scales, 1)
        found = rescaler(name, scales, str(net.device))
        cells, others = ((one.factors, one.applications, one.unshuffle) for one in (net, found))
        if cells == others:
            return name, found
    return used, net


@lru_cache(maxsize=4)
def _loaded(name: str, digest: str, needed: float, device: str) -> Rescaler:
    from regrow.nets.rescale.base import Rescaler
    from regrow.zoo.meta import without_weights

    with without_weights():
        model = zoo.build(zoo.config(name))
    if not isinstance(model, Rescaler):
        raise UsageError(f"{name}: is no model that both shrinks pictures and grows them back")
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


def check_channels(picture: str, channels: int, name: str, model: Rescaler, *, grey: bool) -> None:
    """UsageError where a picture has colours and the model takes none, or does not hide them as was asked."""
    if channels > model.colors:
        raise UsageError(f"{picture}: has colours, and {name} is a model of grey pictures")
    if grey and model.small_colors == channels == 3:
        raise UsageError(
            f"{picture}: {name} does not hide colours in grey; take a model that does, or leave out --grey"
        )
