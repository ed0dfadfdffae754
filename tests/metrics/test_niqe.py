from math import gamma, isnan

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate, gaussian_filter
from support.references import imresize

from regrow.errors import UsageError
from regrow.metrics import niqe as module
from regrow.metrics.fidelity import round_8bit
from regrow.metrics.niqe import aggd, fit, fitted, ggd, mscn, niqe, patches, statistics


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def as_tensor(picture):
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1) / 255


def magnitudes(rng, shape, scale, n):
    """Of samples from exp(-(|x| / scale)^shape): a power of gamma-distributed ones."""
    return scale * rng.gamma(1 / shape, size=n) ** (1 / shape)


@pytest.mark.parametrize("shape", [0.5, 1, 2, 4])
def test_the_shape_of_a_known_distribution_is_found(rng, shape):
    x = magnitudes(rng, shape, 1.7, 400_000) * rng.choice([-1, 1], 400_000)
    found, variance = ggd(x)
    assert found == pytest.approx(shape, rel=0.02)
    assert variance == pytest.approx(1.7**2 * gamma(3 / shape) / gamma(1 / shape), rel=0.03)


@pytest.mark.parametrize(("shape", "left", "right"), [(0.7, 1, 2), (1, 3, 0.5), (2, 1, 1.5), (3, 0.2, 0.1)])
def test_both_sides_of_a_known_distribution_are_found(rng, shape, left, right):
    """A sample falls on a side as often as the side is wide."""
    n = 600_000
    on_left = rng.random(n) < left / (left + right)
    x = magnitudes(rng, shape, 1.0, n) * np.where(on_left, -left, right)
    found, mean, below, above = aggd(x)
    spread = gamma(3 / shape) / gamma(1 / shape)
    assert found == pytest.approx(shape, rel=0.03)
    assert below == pytest.approx(left**2 * spread, rel=0.03)
    assert above == pytest.approx(right**2 * spread, rel=0.03)
    assert mean == pytest.approx((right - left) * gamma(2 / shape) / gamma(1 / shape), abs=0.02)
    assert mean == pytest.approx(x.mean(), abs=0.02)


def test_what_has_no_shape_has_none():
    assert all(map(isnan, (*ggd(np.zeros(9)), *aggd(np.zeros(9)), *aggd(np.ones(9)))))


def by_hand(grey):
    """The normalised coefficients by one two-dimensional window, as scipy applies it."""
    y, x = np.mgrid[-3:4, -3:4]
    window = np.exp(-(x**2 + y**2) / (2 * (7 / 6) ** 2))
    window /= window.sum()
    mean = correlate(grey, window, mode="nearest")
    deviation = np.sqrt(np.abs(correlate(grey**2, window, mode="nearest") - mean**2))
    return (grey - mean) / (deviation + 1), deviation


def test_the_coefficients_are_those_of_scipy(camera):
    grey = camera[:60, :75].astype(np.float64)
    for found, expected in zip(mscn(grey), by_hand(grey), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_features_are_those_of_each_patch(astronaut):
    """Patch by patch, at both scales, with the neighbours' products written as a loop."""
    picture = astronaut[:200, :300]  # two patches down and three across
    features, sharpness = patches(as_tensor(picture))
    assert features.shape == (6, 36)
    grey = picture[:192, :288] @ np.array([0.299, 0.587, 0.114])
    half = imresize(grey[..., None], (144, 96))[..., 0]
    for scale, whole in enumerate((grey, half)):
        coefficients, deviation = by_hand(whole)
        side = 96 >> scale
        for i in range(6):
            cut = np.s_[i // 3 * side : (i // 3 + 1) * side, i % 3 * side : (i % 3 + 1) * side]
            patch = coefficients[cut]
            expected = [*ggd(patch)]
            for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
                columns = range(max(0, -dx), side - max(0, dx))
                products = [patch[y, x] * patch[y + dy, x + dx] for y in range(side - dy) for x in columns]
                expected += aggd(np.array(products))
            np.testing.assert_allclose(features[i, 18 * scale : 18 * (scale + 1)], expected, rtol=1e-3, atol=1e-4)
            if not scale:
                assert sharpness[i] == pytest.approx(deviation[cut].mean())


def test_the_figure_is_the_distance_of_the_paper(astronaut, coffee):
    natural = fit([as_tensor(astronaut), as_tensor(coffee)])
    features, _ = patches(as_tensor(coffee[:192]))
    away = features.mean(0) - natural.mean
    pooled = (np.cov(features.T) + natural.covariance) / 2
    expected = np.sqrt(away @ np.linalg.pinv(pooled, hermitian=True) @ away)
    assert niqe(as_tensor(coffee[:192]), natural) == pytest.approx(expected)


def test_only_sharp_patches_are_learnt_from(astronaut, monkeypatch):
    picture = as_tensor(astronaut)
    features, sharpness = patches(picture)
    chosen = features[sharpness > 0.75 * sharpness.max()]
    assert 1 < len(chosen) < len(features) / 2
    for found, expected in zip(fit([picture]), statistics(chosen), strict=True):
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(statistics(features).covariance, np.cov(features.T), atol=1e-12)
    with pytest.raises(UsageError, match="0 patches"):
        fit([picture[:, :50]])


def test_what_is_shipped_tells_good_pictures_from_bad(astronaut, coffee, rng):
    mean, covariance = fitted()
    assert (mean.shape, covariance.shape) == ((36,), (36, 36))
    assert np.linalg.eigvalsh(covariance).min() > 0
    for picture in (astronaut, coffee):
        blurred = [gaussian_filter(picture, (s, s, 0)) for s in (1, 2)]
        noisy = [np.clip(picture + rng.normal(0, s, picture.shape), 0, 255).astype(np.uint8) for s in (10, 30)]
        for worse in (blurred, noisy):
            figures = [niqe(round_8bit(as_tensor(x))) for x in (picture, *worse)]
            assert figures == sorted(figures)
            assert figures[2] > figures[0] + 2


def test_pictures_without_a_patch_have_no_figure(astronaut):
    assert isnan(niqe(as_tensor(astronaut[:95])))
    assert isnan(niqe(torch.full((3, 200, 200), 0.5)))
    assert niqe(as_tensor(astronaut[200:296, 200:296])) > 0  # of one patch
    for wrong in (torch.zeros(1, 200, 200), torch.zeros(3, 200, 200, dtype=torch.uint8), torch.zeros(1, 3, 200, 200)):
        with pytest.raises(UsageError, match="float tensor"):
            niqe(wrong)


def test_statistics_are_kept_as_they_are(astronaut, tmp_path, monkeypatch):
    natural = fit([as_tensor(astronaut)])
    module.save(natural, tmp_path / "new" / "n.safetensors")
    monkeypatch.setattr(module, "_FITTED", tmp_path / "new" / "n.safetensors")
    for found, expected in zip(fitted.__wrapped__(), natural, strict=True):
        np.testing.assert_array_equal(found, expected)
