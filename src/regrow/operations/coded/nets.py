"""The nets behind lossy codecs, by the scale at which pictures are coded."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.codecs import Codec, Facts
from regrow.operations.restorers import NONE

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer

ARCHITECTURE = "codec"
EFFORT = 5
"""Of AVIF: libaom's speed 4."""
NO_DIGEST = "0" * 64
"""In a passport, the digest of no net."""
_LIGHT = "-light"


def scales() -> tuple[int, ...]:
    """The scales at which pictures are coded, ascending: 1, and those that nets are shipped for."""
    found = (name.removeprefix("codec-x") for name in zoo.names() if name.startswith("codec-x"))
    return tuple(sorted({1, *(int(scale) for scale in found if scale.isdecimal())}))


def default_net(scale: int, *, light: bool = False) -> str:
    """The shipped net that grows what was coded at a scale; a light one has a seventh of the cost."""
    return f"codec-x{scale}{_LIGHT if light else ''}"


def scale_of(name: str) -> int:
    """How many times larger a net makes pictures. UsageError where it is no net behind a codec."""
    if not is_behind_codec(name):
        raise UsageError(f"{name}: is no net behind a codec; those that are shipped are called codec-x1, codec-x2 ...")
    return int(zoo.config(name).get("scale", 1))


def codec(name: str) -> Codec:
    """The codec as nets know it: jpeg, webp or avif."""
    return Codec(name=name, effort=EFFORT, tuned=True)


def plain(name: str) -> Codec:
    """The codec alone."""
    return Codec(name=name, effort=EFFORT)


def lighter(name: str) -> str:
    """The light net that grows the same files as another."""
    return name if name.endswith(_LIGHT) else name + _LIGHT


def is_behind_codec(name: str) -> bool:
    """Whether a model is a net of this kind, or stands for none."""
    with suppress(RegrowError):
        return name == NONE or zoo.config(name).get("architecture") == ARCHITECTURE
    return False


def net(name: str, facts: Facts, device: str) -> CodecRestorer:
    """A net, told of the one file that it restores. UsageError where the model is of another kind."""
    return _loaded(name, zoo.digest(name), device).told(facts)


@lru_cache(maxsize=4)
def _loaded(name: str, digest: str, device: str) -> CodecRestorer:
    from regrow.nets.restore.codec import CodecRestorer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, CodecRestorer):
        raise UsageError(f"{name}: is no net behind a codec; leave --model out, or take {default_net(2)}")
    return model
