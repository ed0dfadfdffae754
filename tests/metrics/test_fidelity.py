import io
import json
from itertools import pairwise
from math import inf, isnan

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from regrow.errors import UsageError
from regrow.metrics.fidelity import (
    compare,
    for_json,
    luma_limited,
    psnr_rgb,
    psnr_small,
    psnr_y,
    round_8bit,
    ssim_rgb,
    ssim_y,
)

BORDER = 3


def noisy(x, rng, sigma):
    return x + rng.normal(0, sigma, x.shape)


def blurred(x, rng, sigma):
    return gaussian_filter(x.astype(float), (sigma, sigma, 0))


def through_jpeg(x, rng, quality):
    buffer = io.BytesIO()
    Image.fromarray(x).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def shifted(x, rng, pixels):
    return np.roll(x, (pixels, 2 * pixels), (0, 1))


def recolored(x, rng, gain):
    return x * np.array([gain, 1.0, 1 / gain]) + 3


DEGRADATIONS = [(noisy, 0.4), (noisy, 25), (blurred, 1.2), (through_jpeg, 30), (shifted, 1), (recolored, 0.9)]

# (name, rows, columns): odd sizes and windows, so that no two of the twenty are alike
CUTS = {
    "astronaut": (slice(0, 181), slice(150, 331)),
    "chelsea": (slice(40, 140), slice(60, 313)),
    "coffee": (slice(10, 210), slice(100, 111)),
    "rocket": (slice(250, 427), slice(300, 430)),
}


def twenty_pairs():
    for i in range(20):
        name = list(CUTS)[i % 4]
        degrade, strength = DEGRADATIONS[i % len(DEGRADATIONS)]
        yield pytest.param(name, degrade, strength, i, id=f"{i}-{name}-{degrade.__name__}")


def pair(name, degrade, strength, seed):
    original = np.ascontiguousarray(getattr(data, name)()[CUTS[name]])
    degraded = degrade(original, np.random.default_rng(seed), strength)
    return original, np.clip(np.round(degraded), 0, 255).astype(np.uint8)


def tensor(x):
    return torch.from_numpy(np.array(x)).permute(2, 0, 1).float() / 255


def reference_luma(x):
    """Kr = 0.299 and Kb = 0.114 of BT.601, full-range 8-bit RGB to the 219 steps of limited range."""
    r, g, b = np.moveaxis(x.astype(np.float64), -1, 0)
    return 16 + 219 / 255 * (0.299 * r + (1 - 0.299 - 0.114) * g + 0.114 * b)


def reference_ssim(a, b, **options):
    return structural_similarity(
        a, b, win_size=11, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, **options
    )


@pytest.mark.parametrize(("name", "degrade", "strength", "seed"), list(twenty_pairs()))
def test_rgb_and_y_equal_scikit_image(name, degrade, strength, seed):
    a, b = pair(name, degrade, strength, seed)
    x, y = tensor(a), tensor(b)
    assert psnr_rgb(x, y) == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=1e-4)
    assert ssim_rgb(x, y) == pytest.approx(reference_ssim(a, b, channel_axis=2), abs=1e-4)

    for border in {0, BORDER} if min(a.shape[:2]) >= 11 + 2 * BORDER else {0}:
        inside = slice(border, a.shape[0] - border), slice(border, a.shape[1] - border)
        la, lb = reference_luma(a)[inside], reference_luma(b)[inside]
        assert psnr_y(x, y, border) == pytest.approx(peak_signal_noise_ratio(la, lb, data_range=255), abs=1e-4)
        assert ssim_y(x, y, border) == pytest.approx(reference_ssim(la, lb), abs=1e-4)


@pytest.mark.parametrize(("level", "sigma"), [(250, 0.3), (254, 0.5), (200, 3), (20, 1)])
def test_ssim_of_flat_pictures_keeps_its_digits(level, sigma):
    """Where the variance is tiny beside the mean, float32 is off by 3e-4."""
    rng = np.random.default_rng(0)
    a, b = (np.clip(np.round(rng.normal(level, sigma, (64, 64, 3))), 0, 255).astype(np.uint8) for _ in "ab")
    assert ssim_rgb(tensor(a), tensor(b)) == pytest.approx(reference_ssim(a, b, channel_axis=2), abs=1e-6)


def test_luma_of_primaries():
    colors = torch.tensor([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
    expected = torch.tensor([16, 235, 81.481, 144.553, 40.966], dtype=torch.float64)
    assert torch.allclose(luma_limited(colors.T.reshape(3, 1, 5))[0, 0], expected, atol=1e-9)


def test_a_batch_gives_the_mean_of_its_pictures():
    a, b = torch.rand(2, 4, 3, 20, 30).unbind()
    for measure in (psnr_rgb, ssim_rgb, lambda x, y: psnr_y(x, y, 2), lambda x, y: ssim_y(x, y, 2)):
        assert measure(a, b) == pytest.approx(np.mean([measure(x, y) for x, y in zip(a, b, strict=True)]), abs=1e-9)


def test_equal_pictures_are_infinitely_alike_and_json_can_say_so():
    x = round_8bit(torch.rand(3, 12, 12))
    figures = compare(x, x)
    assert figures == {"rgb": {"psnr": inf, "ssim": pytest.approx(1)}, "y": {"psnr": inf, "ssim": pytest.approx(1)}}
    read = json.loads(json.dumps(for_json(figures), allow_nan=False))
    assert read["rgb"]["psnr"] == "inf"
    assert float(read["rgb"]["psnr"]) == inf


def test_pictures_too_small_to_measure():
    a, b = torch.zeros(3, 10, 40), torch.ones(3, 10, 40)
    assert psnr_rgb(a, b) == 0
    assert isnan(ssim_rgb(a, b))
    assert psnr_y(a, b, 4) == pytest.approx(20 * np.log10(255 / 219))
    assert isnan(psnr_y(a, b, 5))
    assert isnan(psnr_y(a, b, 6))
    assert isnan(ssim_y(torch.zeros(3, 12, 40), torch.zeros(3, 12, 40), 1))
    assert for_json(compare(a, b, 4)) == {
        "rgb": {"psnr": 0, "ssim": None},
        "y": {"psnr": pytest.approx(1.3219, abs=1e-4), "ssim": None},
    }


def test_compare_removes_the_scale_from_y_only():
    a = torch.rand(3, 30, 40)
    b = a.clone()
    b[:, :2] = b[:, :2].neg().add(1)
    with_border, without = compare(a, b, 2), compare(a, b)
    assert with_border["rgb"] == without["rgb"]
    assert with_border["y"]["psnr"] == inf
    assert without["y"]["psnr"] < 40


def test_small_against_pillow():
    """Away from the borders Pillow's antialiased bicubic is the same but for its rounding between the two passes."""
    original = data.coffee()[:200, :300]
    small = Image.fromarray(original).resize((150, 100), Image.Resampling.BICUBIC)
    assert psnr_small(tensor(small), tensor(original)) > 48


def test_a_grey_small_picture_is_measured_against_luma():
    original = data.coffee()[:200, :300]
    grey = Image.fromarray(original).convert("L").resize((150, 100), Image.Resampling.BICUBIC)
    assert psnr_small(tensor(np.array(grey)[..., None]), tensor(original)) > 48


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (8, 8), (17, 31)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_small_of_any_size(size, scale):
    original = torch.full((2, 3, *size), 0.2)
    small = torch.full((2, 3, *(-(-n // scale) for n in size)), 0.2)
    assert psnr_small(small, original) == pytest.approx(inf) or psnr_small(small, original) > 100
    assert psnr_small(round_8bit(small), original) == inf
    assert psnr_small(small + 10 / 255, original) == pytest.approx(20 * np.log10(25.5), abs=1e-4)


def test_more_noise_scores_less():
    a = data.astronaut()[:60, :60]
    scores = [compare(tensor(a), tensor(np.clip(noisy(a, np.random.default_rng(0), s), 0, 255))) for s in (2, 8, 32)]
    for better, worse in pairwise(scores):
        assert all(better[p][m] > worse[p][m] for p in ("rgb", "y") for m in ("psnr", "ssim"))


@pytest.mark.parametrize(
    "measure", [psnr_rgb, ssim_rgb, lambda a, b: psnr_y(a, b, 0), lambda a, b: ssim_y(a, b, 0), compare]
)
def test_sizes_that_differ_are_named(measure):
    with pytest.raises(UsageError, match=r"640x427.*641x427"):
        measure(torch.zeros(3, 427, 640), torch.zeros(3, 427, 641))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: psnr_rgb(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)), r"\(1, 4, 4\)"),
        (lambda: psnr_rgb(torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(3, 4, 4)), "uint8"),
        (lambda: psnr_rgb(torch.zeros(3, 0, 4), torch.zeros(3, 0, 4)), r"\(3, 0, 4\)"),
        (lambda: psnr_y(torch.zeros(3, 4, 4), torch.zeros(3, 4, 4), -1), "-1"),
        (lambda: psnr_small(torch.zeros(2, 2, 2), torch.zeros(3, 5, 5)), r"\(2, 2, 2\)"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, words):
    with pytest.raises(UsageError, match=words):
        call()
