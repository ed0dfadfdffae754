import pytest
import torch

from regrow import zoo
from regrow.errors import UsageError
from regrow.io.codecs import Codec
from regrow.nets.ops.resample import bicubic
from regrow.nets.restore.codec_shrinker import CodecShrinker, CodecShrinkerConfig

CELLS = {1: 2, 1.5: 3, 2: 2, 4: 4}


@pytest.fixture(params=CELLS)
def net(request):
    torch.manual_seed(0)
    scale = request.param
    return CodecShrinker(CodecShrinkerConfig(scale=scale, unshuffle=CELLS[scale], channels=8, blocks=2)).eval()


def test_an_untrained_one_is_the_bicubic(net):
    x = torch.rand(2, 3, 48, 96)
    assert torch.allclose(net(x), bicubic(x, (round(48 / net.scale), round(96 / net.scale))), atol=1e-6)


def test_it_heeds_what_it_is_told(net):
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    x, facts = torch.rand(1, 3, 48, 48), Codec(name="webp").facts(30)
    assert torch.equal(net.told(facts)(x), net(x, torch.tensor([facts])))
    assert not torch.equal(net.told(facts)(x), net(x))


def test_tiles_that_start_with_the_codecs_blocks_agree_with_the_whole(net):
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    side = net.cell * net.grid
    x = torch.rand(1, 3, side * 8, side)
    whole, halo = net(x), net.halo * net.cell
    assert net.halo % net.grid == 0
    assert halo < 4 * side
    part = net(x[..., 4 * side - halo :, :])
    rows = round(4 * side / net.scale)
    assert torch.allclose(part[..., -rows:, :], whole[..., -rows:, :], atol=1e-5)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(UsageError, match="multiple of the scale"):
        zoo.build({"architecture": "codec-shrinker", "scale": 1.5, "unshuffle": 2})
    with pytest.raises(UsageError, match="scale"):
        zoo.build({"architecture": "codec-shrinker", "scale": 3, "unshuffle": 3})


def test_what_it_costs_is_what_torch_counts(net):
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.rand(1, 3, 96, 96))
    assert counter.get_total_flops() / 2 / 96**2 == pytest.approx(net.multiply_adds(), rel=0.02)
