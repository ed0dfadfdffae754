"""Adversarial training: the losses by hand, what each side's gradient reaches, and runs that go on where they were."""

import csv
import re
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.adversarial.srgan import Discriminator, DiscriminatorConfig
from regrow.nets.upscale.vdsr import VDSR, VDSRConfig
from regrow.train import checkpoint, loop
from regrow.train.adversarial import adversarial, relativistic, standard
from regrow.train.losses import l1
from regrow.train.recipe import Data, Loss, Recipe
from regrow.train.tasks.restore import RestoreTask
from regrow.zoo import store

SMALL = {"architecture": "srgan-discriminator", "side": 24, "stages": 2, "channels": 4, "dense": 8}


def small(side=24, **settings):
    return Discriminator(DiscriminatorConfig(side=side, stages=2, channels=4, dense=8, **settings))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def logits():
    real, made = torch.randn(5, 1) + 1, 2 * torch.randn(5, 1)
    return real, made, real.double().numpy(), made.double().numpy()


def test_the_standard_loss_is_its_formula():
    real, made, r, m = logits()
    found = standard(real, made)
    assert found.generator.item() == pytest.approx(-np.log(sigmoid(m)).mean(), rel=1e-5)
    assert found.discriminator.item() == pytest.approx(-np.log(sigmoid(r)).mean() - np.log(1 - sigmoid(m)).mean())


def test_the_relativistic_loss_is_its_formula():
    real, made, r, m = logits()
    d_real, d_made = sigmoid(r - m.mean()), sigmoid(m - r.mean())
    found = relativistic(real, made)
    assert found.discriminator.item() == pytest.approx(-np.log(d_real).mean() - np.log(1 - d_made).mean(), rel=1e-5)
    assert found.generator.item() == pytest.approx(-np.log(1 - d_real).mean() - np.log(d_made).mean(), rel=1e-5)


@pytest.mark.parametrize("loss", [standard, relativistic])
def test_logits_of_any_size_have_finite_losses_and_gradients(loss):
    real, made = torch.full((3, 1), 1e4, requires_grad=True), torch.full((3, 1), -1e4, requires_grad=True)
    found = loss(real, made)
    sum(found).backward()
    assert all(x.isfinite().all() for x in (*found, real.grad, made.grad))


@pytest.mark.parametrize("relative", [False, True])
def test_each_side_moves_by_its_own_loss_alone(relative):
    """The gradients of one pass are those of the usual two: the generator's, then the discriminator's."""
    net, real, made = small(), torch.rand(4, 3, 24, 24), torch.rand(4, 3, 24, 24, requires_grad=True)
    found = adversarial(net, real, made, relative)
    sum(found).backward()
    loss = relativistic if relative else standard
    generator = torch.autograd.grad(loss(net(real), net(made)).generator, made)[0]
    discriminator = torch.autograd.grad(loss(net(real), net(made.detach())).discriminator, list(net.parameters()))
    torch.testing.assert_close(made.grad, generator)
    for p, gradient in zip(net.parameters(), discriminator, strict=True):
        torch.testing.assert_close(p.grad, gradient)


@pytest.mark.parametrize("relative", [False, True])
def test_a_discriminator_learns_to_tell_sharp_from_blurred(relative):
    net = small(side=0)
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    real = torch.rand(8, 3, 16, 16)
    made = F.avg_pool2d(real, 3, 1, 1)
    values = []
    for _ in range(70):
        value = adversarial(net, real, made, relative).discriminator
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[1] < values[0]
    assert values[-1] < 0.5 * values[0]


def test_the_layouts_are_the_published_ones():
    net = Discriminator()
    shapes = [tuple(m.weight.shape[:2]) + m.stride[:1] for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
    assert shapes == [(64, 3, 1), (64, 64, 2), (128, 64, 1), (128, 128, 2), (256, 128, 1), (256, 256, 2),
                      (512, 256, 1), (512, 512, 2)]  # fmt: skip
    assert [m.weight.shape for m in net.head if isinstance(m, torch.nn.Linear)] == [(1024, 512 * 6 * 6), (1, 1024)]
    published = Discriminator(DiscriminatorConfig(side=128, stages=5, kernel=4, dense=100))
    assert sum(p.numel() for p in published.parameters()) == 14_499_401


@pytest.mark.parametrize("kernel", [3, 4])
def test_one_logit_a_picture_of_any_size_where_places_are_averaged(kernel):
    assert small(kernel=kernel)(torch.rand(2, 3, 24, 24)).shape == (2, 1)
    pooled = small(side=0, kernel=kernel)
    assert [pooled(torch.rand(3, 3, n, n + 5)).shape for n in (16, 31)] == [(3, 1)] * 2


@pytest.mark.parametrize("settings", ["side=97", "side=-16", "channels=0", "stages=0", "kernel=5", "dense=0"])
def test_settings_of_a_discriminator_out_of_range_are_named(settings):
    name, value = settings.split("=")
    with pytest.raises(UsageError, match=f"{name} {value}"):
        zoo.build({"architecture": "srgan-discriminator", name: int(value)})


def test_the_weighted_loss_is_added_to_the_distance():
    torch.manual_seed(0)
    net, x = small(), torch.rand(2, 3, 24, 24)
    task = RestoreTask(VDSR(VDSRConfig(layers=3, channels=4)), Loss(adversarial=0.1), Data(), net)
    found = task(x)
    made = task.model(task.given(x))
    expected = standard(net(x), net(made))
    assert found["task"].item() == pytest.approx(l1(made, x).item())
    assert found["adversarial"].item() == pytest.approx(expected.generator.item(), rel=1e-5)
    assert found["discriminator"].item() == pytest.approx(expected.discriminator.item(), rel=1e-5)
    assert found["loss"].item() == pytest.approx((l1(made, x) + 0.1 * expected.generator).item(), rel=1e-5)
    assert set(RestoreTask(task.model, Loss(), Data())(x)) == {"loss"}


@pytest.fixture(scope="module")
def against(recipe):
    """A short run of a small net against a small discriminator."""
    return replace(
        recipe,
        model={"architecture": "edsr", "channels": 16, "blocks": 1},
        discriminator=SMALL,
        data=replace(recipe.data, grey=0.0),
        loss=Loss(task="l1 + 0.1 ms-ssim", adversarial=0.01, relativistic=True),
    )


@pytest.fixture(scope="module")
def trained(against, photographs, tmp_path_factory):
    """The folder of an unbroken run."""
    out = tmp_path_factory.mktemp("against") / "out"
    loop.train(against, photographs, out, device="cpu")
    return out


def test_both_nets_are_trained_kept_and_logged(trained, against):
    with (trained / loop.LOG).open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["step", "loss", "task", "adversarial", "discriminator", "norm", "val_rgb"]
    assert all(float(row["discriminator"]) > 0 for row in rows)
    step, read, tensors = checkpoint.read(trained / loop.CHECKPOINT)
    assert (step, read) == (12, against)
    torch.manual_seed(0)
    zoo.build(against.model)
    for name, before in zoo.build(against.discriminator).state_dict().items():
        # The last bias cancels out of a relativistic loss: its gradient is what rounding leaves of 0.
        assert before.numel() == 1 or not torch.equal(tensors[f"discriminator.{name}"], before)
    assert set(zoo.load(str(trained / "weights")).state_dict()) == set(zoo.build(against.model).state_dict())


def test_an_interrupted_run_goes_on_to_the_same_weights_of_both(trained, against, photographs, tmp_path, monkeypatch):
    real, calls = loop.schedule, 0

    def interrupted(*arguments):
        nonlocal calls
        calls += 1
        if calls == 8:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "schedule", interrupted)
        with pytest.raises(KeyboardInterrupt):
            loop.train(against, photographs, tmp_path, device="cpu")
    loop.train(against, photographs, tmp_path, device="cpu", resume=True)
    for name in (loop.LOG, f"weights/{store.WEIGHTS}"):
        assert (tmp_path / name).read_bytes() == (trained / name).read_bytes()
    (_, _, resumed), (_, _, unbroken) = (checkpoint.read(out / loop.CHECKPOINT) for out in (tmp_path, trained))
    assert resumed.keys() == unbroken.keys()
    assert all(torch.equal(resumed[name], unbroken[name]) for name in unbroken)


def test_adversarial_training_starts_from_weights_that_are_there(trained, against, photographs, tmp_path):
    start = zoo.load(str(trained / "weights"))
    slow = replace(against.optimizer, name="adam", rate=1e-12)
    again = replace(against, init=str(trained / "weights"), optimizer=slow, run=replace(against.run, steps=1))
    weights = zoo.load(str(loop.train(again, photographs, tmp_path, device="cpu")))
    torch.testing.assert_close(weights.state_dict(), start.state_dict())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": {"adversarial": 0.1}}, "go together"),
        ({"discriminator": SMALL}, "go together"),
        ({"discriminator": {"side": 24}}, "[discriminator] must name an architecture"),
        ({"discriminator": 3}, "discriminator must be a table"),
        ({"loss": {"adversarial": -0.1}, "discriminator": SMALL}, "adversarial is -0.1"),
        ({"loss": {"relativistic": True}}, "give the weight"),
    ],
)
def test_recipes_of_half_an_opponent_are_usage_errors(settings, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        Recipe.from_dict({"name": "x", "model": {"architecture": "edsr"}, **settings})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"discriminator": {"architecture": "edsr"}}, "'edsr' is none"),
        ({"discriminator": {"architecture": "nobody"}}, "'nobody' is not known"),
        ({"discriminator": {**SMALL, "side": 48}}, "side of 48, but crop is 24"),
        ({"discriminator": {**SMALL, "side": 0, "stages": 4}}, "crop 24 is too small"),
        ({"model": SMALL}, "a Discriminator cannot be trained"),
        ({"model": {"architecture": "tad"}}, "adversarial is 0.01"),
        ({"model": {"architecture": "regression"}}, "adversarial is 0.01"),
        ({"model": {"architecture": "sofvsr"}}, "adversarial is 0.01"),
    ],
)
def test_opponents_that_do_not_fit_are_usage_errors(against, photographs, tmp_path, change, words):
    loss = replace(against.loss, task="l1")
    with pytest.raises(UsageError, match=re.escape(words)):
        loop.train(replace(against, loss=loss, **change), photographs, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()
