"""Models for tests."""

import torch

from regrow.nets.rescale.any_scale import AnyScale, AnyScaleConfig
from regrow.nets.rescale.tad import TAD
from regrow.nets.restore.codec import CodecConfig, CodecRestorer


def randomized(config, seed=0):
    """A rescaler whose every weight matters: the tails, which start at zero, included."""
    torch.manual_seed(seed)
    model = TAD(config)
    for trunk in (*model.encoders, *model.decoders):
        torch.nn.init.normal_(trunk.tail.weight, std=0.02)
    return model.eval().requires_grad_(False)


def random_deblocker(seed=0, **options):
    """A fast net behind a codec that makes much of the facts and of where it is in the codec's grid."""
    torch.manual_seed(seed)
    model = CodecRestorer(CodecConfig(channels=8, blocks=2, **options))
    for weight, std in ((model.position, 0.5), (model.modulation.weight, 4), (model.tail.weight, 0.03)):
        torch.nn.init.normal_(weight, std=std)
    return model.eval().requires_grad_(False)


def learned_pair(*, relative=False):
    """Small pairs for any scale, with filters that have learned something."""
    torch.manual_seed(0)
    net = AnyScale(AnyScaleConfig(channels=8, blocks=2, hidden=8, pairs=2, relative=relative))
    for pair in net.pairs:
        for layer in (pair.analysis.outer, pair.synthesis.outer, pair.encoder.tail, pair.decoder.tail):
            torch.nn.init.normal_(layer.weight, std=0.05)
    return net.eval().requires_grad_(False)
