import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import UsageError
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.color.bins import in_gamut, nearest
from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig
from regrow.nets.ops.color import colored, lab, lightness, luma
from regrow.train import loop
from regrow.train.data import Crops, load
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.colorize import ColorizeTask
from regrow.zoo import store

SETTINGS = [
    {"architecture": "classification", "width": 4},
    {"architecture": "regression", "width": 4},
    {"architecture": "histogram", "width": 4, "hidden": 16},
]


def flag(height=32, width=32):
    """Left half red, right half blue, of different lightness: a rule that can be learned."""
    x = torch.empty(2, 3, height, width)
    x[..., : width // 2] = torch.tensor([0.8, 0.3, 0.3]).view(3, 1, 1)
    x[..., width // 2 :] = torch.tensor([0.2, 0.2, 0.5]).view(3, 1, 1)
    return x


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["architecture"])
def test_every_kind_learns_a_rule(settings):
    model = zoo.build(settings).train()
    x = flag()
    task = ColorizeTask(model, Loss(), Data())
    task.look_at([(255 * x[0]).byte().permute(1, 2, 0)])
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(90):
        optimizer.zero_grad()
        task(x)["loss"].backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        y = colored(luma(x), model(lightness(luma(x))))
    assert psnr_rgb(y, x) > psnr_rgb(luma(x).expand_as(x), x) + 6


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: settings["architecture"])
def test_every_kind_can_be_trained_and_resumed(recipe, photographs, tmp_path, settings):
    """Normalisation and its statistics included, the weights are those of an unbroken run."""
    data = Data(crop=32, batch=2, side=48, upright=True, zoom=1.3, tone=0.5, validation=1, validation_crop=64)
    run = replace(recipe.run, steps=6, validate_every=3, checkpoint_every=3)
    recipe = replace(recipe, model=settings, data=data, run=run)
    folder = loop.train(recipe, photographs, tmp_path / "whole", device="cpu")
    steps, real = [], loop.update_average

    def stop(*arguments):
        real(*arguments)
        steps.append(1)
        if len(steps) == 4:
            raise RuntimeError("power cut")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "update_average", stop)
        with pytest.raises(RuntimeError, match="power cut"):
            loop.train(recipe, photographs, tmp_path / "cut", device="cpu")
    again = loop.train(recipe, photographs, tmp_path / "cut", device="cpu", resume=True)
    assert (again / store.WEIGHTS).read_bytes() == (folder / store.WEIGHTS).read_bytes()
    model = zoo.load(str(folder))
    assert model.settings().items() >= settings.items()
    kept = {name: b for name, b in model.named_buffers() if "running_var" in name}
    assert kept
    assert any((b != 1).any() for b in kept.values())


def test_rare_colors_weigh_more():
    model = ClassificationColorizer(ClassificationConfig(width=2))
    task = ColorizeTask(model, Loss(rebalance=0.5), Data())
    mostly_grey = torch.full((40, 40, 3), 128, dtype=torch.uint8)
    mostly_grey[:2] = torch.tensor([200, 30, 40], dtype=torch.uint8)
    task.look_at([mostly_grey])
    grey, red = (
        task.weights[nearest(lab(torch.tensor(c)[:, None, None] / 255)[1:])[0, 0]] for c in ([128] * 3, [200, 30, 40])
    )
    assert red > 5 * grey
    assert task.weights.shape == (len(in_gamut()),)


def test_pictures_are_shrunk_as_they_are_read(photographs, recipe):
    quiet = Console(file=io.StringIO())
    whole, small = (load(photographs, Data(crop=16, side=side, validation=1), quiet)[0] for side in (0, 40))
    assert {tuple(p.shape) for p in whole} == {(160, 200, 3)}
    assert {tuple(p.shape) for p in small} == {(40, 50, 3)}
    for a, b in zip(whole, small, strict=True):
        averaged = a.float().reshape(40, 4, 50, 4, 3).mean((1, 3))
        assert (averaged - b).abs().mean() < 4


def test_pictures_are_held_out_of_one_folder(save, tmp_path):
    for n, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "b/2.png", "b/3.png")):
        save(name, np.full((20, 20, 3), n, np.uint8))
    quiet = Console(file=io.StringIO())
    training, held_out = load(tmp_path, Data(crop=16, validation=2, held_out="b"), quiet)
    assert [int(p[0, 0, 0]) for p in training] == [0, 1, 4]
    assert [int(p[0, 0, 0]) for p in held_out] == [2, 3]
    with pytest.raises(UsageError, match="b: 3 usable pictures are too few to hold out 4"):
        load(tmp_path, Data(crop=16, validation=4, held_out="b"), quiet)


def test_upright_crops_are_mirrored_at_most():
    ramp = torch.arange(64, dtype=torch.uint8).view(8, 8, 1).expand(-1, -1, 3).contiguous()
    crops = Crops([ramp], crop=8, batch=32, seed=0, upright=True)(0) * 255
    straight, mirrored = (ramp.permute(2, 0, 1).float(), ramp.flip(1).permute(2, 0, 1).float())
    kinds = [torch.allclose(c, straight) - torch.allclose(c, mirrored) for c in crops]
    assert set(kinds) == {1, -1}


def test_zoom_shows_the_inside():
    """A crop enlarged twice is its middle; colours and luma go along."""
    seen = []
    model = zoo.build(SETTINGS[1]).eval()
    model.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.trunk.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.rand(2, 3, 32, 32)
    ColorizeTask(model, Loss(), Data(zoom=2.0))(x, zoom=torch.tensor([1.0, 2.0]))
    expected = torch.nn.functional.interpolate(x[1:, :, 8:24, 8:24], scale_factor=2, mode="bilinear")
    torch.testing.assert_close(seen[-1][:1], lightness(luma(x[:1])), atol=0.01, rtol=0)
    inner = (..., slice(2, 30), slice(2, 30))
    torch.testing.assert_close(seen[-1][1:][inner], lightness(luma(expected))[inner], atol=0.01, rtol=0)


def test_tone_changes_grey_alone():
    model = zoo.build(SETTINGS[1]).eval()
    seen = []
    model.trunk.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.rand(2, 3, 16, 16)
    task = ColorizeTask(model, Loss(), Data(tone=1.0))
    task(x, gamma=torch.tensor([1.0, 2.0]).view(2, 1, 1, 1))
    torch.testing.assert_close(seen[0], lightness(torch.cat((luma(x[:1]), luma(x[1:]) ** 2))), atol=0.01, rtol=0)
    gammas = torch.cat([task.draw(x)["gamma"].flatten() for _ in range(200)])
    assert 0.5 <= gammas.min() < 0.6
    assert 1.7 < gammas.max() <= 2
    assert np.isclose(gammas.log2().mean(), 0, atol=0.1)
