import shutil
from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from regrow.nets.ops.resample import bicubic, bicubic_by, bicubic_phases


def cubic(t):
    """Keys' kernel with a = -0.5."""
    t = abs(t)
    if t <= 1:
        return 1.5 * t**3 - 2.5 * t**2 + 1
    if t <= 2:
        return -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
    return 0.0


def matrix(n, m):
    """The weights of n samples in each of m, by walking over every tap as MATLAB's `imresize` defines it."""
    shrink = min(1.0, m / n)
    weights = np.zeros((m, n))
    for i in range(m):
        centre = (i + 0.5) * n / m - 0.5
        reach = int(np.ceil(2 / shrink)) + 1
        for tap in range(int(np.floor(centre)) - reach, int(np.ceil(centre)) + reach + 1):
            inside = tap
            while not 0 <= inside < n:  # mirrored at the outer edge of the first and of the last sample
                inside = -1 - inside if inside < 0 else 2 * n - 1 - inside
            weights[i, inside] += cubic(shrink * (centre - tap))
    return weights / weights.sum(axis=1, keepdims=True)


def reference(x, size):
    """(..., H, W) by two brute-force matrix products in float64."""
    return matrix(x.shape[-2], size[0]) @ x @ matrix(x.shape[-1], size[1]).T


SIZES = [
    ((16, 24), (8, 12)),
    ((16, 24), (4, 6)),
    ((24, 36), (8, 12)),
    ((8, 12), (16, 24)),
    ((5, 7), (20, 28)),
    ((7, 9), (21, 27)),
    ((13, 17), (5, 6)),
    ((11, 10), (7, 23)),
    ((64, 3), (2, 1)),
    ((1, 1), (1, 1)),
    ((1, 1), (4, 3)),
    ((2, 3), (1, 1)),
    ((3, 5), (1, 2)),
    ((1, 37), (1, 19)),
    ((2, 2), (9, 8)),
    ((40, 41), (40, 41)),
]


@pytest.mark.parametrize(("size", "to"), SIZES)
def test_equals_matlab_imresize(size, to):
    x = np.random.default_rng(0).random((2, 3, *size))
    ours = bicubic(torch.from_numpy(x), to)
    assert ours.shape == (2, 3, *to)
    assert np.abs(ours.numpy() - reference(x, to)).max() < 1e-9


@pytest.mark.parametrize(("size", "to"), SIZES)
def test_float32_is_close(size, to):
    x = np.random.default_rng(1).random((1, 1, *size), dtype=np.float32)
    ours = bicubic(torch.from_numpy(x), to)
    assert ours.dtype == torch.float32
    assert np.abs(ours.numpy() - reference(x.astype(np.float64), to)).max() < 1e-5


@pytest.mark.parametrize("scale", [2, 3, 4, 2.5])
def test_equals_pillow_away_from_the_borders(scale):
    x = data.camera()[:240, :300].astype(np.float32)
    to = int(240 / scale), int(300 / scale)
    pillow = np.asarray(Image.fromarray(x).resize(to[::-1], Image.Resampling.BICUBIC))
    ours = bicubic(torch.from_numpy(x)[None, None], to)[0, 0].numpy()
    assert np.abs(ours - pillow)[3:-3, 3:-3].max() < 1e-2
    assert np.abs(ours - pillow).max() > 1, "Pillow leaves out what is beyond the border, MATLAB mirrors it"


def test_channels_and_pictures_do_not_mix():
    x = torch.rand(2, 3, 9, 14)
    whole = bicubic(x, (5, 20))
    for picture, resampled in zip(x.flatten(0, 1), whole.flatten(0, 1), strict=True):
        assert torch.allclose(bicubic(picture[None, None], (5, 20))[0, 0], resampled, atol=1e-6)
    assert torch.allclose(bicubic(x[0], (5, 20)), whole[0], atol=1e-6)


def test_a_flat_picture_stays_flat():
    assert torch.allclose(bicubic(torch.full((1, 3, 31, 17), 0.3), (9, 40)), torch.tensor(0.3), atol=1e-6)


def test_overshoots_are_kept():
    edge = torch.zeros(1, 1, 8, 8)
    edge[..., 4:] = 1
    large = bicubic(edge, (16, 16))
    assert large.min() < -0.01
    assert large.max() > 1.01


def test_gradients_flow():
    x = torch.rand(1, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: bicubic(t, (4, 3)), x)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("size", [(9, 11), (1, 5), (2, 2)])
def test_shuffled_phases_are_the_enlarged_picture(scale, size):
    x = torch.rand(2, 3, *size)
    expected = bicubic(x, (size[0] * scale, size[1] * scale))
    torch.testing.assert_close(torch.nn.functional.pixel_shuffle(bicubic_phases(x, scale), scale), expected)


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="no compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the compiler itself
def test_compiled_it_is_the_same():
    """As nets are trained: a compiler that gets an index wrong reads whatever lies in memory."""
    x = torch.rand(2, 3, 8, 12)
    for factor in (2, Fraction(1, 2)):
        compiled = torch.compile(bicubic_by, dynamic=False)
        torch.testing.assert_close(compiled(x, factor), bicubic_by(x, factor), rtol=0, atol=1e-5)


FACTORS = ["1/2", "2", "1/4", "4", "3/2", "2/3", "3", "1/3", "8", "1"]


@pytest.mark.parametrize("across", FACTORS)
@pytest.mark.parametrize("down", FACTORS)
def test_by_a_factor_is_the_same_as_convolutions_and_as_kernels_of_the_size(down, across, monkeypatch):
    down, across = Fraction(down), Fraction(across)
    for cells in ((1, 1), (2, 5), (9, 4)):
        x = torch.rand(2, 3, *(n * by.denominator for n, by in zip(cells, (down, across), strict=True)))
        size = tuple(n * by.numerator for n, by in zip(cells, (down, across), strict=True))
        expected = torch.from_numpy(reference(x.double().numpy(), size)).float()
        for exporting in (False, True):
            monkeypatch.setattr(torch.compiler, "is_exporting", lambda said=exporting: said)
            torch.testing.assert_close(bicubic_by(x, down, across), expected, rtol=0, atol=5e-5)
