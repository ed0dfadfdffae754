"""The nets behind lossy codecs, by the scale at which pictures are coded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.codecs import Codec, Facts
from regrow.io.marks import SCALES
from regrow.operations.restorers import NONE

if TYPE_CHECKING:
    from regrow.nets.restore.codec import CodecRestorer
    from regrow.nets.restore.codec_shrinker import CodecShrinker

ARCHITECTURE = "codec"
EFFORT = 5
"""Of AVIF: libaom's speed 4."""
_NO_DIGEST = "0" * 64
"""In a passport, the digest of no net."""
_LIGHT, _SHRINKER = "-light", "-shrinker"


def scales() -> tuple[float, ...]:
    """The scales at which pictures are coded, ascending: 1, and those that nets are shipped for."""
    return tuple(scale for scale in SCALES if scale == 1 or default_net(scale) in zoo.names())


def default_net(scale: float, *, light: bool = False) -> str:
    """The shipped net that grows what was coded at a scale."""
    name = f"codec-x{scale:g}"
    return lighter(name) if light else name


def digest(name: str) -> str:
    """Of a shipped net; that of no net for another name."""
    return zoo.digest(name) if name in zoo.names() else _NO_DIGEST


def scale_of(name: str) -> float:
    """How many times larger a net makes pictures, 1 for none. UsageError where it is no net behind a codec."""
    if name == NONE:
        return 1
    if not is_behind_codec(name):
        raise UsageError(f"{name}: is no net behind a codec; those that are shipped are called codec-x1, codec-x2 ...")
    scale: float = zoo.config(name).get("scale", 1)
    return scale


def codec(name: str) -> Codec:
    """The codec as nets know it: jpeg, webp or avif."""
    return Codec(name=name, effort=EFFORT, tuned=True)


def plain(name: str) -> Codec:
    """The codec alone, with full chroma at high qualities, where nets no longer help."""
    return Codec(name=name, effort=EFFORT, full_chroma=None)


def lighter(name: str) -> str:
    """The light net that grows the same files as another: itself where a shipped one has no lighter."""
    light = name + _LIGHT
    return name if name.endswith(_LIGHT) or (name in zoo.names() and light not in zoo.names()) else light


def is_light(name: str) -> bool:
    """Whether it is a shipped net behind codecs, and none is lighter."""
    return name in zoo.names() and is_behind_codec(name) and lighter(name) == name


def is_behind_codec(name: str) -> bool:
    """Whether a model is a net of this kind, or stands for none."""
    with suppress(RegrowError):
        return name == NONE or zoo.config(name).get("architecture") == ARCHITECTURE
    return False


def net(name: str, facts: Facts, device: str) -> CodecRestorer:
    """A net, told of the one file that it restores. UsageError where the model is of another kind."""
    return _loaded(name, zoo.digest(name), device).told(facts)


def default_shrinker(scale: float) -> str | None:
    """The shipped net that shrinks for codecs by a scale; None where the bicubic does."""
    name = f"{default_net(scale)}{_SHRINKER}"
    return name if name in zoo.names() else None


def shrinker(scale: float, device: str) -> Callable[[Facts], CodecShrinker] | None:
    """Gives the net that shrinks for codecs by a scale, told of a file; None where the bicubic does."""
    name = default_shrinker(scale)
    return _shrinker(name, zoo.digest(name), device).told if name else None


@lru_cache(maxsize=4)
def _shrinker(name: str, digest: str, device: str) -> CodecShrinker:
    from regrow.nets.restore.codec_shrinker import CodecShrinker

    model = zoo.on_device(zoo.load(name), device)
    assert isinstance(model, CodecShrinker)  # it is shipped
    return model


@lru_cache(maxsize=4)
def _loaded(name: str, digest: str, device: str) -> CodecRestorer:
    from regrow.nets.restore.codec import CodecRestorer

    model = zoo.on_device(zoo.load(name), device)
    if not isinstance(model, CodecRestorer):
        raise UsageError(f"{name}: is no net behind a codec; leave --model out, or take {default_net(2)}")
    return model
