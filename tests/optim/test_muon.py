import pytest
import torch

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.optim import muon as optim
from regrow.train import loop
from regrow.train.recipe import Optimizer


def test_orthogonalize_keeps_directions_and_evens_out_their_strengths():
    torch.manual_seed(1)
    matrices = torch.randn(3, 16, 40) * torch.tensor([1e-4, 1.0, 300.0])[:, None, None]
    result = optim.orthogonalize(matrices)
    for before, after in zip(matrices.double(), result.double(), strict=True):
        u, _, v = torch.linalg.svd(before, full_matrices=False)
        turned = u.T @ after @ v.T
        strengths = turned.diagonal()
        assert (strengths > 0.5).all()
        assert (strengths < 1.35).all()
        assert (turned - strengths.diag()).abs().max() < 0.15


def test_orthogonalize_of_nothing_is_nothing():
    assert not optim.orthogonalize(torch.zeros(1, 4, 9)).any()


def test_muon_moves_every_kernel_by_its_rate():
    torch.manual_seed(0)
    kernels = [torch.nn.Parameter(torch.randn(16, 16, 3, 3)) for _ in range(2)]
    before = [k.detach().clone() for k in kernels]
    muon = optim.Muon(kernels, lr=0.1)
    sum((k * torch.randn_like(k)).sum() for k in kernels).backward()
    muon.step()
    for a, b in zip(before, kernels, strict=True):
        assert torch.linalg.matrix_norm((a - b).detach().flatten(1), 2) == pytest.approx(0.1, rel=0.25)


def test_muon_without_a_gradient_moves_nothing():
    kernel = torch.nn.Parameter(torch.ones(16, 16, 3, 3))
    optim.Muon([kernel], lr=1.0).step()
    assert (kernel == 1).all()


def test_every_parameter_has_exactly_one_optimizer():
    model = zoo.build(
        {"architecture": "tad", "channels": 16, "blocks": 2, "trunk_conv": True, "subpixel_features": True}
    )
    for settings in (Optimizer(), Optimizer(name="adam")):
        taken = [id(p) for o in optim.build(model, settings) for g in o.param_groups for p in g["params"]]
        assert sorted(taken) == sorted(id(p) for p in model.parameters())


def test_the_rate_warms_up_and_falls_to_nothing():
    settings = Optimizer(warmup=10)
    rates = [optim.schedule(step, 100, settings) for step in range(100)]
    assert rates[0] < 0.11
    assert max(rates) == rates[9] > 0.97
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[50] == pytest.approx(0.5)
    assert rates[-1] < 0.001


def test_the_running_average_follows_by_its_decay():
    average, model = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    expected = 0.75 * average.weight + 0.25 * model.weight
    loop.update_average(average, model, 0.75)
    torch.testing.assert_close(average.weight, expected)
