"""Content loss: pictures compared by features of a classification net (Ledig et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from regrow.errors import RegrowError
from regrow.nets.upscale.edsr import NORMALIZATIONS
from regrow.train.losses import l1
from regrow.zoo.state_dict import read_state

BLOCKS = (2, 64), (2, 128), (4, 256), (4, 512), (4, 512)
"""Convolutions and channels of the blocks of VGG19 (Simonyan and Zisserman 2015, configuration E)."""


class VGG19(nn.Module):
    """The convolutions of VGG19 up to the last of its fifth block, before its ReLU: a sixteenth of the size.

    Args:
        path: weights as torchvision names them (features.0.weight ...), safetensors or a state dict of torch.

    RegrowError where they are not in it.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for count, channels in BLOCKS:
            for _ in range(count):
                layers += [nn.Conv2d(inputs, channels, 3, padding=1), nn.ReLU(inplace=True)]
                inputs = channels
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-2])
        state, wanted = read_state(path), self.state_dict()
        if any(key not in state or state[key].shape != value.shape for key, value in wanted.items()):
            raise RegrowError(f"{path}: is not VGG19 as torchvision saves it: features.0.weight to features.34.bias")
        self.load_state_dict({key: state[key] for key in wanted})
        self.eval().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] -> (B, 512, H/16, W/16)."""
        mean, deviation = torch.tensor(NORMALIZATIONS["imagenet"], device=x.device).view(2, 1, 3, 1, 1)
        return self.features((x - mean) / deviation)


class ContentLoss(nn.Module):
    """Mean absolute difference of VGG19's features: a scalar from two (B, 3, H, W) in [0, 1]."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.vgg = VGG19(path)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """The loss."""
        return l1(self.vgg(a), self.vgg(b))
