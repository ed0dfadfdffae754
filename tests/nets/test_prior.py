import pytest
import torch
from torch import nn

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.prior.base import PriorNet
from regrow.priors.settings import NETS

TINY = [
    {"architecture": "hourglass", "inputs": 4, "levels": 2, "channels": 8, "skip": 2},
    {"architecture": "hourglass", "inputs": 4, "levels": 3, "channels": 8, "first": 2, "skip": 0},
    {"architecture": "hourglass", "inputs": 4, "levels": 1, "channels": 8, "kernel": 5, "upsampling": "nearest"},
    {"architecture": "hourglass", "inputs": 4, "levels": 2, "channels": 8, "padding": "zeros", "outputs": 1},
    {"architecture": "unet", "inputs": 4, "levels": 2, "channels": 4},
    {"architecture": "unet", "inputs": 4, "levels": 1, "channels": 4, "upsampling": "nearest", "padding": "zeros"},
    {"architecture": "resnet", "inputs": 4, "blocks": 1, "channels": 8},
    {"architecture": "resnet", "inputs": 4, "blocks": 0, "channels": 8, "padding": "zeros"},
]


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_the_papers_default_net_has_its_parameters():
    """The count that the authors' program prints for the default hourglass."""
    with torch.device("meta"):
        assert parameters(zoo.build({"architecture": "hourglass"})) == 2_217_831


def test_the_net_by_default_is_a_sixth_of_it():
    """Level by level: 1x1 past it, down, down, up, 1x1 outwards, and two for each normalised channel."""
    with torch.device("meta"):
        net = zoo.build(NETS["fast"])
    expected, inputs = 16 * 3 + 3, 16
    for channels, outwards in ((16, 16), (32, 16), (64, 32), (64, 64), (64, 64)):
        joined = channels + 4
        convolutions = (inputs, 4, 1), (inputs, channels, 9), (channels, channels, 9), (joined, channels, 9)
        for a, b, taps in (*convolutions, (channels, outwards, 1)):
            expected += a * b * taps + 3 * b
        expected, inputs = expected + 2 * joined, channels
    assert parameters(net) == expected == 367_079


def test_parameters_of_the_others():
    """Counted by hand: kernels and biases, and two for each normalised channel."""
    with torch.device("meta"):
        resnet = zoo.build({"architecture": "resnet"})
        unet = zoo.build({"architecture": "unet", "inputs": 4, "levels": 1, "channels": 8})
    between = 32 * 32 * 9 + 32
    assert parameters(resnet) == between + 8 * 2 * (between + 64) + between + 64 + 32 * 3 * 9 + 3
    eight = 8 * 8 * 9 + 8 + 16
    down = 4 * 8 * 9 + 8 + 16 + eight + 2 * eight  # both levels are 8 wide
    up = 8 * 8 * 9 + 8 + 16 * 8 * 9 + 8 + 16 + eight
    assert parameters(unet) == down + up + 8 * 3 + 3


@pytest.mark.parametrize("settings", TINY, ids=str)
def test_nets_make_pictures_of_noise(settings):
    net = zoo.build(settings)
    assert isinstance(net, PriorNet)
    height, width = net.canvas((33, 21))
    assert height >= 33
    assert width >= 21
    assert height % net.multiple == width % net.multiple == 0
    z = torch.rand(1, 4, height, width)
    x = net(z)
    assert x.shape == (1, settings.get("outputs", 3), height, width)
    assert 0 < x.min() < x.max() < 1
    x.mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
    torch.testing.assert_close(net.eval()(z), x)  # statistics are those of the picture, always
    again = zoo.build(net.settings())
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(z), net(z))


@pytest.mark.parametrize("settings", TINY, ids=str)
def test_the_smallest_canvas_is_enough(settings):
    net = zoo.build(settings)
    height, width = net.canvas((1, 1))
    assert height == width == max(net.smallest, net.multiple)
    assert net(torch.rand(1, 4, height, width)).isfinite().all()


def test_levels_lie_inside_one_another():
    """Widths double inwards from `first` to `channels`, and every level halves what it is given."""
    net = zoo.build({"architecture": "hourglass", "inputs": 4, "levels": 4, "first": 2, "channels": 6})
    widths, sizes = [], []
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            widths.append(module.out_channels)
            module.register_forward_hook(lambda m, given, made: sizes.append(made.shape[-1]))
    net(torch.rand(1, 4, 64, 64))
    assert widths == [2, 4, 6, 6]
    assert sizes == [32, 16, 8, 4]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"architecture": "hourglass", "levels": 0}, "levels 0 out of range: 1 to 7"),
        ({"architecture": "hourglass", "kernel": 4}, "kernel 4 is not one of 3, 5"),
        ({"architecture": "hourglass", "upsampling": "cubic"}, "upsampling 'cubic' is not one of bilinear, nearest"),
        ({"architecture": "hourglass", "padding": "same"}, "padding 'same'"),
        ({"architecture": "hourglass", "skip": -1}, "skip -1 out of range"),
        ({"architecture": "unet", "channels": 0}, "channels 0 out of range"),
        ({"architecture": "resnet", "blocks": -1}, "blocks -1 out of range"),
    ],
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(UsageError, match=words):
        zoo.build(settings)
