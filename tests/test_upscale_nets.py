import pytest
import torch
from torch import nn

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.upscale.dqe import DQE, DQEConfig
from regrow.nets.upscale.edsr import EDSR, EDSRConfig
from regrow.nets.upscale.vdsr import VDSR, VDSRConfig
from regrow.resample import bicubic


def parameters(model):
    return sum(p.numel() for p in model.parameters())


def random_weights(model):
    for p in model.parameters():
        nn.init.normal_(p, std=0.05)
    return model.eval().requires_grad_(False)


SMALL = [
    EDSR(EDSRConfig(scale=2, channels=8, blocks=2)),
    EDSR(EDSRConfig(scale=3, channels=8, blocks=1, residual_scaling=0.1)),
    EDSR(EDSRConfig(scale=4, channels=8, blocks=1)),
    EDSR(EDSRConfig(scale=2, channels=8, blocks=1, extra=3, normalization="imagenet")),
    DQE(DQEConfig(channels=8, blocks=2)),
    VDSR(VDSRConfig(scale=2, channels=8, layers=4)),
    VDSR(VDSRConfig(scale=3, channels=8, layers=5, colours=1)),
]


def test_published_parameter_counts():
    """EDSR, table 1 and the authors' baseline (1.37 and 43 million at x2); VDSR: 20 layers of 64 channels."""
    assert parameters(EDSR()) == 1_369_859
    assert parameters(EDSR(EDSRConfig(scale=4))) == 1_517_571
    with torch.device("meta"):
        assert round(parameters(EDSR(EDSRConfig(channels=256, blocks=32, residual_scaling=0.1))) / 1e6, 1) == 40.7
    assert parameters(VDSR(VDSRConfig(colours=1))) == 664_704


@pytest.mark.parametrize("model", SMALL, ids=lambda model: f"{type(model).__name__}-{model.scale}")
def test_results_are_larger_by_the_scale(model):
    assert model(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * model.scale, 7 * model.scale)


@pytest.mark.parametrize("model", SMALL, ids=lambda model: f"{type(model).__name__}-{model.scale}")
def test_multiply_adds_are_those_that_happen(model):
    counted = 0

    def count(layer, _, result):
        nonlocal counted
        counted += layer.weight.numel() * result.shape[-2] * result.shape[-1]

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, nn.Conv2d)]
    result = model(torch.rand(1, 3, 6, 8))
    for hook in hooks:
        hook.remove()
    assert model.multiply_adds() == pytest.approx(counted / (result.shape[-2] * result.shape[-1]))


@pytest.mark.parametrize("model", SMALL, ids=lambda model: f"{type(model).__name__}-{model.scale}")
def test_nothing_beyond_the_halo_matters(model):
    random_weights(model)
    side = 2 * model.halo + 9
    a = torch.rand(1, 3, 4, side)
    b = a.clone()
    b[..., 0] += 1
    near, far = model(a), model(b)
    torch.testing.assert_close(near[..., (model.halo + 1) * model.scale :], far[..., (model.halo + 1) * model.scale :])
    assert (near != far)[..., : model.halo * model.scale].any()


def test_untrained_vdsr_is_bicubic():
    y = torch.rand(1, 3, 6, 7)
    torch.testing.assert_close(VDSR()(y), bicubic(y, (12, 14)))


def test_untrained_dqe_leaves_the_picture():
    y = torch.rand(1, 3, 6, 7)
    torch.testing.assert_close(DQE(DQEConfig(channels=8, blocks=1))(y), y)


def test_edsr_starts_from_another_scale():
    small, large = (EDSR(EDSRConfig(scale=scale, channels=8, blocks=1)) for scale in (2, 3))
    before = large.upsampler[0].weight.clone()
    large.start_from(small)
    assert torch.equal(large.tail.weight, small.tail.weight)
    assert torch.equal(large.upsampler[0].weight, before)
    same = EDSR(EDSRConfig(scale=2, channels=8, blocks=1))
    same.start_from(small)
    assert torch.equal(same.upsampler[0].weight, small.upsampler[0].weight)
    with pytest.raises(ValueError, match="layouts differ"):
        large.start_from(EDSR(EDSRConfig(channels=8, blocks=2)))


def test_vdsr_of_luma_leaves_chroma_to_bicubic():
    model = random_weights(VDSR(VDSRConfig(channels=8, layers=4, colours=1)))
    y = torch.rand(1, 3, 6, 7)
    away = model(y) - bicubic(y, (12, 14))
    assert away.abs().max() > 1e-3
    torch.testing.assert_close(away, away[:, :1].expand(-1, 3, -1, -1))


@pytest.mark.parametrize("model", SMALL, ids=lambda model: f"{type(model).__name__}-{model.scale}")
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
        {"architecture": "vdsr", "scale": 0},
        {"architecture": "vdsr", "layers": 1},
        {"architecture": "vdsr", "colours": 2},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    name = next(key for key in settings if key != "architecture")
    with pytest.raises(UsageError, match=name):
        zoo.build(settings)
