import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage.transform import resize

from regrow.nets.color.base import Colorizer
from regrow.nets.ops.color import luma
from regrow.operations.colorize import Colors, color_rows, glance, guess, is_grey
from regrow.size import Size


class Painter(Colorizer):
    """Colours by lightness: what is dark becomes blue and what is light yellow."""

    multiple = 8

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, lightness):
        return torch.cat((0 * lightness, lightness - 50), 1)

    def features(self, lightness):
        return F.avg_pool2d(lightness, 8)

    def settings(self):
        return {}


def rows(picture, cuts=(7, 8, 30)):
    return np.split(picture, cuts)


def size_of(picture):
    return Size(picture.shape[1], picture.shape[0])


def test_a_guided_line_is_found_again():
    """Where colour is a straight line of luma, any window finds that line."""
    grey = torch.rand(1, 1, 40, 50)
    ab = torch.cat((30 * grey - 10, 5 - 20 * grey), 1)
    found = Colors.fit(grey, ab).on(grey, 0, (50, 40))
    torch.testing.assert_close(found, ab, atol=0.5, rtol=0)


def test_color_keeps_to_the_edges_of_the_full_picture():
    """The net saw the edge four times too small; a bilinear enlargement would smear it over pixels."""
    grey = torch.zeros(1, 1, 24, 24)
    grey[..., 12:] = 0.8
    colors = Colors.fit(grey, torch.cat((60 * grey, -60 * grey), 1))
    large = F.interpolate(grey, scale_factor=4)
    found = colors.on(large, 0, (96, 96))
    assert found[0, 0, :, :48].abs().max() < 5
    assert (found[0, 0, :, 48:] - 48).abs().max() < 5


def test_rows_are_the_rows_of_the_whole():
    slope, offset = torch.randn(1, 2, 9, 11), torch.randn(1, 2, 9, 11)
    grey = torch.rand(1, 1, 33, 40)
    colors = Colors(slope, offset)
    whole = colors.on(grey, 0, (40, 33))
    large = [F.interpolate(x, (33, 40), mode="bilinear") for x in (slope, offset)]
    torch.testing.assert_close(whole, large[0] * grey + large[1], atol=1e-5, rtol=1e-5)
    parts = [colors.on(grey[..., a:b, :], a, (40, 33)) for a, b in ((0, 1), (1, 20), (20, 33))]
    torch.testing.assert_close(torch.cat(parts, -2), whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_luma_and_alpha_are_kept(coffee, dtype, bands):
    peak = 1 if dtype is np.float32 else np.iinfo(dtype).max
    picture = coffee[:90, :130, [0, 1, 2, 0]][..., : max(3, bands)] / 255
    held = 3 if bands > 2 else 1
    if bands < 3:
        picture = np.concatenate((picture[..., :1], picture[..., 2:3]), -1)[..., :bands]
    picture = (picture * peak).astype(dtype)
    model = Painter()
    colors = Colors.fit(*guess(glance(rows(picture), size_of(picture), held), size_of(picture), model))
    found = np.concatenate(list(color_rows(rows(picture), size_of(picture), held, colors, dtype)))
    assert found.shape == (90, 130, 4 if bands in (2, 4) else 3)
    assert found.dtype == dtype
    grey = picture[..., 0].astype(float) if held == 1 else picture[..., :3] @ [0.299, 0.587, 0.114]
    after = found[..., :3] @ np.array([0.299, 0.587, 0.114])
    assert np.abs(after - grey).max() <= (1e-4 if dtype is np.float32 else 1)
    assert np.ptp(found[..., :3].astype(float), axis=-1).mean() > 0.02 * peak
    if bands in (2, 4):
        np.testing.assert_array_equal(found[..., -1], picture[..., -1])


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (2000, 2), (17, 16)])
def test_any_size_is_seen_and_colored(size):
    picture = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 1), np.uint8)
    seen = glance([picture], Size(*size), 1)
    assert seen.shape[-1] % 16 == seen.shape[-2] % 16 == 0
    assert ((seen >= 0) & (seen <= 1)).all()
    colors = Colors.fit(*guess(seen, size, Painter()))
    found = np.concatenate(list(color_rows([picture], size, 1, colors, np.uint8)))
    assert found.shape == (size[1], size[0], 3)


def test_black_and_white_and_toned_pictures_are_told_from_color(coffee, astronaut):
    grey = np.asarray(luma(torch.from_numpy(astronaut).permute(2, 0, 1) / 255)[0])[..., None]
    sepia = grey * [0.95, 0.85, 0.7] + [0.05, 0.03, 0.0]
    noisy = sepia + np.random.default_rng(0).normal(0, 0.01, sepia.shape)
    for picture in (np.repeat(grey, 3, -1), sepia, noisy):
        assert is_grey(glance([picture.clip(0, 1).astype(np.float32)], Size(512, 512), 3))
    assert is_grey(glance([grey.astype(np.float32)], Size(512, 512), 1))
    for picture in (coffee, astronaut):
        assert not is_grey(glance([picture], size_of(picture), 3))


@pytest.mark.parametrize(("side", "noise"), [(512, 0.06), (96, 0.016)])
def test_noise_is_no_color(astronaut, side, noise):
    """Issue: black and white pictures that were scanned in colour were taken for coloured ones."""
    grey = resize(astronaut @ [0.299, 0.587, 0.114] / 255, (side, side))[..., None]
    picture = grey + np.random.default_rng(0).normal(0, noise, (side, side, 3))
    assert is_grey(glance([picture.clip(0, 1).astype(np.float32)], Size(side, side), 3))
