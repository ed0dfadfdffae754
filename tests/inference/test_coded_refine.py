import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error

from regrow import zoo
from regrow.inference import coded_refine
from regrow.inference.coded_refine import TILE, refined, steps_of, trade_of
from regrow.inference.restore import restore_rows
from regrow.io.codecs import Codec
from regrow.io.memory import read_rgb
from regrow.operations.coded.smaller import shrunk
from regrow.size import Size


def cost(pixels, small, codec, quality, net):
    """Squared error in levels + trade * bits a pixel, of the real file, and the two on their own."""
    data = codec.encode(small, quality)
    back = read_rgb(data)
    grown = np.concatenate(list(restore_rows([back], Size(back.shape[1], back.shape[0]), 3, net)))
    error = mean_squared_error(pixels.astype(float), grown[: len(pixels), : pixels.shape[1]].astype(float))
    bits = 8 * len(data) / (pixels.shape[0] * pixels.shape[1])
    return error + trade_of(codec, steps_of(codec, quality)[0], net.scale) * bits


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_the_real_file_is_worth_more(coffee, name):
    pixels, codec, quality = np.ascontiguousarray(coffee[:256, :256]), Codec(name=name, tuned=True), 50
    net = zoo.load("codec-x2-light").eval().told(codec.facts(quality))
    small = shrunk(pixels, 2)
    better = refined(pixels, small, codec, quality, net, 8)
    assert better.shape == small.shape
    assert cost(pixels, better, codec, quality, net) < 0.995 * cost(pixels, small, codec, quality, net)


def test_tiles_cover_pictures_of_any_size(coffee, monkeypatch):
    """Every pixel changes once, each tile sees its part of the full picture, and alpha stays."""
    pixels = np.concatenate([coffee, coffee[..., :1]], 2)[: TILE + 21, : 3 * TILE + 61]
    small = shrunk(pixels, 1.5)
    net = zoo.build({"architecture": "codec", "scale": 1.5, "channels": 4, "blocks": 1})
    offsets = []

    def brighter(x, y, inner, *_):
        offsets.append(np.abs(shrunk(np.ascontiguousarray(x), 1.5)[:16, :16].astype(int) - y[:16, :16]).mean())
        return y + np.uint8(1)

    monkeypatch.setattr(coded_refine, "_descend", brighter)
    better = refined(pixels, small, Codec(name="webp"), 50, net, 1)
    assert np.array_equal(better[..., :3], small[..., :3] + np.uint8(1))
    assert np.array_equal(better[..., 3], small[..., 3])
    assert len(offsets) == 3
    assert max(offsets) < 3  # borders are mirrored, and neighbours are changed


def test_where_nothing_is_won_it_stays_as_it_is():
    flat = np.full((64, 64, 3), 90, np.uint8)
    codec = Codec(name="jpeg", tuned=True)
    net = zoo.load("codec-x2-light").eval().told(codec.facts(60))
    torch.manual_seed(0)
    assert np.array_equal(refined(flat, shrunk(flat, 2), codec, 60, net, 2), shrunk(flat, 2))
