"""Models for tests."""

import torch

from regrow.nets.rescale.tad import TAD


def randomized(config, seed=0):
    """A rescaler whose every weight matters: the tails, which start at zero, included."""
    torch.manual_seed(seed)
    model = TAD(config)
    for trunk in (*model.encoders, *model.decoders):
        torch.nn.init.normal_(trunk.tail.weight, std=0.02)
    return model.eval().requires_grad_(False)
