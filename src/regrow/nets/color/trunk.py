"""The dilated VGG-style net under the colorizers (Zhang, Isola and Efros, ECCV 2016, table 4)."""

from __future__ import annotations

from torch import Tensor, nn


class Trunk(nn.Module):
    """Seven blocks of 3x3 convolutions down to an eighth of the size, two of them dilated, and one up to a quarter.

    Each block ends in batch normalisation, except the last.

    Args:
        width: channels of the first block, doubled to the fourth; 64 as published, 512 at most.
        dropout: share of the channels of blocks 4 to 7 that training leaves out, lest few pictures be learned by heart.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        w = width
        self.conv1 = _block(1, w, 2, stride=2)
        self.conv2 = _block(w, 2 * w, 2, stride=2)
        self.conv3 = _block(2 * w, 4 * w, 3, stride=2)
        self.conv4 = _block(4 * w, 8 * w, 3)
        self.conv5 = _block(8 * w, 8 * w, 3, dilation=2)
        self.conv6 = _block(8 * w, 8 * w, 3, dilation=2)
        self.conv7 = _block(8 * w, 8 * w, 3)
        self.dropout = nn.Dropout2d(dropout)
        self.conv8 = nn.Sequential(
            nn.ConvTranspose2d(8 * w, 4 * w, 4, stride=2, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4 * w, 4 * w, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(4 * w, 4 * w, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        self.channels = 4 * w
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def blocks(self, lightness: Tensor) -> list[Tensor]:
        """L, (B, 1, h, w) from 0 to 100 -> what comes out of blocks 1 to 8, (B, channels, h', w') each."""
        x = (lightness - 50) / 100
        found = []
        for block in (self.conv1, self.conv2, self.conv3):
            x = block(x)
            found.append(x)
        for block in (self.conv4, self.conv5, self.conv6, self.conv7):
            x = self.dropout(block(x))
            found.append(x)
        found.append(self.conv8(x))
        return found

    def forward(self, lightness: Tensor) -> Tensor:
        """L, (B, 1, h, w) from 0 to 100 -> (B, channels, h/4, w/4)."""
        return self.blocks(lightness)[-1]


def _block(inputs: int, outputs: int, count: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """`count` convolutions with ReLU, the last with the stride, then normalisation."""
    layers: list[nn.Module] = []
    for i in range(count):
        step = stride if i == count - 1 else 1
        layers += [
            nn.Conv2d(inputs if i == 0 else outputs, outputs, 3, step, padding=dilation, dilation=dilation),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers, nn.BatchNorm2d(outputs))
