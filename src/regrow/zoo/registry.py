"""Architectures by name: where each net is, imported when it is asked for."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from regrow.errors import UsageError

if TYPE_CHECKING:
    from regrow.nets.model import Model

ARCHITECTURES = {
    "carn": "nets.upscale.carn:CARN:CARNConfig",
    "classification": "nets.color.classification:ClassificationColorizer:ClassificationConfig",
    "dbpn": "nets.upscale.dbpn:DBPN:DBPNConfig",
    "dncnn": "nets.upscale.dncnn:DnCNN:DnCNNConfig",
    "dqe": "nets.upscale.dqe:DQE:DQEConfig",
    "drcn": "nets.upscale.drcn:DRCN:DRCNConfig",
    "drrn": "nets.upscale.drrn:DRRN:DRRNConfig",
    "edsr": "nets.upscale.edsr:EDSR:EDSRConfig",
    "enhancenet": "nets.upscale.enhancenet:EnhanceNet:EnhanceNetConfig",
    "espcn": "nets.upscale.espcn:ESPCN:ESPCNConfig",
    "frame-unet": "nets.prior.frames:FrameUNet:FrameUNetConfig",
    "fsrcnn": "nets.upscale.fsrcnn:FSRCNN:FSRCNNConfig",
    "histogram": "nets.color.histogram:HistogramColorizer:HistogramConfig",
    "hourglass": "nets.prior.hourglass:Hourglass:HourglassConfig",
    "idn": "nets.upscale.idn:IDN:IDNConfig",
    "ircnn": "nets.upscale.ircnn:IRCNN:IRCNNConfig",
    "irn": "nets.rescale.irn:IRN:IRNConfig",
    "lapsrn": "nets.upscale.lapsrn:LapSRN:LapSRNConfig",
    "mdsr": "nets.upscale.mdsr:MDSR:MDSRConfig",
    "memnet": "nets.upscale.memnet:MemNet:MemNetConfig",
    "plain": "nets.upscale.plain:Plain:PlainConfig",
    "rcan": "nets.upscale.rcan:RCAN:RCANConfig",
    "rdn": "nets.upscale.rdn:RDN:RDNConfig",
    "rednet": "nets.upscale.rednet:REDNet:REDNetConfig",
    "regression": "nets.color.regression:RegressionColorizer:RegressionConfig",
    "resnet": "nets.prior.resnet:ResNet:ResNetConfig",
    "rrdb": "nets.upscale.rrdb:RRDB:RRDBConfig",
    "scn": "nets.upscale.scn:SCN:SCNConfig",
    "selnet": "nets.upscale.selnet:SelNet:SelNetConfig",
    "smfanet": "nets.upscale.smfanet:SMFANet:SMFANetConfig",
    "sofvsr": "nets.video.sofvsr:SOFVSR:SOFVSRConfig",
    "srcnn": "nets.upscale.srcnn:SRCNN:SRCNNConfig",
    "srdensenet": "nets.upscale.srdensenet:SRDenseNet:SRDenseNetConfig",
    "srfeat": "nets.upscale.srfeat:SRFeat:SRFeatConfig",
    "srgan-discriminator": "nets.adversarial.srgan:Discriminator:DiscriminatorConfig",
    "srmdnf": "nets.upscale.srmdnf:SRMDNF:SRMDNFConfig",
    "srram": "nets.upscale.srram:SRRAM:SRRAMConfig",
    "srresnet": "nets.upscale.srresnet:SRResNet:SRResNetConfig",
    "tad": "nets.rescale.tad:TAD:TADConfig",
    "unet": "nets.prior.unet:UNet:UNetConfig",
    "vdsr": "nets.upscale.vdsr:VDSR:VDSRConfig",
    "video-tad": "nets.video.tad:VideoTAD:VideoTADConfig",
    "zssr": "nets.upscale.zssr:ZSSR:ZSSRConfig",
}
"""Module below `regrow`, class and the class of its settings, by the name that `config.json` and recipes have."""

RENAMED = {"colours": "colors", "small_colours": "small_colors", "guided": "residual", "fold": "unshuffle"}
"""Settings by the names they had before version 0.2: models that were saved then still load."""


def architecture(name: object) -> tuple[type[Model], type[Any]]:
    """The class of an architecture and that of its settings. UsageError for a name that is not known."""
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise UsageError(f"architecture {name!r} is not known; known are {', '.join(ARCHITECTURES)}")
    module, net, settings = ARCHITECTURES[name].split(":")
    home = import_module(f"regrow.{module}")
    return getattr(home, net), getattr(home, settings)


def build(settings: dict[str, Any]) -> Model:
    """A model with fresh weights from `architecture` and its settings."""
    settings = {RENAMED.get(key, key): value for key, value in settings.items()}
    name = settings.pop("architecture", None)
    net, config = architecture(name)
    known = {field.name: field.default for field in fields(config)}
    for key, value in settings.items():
        if key not in known or type(value) is not type(known[key]):
            raise UsageError(f"architecture {name}: setting {key} = {value!r} is not one of {known}")
    try:
        return net(config(**settings))
    except ValueError as error:
        raise UsageError(f"architecture {name}: {error}") from None
