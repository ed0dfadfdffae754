from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from conftest import noise
from hypothesis import given, settings
from hypothesis import strategies as st

from regrow import zoo
from regrow.nets.rescale.tad import TAD
from regrow.pipeline import grow_rows, shrink_rows


def whole(rows):
    return np.concatenate(list(rows))


def shrunk(picture, colours, model, tile):
    height, width = picture.shape[:2]
    return whole(shrink_rows([picture], width, height, colours, model, tile))


def grown(small, size, colours, model, tile, dtype=np.uint8):
    height, width = small.shape[:2]
    return whole(grow_rows([small], (width, height), size, colours, model, dtype, tile))


def levels_apart(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.fixture(scope="module", params=["tad-x2", "tad-x4"])
def model(request):
    return zoo.load(request.param)


# A tile of 8 with its halo is worked on in many pieces: a narrow picture keeps that short.
@pytest.mark.parametrize(("tile", "height", "width"), [(8, 12, 180), (8, 180, 12), (33, 110, 170), (100, 230, 130)])
def test_tiles_and_the_whole_are_at_most_one_level_apart(model, astronaut, tile, height, width):
    height, width = (n * model.scale // 2 for n in (height, width))
    picture = astronaut[100 : 100 + height, 50 : 50 + width]
    small = shrunk(picture, 3, model, 10**4)
    assert levels_apart(shrunk(picture, 3, model, tile), small) <= 1
    size = width, height
    assert levels_apart(grown(small, size, 3, model, tile), grown(small, size, 3, model, 10**4)) <= 1


@pytest.mark.parametrize("model", ["tad-x2"], indirect=True)
def test_strips_give_what_whole_pictures_give(model, astronaut):
    picture = astronaut[:75, :61]
    parts = [picture[:1], picture[1:40], picture[40:40], picture[40:]]
    rows = whole(shrink_rows(parts, 61, 75, 3, model, 32))
    assert levels_apart(rows, shrunk(picture, 3, model, 10**4)) <= 1


@settings(max_examples=60)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    steps=st.sampled_from([1, 2, 3, 7]),
    bands=st.integers(1, 4),
    tile=st.sampled_from([8, 31, 512]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_every_size_comes_back(tiny_at, width, height, steps, bands, tile, dtype):
    model = tiny_at(2**steps)
    picture = noise(height, width, bands, dtype)
    colours = 1 if bands < 3 else 3
    small = shrunk(picture, colours, model, max(tile, 8))
    assert small.shape == (-(-height // 2**steps), -(-width // 2**steps), bands)
    assert small.dtype == np.uint8
    again = grown(small, (width, height), colours, model, tile, dtype)
    assert again.shape == picture.shape
    assert again.dtype == dtype


@pytest.fixture(scope="module")
def tiny_at(tiny):
    @lru_cache
    def at(scale):
        made = TAD(replace(tiny.config, scale=scale)).eval().requires_grad_(False)
        made.load_state_dict(tiny.state_dict())
        return made

    return at


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("colours", [1, 3])
def test_opaque_and_transparent_regions_stay_so(tiny_at, scale, dtype, top, colours):
    """All but within the reach of the seam, at every tile size."""
    model = tiny_at(scale)
    picture = noise(70, 90, colours + 1, dtype)
    picture[:, :45, -1], picture[:, 45:, -1] = 0, top
    for tile in (16, 512):
        small = shrunk(picture, colours, model, tile)
        again = grown(small, (90, 70), colours, model, tile, dtype)[..., -1]
        assert (again[:, : 45 - 2 * scale] == 0).all()
        assert (again[:, 45 + 2 * scale :] == top).all()


def test_half_transparency_stays_half(tiny):
    picture = noise(20, 20, 4)
    picture[..., 3] = 128
    small = shrunk(picture, 3, tiny, 512)
    assert (grown(small, (20, 20), 3, tiny, 512)[..., 3] == 128).all()


def test_grey_is_grown_from_the_mean_of_three_equal_colours(tiny):
    """A grey picture and its RGB twin have the same model under them."""
    grey = noise(16, 18, 1)
    small = shrunk(grey.repeat(3, 2), 3, tiny, 512).astype(float).mean(-1)
    np.testing.assert_allclose(shrunk(grey, 1, tiny, 512)[..., 0], small, atol=1)


def test_floats_come_back_unrounded_and_within_bounds(tiny):
    small = noise(9, 11)
    floats = grown(small, (22, 18), 3, tiny, 512, np.float32)
    assert floats.dtype == np.float32
    assert floats.min() >= 0
    assert floats.max() <= 1
    assert len(np.unique(floats)) > 256
    assert levels_apart(np.rint(floats * 255), grown(small, (22, 18), 3, tiny, 512)) == 0


def test_rows_are_pulled_through_in_bounded_memory(tiny_at):
    """Growing and shrinking by 4 hold a few strips, however tall the picture is."""
    model, tile = tiny_at(4), 32
    asked = 0

    def rows(height):
        nonlocal asked
        asked = 0
        for _ in range(height):
            asked += 1
            yield noise(1, 40)

    given_back = 0
    for block in shrink_rows(rows(2000), 40, 2000, 3, model, tile):
        given_back += len(block)
        assert asked <= given_back * 4 + 4 * (tile + 4 * model.halo)
    assert given_back == 500
    given_back = 0
    for block in grow_rows(rows(500), (40, 500), (160, 2000), 3, model, np.uint8, tile):
        given_back += len(block)
        assert asked <= given_back // 4 + tile + 4 * model.halo
    assert given_back == 2000
