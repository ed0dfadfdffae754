"""The colorizer of Zhang, Isola and Efros (ECCV 2016), as its authors publish it for PyTorch."""

from __future__ import annotations

from regrow.zoo.converters.names import Converted, State, renamed


def zhang(state: State) -> Converted | None:
    """The net at full width. Its last layer holds the colours of the classes, and its mean is not annealed again."""
    if not {"model8.6.weight", "model_out.weight"} <= state.keys():
        return None
    named = renamed(state, {r"^model([1-8])\.": r"trunk.conv\1.", r"^trunk\.conv8\.6\.": "classes."})
    named["bins"] = named.pop("model_out.weight").flatten(1).T * 110
    return Converted({"architecture": "classification", "width": 64, "temperature": 1.0}, named)
