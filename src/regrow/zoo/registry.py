"""Architectures by name; each is imported when it is first used."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from regrow.errors import UsageError

if TYPE_CHECKING:
    from regrow.nets.model import Model

ARCHITECTURES = {
    "any-scale": "regrow.nets.rescale.any_scale:AnyScale",
    "carn": "regrow.nets.upscale.carn:CARN",
    "classification": "regrow.nets.color.classification:ClassificationColorizer",
    "codec": "regrow.nets.restore.codec:CodecRestorer",
    "codec-shrinker": "regrow.nets.restore.codec_shrinker:CodecShrinker",
    "dbpn": "regrow.nets.upscale.dbpn:DBPN",
    "dncnn": "regrow.nets.upscale.dncnn:DnCNN",
    "dqe": "regrow.nets.upscale.dqe:DQE",
    "drcn": "regrow.nets.upscale.drcn:DRCN",
    "drrn": "regrow.nets.upscale.drrn:DRRN",
    "edsr": "regrow.nets.upscale.edsr:EDSR",
    "enhancenet": "regrow.nets.upscale.enhancenet:EnhanceNet",
    "espcn": "regrow.nets.upscale.espcn:ESPCN",
    "frame-unet": "regrow.nets.prior.frames:FrameUNet",
    "fsrcnn": "regrow.nets.upscale.fsrcnn:FSRCNN",
    "histogram": "regrow.nets.color.histogram:HistogramColorizer",
    "hourglass": "regrow.nets.prior.hourglass:Hourglass",
    "idn": "regrow.nets.upscale.idn:IDN",
    "ircnn": "regrow.nets.upscale.ircnn:IRCNN",
    "irn": "regrow.nets.rescale.irn:IRN",
    "lapsrn": "regrow.nets.upscale.lapsrn:LapSRN",
    "mdsr": "regrow.nets.upscale.mdsr:MDSR",
    "memnet": "regrow.nets.upscale.memnet:MemNet",
    "plain": "regrow.nets.upscale.plain:Plain",
    "rcan": "regrow.nets.upscale.rcan:RCAN",
    "rdn": "regrow.nets.upscale.rdn:RDN",
    "rednet": "regrow.nets.upscale.rednet:REDNet",
    "regression": "regrow.nets.color.regression:RegressionColorizer",
    "resnet": "regrow.nets.prior.resnet:ResNet",
    "rrdb": "regrow.nets.upscale.rrdb:RRDB",
    "scn": "regrow.nets.upscale.scn:SCN",
    "selnet": "regrow.nets.upscale.selnet:SelNet",
    "smfanet": "regrow.nets.upscale.smfanet:SMFANet",
    "sofvsr": "regrow.nets.video.sofvsr:SOFVSR",
    "srcnn": "regrow.nets.upscale.srcnn:SRCNN",
    "srdensenet": "regrow.nets.upscale.srdensenet:SRDenseNet",
    "srfeat": "regrow.nets.upscale.srfeat:SRFeat",
    "srgan-discriminator": "regrow.nets.adversarial.srgan:Discriminator",
    "srmdnf": "regrow.nets.upscale.srmdnf:SRMDNF",
    "srram": "regrow.nets.upscale.srram:SRRAM",
    "srresnet": "regrow.nets.upscale.srresnet:SRResNet",
    "tad": "regrow.nets.rescale.tad:TAD",
    "unet": "regrow.nets.prior.unet:UNet",
    "vdsr": "regrow.nets.upscale.vdsr:VDSR",
    "video-tad": "regrow.nets.video.tad:VideoTAD",
    "zssr": "regrow.nets.upscale.zssr:ZSSR",
}
"""Module and class, by the name that `config.json` and recipes have, which is the class's `architecture`."""

RENAMED = {"colours": "colors", "small_colours": "small_colors", "guided": "residual", "fold": "unshuffle"}
"""Settings by the names they had before version 0.2: models that were saved then still load."""


def architecture(name: object) -> type[Model]:
    """The class of an architecture. UsageError for a name that is not known."""
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise UsageError(f"architecture {name!r} is not known; known are {', '.join(ARCHITECTURES)}")
    module, _, net = ARCHITECTURES[name].partition(":")
    found: type[Model] = getattr(import_module(module), net)
    return found


def build(settings: dict[str, Any]) -> Model:
    """A model with fresh weights from `architecture` and its settings.

    Examples:
        >>> from regrow.zoo.registry import build
        >>> model = build({"architecture": "espcn", "scale": 3})
        >>> model.scale
        3
    """
    settings = {RENAMED.get(key, key): value for key, value in settings.items()}
    name = settings.pop("architecture", None)
    net = architecture(name)
    known = {field.name: field.default for field in fields(net.Config)}
    for key, value in settings.items():
        if key not in known or type(value) not in _taken(known[key]):
            raise UsageError(f"architecture {name}: setting {key} = {value!r} is not one of {known}")
    try:
        return net(net.Config(**settings))
    except ValueError as error:
        raise UsageError(f"architecture {name}: {error}") from None


def _taken(default: object) -> tuple[type, ...]:
    """The types that a setting may have; a whole number is a number."""
    return (float, int) if isinstance(default, float) else (type(default),)
