import numpy as np
import pytest
import torch
from support.models import learned_pair

from regrow.inference.any_scale import grow_rows, shrink_rows
from regrow.size import Size


@pytest.fixture(scope="module")
def pair():
    return learned_pair()


@pytest.mark.parametrize(
    ("full", "small"),
    [
        ((300, 200), (200, 133)),
        ((97, 301), (40, 81)),
        ((3, 2), (2, 1)),
        ((1, 1), (1, 1)),
        ((256, 5), (233, 2)),
        ((90, 400), (89, 101)),
    ],
)  # fmt: skip
def test_tiles_make_what_the_whole_makes(pair, full, small):
    full, small = Size(*full), Size(*small)
    picture = np.random.default_rng(0).random((full.height, full.width, 3), dtype=np.float32)
    rows = np.array_split(picture, 3)
    made = np.concatenate(list(shrink_rows(rows, full, 3, pair, small, tile=64)))
    x = torch.from_numpy(picture).permute(2, 0, 1)[None]
    expected = pair.shrink(x, (small.height, small.width)).clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(made - expected).max() < 0.51
    y = torch.from_numpy(made).permute(2, 0, 1)[None] / 255
    expected = pair.grow(y, (full.height, full.width)).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    again = np.concatenate(list(grow_rows([made], small, full, 3, 3, pair, np.float32, tile=64)))
    np.testing.assert_allclose(again, expected, atol=1e-4)


def test_grey_and_alpha_go_through(pair):
    full, small = Size(40, 30), Size(25, 20)
    grey = np.full((30, 40, 2), 255, np.uint8)
    grey[..., 0] = np.arange(40) * 6
    made = np.concatenate(list(shrink_rows([grey], full, 1, pair, small)))
    assert made.shape == (20, 25, 2)
    assert (made[..., 1] == 255).all()
    again = np.concatenate(list(grow_rows([made], small, full, 1, 1, pair)))
    assert again.shape == (30, 40, 2)
    assert (again[..., 1] == 255).all()
