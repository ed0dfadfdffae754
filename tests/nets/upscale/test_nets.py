import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.ops.resample import bicubic
from regrow.nets.upscale.base import SIDE
from regrow.nets.upscale.blocks import UPSAMPLERS, SubpixelTransposed, Upsampler, transposed, transposed_reach
from regrow.nets.upscale.dqe import DQE, DQEConfig
from regrow.nets.upscale.vdsr import VDSR, VDSRConfig


def random_weights(model):
    for p in model.parameters():
        nn.init.normal_(p, std=0.05)
    return model.eval().requires_grad_(False)


TINY = [
    {"architecture": "carn", "channels": 8},
    {"architecture": "carn", "scale": 3, "channels": 8, "groups": 4, "shared": True},
    {"architecture": "carn", "scale": 4, "channels": 8, "upsampler": "bilinear"},
    {"architecture": "dbpn", "scale": 2, "features": 8, "channels": 4, "stages": 2},
    {"architecture": "dbpn", "scale": 4, "features": 8, "channels": 4, "stages": 3},
    {"architecture": "dbpn", "scale": 8, "features": 8, "channels": 4, "stages": 2},
    {"architecture": "dncnn", "channels": 8, "layers": 4},
    {"architecture": "dqe", "channels": 8, "blocks": 2},
    {"architecture": "drcn", "channels": 8, "recursions": 3, "colors": 1},
    {"architecture": "drrn", "scale": 3, "channels": 8, "blocks": 2, "units": 2},
    {"architecture": "edsr", "scale": 2, "channels": 8, "blocks": 2},
    {"architecture": "edsr", "scale": 2, "channels": 8, "blocks": 1, "extra": 3, "normalization": "imagenet"},
    {"architecture": "edsr", "scale": 3, "channels": 8, "blocks": 1, "residual_scaling": 0.1},
    {"architecture": "edsr", "scale": 4, "channels": 8, "blocks": 1, "upsampler": "nearest"},
    {"architecture": "edsr", "scale": 4, "channels": 8, "blocks": 1, "upsampler": "transposed"},
    {"architecture": "enhancenet", "channels": 8, "blocks": 2},
    {"architecture": "espcn", "scale": 3, "channels": 8, "narrow": 8, "colors": 1},
    {"architecture": "espcn", "scale": 4, "channels": 8, "narrow": 8, "upsampler": "transposed"},
    {"architecture": "fsrcnn", "scale": 2, "channels": 8, "narrow": 4, "mappings": 2, "colors": 1},
    {"architecture": "fsrcnn", "scale": 3, "channels": 8, "narrow": 4, "mappings": 2},
    {"architecture": "fsrcnn", "scale": 4, "channels": 8, "narrow": 4, "mappings": 2},
    {"architecture": "idn", "scale": 3, "channels": 16, "distilled": 4, "blocks": 1, "colors": 1},
    {"architecture": "idn", "scale": 4, "channels": 16, "distilled": 4, "blocks": 1},
    {"architecture": "ircnn", "channels": 8},
    {"architecture": "lapsrn", "scale": 2, "channels": 8, "layers": 2, "colors": 1},
    {"architecture": "lapsrn", "scale": 8, "channels": 8, "layers": 2, "recursions": 2, "shared": True},
    {"architecture": "mdsr", "scale": 2, "channels": 8, "blocks": 1},
    {"architecture": "mdsr", "scale": 3, "channels": 8, "blocks": 1},
    {"architecture": "memnet", "channels": 8, "blocks": 2, "units": 2},
    {"architecture": "plain", "scale": 3, "channels": 8, "layers": 2},
    {"architecture": "plain", "scale": 2, "channels": 8, "layers": 3, "context": 2, "activation": "silu"},
    {"architecture": "rcan", "scale": 3, "channels": 8, "groups": 2, "blocks": 1, "reduction": 2},
    {"architecture": "rdn", "scale": 4, "channels": 8, "growth": 4, "layers": 2, "blocks": 2},
    {"architecture": "rednet", "channels": 8, "layers": 3, "colors": 1},
    {"architecture": "rrdb", "scale": 2, "channels": 8, "growth": 4, "blocks": 1},
    {"architecture": "rrdb", "scale": 2, "channels": 8, "growth": 4, "blocks": 1, "unshuffle": 2},
    {"architecture": "scn", "features": 8, "atoms": 8, "colors": 1},
    {"architecture": "selnet", "scale": 3, "channels": 8, "blocks": 1, "colors": 1},
    {"architecture": "smfanet", "scale": 3, "channels": 8, "blocks": 1},
    {"architecture": "srcnn", "scale": 3, "channels": 8, "narrow": 4},
    {"architecture": "srcnn", "scale": 1, "channels": 8, "narrow": 4, "middle": 1, "colors": 1},
    {"architecture": "srdensenet", "growth": 4, "layers": 2, "blocks": 2, "narrow": 8, "colors": 1},
    {"architecture": "srfeat", "scale": 3, "channels": 8, "blocks": 2},
    {"architecture": "srmdnf", "scale": 3, "channels": 8, "layers": 3},
    {"architecture": "srram", "scale": 3, "channels": 8, "blocks": 1, "reduction": 2},
    {"architecture": "srresnet", "scale": 8, "channels": 8, "blocks": 1},
    {"architecture": "vdsr", "scale": 2, "channels": 8, "layers": 4},
    {"architecture": "vdsr", "scale": 3, "channels": 8, "layers": 5, "colors": 1},
    {"architecture": "zssr", "channels": 8, "layers": 3},
]
WHOLE = "rcan", "smfanet", "srram"
"""Nets that look at the whole picture."""


def every_net(test):
    """Run a test with each of the small nets."""
    return pytest.mark.parametrize("model", TINY, ids=_name, indirect=True)(test)


def _name(settings):
    return "-".join(str(settings[name]) for name in ("architecture", "scale") if name in settings)


@pytest.fixture
def model(request):
    return zoo.build(request.param).eval().requires_grad_(False)


@every_net
def test_results_are_larger_by_the_scale(model):
    assert model(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * model.scale, 7 * model.scale)


@every_net
def test_multiply_adds_are_those_that_happen(model):
    counted, side = 0, 24 if model.architecture not in WHOLE else SIDE

    def count(layer, given, result):
        nonlocal counted
        at = given[0] if isinstance(layer, nn.ConvTranspose2d) else result  # where each weight is used once
        weights = layer.weight.numel()
        if isinstance(layer, SubpixelTransposed):  # kernels are filled up with zeros to whole small pixels
            (kernel, _), (stride, _) = layer.kernel_size, layer.stride
            weights *= (stride * (2 * transposed_reach(kernel, stride) + 1) / kernel) ** 2
        counted += weights * at.shape[-2] * at.shape[-1]

    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    hooks = [m.register_forward_hook(count) for m in layers]
    result = model(torch.rand(1, 3, side, side))
    if model.architecture == "plain":  # its bicubic is a convolution of 5x5 pixels without a module
        counted += 25 * 3 * 3 * model.scale**2 * side**2
    for hook in hooks:
        hook.remove()
    assert model.multiply_adds() == pytest.approx(counted / (result.shape[-2] * result.shape[-1]))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"architecture": "srcnn", "colors": 1}, 81 * 64 + 25 * 64 * 32 + 25 * 32),
        ({"architecture": "vdsr", "colors": 1}, 664_704),
        ({"architecture": "drcn", "colors": 1}, 9 * (256 + 256**2 + 16 * (256**2 + 256**2 + 256))),
        ({"architecture": "fsrcnn", "scale": 3, "colors": 1}, 12_464 / 9),
        ({"architecture": "edsr"}, 9 * 64 * ((3 + 33 * 64 + 256) / 4 + 3)),
    ],
)
def test_multiply_adds_of_the_published_nets(settings, expected):
    with torch.device("meta"):
        assert zoo.build(settings).multiply_adds() == pytest.approx(expected, rel=1e-9)


@every_net
def test_every_weight_learns(model):
    """But for those of the scales that a net does not run at."""
    model = zoo.build(model.settings())
    random_weights(model).train().requires_grad_(True)
    model(torch.rand(2, 3, 8, 8)).square().sum().backward()
    idle = [
        name
        for name, p in model.named_parameters()
        if (p.grad is None or not p.grad.any()) and not re.search(r"^(before|upsamplers)\.[234]\.", name)
    ]
    assert not idle


@every_net
def test_nothing_beyond_the_halo_matters(model):
    if model.architecture in WHOLE:
        return
    random_weights(model)
    side, inside = 2 * model.halo + 9, (model.halo + 1) * model.scale
    a = torch.rand(1, 3, 4, side)
    b, c = a.clone(), a.clone()
    b[..., 0] += 1
    c[..., -1] += 1
    result, left, right = model(a), model(b), model(c)
    torch.testing.assert_close(left[..., inside:], result[..., inside:])
    torch.testing.assert_close(right[..., :-inside], result[..., :-inside])
    assert (left != result)[..., : model.halo * model.scale].any()


@pytest.mark.parametrize("scale", [2, 3, 4, 6])
@torch.no_grad()
def test_subpixel_upsamplers_begin_as_nearest_neighbours(scale):
    result = Upsampler(4, scale, 5, at_once=True)(torch.rand(1, 4, 5, 6))
    torch.testing.assert_close(F.interpolate(result[..., ::scale, ::scale], scale_factor=scale), result)


@pytest.mark.parametrize(("kernel", "stride"), [(9, 2), (9, 3), (9, 4), (17, 2), (4, 2), (3, 2), (6, 3), (8, 4)])
@pytest.mark.parametrize("bias", [False, True])
def test_few_transposed_channels_are_the_same_by_subpixels(kernel, stride, bias):
    layer = transposed(5, 3, kernel, stride)
    assert type(layer) is not nn.ConvTranspose2d
    if not bias:
        layer.bias = None
    x = torch.rand(2, 5, 7, 4, requires_grad=True)
    found, expected = layer(x), nn.ConvTranspose2d.forward(layer, x)
    torch.testing.assert_close(found, expected)
    weights = torch.rand_like(expected)
    wanted = (x, layer.weight)
    for a, b in zip(*(torch.autograd.grad((y * weights).sum(), wanted) for y in (found, expected)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kind", UPSAMPLERS)
@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_upsamplers_are_centred(kind, scale):
    """What is mirrored before is mirrored after, where kernels are their own mirror images."""
    upsampler = Upsampler(1, scale, kind=kind)
    for p in upsampler.parameters():
        nn.init.constant_(p, 0.1)
    x = torch.rand(1, 1, 7, 8)
    torch.testing.assert_close(upsampler(x.flip(-1)), upsampler(x).flip(-1))


RESIDUAL = "vdsr drcn drrn memnet dncnn ircnn rednet zssr enhancenet plain selnet"


@pytest.mark.parametrize("name", RESIDUAL.split())
@torch.no_grad()
def test_untrained_residual_nets_are_bicubic(name):
    model = zoo.build({"architecture": name, "scale": 2, "channels": 8}).eval()
    y = torch.rand(1, 3, 6, 7)
    torch.testing.assert_close(model(y), bicubic(y, (12, 14)))


@torch.no_grad()
def test_lapsrn_gives_every_level():
    model = zoo.build({"architecture": "lapsrn", "scale": 8, "channels": 8, "layers": 1})
    assert [x.shape[-1] for x in model.pyramid(torch.rand(1, 3, 5, 6))] == [12, 24, 48]


@torch.no_grad()
def test_srmdnf_is_told_the_blur():
    model = zoo.build({"architecture": "srmdnf", "channels": 8, "layers": 3}).eval()
    y, blur = torch.rand(2, 3, 5, 6), torch.rand(2, 15)
    told = model(y, blur)
    assert (told != model(y)).any()
    torch.testing.assert_close(told[1:], model(y[1:], blur[1:]))


def test_untrained_dqe_leaves_the_picture():
    y = torch.rand(1, 3, 6, 7)
    torch.testing.assert_close(DQE(DQEConfig(channels=8, blocks=1))(y), y)


@torch.no_grad()
def test_a_plain_net_begins_as_it_was_without_context():
    settings = {"architecture": "plain", "channels": 8, "layers": 2}
    start = random_weights(zoo.build(settings))
    model = zoo.build({**settings, "context": 2})
    model.start_from(start)
    y = torch.rand(1, 3, 9, 10)
    assert torch.equal(model(y), start(y))
    silu = zoo.build({**settings, "activation": "silu"})
    silu.start_from(start)
    assert torch.equal(silu.last.weight, start.last.weight)


def test_vdsr_of_luma_leaves_chroma_to_bicubic():
    model = random_weights(VDSR(VDSRConfig(channels=8, layers=4, colors=1)))
    y = torch.rand(1, 3, 6, 7)
    away = model(y) - bicubic(y, (12, 14))
    assert away.abs().max() > 1e-3
    torch.testing.assert_close(away, away[:, :1].expand(-1, 3, -1, -1))


@every_net
def test_the_zoo_keeps_them(model, tmp_path):
    zoo.save(model, tmp_path)
    again = zoo.load(str(tmp_path))
    assert again.settings() == model.settings()
    y = torch.rand(1, 3, 5, 6)
    torch.testing.assert_close(again(y), model(y), atol=2e-2, rtol=1e-2)


@pytest.mark.parametrize(
    "settings",
    [
        {"architecture": "edsr", "scale": 5},
        {"architecture": "edsr", "channels": 0},
        {"architecture": "edsr", "blocks": 10**6},
        {"architecture": "edsr", "extra": -1},
        {"architecture": "edsr", "normalization": "none"},
        {"architecture": "dqe", "channels": 0},
        {"architecture": "carn", "groups": 3},
        {"architecture": "carn", "scale": 8},
        {"architecture": "dbpn", "scale": 3},
        {"architecture": "drcn", "recursions": 0},
        {"architecture": "edsr", "upsampler": "bicubic"},
        {"architecture": "idn", "distilled": 6},
        {"architecture": "lapsrn", "scale": 3},
        {"architecture": "rcan", "reduction": 0},
        {"architecture": "rrdb", "unshuffle": 3},
        {"architecture": "smfanet", "expansion": 0},
        {"architecture": "srcnn", "middle": 2},
        {"architecture": "vdsr", "scale": 0},
        {"architecture": "vdsr", "layers": 1},
        {"architecture": "vdsr", "colors": 2},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    name = next(key for key in settings if key != "architecture")
    with pytest.raises(UsageError, match=name):
        zoo.build(settings)


@pytest.mark.parametrize("architecture", ["edsr", "espcn", "fsrcnn", "plain", "vdsr"])
def test_a_net_may_start_from_one_of_another_scale(architecture):
    settings = {"architecture": architecture, "channels": 8}
    source = random_weights(zoo.build({**settings, "scale": 2})).state_dict()
    model = zoo.build({**settings, "scale": 3})
    before = {key: value.clone() for key, value in model.state_dict().items()}
    other = zoo.build({**settings, "scale": 2})
    other.load_state_dict(source)
    model.start_from(other)
    for key, value in model.state_dict().items():
        own = key.startswith(model.reinitialized["scale"])
        assert torch.equal(value, before[key] if own else source[key]), key
    with pytest.raises(ValueError, match="the layouts differ"):
        zoo.build({**settings, "scale": 3, "channels": 4}).start_from(other)
