"""What a deep image prior is made of: operators, stopping, pieces of large pictures, settings."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import sinc
from scipy.stats import ttest_rel
from torch import nn

from regrow.errors import UsageError
from regrow.priors.operators import Features, Lanczos, Masked
from regrow.priors.options import Prior
from regrow.priors.problems import Problem, denoising, enlarging, halved, inpainting
from regrow.priors.settings import NETS, Settings, settings_for
from regrow.priors.stopping import SAMPLES, EarlyStop, ExponentialVariance, WindowedVariance, as_good, held_out
from regrow.priors.tiles import Blend, boxes


@pytest.mark.parametrize("small", [(20, 16), (10, 8), (13, 9), (40, 32), (57, 33)], ids=str)
def test_lanczos_is_that_of_pillow(camera, small):
    picture = camera[100:140, 200:232].astype(np.float32) / 255
    expected = Image.fromarray(picture).resize(small[::-1], Image.Resampling.LANCZOS)
    found = Lanczos((40, 32), small, lobes=3)(torch.from_numpy(picture)[None, None])
    assert found.shape == (1, 1, *small)
    np.testing.assert_allclose(found[0, 0], np.asarray(expected), atol=1e-5)


def test_lanczos_of_two_lobes_by_brute_force():
    weights = Lanczos((12, 12), (3, 3)).down
    for j in range(3):
        expected = np.zeros(12)
        for i in range(12):
            t = ((i + 0.5) - (j + 0.5) * 4) / 4
            expected[i] = sinc(t) * sinc(t / 2) if abs(t) < 2 else 0
        np.testing.assert_allclose(weights[j], expected / expected.sum(), atol=1e-6)


def test_masked_is_scaled_to_what_is_known():
    known = torch.tensor([[True, False], [True, True]])
    operator, x = Masked(known), torch.rand(1, 3, 2, 2)
    found = operator(x)
    assert found[0, :, 0, 1].eq(0).all()
    assert found.square().mean() == pytest.approx(x[..., known].square().mean())
    with pytest.raises(UsageError, match="covers all"):
        Masked(~known & known)


def test_features_are_those_of_the_layer():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    operator = Features(net, "1")
    torch.testing.assert_close(operator(x), net[1](net[0](x)))
    operator(x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert net[0].weight.grad is None
    assert not net[1]._forward_hooks
    with pytest.raises(UsageError, match="layer 'relu': not in the net; it has 0, 1, 2"):
        Features(net, "relu")


def test_problems_say_what_was_measured():
    picture, missing = torch.rand(1, 3, 6, 8), torch.zeros(6, 8, dtype=torch.bool)
    missing[2:4, 3:5] = True
    problem = denoising(picture)
    assert (problem.size, problem.colors) == ((6, 8), 3)
    assert problem.operator(picture) is problem.measured
    problem = inpainting(picture, missing)
    torch.testing.assert_close(problem.operator(picture + missing), problem.measured)
    problem = enlarging(picture[:, :1], (24, 32))
    assert (problem.size, problem.colors) == ((24, 32), 1)
    assert problem.operator(torch.full((1, 1, 24, 32), 0.5)).shape == problem.measured.shape
    assert Problem(measured=torch.ones(1, requires_grad=True), operator=torch.sum, size=(1, 1)).on(
        torch.device("cpu")
    ).measured.requires_grad is False  # fmt: skip


def test_half_the_size_is_the_mean_of_what_is_known():
    picture, missing = torch.arange(16.0).view(1, 1, 4, 4) / 16, torch.zeros(4, 4, dtype=torch.bool)
    missing[0, 0], missing[2:, 2:] = True, True
    half, gone = halved(picture, missing)
    assert gone.tolist() == [[False, False], [False, True]]
    assert half[0, 0, 0].tolist() == pytest.approx([(1 + 4 + 5) / 48, (2 + 3 + 6 + 7) / 64])
    assert halved(torch.rand(1, 3, 5, 7), None)[0].shape == (1, 3, 3, 4)


@pytest.mark.parametrize("window", [1, 4])
def test_the_windowed_variance_by_brute_force(window):
    iterates = torch.rand(9, 1, 3, 2, 2)
    variance = WindowedVariance(window)
    for i, x in enumerate(iterates):
        found = variance.add(x)
        if i + 1 < window:
            assert found is None
        else:
            expected = iterates[i + 1 - window : i + 1].double().numpy().var(0).mean()
            assert found == pytest.approx(expected, abs=1e-7)


def test_the_exponential_variance_by_brute_force():
    iterates = torch.rand(9, 1, 3, 2, 2)
    variance = ExponentialVariance(0.2)
    mean, expected = iterates[0].double(), 0.0
    assert variance.add(iterates[0]) is None
    for x in iterates[1:].double():
        expected = 0.8 * expected + 0.2 * 0.8 * float((x - mean).square().mean())
        mean = 0.8 * mean + 0.2 * x
        assert variance.add(x.float()) == pytest.approx(expected, rel=1e-5)


def test_of_large_iterates_samples_are_looked_at():
    """Enough that the variance is about that of all."""
    variances = [kind() for kind in (lambda: WindowedVariance(5), ExponentialVariance)]
    for _ in range(6):
        x = 0.1 * torch.randn(1, 3, 256, 256)
        found = [variance.add(x) for variance in variances]
    assert variances[0].state["window"].shape == (5, SAMPLES)
    assert found[0] == pytest.approx(0.01 * 4 / 5, rel=0.05)


@pytest.mark.parametrize("kind", [lambda: WindowedVariance(10), lambda: ExponentialVariance(0.1)])
def test_it_stops_where_iterates_vary_least(kind):
    """They move less and less until iteration 60, and more and more after it."""
    torch.manual_seed(1)
    variance, stop, found = kind(), EarlyStop(patience=30, warm=10), []
    for iteration in range(1, 200):
        if stop.add(variance.add((0.01 + abs(iteration - 60) / 60) * torch.randn(1, 1, 32, 32))):
            found.append(iteration)
        if stop.over:
            break
    assert stop.best_iteration == found[-1]
    assert found[0] == 11
    assert 60 <= stop.best_iteration <= 75
    assert iteration == stop.best_iteration + 30


@pytest.mark.parametrize(("size", "expected"), [((2, 1), 1), ((40, 50), 50), ((80, 100), 200), ((200, 300), 300)])
def test_a_little_of_what_is_known_is_held_out(size, expected):
    """A hundredth; of few a twentieth at most."""
    known = torch.ones(size, dtype=torch.bool)
    known[:, size[1] // 2 :] = size[1] == 1
    held = held_out(known, 200, seed=3)
    assert held.sum() == expected
    assert not (held & ~known).any()
    assert torch.equal(held, held_out(known, 200, seed=3))
    assert size == (2, 1) or not torch.equal(held, held_out(known, 200, seed=4))


def test_one_known_pixel_is_too_few():
    with pytest.raises(UsageError, match="1 known: too few to hold some out"):
        held_out(torch.tensor([[True, False]]), 200, 0)


def test_as_good_is_within_standard_errors_of_the_difference():
    """That of the t test for pairs, in units of its error."""
    random = np.random.default_rng(0)
    best = random.random(500)
    errors = best + 0.1 * random.standard_normal(500) + 0.01
    t = ttest_rel(errors, best).statistic
    assert 0.5 < t < 2
    tensors = torch.from_numpy(errors), torch.from_numpy(best)
    assert as_good(*tensors, margin=1.01 * t)
    assert not as_good(*tensors, margin=0.99 * t)
    assert as_good(*tensors[::-1], margin=0)


def test_it_goes_on_while_nothing_is_known():
    variance, stop = WindowedVariance(50), EarlyStop(patience=5)
    for _ in range(40):
        assert not stop.add(variance.add(torch.rand(4)))
    assert not stop.over
    still = EarlyStop(patience=5, warm=3)
    for _ in range(9):
        assert not still.add(float("nan"))
    assert not still.over


@pytest.mark.parametrize(
    ("size", "most", "count"),
    [((30, 40), 1200, 1), ((30, 41), 1200, 2), ((100, 10), 400, 3), ((100, 100), 1600, 9), ((33, 77), 900, 6)],
)
def test_boxes_cover_a_picture(size, most, count):
    found, seen = boxes(size, most, 4), np.zeros(size, int)
    for (top, bottom), (left, right) in found:
        assert 0 <= top < bottom <= size[0]
        assert 0 <= left < right <= size[1]
        assert (bottom - top) * (right - left) <= most
        seen[top:bottom, left:right] += 1
    assert len(found) == count
    assert seen.min() == 1
    if count > 1:
        tops = sorted({rows for rows, _ in found})
        assert all(before[1] - after[0] >= 4 for before, after in pairwise(tops))


def test_pieces_of_a_picture_blend_into_it():
    picture, blend = torch.rand(1, 3, 50, 37), Blend(3, (50, 37))
    for box in boxes((50, 37), 400, 4):
        (top, bottom), (left, right) = box
        blend.add(picture[..., top:bottom, left:right], box, 4)
    torch.testing.assert_close(blend.picture, picture)


def test_one_piece_fades_into_the_next():
    blend = Blend(1, (1, 20))
    for value, span in ((0.0, (0, 12)), (1.0, (8, 20))):
        blend.add(torch.full((1, 1, 1, 12), value), ((0, 1), span), 4)
    row = blend.picture[0, 0, 0]
    assert row[:8].eq(0).all()
    assert row[12:].eq(1).all()
    torch.testing.assert_close(row[8:12], torch.tensor([0.2, 0.4, 0.6, 0.8]))


def test_settings_of_tasks():
    assert settings_for("denoise").stop == "held-out"
    assert settings_for("dejpeg").stop == settings_for("upscale", stop=True).stop == "windowed"
    assert settings_for("denoise", stop=False).stop == "none"
    assert settings_for("inpaint", stop=True).stop == settings_for("inpaint").stop == "held-out"
    assert settings_for("upscale", iterations=7, seed=None).iterations == 7
    assert settings_for("inpaint").net["upsampling"] == "nearest"
    assert settings_for("inpaint", net="unet").net == NETS["unet"]
    assert Prior(iterations=3, net="paper").settings("dejpeg").net == {"architecture": "hourglass"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Settings(iterations=0), "iterations 0: must be from 1 to"),
        (lambda: Settings(average=1), "average 1: must be"),
        (lambda: Settings(rate=float("nan")), "rate nan"),
        (lambda: Settings(stop="soon"), "stop 'soon': is none of none, windowed, exponential, held-out"),
        (lambda: Settings(input="zeros"), "input 'zeros'"),
        (lambda: settings_for("denoise", net="large"), "net 'large': is none of fast, paper, unet, resnet"),
        (lambda: Prior(half=-1).settings("denoise"), "half -1"),
        (lambda: Prior(every=0).settings("denoise"), "every 0"),
    ],
)
def test_settings_that_cannot_be(make, words):
    with pytest.raises(UsageError, match=words):
        make()
