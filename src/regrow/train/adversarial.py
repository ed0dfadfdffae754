"""Adversarial losses: a net against a discriminator that tells its pictures from real ones."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import softplus

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.adversarial.srgan import Discriminator
from regrow.train.recipe import Recipe


class Adversarial(NamedTuple):
    """What either side minimises, as scalars."""

    generator: Tensor
    discriminator: Tensor


def standard(real: Tensor, made: Tensor) -> Adversarial:
    """-log D(made) against -log D(real) - log(1 - D(made)): Goodfellow et al. 2014; Ledig et al. 2017, equation 6.

    Args:
        real, made: logits of the discriminator, of any one shape; D is their sigmoid. Means over pictures are taken.
    """
    return Adversarial(softplus(-made).mean(), softplus(-real).mean() + softplus(made).mean())


def relativistic(real: Tensor, made: Tensor) -> Adversarial:
    """Relativistic average: is a picture more real than the others are on average? Wang et al. 2018, equations 1 and 2.

    Args:
        real, made: as for `standard`. The averages are those of the batch, of one process.
    """
    return Adversarial(_more(made, real), _more(real, made))


def _more(first: Tensor, second: Tensor) -> Tensor:
    """-log sigmoid(first - mean of second) - log(1 - sigmoid(second - mean of first)), means over pictures."""
    return softplus(second.mean() - first).mean() + softplus(second - first.mean()).mean()


def adversarial(net: Discriminator, real: Tensor, made: Tensor, relative: bool) -> Adversarial:
    """Both losses of a batch, so that one backward pass of their sum serves both sides.

    What the generator minimises reaches `made` but not the weights of the discriminator, what the discriminator
    minimises reaches its weights but not `made`. Both move at once, from the same pictures.

    Args:
        net: the discriminator.
        real, made: (B, 3, H, W) in [0, 1].
        relative: relativistic average, or standard.
    """
    loss = relativistic if relative else standard
    frozen = {name: weight.detach() for name, weight in net.named_parameters()}
    judged = net(real)
    return Adversarial(
        loss(judged.detach(), functional_call(net, frozen, (made,))).generator,
        loss(judged, net(made.detach())).discriminator,
    )


def discriminator_for(recipe: Recipe) -> Discriminator:
    """The discriminator that a recipe names. UsageError where it is none, or takes no crops of the recipe's size."""
    net = zoo.build(recipe.discriminator)
    if not isinstance(net, Discriminator):
        raise UsageError(f"discriminator {recipe.discriminator['architecture']!r} is none; use srgan-discriminator")
    side, crop = net.config.side, recipe.data.crop
    if side not in (0, crop):
        raise UsageError(f"the discriminator takes a side of {side}, but crop is {crop}; set its side to that, or to 0")
    if crop < 2 ** (net.config.stages + 1):
        raise UsageError(f"crop {crop} is too small for a discriminator of {net.config.stages} stages")
    return net
