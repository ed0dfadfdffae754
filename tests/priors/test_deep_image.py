import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import scipy.interpolate
import torch
import torch.nn.functional as F
from torch import nn

from regrow.errors import RegrowError, UsageError
from regrow.priors import Features, Problem, Settings, deep_image, fit
from regrow.priors.problems import denoising, enlarging, inpainting
from regrow.priors.stopping import held_out

NET = {"architecture": "hourglass", "inputs": 8, "levels": 2, "channels": 16}
QUICK = Settings(net={**NET, "channels": 8, "inputs": 4}, iterations=12)


@pytest.fixture(scope="module")
def photo():
    """(1, 1, 48, 48) in [0, 1], of edges and even parts."""
    import skimage.data

    return torch.from_numpy(skimage.data.camera()[60:156:2, 200:296:2].copy())[None, None] / 255


def psnr(a, b):
    return -10 * (a - b).square().mean().log10().item()


def random_mask(size, share, seed=0):
    return torch.rand(size, generator=torch.Generator().manual_seed(seed)) < share


def test_the_picture_comes_before_its_noise(photo):
    noisy = photo + 25 / 255 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    found = fit(denoising(noisy), Settings(net=NET, iterations=150))
    assert found.picture.shape == photo.shape
    assert psnr(found.picture, photo) > psnr(noisy, photo) + 2
    assert found.psnr == pytest.approx(psnr(found.picture, noisy), abs=1e-3)
    assert (found.iteration, found.iterations, found.interrupted) == (150, 150, False)


def test_what_is_missing_comes_of_what_is_known(photo):
    """Better than the nearest known pixel has it."""
    missing = random_mask((48, 48), 0.5)
    found = fit(inpainting(photo, missing), Settings(net={**NET, "upsampling": "nearest", "skip": 8}, iterations=150))
    known = np.argwhere(~missing.numpy())
    nearest = scipy.interpolate.griddata(
        known, photo[0, 0][~missing].numpy(), np.argwhere(missing.numpy()), method="nearest"
    )
    truth = photo[0, 0][missing]
    assert psnr(found.picture[0, 0][missing], truth) > psnr(torch.from_numpy(nearest), truth) + 1


@pytest.mark.parametrize("size", [(32, 32), (33, 47)])
def test_shrunk_it_is_what_was_enlarged(photo, size):
    small = photo[..., :17, :11]
    problem = enlarging(small, size)
    found = fit(problem, Settings(net=NET, iterations=60))
    assert found.picture.shape == (1, 1, *size)
    assert psnr(problem.operator(found.picture), small) > 20
    assert found.psnr == pytest.approx(psnr(problem.operator(found.picture), small), abs=1e-3)


def test_any_function_is_an_operator(photo):
    measured = F.avg_pool2d(photo, 4)
    problem = Problem(measured=measured, operator=lambda x: F.avg_pool2d(x, 4), size=(48, 48), colors=1)
    found = fit(problem, Settings(net=NET, iterations=40))
    assert psnr(F.avg_pool2d(found.picture, 4), measured) > psnr(measured.mean().expand_as(measured), measured) + 3


def test_features_are_inverted(photo):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2))
    operator = Features(net, "1")
    problem = Problem(measured=operator(photo), operator=operator, size=(48, 48), colors=1)
    losses = []
    fit(problem, Settings(net=NET, iterations=40), watch=lambda p: losses.append(10 ** (-p.psnr / 10)))
    assert losses[-1] < 0.3 * losses[0]


def test_the_same_seed_gives_the_same_and_leaves_torch_alone(photo):
    before = torch.random.get_rng_state()
    first, again = (fit(denoising(photo), QUICK).picture for _ in range(2))
    other = fit(denoising(photo), Settings(net=QUICK.net, iterations=12, seed=1)).picture
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("stop", ["none", "exponential", "windowed", "held-out"])
def test_an_interrupted_fit_goes_on_as_if_it_had_not_been(photo, tmp_path, caplog, stop):
    settings = Settings(net=QUICK.net, iterations=12, stop=stop, margin=1, warmup=2, backup=3)
    path = tmp_path / "fit"

    def at_seven(done, total):
        if done == 7:
            os.kill(os.getpid(), signal.SIGINT)

    whole = fit(denoising(photo), settings)
    part = fit(denoising(photo), settings, checkpoint=path, report=at_seven)
    assert (part.iterations, part.interrupted) == (7, True)
    assert "going on" not in caplog.text
    seen = []
    rest = fit(denoising(photo), settings, checkpoint=path, report=lambda *done: seen.append(done))
    assert "going on after iteration 7 of 12" in caplog.text
    assert seen == [(iteration, 12) for iteration in range(8, 13)]
    assert torch.equal(rest.picture, whole.picture)
    assert (rest.iteration, rest.iterations, rest.psnr, rest.interrupted) == (
        whole.iteration,
        whole.iterations,
        whole.psnr,
        False,
    )
    assert fit(denoising(photo), settings, checkpoint=path, report=pytest.fail).picture.equal(whole.picture)


def test_it_is_saved_now_and_then(photo, tmp_path):
    path = tmp_path / "fit"
    with pytest.raises(ZeroDivisionError):
        fit(denoising(photo), QUICK, checkpoint=path, save_every=0, report=lambda done, total: 1 // (5 - done))
    seen = []
    fit(denoising(photo), QUICK, checkpoint=tmp_path / "fit", report=lambda done, total: seen.append(done))
    assert seen[0] == 5


def test_checkpoints_of_something_else_are_refused(photo, tmp_path):
    path = tmp_path / "fit"
    fit(denoising(photo), QUICK, checkpoint=path)
    for problem, settings in (
        (denoising(1 - photo), QUICK),
        (denoising(photo), Settings(net=QUICK.net, iterations=13)),
        (enlarging(photo, (96, 96)), QUICK),
    ):
        with pytest.raises(UsageError, match="fit: is of another picture or other settings"):
            fit(problem, settings, checkpoint=path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RegrowError, match="fit: not a checkpoint of a deep image prior"):
        fit(denoising(photo), QUICK, checkpoint=path)


def test_it_stops_by_itself_with_the_best_kept(photo):
    """Here where iterates change least, of a picture that is known after a few iterations."""
    settings = Settings(net=QUICK.net, iterations=500, stop="exponential", patience=6, perturbation=1.0, warmup=5)
    means = {}
    found = fit(denoising(torch.full_like(photo, 0.5)), settings, watch=lambda p: means.update({p.iteration: p}))
    assert found.iterations < 500
    assert found.iteration == found.iterations - 6 == means[found.iterations].best_iteration
    assert torch.equal(found.picture, means[found.iteration].picture)


def test_what_is_held_out_teaches_nothing(photo):
    """Other values there give the same picture, and other iterations of it are the best."""
    settings = Settings(net=QUICK.net, iterations=12, stop="held-out")
    missing = torch.zeros(photo.shape[-2:], dtype=torch.bool)
    missing[10:20, 5:30] = True
    held = held_out(~missing, settings.held_out, settings.seed)
    others, seen = [torch.where(held, 1 - photo, photo), torch.where(held, photo, 1 - photo)], []
    for picture in (photo, *others):
        seen.append([])
        fit(inpainting(picture, missing), settings, watch=lambda p: seen[-1].append(p.picture))
    assert all(torch.equal(a, b) for a, b in zip(seen[0], seen[1], strict=True))
    assert not torch.equal(seen[0][-1], seen[2][-1])


def test_of_pixels_held_out_the_least_error_tells_the_best(photo):
    missing = torch.rand(photo.shape[-2:], generator=torch.Generator().manual_seed(0)) < 0.5
    settings = Settings(net=QUICK.net, iterations=60, stop="held-out", rate=0.05, warmup=0)
    held, errors = held_out(~missing, settings.held_out, settings.seed), []

    def watch(progress):
        errors.append((progress.picture - photo)[..., held].square().mean().item())

    found = fit(inpainting(photo, missing), settings, watch=watch)
    assert found.iteration == errors.index(min(errors)) + 1


def test_of_what_is_held_out_the_latest_that_is_as_good_is_taken(photo):
    noisy = photo + 0.2 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(1))
    settings = Settings(
        net=QUICK.net, iterations=160, stop="held-out", rate=0.02, margin=1, average=0.5, warmup=0
    )  # fmt: skip
    held, errors = held_out(torch.ones(photo.shape[-2:], dtype=torch.bool), settings.held_out, settings.seed), []

    def watch(progress):
        errors.append((progress.picture - noisy)[0, 0, held].square().numpy())

    found = fit(denoising(noisy), settings, watch=watch)
    best = int(np.argmin([e.mean() for e in errors]))
    worse = [e - errors[best] for e in errors]
    good = [i for i, e in enumerate(worse) if e.mean() < e.std() / len(e) ** 0.5]
    assert found.iteration == good[-1] + 1 > best + 1


def test_a_breakdown_is_taken_back(photo):
    settings = replace(QUICK, backup=10)
    run = deep_image._Run(denoising(torch.full_like(photo, 0.9)), settings, "cpu", None)
    for _ in range(settings.backup + 1):
        run.advance()
    kept, mean = {name: value.clone() for name, value in run.kept.items()}, run.mean
    with torch.no_grad():
        run.net.tail.bias.fill_(-20)
    assert run.advance() < run.kept_psnr - deep_image.FALL
    assert all(torch.equal(value, kept[name]) for name, value in run.net.state_dict().items())
    assert run.mean is mean
    assert run.advance() > run.kept_psnr - deep_image.FALL


def test_another_fit_is_gone_on_from(photo):
    settings = Settings(net=QUICK.net, iterations=60, perturbation=0)
    first = fit(denoising(photo), settings)
    seen, once = [], Settings(net=QUICK.net, iterations=1, perturbation=0)
    fit(denoising(photo), once, start=first, watch=seen.append)
    fit(denoising(photo), once, watch=seen.append)
    assert seen[0].psnr > seen[1].psnr + 3
    larger = fit(denoising(F.interpolate(photo, scale_factor=1.5)), QUICK, start=first)
    assert larger.input.shape == (1, 4, 72, 72)
    assert set(larger.input.unique().tolist()) == set(first.input.unique().tolist())
    with pytest.raises(UsageError, match="cannot start from a fit with another net"):
        fit(denoising(photo), Settings(net=NET, iterations=1), start=first)


def test_the_net_is_not_told_the_noise_of_the_same_seed(photo):
    """The noise of a picture may come of the seed that the fit has."""
    told = fit(denoising(photo), Settings(net=NET, iterations=1, seed=3)).input
    same = torch.rand(told.shape, generator=torch.Generator().manual_seed(3))
    assert 0.05 < told.std() / same.std() < 0.2
    assert abs(np.corrcoef(told.flatten(), same.flatten())[0, 1]) < 0.05


def test_coordinates_instead_of_noise(photo):
    net = {**QUICK.net, "inputs": 2}
    found = fit(denoising(photo[..., :30]), Settings(net=net, iterations=1, input="mesh"))
    assert found.input.shape == (1, 2, 48, 32)
    assert found.input[0, 0, :, 3].tolist() == pytest.approx(np.linspace(0, 1, 48))
    assert found.input[0, 1, 3].tolist() == pytest.approx(np.linspace(0, 1, 32))


def test_nothing_averaged_is_the_last_iterate(photo):
    seen = []
    fit(denoising(photo), Settings(net=QUICK.net, iterations=3, average=0, perturbation=0), watch=seen.append)
    for progress in seen:
        assert psnr(progress.picture, photo) == pytest.approx(progress.psnr, abs=1e-3)


@pytest.mark.parametrize(
    ("problem", "settings", "words"),
    [
        (lambda x: Problem(measured=x, operator=lambda p: p[..., 1:], size=(48, 48), colors=1), QUICK,
         r"the operator makes \(1, 1, 48, 47\) of a picture \(1, 1, 48, 48\)"),
        (denoising, Settings(net={"architecture": "vdsr"}), "architecture vdsr: setting outputs"),
        (denoising, Settings(net=NET, input="mesh"), "input mesh: has 2 coordinates, but the net 8 inputs"),
        (denoising, Settings(net={**NET, "levels": 9}), "levels 9 out of range"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted(photo, problem, settings, words):
    with pytest.raises(UsageError, match=words):
        fit(problem(photo), settings)
    with pytest.raises(UsageError, match="toaster"):
        fit(denoising(photo), QUICK, device="toaster")
