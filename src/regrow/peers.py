"""Weights that other people published, recognised by the names of their tensors and put into our nets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.weightfile import read_state

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.model import Model

KNOWN = "the colorizer of Zhang et al. 2016, CARN and CARN-M, SMFANet"


def load(path: str) -> Model:
    """A model from a file of published weights, ready to run, on the CPU.

    Known are, as their authors publish them for PyTorch: the colorizer of Zhang et al. 2016; CARN and CARN-M, which
    hold the scales 2, 3 and 4 and begin at 2 (`regrow.nets.upscale.base.Restorer.at`); SMFANet.

    RegrowError where the file cannot be read safely or is of no known net.
    """
    import torch

    state = read_state(path)
    if "model8.6.weight" in state and "model_out.weight" in state:
        model, state = _zhang(state)
    elif "upsample.up2.body.0.weight" in state and "entry.weight" in state:
        model, state = _carn(state)
    elif "to_feat.weight" in state and "to_img.0.weight" in state:
        model, state = _smfanet(state, path)
    else:
        raise RegrowError(f"{path}: weights of no net that is known here; known are {KNOWN}")
    shapes = {key: value.shape for key, value in model.state_dict().items()}
    if {key: value.shape for key, value in state.items()} != shapes:
        raise RegrowError(f"{path}: its tensors are not those of the published net")
    if not all(torch.isfinite(value).all() for value in state.values()):
        raise RegrowError(f"{path}: the weights are damaged: some are no numbers")
    model.load_state_dict(state)
    return model.eval().requires_grad_(False)


def _renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    """The state with every pattern of the table replaced in its names, in turn."""
    for pattern, name in names.items():
        state = {re.sub(pattern, name, key): value for key, value in state.items()}
    return state


def _zhang(state: dict[str, Tensor]) -> tuple[Model, dict[str, Tensor]]:
    """The net at full width. Its last layer holds the colours of the classes, and its mean is not annealed again."""
    from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig

    named = _renamed(state, {r"^model([1-8])\.": r"trunk.conv\1.", r"^trunk\.conv8\.6\.": "classes."})
    named["bins"] = named.pop("model_out.weight").flatten(1).T * 110
    return ClassificationColorizer(ClassificationConfig(width=64, temperature=1.0)), named


def _carn(state: dict[str, Tensor]) -> tuple[Model, dict[str, Tensor]]:
    """CARN, or CARN-M, whose blocks have a 1x1 convolution and are one for each cascade. The mean colours are ours."""
    from regrow.nets.upscale.carn import CARN, CARNConfig

    light = "b1.b1.body.4.weight" in state
    named = _renamed(
        {key: value for key, value in state.items() if ".shifter." not in key},
        {
            r"^(b\d\.|)c(\d)\.body\.0\.": r"\1choices.\2.",
            r"^b(\d)\.": r"body.units.\1.",
            r"^choices": "body.choices",
            r"\.b(\d)\.body\.": r".units.\1.layers.",
            r"^entry": "head",
            r"^exit": "tail",
            # Their ReLU comes before the shuffle and ours after it, which is the same.
            r"^upsample\.up(\d)\.body\.(\d)": r"upsamplers.\1.\2",
        },
    )
    counted = {re.sub(r"(units|choices)\.(\d)", _one_less, key): value for key, value in named.items()}
    return CARN(CARNConfig(groups=4 if light else 1, shared=light)), counted


def _one_less(found: re.Match[str]) -> str:
    return f"{found[1]}.{int(found[2]) - 1}"


def _smfanet(state: dict[str, Tensor], path: str) -> tuple[Model, dict[str, Tensor]]:
    """SMFANet of the width and depth that its tensors have."""
    from regrow.nets.upscale.smfanet import SMFANet, SMFANetConfig

    channels = len(state["to_feat.weight"])
    blocks = len({key.split(".")[1] for key in state if key.startswith("feats.")})
    expansion = len(state.get("feats.0.pcfn.conv_0.weight", ())) // max(1, channels)
    scale = round((len(state["to_img.0.weight"]) / 3) ** 0.5)
    named = _renamed(
        state,
        {
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
        },
    )
    try:
        config = SMFANetConfig(scale=scale, channels=channels, blocks=blocks, expansion=expansion)
    except ValueError as error:
        raise RegrowError(f"{path}: its tensors are not those of the published net: {error}") from None
    return SMFANet(config), named
