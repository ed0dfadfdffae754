"""Shrink pictures into small ones that anyone can look at, and regrow them.

>>> import regrow
>>> regrow.shrink("photo.jpg", "small.png", scale=2)
>>> regrow.grow("small.png", "again.png")
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from regrow.api import grow as grow
    from regrow.api import info as info
    from regrow.api import shrink as shrink
    from regrow.errors import RegrowError as RegrowError
    from regrow.errors import UsageError as UsageError
    from regrow.operations.prior_verbs import dejpeg as dejpeg
    from regrow.operations.prior_verbs import denoise as denoise
    from regrow.operations.prior_verbs import inpaint as inpaint
    from regrow.operations.restoration import colorize as colorize
    from regrow.operations.restoration import restore as restore
    from regrow.operations.restoration import upscale as upscale
    from regrow.priors.options import Prior as Prior
    from regrow.runners.compare import compare as compare
    from regrow.runners.stabilize import stabilize as stabilize
    from regrow.video.options import Video as Video
    from regrow.zoo import load as load

_HOME = {
    "Prior": "priors.options",
    "RegrowError": "errors",
    "UsageError": "errors",
    "Video": "video.options",
    "colorize": "operations.restoration",
    "compare": "runners.compare",
    "dejpeg": "operations.prior_verbs",
    "denoise": "operations.prior_verbs",
    "grow": "api",
    "info": "api",
    "inpaint": "operations.prior_verbs",
    "load": "zoo",
    "restore": "operations.restoration",
    "shrink": "api",
    "stabilize": "runners.stabilize",
    "upscale": "operations.restoration",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Verbs bring numpy, pyvips and torch along: imported when first used, so that `regrow --help` answers at once.
    if name not in _HOME:
        raise AttributeError(f"module 'regrow' has no attribute {name!r}")
    return getattr(import_module(f"regrow.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
