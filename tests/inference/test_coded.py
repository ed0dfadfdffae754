import numpy as np
import pytest
import torch

from regrow.inference.coded import coded_rows
from regrow.io.codecs import Codec
from regrow.nets.restore.codec_shrinker import CodecShrinker, CodecShrinkerConfig
from regrow.size import Size

CELLS = {1: 2, 1.5: 3, 2: 2, 4: 4}


@pytest.fixture(params=CELLS)
def net(request):
    torch.manual_seed(0)
    scale = request.param
    made = CodecShrinker(CodecShrinkerConfig(scale=scale, unshuffle=CELLS[scale], channels=8, blocks=1)).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return made.float().told(Codec(name="webp").facts(40))


@pytest.fixture
def exact(monkeypatch):
    """In single precision, whatever the processor has."""
    monkeypatch.setattr("regrow.inference.coded.in_bfloat16", lambda model: model)


def test_tiles_agree_with_the_whole(net, exact, coffee):
    picture = np.ascontiguousarray(coffee[:397, :251])
    size = Size(251, 397)
    tiled, whole = (np.concatenate(list(coded_rows([picture], size, 3, net, tile))) for tile in (64, 4096))
    assert tiled.shape == (int(np.ceil(397 / net.scale)), int(np.ceil(251 / net.scale)), 3)
    assert np.abs(tiled.astype(int) - whole).max() <= 1
    assert np.mean(tiled != whole) < 1e-3


def test_the_whole_is_what_the_net_gives(net, exact, coffee):
    picture = np.ascontiguousarray(coffee[:96, :144])
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    with torch.inference_mode():
        expected = (net(x)[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    found = np.concatenate(list(coded_rows([picture], Size(144, 96), 3, net)))
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_grey_stays_grey_and_opaque_stays_opaque(net, coffee):
    grey = np.ascontiguousarray(coffee[:50, :70, :1])
    found = np.concatenate(list(coded_rows([grey], Size(70, 50), 1, net)))
    assert found.shape[2] == 1
    opaque = np.concatenate([coffee[:50, :70], np.full((50, 70, 1), 255, np.uint8)], 2)
    found = np.concatenate(list(coded_rows([opaque], Size(70, 50), 3, net)))
    assert found.shape[2] == 4
    assert (found[..., 3] == 255).all()
