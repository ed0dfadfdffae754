import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from regrow.io.codecs import Codec
from regrow.operations.coded import nets
from regrow.operations.coded.curve import highest
from regrow.operations.coded.sample import TILE, TILES, Sample, sampled
from regrow.operations.coded.search import Search
from regrow.operations.coded.smaller import shrunk


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=40).map(sorted), st.floats(-10, 110), st.integers(-5, 60),
)  # fmt: skip
def test_the_highest_number_is_that_of_trying_all(values, most, guess):
    between = (3, len(values) + 2)
    fits = [number for number in range(between[0], between[1] + 1) if values[number - 3] <= most]
    assert highest(lambda number: values[number - 3], most, between, guess) == max(fits, default=None)


def test_the_highest_number_takes_few_trials():
    tried = []

    def value(number):
        tried.append(number)
        return 0.03 * number + 0.2 * math.sin(number / 10)

    assert highest(value, 1.9, (1, 100), 60) is not None
    assert len(tried) == len(set(tried)) < 9


def test_a_small_picture_is_its_own_sample(coffee):
    sample = sampled(coffee, 10**4)
    assert sample.whole
    assert sample.pixels is coffee


@pytest.mark.parametrize("shape", [(3000, 2000), (1200, 6000), (400, 9000), (9000, 500)])
def test_tiles_stand_for_a_large_picture(shape):
    picture = np.arange(shape[0] * shape[1], dtype=np.uint32).astype(np.uint8).reshape(*shape, 1)
    sample = sampled(picture, 10**4)
    height, width = sample.pixels.shape[:2]
    assert (height % TILE, width % TILE) == (0, 0)
    assert TILES / 2 <= sample.area / TILE**2 <= 1.5 * TILES
    assert sample.share == pytest.approx(sample.area / picture.size)


@pytest.mark.parametrize("shape", [(6, 20000), (20000, 100), (300, 10001)])
def test_tiles_of_what_the_codec_cannot_hold_are_within_its_limit(shape):
    picture = np.arange(shape[0] * shape[1], dtype=np.uint32).astype(np.uint8).reshape(*shape, 1)
    sample = sampled(picture, 10**4)
    assert not sample.whole
    assert min(sample.pixels.shape[:2]) == min(shape)
    assert 9600 <= max(sample.pixels.shape[:2]) <= 10**4
    assert sample.share == pytest.approx(sample.area / picture.size)


def test_psnr_is_that_of_scikit_image(coffee):
    other = np.roll(coffee, 1, 0)
    assert Sample(coffee, 1).psnr(other) == pytest.approx(peak_signal_noise_ratio(coffee, other), abs=1e-4)


def test_what_hides_below_alpha_counts_nothing(coffee):
    alpha = np.zeros((*coffee.shape[:2], 1), np.uint8)
    alpha[:200] = 255
    a, b = (np.concatenate([picture, alpha], 2) for picture in (coffee, np.where(alpha > 0, coffee, 0)))
    assert Sample(a, 1).psnr(b.astype(np.uint8)) == math.inf


def test_pictures_are_shrunk_as_pillow_shrinks_them(coffee):
    """But for the edge, which Pillow cuts off, and for a cut to [0, 255] between its two passes."""
    wanted = np.asarray(Image.fromarray(coffee).resize((300, 200), Image.Resampling.BICUBIC))
    off = np.abs(shrunk(coffee, 2).astype(int) - wanted)[4:-4, 4:-4]
    assert (off > 1).mean() < 0.001
    assert shrunk(coffee[:399, :595], 4).shape == (100, 149, 3)


@pytest.fixture(scope="module")
def search(coffee):
    """A search on a corner of a photograph, with the nets that ship."""

    def made(name="webp", scales=(1, 2), pixels=coffee[:128, :176], tuned=True):
        return Search(
            Sample(np.ascontiguousarray(pixels), 1), Codec(name=name), replace(nets.codec(name), tuned=tuned), scales,
            lambda scale, facts: nets.net(nets.default_net(scale, light=True), facts, "cpu"),
        )  # fmt: skip

    return made


@pytest.fixture(scope="module")
def everything(search):
    """PSNR and bytes of every third quality, with each net and without."""
    search = search()
    return [(c.psnr(q), c.bytes(q)) for c in (*search.curves, search.alone) for q in range(1, 101, 3)]


@pytest.mark.parametrize("limit", [600, 1600, 4500])
def test_the_best_within_some_bytes_is_that_of_trying_all(search, everything, limit):
    found = search().within(limit)
    assert found.bytes <= limit
    assert found.psnr >= max(psnr for psnr, size in everything if size <= limit) - 0.02


@pytest.mark.parametrize("psnr", [26, 30, 34])
def test_the_fewest_bytes_for_a_quality_are_those_of_trying_all(search, everything, psnr):
    found = search().reaching(psnr)
    assert found.psnr >= psnr
    assert found.bytes <= min(size for given, size in everything if given >= psnr) * 1.01


def test_as_good_as_a_quality_in_fewer_bytes(search):
    tried = search("jpeg")
    found = tried.as_good_as(60)
    assert found.psnr >= tried.alone.psnr(60)
    assert found.bytes < 0.9 * tried.alone.bytes(60)


def test_where_no_net_helps_the_codec_is_left_alone(search):
    """A picture of flat colours, which a codec keeps almost as it is."""
    flat = np.zeros((96, 96, 3), np.uint8)
    flat[:, 48:] = (200, 30, 90)
    tried = search("webp", pixels=flat)
    found = tried.within(300)
    assert found.psnr >= tried.alone.psnr(tried.alone.largest(300))


def test_no_scale_makes_so_few_bytes(search):
    assert search().within(10) is None


def test_full_size_at_a_quality_is_the_codec_alone_where_no_net_is_better(search):
    flat = np.zeros((96, 96, 3), np.uint8)
    found = search("webp", pixels=flat, tuned=False).at(1, 60)
    assert (found.net, found.codec) == (False, Codec(name="webp"))


def test_the_lightest_net_of_each_scale():
    full = [nets.default_net(scale) for scale in nets.scales()]
    light = [nets.default_net(scale, light=True) for scale in nets.scales()]
    assert full == ["codec-x1", "codec-x1.5", "codec-x2", "codec-x4"]
    assert light == ["codec-x1-light", "codec-x1.5", "codec-x2-light", "codec-x4"]
    assert [nets.is_light(name) for name in [*full, *light]] == [False, True, False, True, True, True, True, True]
    assert not any(map(nets.is_light, ("tuned", "none", "plain-x2", "codec-x2-shrinker", "no-such-light")))
