"""Nets at the sizes that their papers give, and the weights that their authors publish."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from regrow import upscale, zoo
from regrow.errors import RegrowError, UsageError
from regrow.measure.benchmark import Pair, _is_grey
from regrow.nets.upscale.lapsrn import LapSRNConfig

WEIGHTS_ONLY = "srcnn", "fsrcnn", "drrn", "memnet", "lapsrn", "rednet", "dbpn"
"""Their papers count the weights of convolutions, without biases, slopes and normalisations."""
LUMA = {"colours": 1}
MS_LAPSRN = {"layers": 5, "recursions": 8, "shared": True}


def build(name, **settings):
    with torch.device("meta"):
        return zoo.build({"architecture": name, **settings})


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def weights(model):
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    return sum(m.weight.numel() for m in layers)


@pytest.mark.parametrize(
    ("thousands", "name", "settings"),
    [
        (57, "srcnn", LUMA),
        (8.032, "srcnn", {"middle": 1, **LUMA}),
        (12.464, "fsrcnn", LUMA),
        (665, "vdsr", LUMA),
        (1_775, "drcn", LUMA),
        (297, "drrn", LUMA),
        (677, "memnet", LUMA),
        (812, "lapsrn", LUMA),
        (222, "lapsrn", {**MS_LAPSRN, **LUMA}),
        (222, "lapsrn", {**MS_LAPSRN, "scale": 8, **LUMA}),
        (43_000, "edsr", {"scale": 4, "channels": 256, "blocks": 32, "residual_scaling": 0.1}),
        (1_370, "edsr", {}),
        (1_518, "edsr", {"scale": 4}),
        (8_000, "mdsr", {}),
        (553, "idn", LUMA),
        (1_592, "carn", {}),
        (412, "carn", {"groups": 4, "shared": True}),
        (10_426, "dbpn", {}),
        (22_123, "rdn", {}),
        (15_445, "rcan", {}),
        (15_592, "rcan", {"scale": 4}),
        (16_700, "rrdb", {}),
        (186, "smfanet", {}),
        (197, "smfanet", {"scale": 4}),
        (4_131, "rednet", LUMA),
        (188, "ircnn", {}),
        (1_513, "srmdnf", {}),
    ],
)
def test_counts_are_the_published_ones(thousands, name, settings):
    model = build(name, **settings)
    counted = weights(model) if name in WEIGHTS_ONLY else parameters(model)
    assert counted == pytest.approx(1000 * thousands, rel=0.01)


@pytest.mark.parametrize(
    ("count", "name", "settings"),
    [
        (1_369_859, "edsr", {}),
        (664_704, "vdsr", LUMA),
        (22_729, "espcn", {"scale": 3, **LUMA}),
        (1_549_462, "srresnet", {}),
        (3_175_681, "srdensenet", LUMA),
        (6_193_923, "srfeat", {}),
        (852_867, "enhancenet", {}),
        (225_091, "zssr", {}),
        (667_073, "dncnn", LUMA),
        (41_237, "scn", LUMA),
    ],
)
def test_counts_are_those_that_the_docstrings_give(count, name, settings):
    assert parameters(build(name, **settings)) == count


def test_ms_lapsrn_has_its_name():
    assert LapSRNConfig.multi_scale(colours=1) == LapSRNConfig(**MS_LAPSRN, **LUMA)


@pytest.mark.parametrize(
    ("name", "more", "less"),
    [
        ("drcn", {"recursions": 5}, {"recursions": 2}),
        ("drrn", {"units": 5}, {"units": 2}),
        ("lapsrn", {"scale": 8, "recursions": 5, "shared": True}, {"scale": 2, "recursions": 2, "shared": True}),
    ],
)
def test_what_recurs_shares_its_weights(name, more, less):
    large, small = build(name, channels=8, **more), build(name, channels=8, **less)
    assert weights(large) == weights(small)
    assert large.multiply_adds() > small.multiply_adds()


def test_blocks_of_memnet_share_their_weights():
    grown = weights(build("memnet", units=5)) - weights(build("memnet", units=2))
    assert grown == 6 * 3 * 64 * 64  # only the gates see more


def test_one_block_of_carn_m_runs_three_times():
    light, full = (build("carn", channels=8, groups=4, shared=shared) for shared in (True, False))
    assert [len(cascade.units) for cascade in light.body.units] == [1, 1, 1]
    assert light.multiply_adds() == full.multiply_adds()


@pytest.mark.parametrize(("name", "small"), [("mdsr", {"channels": 8, "blocks": 1}), ("carn", {"channels": 8})])
@torch.no_grad()
def test_nets_of_several_scales_share_their_weights(name, small):
    model = zoo.build({"architecture": name, **small})
    other = model.at(4)
    assert (model.scale, other.scale, other.settings()["scale"]) == (2, 4, 4)
    y = torch.rand(1, 3, 5, 6)
    assert (model(y).shape, other(y).shape) == ((1, 3, 10, 12), (1, 3, 20, 24))
    assert all(a is b for a, b in zip(model.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match="scale 8"):
        model.at(8)
    again = zoo.build({"architecture": name, "scale": 4, **small})
    again.start_from(model)
    torch.testing.assert_close(again(y), other(y))


def test_nets_of_one_scale_stay_at_it():
    model = build("edsr", channels=8, blocks=1)
    assert model.at(2) is model
    with pytest.raises(ValueError, match="by 2, not by 3"):
        model.at(3)


def test_nets_of_luma_are_measured_on_colour():
    assert not _is_grey({"architecture": "vdsr", "colours": 1})
    assert _is_grey({"architecture": "tad", "colours": 1, "small_colours": 1})


def tensors(shapes):
    """Weights and biases of layers as a state dict of small random numbers."""
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(shape) * 0.05, torch.randn(shape[0]) * 0.05
    return state


def conv(state, x, name, groups=1):
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2, groups=groups)


def published_carn_m():
    """Names and shapes of `carn_m.pth`."""
    shapes = {"sub_mean.shifter": (3, 3, 1, 1), "add_mean.shifter": (3, 3, 1, 1)}
    shapes |= {"entry": (64, 3, 3, 3), "exit": (3, 64, 3, 3)}
    for i in (1, 2, 3):
        shapes |= {f"b{i}.b1.body.{at}": (64, 16, 3, 3) for at in (0, 2)} | {f"b{i}.b1.body.4": (64, 64, 1, 1)}
        shapes |= {f"{at}c{i}.body.0": (64, 64 * (i + 1), 1, 1) for at in ("", "b1.", "b2.", "b3.")}
    for at, outputs in (("2.body.0", 256), ("3.body.0", 576), ("4.body.0", 256), ("4.body.3", 256)):
        shapes[f"upsample.up{at}"] = (outputs, 16, 3, 3)
    return tensors(shapes)


def carn_m(state, y, scale):
    """The forward pass of the authors' net, written out."""

    def block(x, i):
        inner = conv(state, x, f"b{i}.b1.body.0", 4).relu()
        inner = conv(state, inner, f"b{i}.b1.body.2", 4).relu()
        return (conv(state, inner, f"b{i}.b1.body.4") + x).relu()

    def cascade(x, unit, prefix):
        made = [x]
        for i in (1, 2, 3):
            made.append(unit(x, i))
            x = conv(state, torch.cat(made, 1), f"{prefix}c{i}.body.0").relu()
        return x

    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(3, 1, 1)
    x = conv(state, y - mean, "entry")
    x = cascade(x, lambda x, i: cascade(x, lambda x, _: block(x, i), f"b{i}."), "")
    for at in {2: ["2.body.0"], 3: ["3.body.0"], 4: ["4.body.0", "4.body.3"]}[scale]:
        x = F.pixel_shuffle(conv(state, x, f"upsample.up{at}", 4).relu(), 3 if scale == 3 else 2)
    return conv(state, x, "exit") + mean


@torch.no_grad()
def test_published_weights_of_carn_m_give_what_the_net_of_the_authors_gives(tmp_path):
    state, y = published_carn_m(), torch.rand(1, 3, 9, 10)
    torch.save(state, tmp_path / "carn_m.pth")
    model = zoo.load(str(tmp_path / "carn_m.pth"))
    for scale in (2, 3, 4):
        torch.testing.assert_close(model.at(scale)(y), carn_m(state, y, scale), rtol=1e-4, atol=1e-4)


def test_a_file_of_several_scales_enlarges_by_the_one_that_is_asked_for(tmp_path):
    path = str(tmp_path / "carn_m.pth")
    torch.save(published_carn_m(), path)
    picture = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)
    for scale in (2, 3, 4):
        _, grown = Pair(f"bicubic+{path}", scale)(picture)
        assert grown.shape == picture.shape
    assert upscale(picture, scale=3, model=path).shape == (72, 108, 3)
    with pytest.raises(UsageError, match="by 2, not by 8"):
        Pair(f"bicubic+{path}", 8)


def published_smfanet(scale, channels=8, blocks=2):
    """Names and shapes of `SMFANet_DIV2K_100w_x2SR.pth` and its like, which are 36 wide and 8 deep."""
    c = channels
    shapes = {"to_feat": (c, 3, 3, 3), "to_img.0": (3 * scale**2, c, 3, 3)}
    state = {}
    for i in range(blocks):
        at = f"feats.{i}"
        shapes |= {f"{at}.smfa.linear_0": (2 * c, c, 1, 1), f"{at}.smfa.dw_conv": (c, 1, 3, 3)}
        shapes |= {f"{at}.smfa.linear_{j}": (c, c, 1, 1) for j in (1, 2)}
        shapes |= {f"{at}.smfa.lde.conv_0.0": (2 * c, 1, 3, 3), f"{at}.smfa.lde.conv_0.1": (2 * c, 2 * c, 1, 1)}
        shapes |= {f"{at}.smfa.lde.conv_1": (c, 2 * c, 1, 1), f"{at}.pcfn.conv_0": (2 * c, c, 1, 1)}
        shapes |= {f"{at}.pcfn.conv_1": (c // 2, c // 2, 3, 3), f"{at}.pcfn.conv_2": (c, 2 * c, 1, 1)}
        state |= {f"{at}.smfa.{name}": torch.rand(1, c, 1, 1) for name in ("alpha", "belt")}
    return state | tensors(shapes)


def smfanet(state, y, scale, blocks=2):
    """The forward pass of the authors' net, written out."""
    start = x = conv(state, y, "to_feat")
    size, channels = y.shape[-2:], x.shape[1]
    for i in range(blocks):
        at = f"feats.{i}.smfa"
        near, far = conv(state, F.normalize(x), f"{at}.linear_0").chunk(2, 1)
        pooled = F.adaptive_max_pool2d(far, (size[0] // 8, size[1] // 8))
        around = conv(state, pooled, f"{at}.dw_conv", channels)
        gate = around * state[f"{at}.alpha"] + far.var((-2, -1), keepdim=True) * state[f"{at}.belt"]
        far = far * F.interpolate(F.gelu(conv(state, gate, f"{at}.linear_1")), size=size)
        near = conv(state, conv(state, near, f"{at}.lde.conv_0.0", channels), f"{at}.lde.conv_0.1")
        x = x + conv(state, far + conv(state, F.gelu(near), f"{at}.lde.conv_1"), f"{at}.linear_2")
        at, inner = f"feats.{i}.pcfn", F.gelu(conv(state, F.normalize(x), f"feats.{i}.pcfn.conv_0"))
        part = channels // 2
        inner = torch.cat((F.gelu(conv(state, inner[:, :part], f"{at}.conv_1")), inner[:, part:]), 1)
        x = x + conv(state, inner, f"{at}.conv_2")
    return F.pixel_shuffle(conv(state, start + x, "to_img.0"), scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_published_weights_of_smfanet_give_what_the_net_of_the_authors_gives(scale, tmp_path):
    state, y = published_smfanet(scale), torch.rand(2, 3, 17, 25)
    torch.save({"params": state}, tmp_path / "smfanet.pth")
    model = zoo.load(str(tmp_path / "smfanet.pth"))
    assert model.scale == scale
    torch.testing.assert_close(model(y), smfanet(state, y, scale), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["b1.b1.body.2.weight", "b2.c3.body.0.bias", "b1.b1.body.4.weight"])
def test_files_that_lack_tensors_are_refused(missing, tmp_path):
    state = published_carn_m()
    del state[missing]
    torch.save(state, tmp_path / "carn_m.pth")
    with pytest.raises(RegrowError, match="not those of the published net"):
        zoo.load(str(tmp_path / "carn_m.pth"))


@pytest.mark.parametrize("damage", [{"to_img.0.weight": torch.zeros(75, 8, 3, 3)}, {"to_feat.weight": torch.zeros(0)}])
def test_damaged_files_are_refused(damage, tmp_path):
    torch.save(published_smfanet(2) | damage, tmp_path / "smfanet.pth")
    with pytest.raises(RegrowError, match="not those of the published net"):
        zoo.load(str(tmp_path / "smfanet.pth"))
