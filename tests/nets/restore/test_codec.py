import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.references import imresize
from torch import nn

from regrow import zoo
from regrow.inference.restore import restore_rows
from regrow.io.codecs import Facts
from regrow.nets.ops.resample import bicubic
from regrow.nets.restore.codec import GRID, CodecConfig, CodecRestorer
from regrow.size import Size
from regrow.zoo import store

LAYOUTS = [(1, 2, 1), (1.5, 2, 1), (2, 1, 1), (4, 1, 0), (1, 4, 0)]


def small(scale=1, unshuffle=2, deep=0, **options):
    config = CodecConfig(
        **{"channels": 8, "blocks": 2, "deep_channels": 8, **options},
        scale=scale, unshuffle=unshuffle, deep_blocks=deep,
    )  # fmt: skip
    return CodecRestorer(config)


def randomized(net):
    for p in net.parameters():
        nn.init.normal_(p, std=0.1)
    return net.eval().requires_grad_(False)


@pytest.mark.parametrize(("scale", "unshuffle", "deep"), LAYOUTS)
@torch.no_grad()
def test_an_untrained_net_is_bicubic_and_takes_any_size(scale, unshuffle, deep):
    net, y = small(scale, unshuffle, deep), torch.rand(2, 3, 22, 36)
    torch.testing.assert_close(net(y), bicubic(y, (int(22 * scale), int(36 * scale))))
    y = y[..., :21, :35]
    assert net(y).shape[2:] == (int(21 * scale), int(35 * scale))
    torch.testing.assert_close(net(y, torch.rand(2, 6)), net(y))


@torch.no_grad()
def test_a_net_may_be_told_of_each_file_or_of_none():
    net, y = randomized(small()), torch.rand(2, 3, 32, 32)
    facts = torch.tensor([[*Facts()], [*Facts(webp=1, luma=0.4, chroma=0.4)]])
    assert net.config.facts == len(Facts._fields)
    told, blind = net(y, facts), net(y)
    torch.testing.assert_close(told[0], blind[0])
    assert (told[1] - blind[1]).abs().max() > 1e-3
    one = net.told(Facts(webp=1, luma=0.4, chroma=0.4))
    torch.testing.assert_close(one(y)[1], told[1])
    torch.testing.assert_close(net(y), blind)
    assert one.head.weight is net.head.weight


@pytest.mark.parametrize(("scale", "unshuffle", "deep"), LAYOUTS)
def test_every_weight_learns(scale, unshuffle, deep):
    net = randomized(small(scale, unshuffle, deep)).requires_grad_(True)
    net(torch.rand(2, 3, 32, 32), torch.rand(2, 6)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())


@pytest.mark.parametrize(("scale", "unshuffle", "deep"), LAYOUTS)
def test_nothing_beyond_the_halo_matters(scale, unshuffle, deep):
    net = randomized(small(scale, unshuffle, deep))
    side = 2 * net.halo + 2 * GRID
    a = torch.rand(1, 3, 16, side)
    b = a.clone()
    b[..., 0] += 1
    change = (net(b) - net(a)).abs()
    assert change[..., int((net.halo + 1) * scale) :].max() < 1e-4
    assert change[..., : int(net.halo * scale)].max() > 1e-2
    assert net.halo % GRID == 0


@torch.no_grad()
def test_odd_sides_at_half_a_scale_are_those_of_even_ones_cut():
    net, y = small(1.5), torch.rand(1, 3, 7, 9)
    even = np.pad(y[0].permute(1, 2, 0).numpy().astype(float), ((0, 1), (0, 1), (0, 0)), mode="edge")
    expected = imresize(even, (15, 12))[:10, :13]
    np.testing.assert_allclose(net(y)[0].permute(1, 2, 0), expected, atol=1e-5)


@pytest.mark.parametrize(("scale", "unshuffle", "deep"), [(2, 1, 1), (1.5, 2, 1)])
@pytest.mark.parametrize("size", [Size(90, 100), Size(81, 77)])
def test_tiles_agree_with_the_whole_for_they_start_in_the_codec_s_grid(scale, unshuffle, deep, size):
    net = randomized(small(scale, unshuffle, deep))
    net.takes_bfloat16 = False  # whose rounding depends on how it is computed
    picture = torch.rand(*size.hw, 3).numpy()
    whole, tiled = (
        torch.cat([torch.from_numpy(rows) for rows in restore_rows([picture], size, 3, net, "f4", tile)])
        for tile in (1024, 64)
    )
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0)
    alone = net(torch.from_numpy(picture).permute(2, 0, 1)[None]).clamp(0, 1)[0].permute(1, 2, 0)
    torch.testing.assert_close(whole, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("ensemble", [False, True])
def test_alpha_is_enlarged_by_half_too(ensemble):
    picture = torch.rand(31, 45, 4).numpy()
    picture[:, :22, 3], picture[:, 22:, 3] = 1, 0
    rows = restore_rows([picture], Size(45, 31), 3, small(1.5), "f4", 32, ensemble)
    grown = np.concatenate(list(rows))
    assert grown.shape == (46, 67, 4)
    assert (grown[:, :30, 3] == 1).all()
    assert (grown[:, 36:, 3] == 0).all()


def test_the_light_net_has_less_than_ten_thousand_multiply_adds_a_pixel():
    light, full = CodecConfig(channels=24, blocks=3), CodecConfig()
    assert 9_000 < CodecRestorer(light).multiply_adds() < 10_000
    assert 60_000 < CodecRestorer(full).multiply_adds() < 66_000


def test_a_net_takes_over_what_fits():
    net, twice = randomized(small(deep=1)), small(2, 1, 1)
    twice.start_from(net)
    assert torch.equal(twice.blocks[1].conv1.weight, net.blocks[1].conv1.weight)
    assert twice.head.weight.shape[1] == 3
    with pytest.raises(ValueError, match="layouts differ"):
        small(channels=16, deep_channels=16).start_from(net)
    with pytest.raises(ValueError, match="no CodecRestorer"):
        net.start_from(zoo.build({"architecture": "vdsr"}))


def test_weights_that_were_saved_under_former_names_load(tmp_path):
    net = randomized(small())
    zoo.save(net, tmp_path)
    tensors = load_file(tmp_path / store.WEIGHTS)
    former = {now: before for before, now in CodecRestorer.renamed.items()}
    for name in list(tensors):
        for now, before in former.items():
            if name.startswith(now):
                tensors[before + name.removeprefix(now)] = tensors.pop(name)
    assert {"place", "told.0.weight", "tell.bias"} <= tensors.keys()
    save_file(tensors, tmp_path / store.WEIGHTS)
    config = tmp_path / store.CONFIG
    config.write_text(config.read_text().replace("unshuffle", "fold"))
    y, facts = torch.rand(1, 3, 24, 24), torch.rand(1, 6)
    torch.testing.assert_close(zoo.load(str(tmp_path))(y, facts), net(y, facts), atol=1e-2, rtol=0)


@pytest.mark.parametrize(
    ("setting", "value"), [("scale", 3), ("scale", 1.25), ("unshuffle", 3), ("facts", 0), ("blocks", -1)]
)
def test_layouts_that_cannot_be(setting, value):
    with pytest.raises(ValueError, match=setting):
        CodecConfig(**{setting: value})


def test_half_a_scale_needs_whole_pixels(tmp_path):
    with pytest.raises(ValueError, match="no whole number"):
        CodecConfig(scale=1.5, unshuffle=1)
    zoo.save(small(1.5), tmp_path)
    loaded = zoo.load(str(tmp_path))
    assert (loaded.scale, loaded.scales) == (1.5, (1.5,))
    assert zoo.build({"architecture": "codec", "scale": 2}).scale == 2
