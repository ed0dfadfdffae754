from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from regrow.metrics import temporal
from regrow.metrics.temporal import Motion, consistency, motion, optical_flow, tof, warping_error

STEP = (2, -3)


@pytest.fixture(scope="module")
def clip(astronaut):
    """Four frames of a camera that moves by whole pixels, (4, 64, 96, 3) uint8, none brighter than 235."""
    y, x = STEP
    frames = [astronaut[100 + y * t :, 200 + x * t :][:64, :96] for t in range(4)]
    return np.minimum(frames, 235).astype(np.uint8)


def camera_motion(height=64, width=96, step=STEP):
    """How the camera's pictures really move."""
    flow = np.broadcast_to(np.array(step, np.float32)[:, None, None], (2, height, width))
    rows, columns = np.indices((height, width)) + flow
    return Motion(flow, (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width))


def sampled(picture, y, x):
    """One value of a (H, W) picture between its pixels, from the definition of linear interpolation."""
    height, width = picture.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), height - 2), min(int(x), width - 2)
    b, a = y - top, x - left
    (p, q), (r, s) = picture[top : top + 2, left : left + 2]
    return (1 - b) * ((1 - a) * p + a * q) + b * ((1 - a) * r + a * s)


def test_a_clip_that_only_moves_has_no_warping_error(clip):
    true = camera_motion()
    assert true.seen.sum() == 62 * 93
    for before, now in pairwise(clip):
        assert warping_error(before, now, true) == 0
    assert warping_error(clip[0], clip[1], camera_motion(step=(0, 0))) > 5


def test_the_motion_found_is_the_true_one(clip):
    found = motion(clip[0], clip[1])
    away = np.abs(found.flow - camera_motion().flow)[:, 8:-8, 8:-8]
    assert away.mean() < 0.1
    assert found.seen.mean() > 0.75
    (same,) = consistency(clip, clip)
    assert same.warping_error == same.original_warping_error < 1
    assert same.tof == 0


def test_the_warping_error_is_what_its_formula_says():
    rng = np.random.default_rng(0)
    before, now = rng.integers(0, 256, (2, 7, 9, 3), np.uint8)
    flow, seen = rng.normal(0, 3, (2, 7, 9)), rng.random((7, 9)) < 0.6
    errors = [
        ((float(now[y, x, c]) - sampled(before[..., c].astype(float), y + flow[0, y, x], x + flow[1, y, x])) / 255) ** 2
        for y in range(7)
        for x in range(9)
        for c in range(3)
        if seen[y, x]
    ]
    assert warping_error(before, now, Motion(flow, seen)) == pytest.approx(1000 * np.mean(errors))
    assert warping_error(before, now, Motion(flow, np.zeros_like(seen))) == 0


def test_what_is_not_seen_does_not_count(clip):
    true, spoilt = camera_motion(), clip[1].copy()
    spoilt[~true.seen] = 255
    assert warping_error(clip[0], spoilt, true) == 0
    assert warping_error(clip[0], spoilt, Motion(true.flow, np.ones_like(true.seen))) > 1


@pytest.mark.parametrize("levels", [1, 20])
def test_flicker_adds_its_square(clip, levels):
    flickering = clip.copy()
    flickering[1::2] += np.uint8(levels)
    for before, now in pairwise(flickering):
        assert warping_error(before, now, camera_motion()) == pytest.approx(1000 * (levels / 255) ** 2)
    (plain, more) = consistency(clip, clip, flickering)
    gained = more.warping_error - plain.warping_error
    # Besides the square, twice the product with the mean of the errors that were there, which is almost none.
    assert gained == pytest.approx(1000 * (levels / 255) ** 2, rel=0.1)
    assert more.original_warping_error == plain.original_warping_error


def test_which_pixels_are_seen_is_what_the_rules_say(monkeypatch):
    rng = np.random.default_rng(0)
    before, now = np.zeros((2, 24, 30, 3), np.uint8)
    back, strayed = (gaussian_filter(rng.normal(0, 10, (2, 24, 30)), (0, 5, 5)) for _ in range(2))
    back += 1
    forth = strayed - back
    monkeypatch.setattr(temporal, "optical_flow", lambda a, b: back if b is now else forth)
    found = motion(before, now)
    slopes = np.stack([np.gradient(gaussian_filter(w, 1, mode="nearest")) for w in back])
    rules = np.empty((3, 24, 30), bool)
    for y in range(24):
        for x in range(30):
            w = back[:, y, x]
            there = y + w[0], x + w[1]
            rules[0, y, x] = 0 <= there[0] <= 23 and 0 <= there[1] <= 29
            again = np.array([sampled(forth[0], *there), sampled(forth[1], *there)])
            rules[1, y, x] = sum((w + again) ** 2) <= 0.01 * (sum(w**2) + sum(again**2)) + 0.5
            rules[2, y, x] = (slopes[:, :, y, x] ** 2).sum() <= 0.01 * sum(w**2) + 0.002
    assert all(0.1 < rule.mean() < 0.99 for rule in rules), rules.mean((1, 2))
    np.testing.assert_array_equal(found.seen, rules.all(0))
    np.testing.assert_array_equal(found.flow, back)


def test_what_comes_out_from_behind_something_is_not_seen(astronaut, coffee):
    frames = np.stack([coffee[100:164, 200:296]] * 2)
    for frame, left in zip(frames, (20, 28), strict=True):
        frame[10:50, left : left + 30] = astronaut[100:140, 200:230]
    seen = motion(*frames).seen
    assert seen[14:46, 21:27].mean() < 0.35
    assert seen[14:46, 34:54].mean() > 0.8
    assert seen[:, 70:-4].mean() > 0.95


def test_tof_is_the_distance_of_two_motions(clip):
    still = clip[[0, 0]]
    moved = motion(clip[0], clip[1])
    assert tof(*still, moved) == pytest.approx(5, abs=0.4)
    other = clip[::-1]
    expected = np.abs(optical_flow(other[0], other[1]) - moved.flow)
    assert tof(other[0], other[1], moved) == pytest.approx((expected[0] + expected[1]).mean())
    assert tof(clip[0], clip[1], moved) == 0


def test_the_originals_motion_is_found_once_for_all(clip, monkeypatch):
    calls = []
    monkeypatch.setattr(temporal, "optical_flow", lambda a, b: calls.append(1) or optical_flow(a, b))
    figures = consistency(iter(clip), iter(clip), iter(clip[:, ::-1]))
    assert len(calls) == 3 * (2 + 2)
    assert figures[0].tof < figures[1].tof
    expected = np.mean([warping_error(a, b, motion(a, b)) for a, b in pairwise(clip)])
    assert figures[0].warping_error == pytest.approx(expected)


def test_clips_without_motion_or_without_pairs(clip):
    grey = np.full((3, 20, 17, 3), 90, np.uint8)
    (figures,) = consistency(grey, grey)
    assert (figures.warping_error, figures.tof) == (0, 0)
    (figures,) = consistency(clip[:1], clip[:1])
    assert np.isnan([figures.warping_error, figures.original_warping_error, figures.tof]).all()
