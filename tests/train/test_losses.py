"""Losses against independent references: scikit-image, numpy, and formulas by hand."""

import re

import numpy as np
import pytest
import skimage.data
import torch
from scipy.ndimage import correlate1d
from skimage.metrics import structural_similarity

from regrow.errors import UsageError
from regrow.train import losses, similarity
from regrow.train.losses import DISTANCES, charbonnier, distance, l1, l2, total_variation
from regrow.train.similarity import ms_ssim, ms_ssim_l1, ssim

NEAR = {"noisy": 0.1, "very noisy": 0.5, "nearly alike": 0.002}


def pair(how, side=180):
    """Two pictures, (side, side + 9, 3) float64."""
    a = skimage.data.astronaut()[40 : 40 + side, 100 : 109 + side] / 255
    rng = np.random.default_rng(0)
    if how == "flat":
        return np.full_like(a, 0.9), np.full_like(a, 0.9) + 0.001 * rng.standard_normal(a.shape)
    return a, (a + NEAR[how] * rng.standard_normal(a.shape)).clip(0, 1)


def tensors(*pictures):
    return [torch.from_numpy(p).permute(2, 0, 1)[None].float() for p in pictures]


def windowed(x):
    """The Gaussian window over its valid region, in float64."""
    window = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    for axis in (0, 1):
        x = correlate1d(x, window / window.sum(), axis)
    return x[5:-5, 5:-5]


def pooled(x):
    h, w = (n // 2 * 2 for n in x.shape[:2])
    return (x[:h:2, :w:2] + x[1:h:2, :w:2] + x[:h:2, 1:w:2] + x[1:h:2, 1:w:2]) / 4


def reference_ms_ssim(a, b, weights):
    """MS-SSIM of the channels as Wang et al. 2003 write it: contrast and structure of every scale, luminance of one."""
    figure = np.ones(3)
    for scale, weight in enumerate(weights):
        ma, mb = windowed(a), windowed(b)
        va, vb = windowed(a * a) - ma * ma, windowed(b * b) - mb * mb
        cs = (2 * (windowed(a * b) - ma * mb) + 0.03**2) / (va + vb + 0.03**2)
        if scale == len(weights) - 1:
            cs = cs * (2 * ma * mb + 0.01**2) / (ma * ma + mb * mb + 0.01**2)
        figure *= cs.mean((0, 1)) ** weight
        a, b = pooled(a), pooled(b)
    return figure.mean()


@pytest.mark.parametrize("how", [*NEAR, "flat"])
def test_ssim_is_that_of_scikit_image(how):
    a, b = pair(how)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    _, full = structural_similarity(a, b, channel_axis=2, full=True, **options)
    assert 1 - ssim(*tensors(a, b)).item() == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-5)


@pytest.mark.parametrize("how", [*NEAR, "flat"])
def test_ms_ssim_is_that_of_the_paper(how):
    a, b = pair(how)
    expected = reference_ms_ssim(a, b, (0.0448, 0.2856, 0.3001, 0.2363, 0.1333))
    assert 1 - ms_ssim(*tensors(a, b)).item() == pytest.approx(expected, abs=1e-5)


def test_small_pictures_have_fewer_scales():
    assert [similarity.scales(n) for n in (11, 21, 22, 44, 88, 96, 175, 176, 2000)] == [1, 1, 2, 3, 4, 4, 4, 5, 5]
    a, b = pair("noisy", 50)
    first = np.array([0.0448, 0.2856, 0.3001])
    expected = reference_ms_ssim(a, b, first / first.sum() * 1.0001)
    assert 1 - ms_ssim(*tensors(a, b)).item() == pytest.approx(expected, abs=1e-5)
    for measure in (ssim, ms_ssim, ms_ssim_l1):
        with pytest.raises(UsageError, match="10 pixels"):
            measure(torch.rand(1, 3, 10, 40), torch.rand(1, 3, 10, 40))


def test_the_mix_weights_differences_by_the_coarsest_window():
    a, b = pair("noisy")
    away = np.abs(a - b)
    for _ in range(4):
        away = pooled(away)
    expected = 0.84 * (1 - reference_ms_ssim(a, b, similarity.WEIGHTS)) + 0.16 * windowed(away).mean()
    assert ms_ssim_l1(*tensors(a, b)).item() == pytest.approx(expected, abs=1e-5)


def test_charbonnier_and_total_variation():
    a, b = torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7)
    x, y = a.double().numpy(), b.double().numpy()
    assert charbonnier(a, b).item() == pytest.approx(np.sqrt((x - y) ** 2 + 1e-6).mean(), rel=1e-5)
    expected = np.abs(np.diff(x, axis=2)).mean() + np.abs(np.diff(x, axis=3)).mean()
    assert total_variation(a, b).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("case", ["alike", "apart", "flat", "opposite"])
def test_gradients_are_finite(name, case):
    b = torch.rand(2, 3, 48, 48)
    a = {"alike": b, "apart": torch.rand(2, 3, 48, 48), "flat": torch.zeros_like(b), "opposite": 1 - b}[case]
    a = a.clone().requires_grad_()
    value = DISTANCES[name](a, b)
    value.backward()
    assert value.shape == ()
    assert value >= 0
    assert a.grad.isfinite().all()


def test_a_batch_counts_as_the_mean_of_its_pictures():
    a, b = torch.rand(3, 3, 48, 48), torch.rand(3, 3, 48, 48)
    a = torch.lerp(a, b, torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1, 1))
    for measure in DISTANCES.values():
        alone = [measure(a[i : i + 1], b[i : i + 1]).item() for i in range(3)]
        assert measure(a, b).item() == pytest.approx(np.mean(alone), abs=1e-6)


def test_sums_are_named_in_words():
    a, b = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    found = distance("l1 + 0.1 ssim + 2e-3 tv")(a, b)
    assert found.item() == pytest.approx((l1(a, b) + 0.1 * ssim(a, b) + 0.002 * total_variation(a, b)).item())
    assert distance("0.5 l2")(a, b).item() == pytest.approx(0.5 * l2(a, b).item())
    assert distance("l1") is losses.l1


@pytest.mark.parametrize("words", ["l3", "l1 + 0.1 sim", "l1 0.1", "l1 +", "", "-1 l1", "0.1ssim", "l1 ssim", "0,1 l1"])
def test_sums_that_cannot_be_read_are_usage_errors(words):
    with pytest.raises(UsageError, match=re.escape(f"loss {words!r} is not known; known are l1, l2")):
        distance(words)


def test_a_weight_that_is_no_number_is_named():
    with pytest.raises(UsageError, match=r"'1\.2\.3' is no weight"):
        distance("l1 + 1.2.3 ssim")
