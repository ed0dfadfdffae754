"""Priors that need no training data: a net is fitted to the one picture there is."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from regrow.priors.deep_image import Fitted as Fitted
    from regrow.priors.deep_image import Progress as Progress
    from regrow.priors.deep_image import fit as fit
    from regrow.priors.operators import Features as Features
    from regrow.priors.operators import Lanczos as Lanczos
    from regrow.priors.operators import Masked as Masked
    from regrow.priors.problems import Problem as Problem
    from regrow.priors.settings import Settings as Settings

_HOME = {
    "Features": "operators",
    "Fitted": "deep_image",
    "Lanczos": "operators",
    "Masked": "operators",
    "Problem": "problems",
    "Progress": "deep_image",
    "Settings": "settings",
    "fit": "deep_image",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    # Torch takes seconds to import: settings of a prior can be had without it.
    if name not in _HOME:
        raise AttributeError(f"module 'regrow.priors' has no attribute {name!r}")
    return getattr(import_module(f"regrow.priors.{_HOME[name]}"), name)
