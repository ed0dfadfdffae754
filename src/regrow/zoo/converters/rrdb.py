"""RRDB, the net of ESRGAN (Wang et al. 2018) and Real-ESRGAN (Wang et al. 2021), by the three names of its tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from regrow.zoo.converters.names import Converted, State, places, renamed

MODERN = {
    r"^(RRDB_trunk|model\.1\.sub)\.(?=\d+\.RDB)": "body.",
    r"\.RDB(\d)\.conv(\d)\.(?:0\.)?": r".rdb\1.conv\2.",
    r"^(trunk_conv|model\.1\.sub\.\d+)\.(?=weight|bias)": "conv_body.",
    r"^upconv(\d)\.": r"conv_up\1.",
    r"^HRconv\.": "conv_hr.",
    r"^model\.0\.": "conv_first.",
}
KNOWN = re.compile(r"(conv_(first|body|up\d|hr|last)|body\.\d+\.rdb[123]\.conv[1-5])\.(weight|bias)")
"""All tensors that RRDB has; ESRGAN+, for example, has more."""
OURS: Mapping[str, str | Callable[[re.Match[str]], str]] = {
    r"^conv_first\.": "head.",
    r"^body\.(\d+)\.rdb([123])\.conv([1-5])\.": lambda found: _layer(*map(int, found.groups())),
    r"^conv_body\.": "trunk_conv.",
    r"^conv_up(\d)\.": lambda found: f"upsampler.{3 * int(found[1]) - 2}.",
    r"^conv_hr\.": "tail.0.",
    r"^conv_last\.": "tail.2.",
}


def rrdb(state: State) -> Converted | None:
    """RRDB of any size. The number of input channels tells whether pictures are shrunk first (Real-ESRGAN x2)."""
    named = renamed(state, {**MODERN, **_flat(state)})
    if not {"conv_first.weight", "body.0.rdb1.conv1.weight"} <= named.keys() or not all(map(KNOWN.fullmatch, named)):
        return None
    channels, colors = named["conv_first.weight"].shape[:2]
    unshuffle = round((colors / 3) ** 0.5)
    enlarged = 2 ** places(named, "conv_up")
    settings = {
        "architecture": "rrdb",
        "scale": enlarged // unshuffle,
        "channels": channels,
        "growth": len(named["body.0.rdb1.conv1.weight"]),
        "blocks": places(named, "body."),
        "unshuffle": unshuffle,
    }
    return Converted(settings, renamed(named, OURS))


def _flat(state: State) -> dict[str, str]:
    """Names of what comes after the blocks, where all layers are one sequence: steps that enlarge, and two more."""
    found = {int(match[1]) for key in state if (match := re.fullmatch(r"model\.(\d+)\.weight", key))}
    after = sorted(found - {0})
    names = [*(f"conv_up{i}" for i in range(1, len(after) - 1)), "conv_hr", "conv_last"]
    return {rf"^model\.{at}\.": f"{name}." for at, name in zip(after, names, strict=False)}


def _layer(block: int, dense: int, layer: int) -> str:
    at = f"blocks.{block}.layers.{dense - 1}.layers"
    return f"{at}.1." if layer == 5 else f"{at}.0.layers.{layer - 1}.0."
