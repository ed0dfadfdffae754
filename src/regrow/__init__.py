"""Shrink pictures into small ones that anyone can look at, and regrow them.

>>> import regrow
>>> regrow.shrink("photo.jpg", "small.png", scale=2)
'small.png'
>>> regrow.grow("small.png", "again.png")
'again.png'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from regrow.api.clips import stabilize as stabilize
    from regrow.api.dejpeg import dejpeg as dejpeg
    from regrow.api.fit import denoise as denoise
    from regrow.api.fit import inpaint as inpaint
    from regrow.api.rescale import Info as Info
    from regrow.api.rescale import grow as grow
    from regrow.api.rescale import info as info
    from regrow.api.rescale import shrink as shrink
    from regrow.api.restore import colorize as colorize
    from regrow.api.restore import restore as restore
    from regrow.api.restore import upscale as upscale
    from regrow.errors import RegrowError as RegrowError
    from regrow.errors import UsageError as UsageError
    from regrow.io.allowed import allowing as allowing
    from regrow.io.passport import Passport as Passport
    from regrow.operations.color_hints import Hint as Hint
    from regrow.priors.options import Prior as Prior
    from regrow.progress import Report as Report
    from regrow.runners.check import Checked as Checked
    from regrow.runners.check import check as check
    from regrow.runners.compare import compare as compare
    from regrow.size import Size as Size
    from regrow.video.options import Video as Video
    from regrow.zoo import load as load

_HOME = {
    "Checked": "runners.check",
    "Hint": "operations.color_hints",
    "Info": "api.rescale",
    "Passport": "io.passport",
    "Prior": "priors.options",
    "RegrowError": "errors",
    "Report": "progress",
    "Size": "size",
    "UsageError": "errors",
    "Video": "video.options",
    "allowing": "io.allowed",
    "check": "runners.check",
    "colorize": "api.restore",
    "compare": "runners.compare",
    "dejpeg": "api.dejpeg",
    "denoise": "api.fit",
    "grow": "api.rescale",
    "info": "api.rescale",
    "inpaint": "api.fit",
    "load": "zoo",
    "restore": "api.restore",
    "shrink": "api.rescale",
    "stabilize": "api.clips",
    "upscale": "api.restore",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Verbs bring numpy, pyvips and torch along: imported when first used, so that `regrow --help` answers at once.
    if name not in _HOME:
        raise AttributeError(f"module 'regrow' has no attribute {name!r}")
    return getattr(import_module(f"regrow.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
