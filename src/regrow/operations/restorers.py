"""Which nets restore pictures: colorizers, upscalers and enhancers by name."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from regrow import zoo
from regrow.errors import UsageError
from regrow.io.codecs import UNKNOWN, Facts

if TYPE_CHECKING:
    from regrow.nets.color.base import Colorizer
    from regrow.nets.upscale.base import Restorer
    from regrow.nets.video.base import VideoRestorer

    Net = Restorer | VideoRestorer

NONE = "none"
"""The name of a step that is left out."""
BICUBIC = "bicubic"
"""The name of an upscaler that is no net: what every other is compared with."""
ZSSR = "zssr"
"""The name of an upscaler that is fitted to each picture before it enlarges it: `regrow.operations.zero_shot`."""
AUTO = "auto"
"""The name of a deblocker that is taken where it is of use: `deblocker_of`."""
DEBLOCKER = "codec-x1"
LIGHT_DEBLOCKER = "codec-x1-light"
"""The shipped models that take out what lossy codecs leave: when no other is asked for, and in a sixth of the time."""
COLORIZER = "colorize"
"""The shipped model that colours, when no other is asked for."""
LARGEST_SCALE = 8
"""By which ordinary pictures are enlarged."""


def default_upscaler(scale: float) -> str:
    """The shipped model that enlarges by a scale above 1 and at most `LARGEST_SCALE`, when no other is asked for."""
    whole = max(2, math.ceil(scale))
    return {2: "plain-x2", 3: "plain-x3", 4: "plain-x4"}.get(whole, "plain-x4+plain-x2")


def cited(name: str) -> str:
    """A model as results name it: what it is called, and the digest of its weights."""
    if name == BICUBIC:
        return BICUBIC
    if name == ZSSR:
        from regrow.operations.zero_shot import SEED, STEPS

        return f"{ZSSR} steps {STEPS} seed {SEED}"
    return f"{os.path.basename(os.path.normpath(name))} {zoo.digest(name)[:12]}"


def upscalers(name: str, scale: float, device: str) -> list[Net]:
    """The nets that enlarge one after another, at least by a scale; none for what is no net, or is fitted first."""
    nets: list[Net] = []
    for part in zoo.parts(name) if name not in (NONE, BICUBIC, ZSSR) else ():
        left = math.ceil(scale / math.prod(net.scale for net in nets))
        nets.append(restorer(part, device, left))
    return nets


def restorer(name: str, device: str, scale: int) -> Net:
    """A net that enlarges or enhances, on a device: at the largest scale it holds up to this one."""
    return _restorer(name, zoo.digest(name), device, scale)


def colorizer(name: str, temperature: float | None, device: str) -> Colorizer:
    """A net that gives colours, on a device. UsageError for a temperature where it has none."""
    return _colorizer(name, zoo.digest(name), temperature, device)


def deblocker_of(name: str, facts: Facts) -> str:
    """What takes out what a codec left in a picture, of which the file states this, where a name was asked for.

    With `AUTO` none where nothing is stated, or next to nothing was lost.
    """
    if name != AUTO:
        return name
    return DEBLOCKER if facts.codec and not facts.fine else NONE


def deblocker(name: str, device: str, facts: Facts = UNKNOWN) -> Restorer:
    """A net that keeps the size, on a device, told of the picture's file where it can be. UsageError for others."""
    from regrow.nets.restore.codec import CodecRestorer

    net = restorer(name, device, 1)
    if net.scale > 1:
        raise UsageError(f"{name}: enlarges by {net.scale}, so it takes out no blocks at the size there is; "
                         "name another model")  # fmt: skip
    return net.told(facts.in_use) if isinstance(net, CodecRestorer) else net


@lru_cache(maxsize=4)
def _colorizer(name: str, digest: str, temperature: float | None, device: str) -> Colorizer:
    from regrow.nets.color.base import Colorizer
    from regrow.nets.color.classification import ClassificationColorizer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, Colorizer):
        raise UsageError(f"{name}: is no colorizer")
    if temperature is not None:
        if not isinstance(model, ClassificationColorizer):
            raise UsageError(f"temperature {temperature:g}: {name} has none; leave it out")
        model.config = replace(model.config, temperature=temperature)
    return model


@lru_cache(maxsize=8)
def _restorer(name: str, digest: str, device: str, scale: int) -> Net:
    from regrow.nets.upscale.base import Restorer
    from regrow.nets.video.base import VideoRestorer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, (Restorer, VideoRestorer)):
        raise UsageError(f"{name}: neither enlarges nor enhances ordinary pictures")
    return model.up_to(scale) if isinstance(model, Restorer) else model
