import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.color import lab2rgb, rgb2lab

from regrow.nets.ops.color import colored, lab, lightness, luma, rgb


def numpy(x):
    return x.permute(1, 2, 0).numpy()


def test_lab_is_that_of_scikit_image(astronaut):
    x = torch.from_numpy(astronaut).permute(2, 0, 1).double() / 255
    assert np.abs(numpy(lab(x)) - rgb2lab(numpy(x))).max() < 0.01
    assert np.abs(numpy(rgb(lab(x))) - lab2rgb(numpy(lab(x)))).max() < 1e-4


def test_lab_and_back():
    x = torch.rand(2, 3, 8, 9)
    torch.testing.assert_close(rgb(lab(x)), x, atol=1e-4, rtol=0)
    torch.testing.assert_close(lab(torch.ones(3, 1, 1)).flatten(), torch.tensor([100.0, 0, 0]), atol=1e-3, rtol=0)


def test_lightness_is_that_of_grey():
    grey = torch.rand(1, 4, 5)
    torch.testing.assert_close(lightness(grey), lab(grey.expand(3, -1, -1))[:1])


@given(st.integers(0, 2**32 - 1), st.floats(0, 200))
def test_color_leaves_the_luma_within_a_level(seed, vivid):
    """Whatever colours a model claims, in gamut or far beyond."""
    torch.manual_seed(seed)
    grey = torch.randint(0, 256, (1, 16, 16)) / 255
    y = colored(grey, vivid * torch.randn(2, 16, 16))
    assert ((y >= 0) & (y <= 1)).all()
    torch.testing.assert_close(luma(y), grey, atol=1e-4, rtol=0)
    assert (luma((y * 255).round()) - 255 * grey).abs().max() <= 0.51


def test_colors_that_fit_come_back(astronaut):
    x = torch.from_numpy(astronaut).permute(2, 0, 1) / 255
    again = colored(luma(x), lab(x)[1:])
    assert (again - x).square().mean().sqrt() < 0.03


@pytest.mark.parametrize("level", [0, 1])
def test_black_and_white_have_no_room_for_color(level):
    grey = torch.full((1, 2, 2), float(level))
    torch.testing.assert_close(colored(grey, torch.full((2, 2, 2), 60.0)), grey.expand(3, -1, -1))


def test_where_no_color_is_claimed_there_is_none():
    """No level of grey gets a tint from the conversions."""
    grey = torch.arange(256).view(1, 16, 16) / 255
    y = (colored(grey, torch.zeros(2, 16, 16)) * 255).round()
    assert torch.equal(y, (255 * grey).round().expand(3, -1, -1))
