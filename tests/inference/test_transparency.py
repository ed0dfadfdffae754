import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import randomized
from support.pictures import noise

import regrow
from regrow.inference.rescale import grow_rows, shrink_rows
from regrow.inference.resize import resized
from regrow.inference.restore import restore_rows
from regrow.inference.transparency import COVERED, HIDDEN, RADII, TRUSTED, filled, joined, parted
from regrow.nets.rescale.tad import TADConfig
from regrow.nets.upscale.espcn import ESPCN, ESPCNConfig
from regrow.size import Size

SIDE = 48


def whole(rows):
    return np.concatenate(list(rows))


@pytest.fixture(scope="module")
def tiny():
    return randomized(TADConfig(channels=8, blocks=1))


@pytest.fixture(scope="module")
def upscaler():
    torch.manual_seed(0)
    return ESPCN(ESPCNConfig(scale=2, channels=8, narrow=8)).eval().requires_grad_(False)


def disc(side=SIDE, radius=17.0):
    """Alpha of a disc with soft edges, (side, side) uint8: the share of 8x8 samples that are inside."""
    y, x = (np.mgrid[: 8 * side, : 8 * side] + 0.5) / 8 - side / 2
    return np.round((np.hypot(y, x) < radius).reshape(side, 8, side, 8).mean((1, 3)) * 255).astype(np.uint8)


def cut_out(hidden, seed=0):
    """The same cut-out each time, (SIDE, SIDE, 4), with other colours under what is transparent."""
    picture = np.dstack((noise(SIDE, SIDE, seed=seed) // 2 + 64, disc()))
    picture[picture[..., 3] == 0, :3] = hidden[picture[..., 3] == 0]
    return picture


def brute(pixels, colors):
    """`filled` for one pixel after another."""
    height, width = pixels.shape[:2]
    result = np.zeros((height, width, colors))
    for y in range(height):
        for x in range(width):
            own = min(1.0, pixels[y, x, -1] / TRUSTED)
            result[y, x], left = own * pixels[y, x, :colors], 1 - own
            for radius in RADII:
                part = pixels[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1].astype(float)
                visible = part[..., -1].mean()
                share = left * min(1.0, visible / COVERED)
                if share:
                    result[y, x] += share * np.average(part[..., :colors], (0, 1), part[..., -1])
                left -= share
            result[y, x] += left * pixels[y, x, :colors]
    return result


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(0, 9))
def test_hidden_colors_become_the_mean_of_visible_ones_near_them(height, width, colors, seed):
    pixels = noise(height, width, colors + 1, seed=seed).astype(np.float32) / 255
    pixels[..., -1] *= noise(height, width, 1, seed=seed + 10)[..., 0] > 230
    np.testing.assert_allclose(filled(pixels, colors), brute(pixels, colors), atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.lists(st.integers(1, 70), min_size=1, max_size=4))
def test_strips_are_filled_as_the_whole_is(height, heights):
    pixels = noise(height, 5, 4, seed=height).astype(np.float32) / 255
    pixels[..., 3] *= noise(height, 5, 1)[..., 0] > 200
    cuts = np.cumsum(heights * height)
    blocks = [block for block in np.split(pixels, cuts[cuts < height]) if len(block)]
    found = whole(parted(blocks, Size(5, height), 3))
    np.testing.assert_allclose(found[..., :3], filled(pixels, 3), atol=1e-6)
    np.testing.assert_array_equal(found[..., 3:], pixels)


def test_what_is_joined_is_what_was_parted():
    pixels = cut_out(noise(SIDE, SIDE, seed=3)).astype(np.float32) / 255
    back = whole(joined(parted([pixels], Size(SIDE, SIDE), 3), 3))
    shown = (pixels[..., 3] == 0) | (pixels[..., 3] >= TRUSTED)
    np.testing.assert_array_equal(back[shown], pixels[shown])


def runs(tiny, upscaler):
    size, half, double = (Size(n, n) for n in (SIDE, SIDE // 2, SIDE * 2))
    return {
        "shrink": lambda x: whole(shrink_rows([x], size, 3, tiny, half, 32, alpha=tiny)),
        "shrink, averaged": lambda x: whole(shrink_rows([x], size, 3, tiny, half, 32)),
        "shrink, resampled": lambda x: whole(shrink_rows([x], size, 3, tiny, Size(31, 37), 32)),
        "grow": lambda x: whole(grow_rows([x], size, double, 3, 3, tiny, tile=32, alpha=tiny)),
        "grow, resampled": lambda x: whole(grow_rows([x], size, Size(70, 90), 3, 3, tiny, tile=32)),
        "upscale": lambda x: whole(restore_rows([x], size, 3, upscaler, tile=32)),
        "bicubic": lambda x: whole(resized([x.astype(np.float32) / 255], size, Size(33, 77), 3)),
    }


KINDS = ["shrink", "shrink, averaged", "shrink, resampled", "grow", "grow, resampled", "upscale", "bicubic"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_hidden_bleeds(kind, tiny, upscaler):
    run = runs(tiny, upscaler)[kind]
    # Within 16 pixels of the disc all hidden colours are replaced; the corners, further away, are the same in both.
    black, other = np.zeros((SIDE, SIDE, 3), np.uint8), noise(SIDE, SIDE, seed=7)
    far = np.add.outer(*(2 * [np.abs(np.arange(SIDE) - SIDE / 2 + 0.5) ** 2])) > 24**2
    black[far] = other[far]
    a, b = run(cut_out(black)), run(cut_out(other))
    np.testing.assert_array_equal(a[..., 3], b[..., 3])
    # A shade of difference is left where the disc is all but out of reach.
    shown = a[..., 3] > (0 if a.dtype == np.uint8 else HIDDEN)
    assert np.abs(a.astype(float) - b)[shown].max() <= (2 if a.dtype == np.uint8 else 0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_what_hides_is_kept(kind, tiny, upscaler):
    """Under full transparency the result is what it would be without alpha."""
    run, picture = runs(tiny, upscaler)[kind], cut_out(noise(SIDE, SIDE, seed=7))
    with_alpha, without = run(picture), run(np.ascontiguousarray(picture[..., :3]))
    hidden = with_alpha[..., 3] < 1e-3
    assert hidden.mean() > 0.3
    np.testing.assert_array_equal(with_alpha[hidden][:, :3], without[hidden])


@pytest.mark.parametrize("kind", KINDS)
def test_opaque_pictures_are_as_without_alpha(kind, tiny, upscaler):
    run, picture = runs(tiny, upscaler)[kind], noise(SIDE, SIDE)
    opaque = np.dstack((picture, np.full((SIDE, SIDE), 255, np.uint8)))
    found = run(opaque)
    np.testing.assert_array_equal(found[..., :3], run(picture))
    assert (found[..., 3] == found[..., 3].max()).all()


def over(picture, ground):
    alpha = picture[..., 3:] / 255
    return picture[..., :3] / 255 * alpha + ground * (1 - alpha)


def psnr(a, b):
    return -10 * np.log10(np.square(a - b).mean())


@pytest.mark.parametrize("ground", [0, 1])
@pytest.mark.parametrize("radius", [13.0, 17.3])
def test_a_cut_out_grows_back_as_well_as_a_picture_of_it(ground, radius):
    """Issue: a dark rim of up to 131 levels on white, for a disc on transparent black."""
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    picture[..., 3] = disc(radius=radius)
    picture[picture[..., 3] > 0, :3] = 250, 200, 30
    flat = np.round(over(picture, ground) * 255).astype(np.uint8)
    found, wanted = (regrow.grow(regrow.shrink(x, scale=2), scale=2) for x in (picture, flat))
    truth, found = over(picture, ground), over(found, ground)
    assert psnr(found, truth) > psnr(wanted / 255, truth) - 3
    assert np.abs(found - truth).max() < np.abs(wanted / 255 - truth).max() + 40 / 255


@pytest.mark.parametrize("ground", [0, 1])
def test_a_cut_out_is_enlarged_as_well_as_a_picture_of_it(ground):
    large = np.zeros((2 * SIDE, 2 * SIDE, 4), np.uint8)
    large[..., 3] = disc(2 * SIDE, 34.0)
    large[..., :3] = 250, 200, 30
    small = np.zeros((SIDE, SIDE, 4), np.uint8)
    small[..., 3] = np.round(large[..., 3].reshape(SIDE, 2, SIDE, 2).mean((1, 3)))
    small[small[..., 3] > 0, :3] = 250, 200, 30
    flat = np.round(over(small, ground) * 255).astype(np.uint8)
    truth = over(large, ground)
    found, wanted = over(regrow.upscale(small, scale=2), ground), regrow.upscale(flat, scale=2) / 255
    assert psnr(found, truth) > psnr(wanted, truth) - 3


def test_alpha_through_a_net_stays_within_what_is_near_it(upscaler):
    picture = np.dstack((noise(SIDE, SIDE), disc()))
    found = whole(restore_rows([picture], Size(SIDE, SIDE), 3, upscaler, np.float32))[..., 3]
    near = torch.from_numpy(picture[None, None, ..., 3].astype(np.float32) / 255)
    most, least = (torch.nn.functional.max_pool2d(sign * near, 3, 1, 1)[0, 0].numpy() * sign for sign in (1, -1))
    assert (found <= most.repeat(2, 0).repeat(2, 1) + 1e-6).all()
    assert (found >= least.repeat(2, 0).repeat(2, 1) - 1e-6).all()
