import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from regrow.inference.resize import fitted, resampled
from regrow.nets.ops.resample import bicubic
from regrow.size import Size


def blocks_of(picture, heights):
    top = 0
    for height in heights:
        yield picture[top : top + height]
        top += height
    yield picture[top:]


side = st.integers(1, 60)


@settings(max_examples=100)
@given(size=st.tuples(side, side), wanted=st.tuples(side, st.integers(1, 200)), heights=st.lists(st.integers(0, 20)))
def test_rows_are_resampled_as_whole_pictures_are(size, wanted, heights):
    picture = np.random.default_rng(0).random((size[1], size[0], 3), np.float32)
    rows = np.concatenate(list(resampled(blocks_of(picture, heights), Size(*size), Size(*wanted), 3)))
    whole = bicubic(torch.from_numpy(picture).permute(2, 0, 1).double(), wanted[::-1]).permute(1, 2, 0).numpy()
    np.testing.assert_allclose(rows, whole, atol=2e-5)


@given(size=st.tuples(side, side), wanted=st.tuples(side, side))
def test_alpha_does_not_ring(size, wanted):
    picture = (np.random.default_rng(0).random((size[1], size[0], 2)) > 0.5).astype(np.float32)
    alpha = np.concatenate(list(resampled([picture], Size(*size), Size(*wanted), 1)))[..., 1]
    assert -1e-6 <= alpha.min() <= alpha.max() <= 1 + 1e-6
    opaque = np.concatenate(list(resampled([np.ones_like(picture)], Size(*size), Size(*wanted), 1)))[..., 1]
    np.testing.assert_allclose(opaque, 1, atol=1e-6)


def test_no_more_rows_are_held_than_the_kernel_needs():
    given_out = 0

    def rows():
        nonlocal given_out
        for _ in range(0, 4000, 8):
            given_out += 8
            yield np.zeros((8, 5, 3), np.float32)

    got = 0
    for block in resampled(rows(), Size(5, 4000), Size(9, 6000), 3):
        got += len(block)
        assert given_out <= got * 4000 / 6000 + 16
    assert got == 6000


@pytest.mark.parametrize(
    ("full", "small", "scale", "length"),
    [(641, 321, 2, 641), (640, 320, 2, 640), (1, 1, 128, 1), (640, 214, 4, 856), (300, 273, 2, 546), (7, 7, 1, 7)],
)
def test_sides_are_resampled_only_where_dividing_does_not_give_them(full, small, scale, length):
    assert fitted(full, small, scale) == length
