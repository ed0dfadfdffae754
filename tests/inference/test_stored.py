import numpy as np
import pytest
import torch
from support.models import random_deblocker
from support.pictures import noise, turned

from regrow.inference.restore import restore_rows
from regrow.inference.stored import stored_rows
from regrow.io.codecs import Codec
from regrow.size import Size


@pytest.fixture(scope="module")
def net():
    return random_deblocker().told(Codec(name="jpeg").facts(30))


def run(net, pixels, tile=None, orientation=1, dtype=np.float32):
    height, width, bands = pixels.shape
    rows = [pixels[:37], pixels[37:60], pixels[60:]]
    found = stored_rows(rows, Size(width, height), 1 if bands < 3 else 3, net, dtype, tile, orientation)
    return np.concatenate(list(found))


def test_it_is_the_net_on_whole_cells(net, astronaut):
    """Of a size that is no multiple, the last row and column are repeated."""
    pixels = astronaut[:150, :201]
    whole = np.pad(pixels, ((0, 10), (0, 7), (0, 0)), mode="edge").astype(np.float32) / 255
    with torch.no_grad():
        expected = net(torch.from_numpy(whole).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    found = run(net, pixels)
    assert found.shape == pixels.shape
    assert np.abs(found - expected[:150, :201].clip(0, 1)).max() < 0.01  # in bfloat16, where there is that
    assert np.abs(found - pixels / 255).mean() > 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("tile", [None, 48])
def test_upright_pixels_get_what_they_had_got_as_stored(net, astronaut, orientation, tile):
    stored = astronaut[:150, :201]
    expected = turned(run(net, stored), orientation)
    upright = turned(stored, orientation)
    found = run(net, upright, tile, orientation)
    assert np.abs(found - expected).max() < 0.005
    if orientation > 1:
        assert np.abs(run(net, upright) - expected).max() > 0.02  # in another order it is not the same


@pytest.mark.parametrize("orientation", [1, 6])
def test_grey_alpha_and_depth(net, orientation):
    for bands, dtype in ((1, np.uint8), (2, np.uint16), (4, np.uint16)):
        pixels = noise(61, 70, bands, dtype)
        found = run(net, pixels, None, orientation, dtype)
        assert (found.shape, found.dtype) == (pixels.shape, dtype)
        assert not np.array_equal(found[..., 0], pixels[..., 0])
        if bands in (2, 4):
            np.testing.assert_array_equal(found[..., -1], pixels[..., -1])


def test_nets_without_a_grid_see_the_picture_as_it_is(tmp_path):
    from regrow.nets.upscale.dqe import DQE, DQEConfig

    torch.manual_seed(0)
    net = DQE(DQEConfig(channels=8, blocks=1)).eval().requires_grad_(False)
    torch.nn.init.normal_(net.tail.weight, std=0.1)
    pixels = noise(61, 70)
    expected = np.concatenate(list(restore_rows([pixels], Size(70, 61), 3, net, np.float32)))
    np.testing.assert_array_equal(run(net, pixels), expected)
