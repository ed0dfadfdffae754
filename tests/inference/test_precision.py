import pytest
import torch

from regrow.inference import precision
from regrow.nets.upscale.edsr import EDSR, EDSRConfig
from regrow.nets.upscale.plain import Plain, PlainConfig


def plain():
    model = Plain(PlainConfig(channels=8, layers=2))
    torch.nn.init.normal_(model.last.weight, std=0.05)
    return model.eval().requires_grad_(False)


@pytest.fixture
def fast(monkeypatch):
    """A processor with bfloat16, or one that emulates it."""
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: True)


def test_without_the_hardware_nothing_changes(monkeypatch):
    monkeypatch.setattr(precision, "bf16_is_fast", lambda device: False)
    model = plain()
    assert precision.in_bfloat16(model) is model


@pytest.mark.usefixtures("fast")
def test_nets_that_are_not_made_for_it_stay_as_they_are():
    model = EDSR(EDSRConfig(channels=8, blocks=1))
    assert precision.in_bfloat16(model) is model


@pytest.mark.usefixtures("fast")
def test_features_are_halved_but_not_the_first_layer_nor_the_result():
    model, kinds = plain(), []
    for layer in (model.first, model.body[0], model.last):
        layer.register_forward_hook(lambda layer, given, result: kinds.append(result.dtype))
    y = torch.rand(1, 3, 9, 11)
    half, whole = precision.in_bfloat16(model)(y), model(y)
    assert kinds[:3] == [torch.float32, torch.bfloat16, torch.bfloat16]
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, whole, atol=2e-2, rtol=0)
    assert not torch.equal(half, whole)
