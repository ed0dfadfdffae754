"""CARN and CARN-M (Ahn, Kang and Sohn, ECCV 2018), as their authors publish them."""

from __future__ import annotations

import re

from regrow.zoo.converters.names import Converted, State, renamed


def carn(state: State) -> Converted | None:
    """CARN, or CARN-M, whose blocks have a 1x1 convolution and are one for each cascade. The mean colours are ours."""
    if not {"upsample.up2.body.0.weight", "entry.weight"} <= state.keys():
        return None
    light = "b1.b1.body.4.weight" in state
    named = renamed(
        {key: value for key, value in state.items() if ".shifter." not in key},
        {
            r"^(b\d\.|)c(\d)\.body\.0\.": r"\1choices.\2.",
            r"^b(\d)\.": r"body.units.\1.",
            r"^choices": "body.choices",
            r"\.b(\d)\.body\.": r".units.\1.layers.",
            r"(units|choices)\.(\d)": _one_less,
            r"^entry": "head",
            r"^exit": "tail",
            # Their ReLU comes before the shuffle and ours after it, which is the same.
            r"^upsample\.up(\d)\.body\.(\d)": r"upsamplers.\1.\2",
        },
    )
    return Converted({"architecture": "carn", "groups": 4 if light else 1, "shared": light}, named)


def _one_less(found: re.Match[str]) -> str:
    return f"{found[1]}.{int(found[2]) - 1}"
