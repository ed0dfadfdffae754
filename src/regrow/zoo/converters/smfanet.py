"""SMFANet (Zheng, Sun, Dong and Pan, ECCV 2024), as its authors publish it."""

from __future__ import annotations

from regrow.zoo.converters.names import Converted, State, places, renamed

NAMES = {
    r"^to_feat\.": "head.",
    r"^to_img\.": "upsampler.",
    r"^feats\.": "blocks.",
    r"\.smfa\.lde\.conv_0\.([01])\.": r".aggregation.local.\1.",
    r"\.smfa\.lde\.conv_1\.": ".aggregation.local.3.",
    r"\.smfa\.linear_0\.": ".aggregation.split.",
    r"\.smfa\.linear_1\.": ".aggregation.gate.",
    r"\.smfa\.linear_2\.": ".aggregation.join.",
    r"\.smfa\.dw_conv\.": ".aggregation.around.",
    r"\.smfa\.alpha$": ".aggregation.alpha",
    r"\.smfa\.belt$": ".aggregation.beta",
    r"\.pcfn\.conv_0\.": ".feed_forward.widen.",
    r"\.pcfn\.conv_1\.": ".feed_forward.mix.",
    r"\.pcfn\.conv_2\.": ".feed_forward.narrow.",
}


def smfanet(state: State) -> Converted | None:
    """SMFANet of the width and depth that its tensors have."""
    if not {"to_feat.weight", "to_img.0.weight"} <= state.keys():
        return None
    channels = len(state["to_feat.weight"])
    settings = {
        "architecture": "smfanet",
        "scale": round((len(state["to_img.0.weight"]) / 3) ** 0.5),
        "channels": channels,
        "blocks": places(state, "feats."),
        "expansion": len(state["feats.0.pcfn.conv_0.weight"]) // channels,
    }
    return Converted(settings, renamed(state, NAMES))
