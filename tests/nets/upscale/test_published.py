"""Nets at the sizes that their papers give."""

import pytest
import torch
from torch import nn

from regrow import zoo
from regrow.bench.pictures import shrinks_grey
from regrow.nets.upscale.lapsrn import LapSRNConfig

WEIGHTS_ONLY = "srcnn", "fsrcnn", "drrn", "memnet", "lapsrn", "rednet", "dbpn"
"""Their papers count the weights of convolutions, without biases, slopes and normalisations."""
LUMA = {"colors": 1}
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
        (942, "srram", {}),
        (1_127, "srram", {"scale": 3}),
        (1_090, "srram", {"scale": 4}),
        (974, "selnet", LUMA),
        (1_159, "selnet", {"scale": 3, **LUMA}),
        (1_417, "selnet", {"scale": 4, **LUMA}),
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
    assert LapSRNConfig.multi_scale(colors=1) == LapSRNConfig(**MS_LAPSRN, **LUMA)


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


def test_nets_of_luma_are_measured_on_color():
    assert not shrinks_grey({"architecture": "vdsr", "colors": 1})
    assert shrinks_grey({"architecture": "tad", "colors": 1, "small_colors": 1})
