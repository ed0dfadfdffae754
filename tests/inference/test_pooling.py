"""Against PyTorch's pooling."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from regrow.inference.pooling import around, box_mean, largest, mean

SIZES = [(1, 1), (1, 7), (5, 3), (40, 33)]


def tensor(x):
    return torch.from_numpy(x).permute(2, 0, 1)[None]


def array(x):
    return x[0].permute(1, 2, 0).numpy()


@pytest.fixture(params=SIZES)
def picture(request):
    return np.random.default_rng(0).random((*request.param, 3), np.float32)


@pytest.mark.parametrize("radius", [0, 1, 4, 50])
def test_box_mean(picture, radius):
    expected = array(F.avg_pool2d(tensor(picture), 2 * radius + 1, 1, radius, count_include_pad=False))
    np.testing.assert_allclose(box_mean(picture, radius), expected, atol=1e-6)


def test_around(picture):
    np.testing.assert_array_equal(around(picture), array(F.max_pool2d(tensor(picture), 3, 1, 1)))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 5), (40, 33), (80, 50)])
def test_what_pixels_of_another_size_cover(picture, size):
    np.testing.assert_array_equal(largest(picture, size), array(F.adaptive_max_pool2d(tensor(picture), size)))
    np.testing.assert_allclose(mean(picture, size), array(F.adaptive_avg_pool2d(tensor(picture), size)), atol=1e-6)
