"""Shrink pictures into small ones that anyone can look at, and regrow them.

>>> import regrow
>>> regrow.shrink("photo.jpg", "small.png", scale=2)
>>> regrow.grow("small.png", "again.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from regrow.errors import RegrowError as RegrowError
    from regrow.errors import UsageError as UsageError
    from regrow.measure.compare import compare as compare
    from regrow.priors.options import Prior as Prior
    from regrow.priors.verbs import dejpeg as dejpeg
    from regrow.priors.verbs import denoise as denoise
    from regrow.priors.verbs import inpaint as inpaint
    from regrow.restoration import colorize as colorize
    from regrow.restoration import restore as restore
    from regrow.restoration import upscale as upscale
    from regrow.verbs import grow as grow
    from regrow.verbs import info as info
    from regrow.verbs import shrink as shrink
    from regrow.video.options import Video as Video
    from regrow.video.stabilize import stabilize as stabilize
    from regrow.zoo import load as load

_HOME = {
    "Prior": "priors.options",
    "RegrowError": "errors",
    "UsageError": "errors",
    "Video": "video.options",
    "colorize": "restoration",
    "compare": "measure.compare",
    "dejpeg": "priors.verbs",
    "denoise": "priors.verbs",
    "grow": "verbs",
    "info": "verbs",
    "inpaint": "priors.verbs",
    "load": "zoo",
    "restore": "restoration",
    "shrink": "verbs",
    "stabilize": "video.stabilize",
    "upscale": "restoration",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Verbs bring numpy, pyvips and torch along: imported when first used, so that `regrow --help` answers at once.
    if name not in _HOME:
        raise AttributeError(f"module 'regrow' has no attribute {name!r}")
    return getattr(import_module(f"regrow.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
