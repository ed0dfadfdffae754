from dataclasses import replace

import numpy as np
import pytest
import torch

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import UsageError
from regrow.inference.coded_refine import steps_of
from regrow.io.codecs import Codec
from regrow.io.jpeg_tables import flat, steps
from regrow.io.memory import read_rgb
from regrow.nets.restore.codec import CodecConfig, CodecRestorer
from regrow.nets.restore.codec_shrinker import CodecShrinker, CodecShrinkerConfig
from regrow.nets.upscale.vdsr import VDSR
from regrow.train import loop
from regrow.train.coded import shrinker_for, shrunk
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.codec_shrink import CodecShrinkTask
from regrow.train.tasks.select import task_for

SETTINGS = {"architecture": "codec-shrinker", "scale": 2, "unshuffle": 2, "channels": 8, "blocks": 1}
DATA = Data(codecs=("jpeg", "webp"), tuned=1.0)


@pytest.fixture
def grower(tmp_path):
    torch.manual_seed(0)
    zoo.save(CodecRestorer(CodecConfig(scale=2, unshuffle=1, channels=8, blocks=1)), tmp_path / "grower")
    return str(tmp_path / "grower")


@pytest.fixture
def task(grower):
    torch.manual_seed(0)
    net = CodecShrinker(CodecShrinkerConfig(channels=8, blocks=1))
    return CodecShrinkTask(net, Loss(grower=grower), DATA)


@pytest.fixture
def pictures(astronaut, coffee):
    crops = [picture[100:228, 200:328] for picture in (astronaut, coffee)]
    return torch.stack([torch.from_numpy(np.array(crop)).permute(2, 0, 1) / 255 for crop in crops])


def test_error_and_rate_are_those_of_real_files(task, pictures):
    """The trade of a bit cancels out of their ratio for one file."""
    x, quality = pictures[:1], 40
    with torch.no_grad():
        found = task(x, torch.tensor([[1, quality]]))
    codec = Codec(name="webp", tuned=True, effort=DATA.effort)
    small = shrunk((x[0] * 255).byte().permute(1, 2, 0).numpy(), 2)
    bits = 8 * (len(codec.encode(small, quality)) - len(codec.encode(np.full_like(small, 128), quality)))
    _, _, _, trade = task._told(torch.tensor([[1, quality]]))
    error = found["rate"] / (float(trade) * bits / (128 * 128))
    back = torch.from_numpy(np.array(read_rgb(codec.encode(small, quality)))).permute(2, 0, 1)[None] / 255
    grown = torch.nn.functional.interpolate(back, (128, 128), mode="bicubic")
    assert 1 / float(error) == pytest.approx(float((grown - x).square().mean()) * 255**2, rel=0.15)
    assert float(found["loss"]) == pytest.approx(1 + float(found["rate"]), rel=1e-5)


def test_descent_saves_bits_at_equal_error(task, pictures):
    """Steps along the proxy's gradient lower what real files cost and lose."""
    torch.manual_seed(0)
    files = torch.tensor([[0, 40], [1, 40]])
    optimizer = torch.optim.Adam(task.model.parameters(), 2e-3)
    start = _costs(task, pictures, files)
    for _ in range(30):
        task(pictures, files)["loss"].backward()
        optimizer.step()
        optimizer.zero_grad()
    end = _costs(task, pictures, files)
    assert end < 0.99 * start


@torch.no_grad()
def _costs(task, pictures, files):
    found = task(pictures, files)
    told, _, _, trade = task._told(files)
    real, bits = task._coded(task.model(pictures, told), files)
    error = (task.grower(real, told) - pictures).square().mean((1, 2, 3)) * 255**2
    assert float(found["error"]) == pytest.approx(1, abs=1e-4)
    return float((error + trade * bits / pictures[0, 0].numel()).mean())


def test_an_untrained_one_saves_nothing(task, astronaut):
    figures = task.validate(task.model, [torch.from_numpy(np.array(astronaut[100:356, 100:356]))], 128)
    assert figures["small"] > 90
    assert abs(figures["saved"]) < 1e-3
    assert {"jpeg40", "webp45"} <= figures.keys()


@pytest.mark.parametrize("quality", [20, 70])
def test_steps_are_those_of_the_files(quality):
    assert (steps_of(Codec(name="jpeg", tuned=True), quality)[0].flatten().tolist()) == flat(quality)
    luma, chroma = steps_of(Codec(name="jpeg"), quality)
    assert np.array_equal(luma.numpy().ravel(), np.ravel(steps(quality)[0]))
    assert not torch.equal(luma, chroma)


def test_training_reaches_a_net_that_coded_pictures_can_be_shrunk_by(recipe, photographs, grower, tmp_path):
    run = replace(recipe.run, steps=2, validate_every=2, checkpoint_every=2, compile=False)
    data = replace(recipe.data, grey=0.0, codecs=("webp",), tuned=1.0, crop=32, batch=2)
    wanted = replace(recipe, model=SETTINGS, data=data, run=run, loss=Loss(grower=grower))
    folder = loop.train(wanted, photographs, tmp_path / "out", device="cpu")
    assert "val_saved" in (tmp_path / "out" / "log.csv").read_text()
    net = shrinker_for(Data(codecs=("webp",), shrinker=str(folder)), 2)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 32, 3), np.uint8)
    assert shrunk(pixels, 2, net, Codec(name="webp").facts(50)).shape == (32, 16, 3)
    with pytest.raises(UsageError, match="does not shrink by 4"):
        shrinker_for(Data(codecs=("webp",), shrinker=str(folder)), 4)


def test_what_does_not_fit_is_refused(recipe, grower, tmp_path):
    net = CodecShrinker(CodecShrinkerConfig(channels=8, blocks=1))
    with pytest.raises(UsageError, match="codecs must name"):
        CodecShrinkTask(net, Loss(grower=grower), Data())
    with pytest.raises(UsageError, match="grower must name"):
        CodecShrinkTask(net, Loss(), DATA)
    other = CodecShrinker(CodecShrinkerConfig(scale=4, unshuffle=4, channels=8, blocks=1))
    with pytest.raises(UsageError, match="scale 4"):
        CodecShrinkTask(other, Loss(grower=grower), DATA)
    plain = replace(recipe, data=replace(recipe.data, grey=0.0), loss=Loss(grower=grower))
    with pytest.raises(UsageError, match="no use for it"):
        task_for(VDSR(), replace(plain, loss=Loss(grower=grower)))
    with pytest.raises(UsageError, match="no use for it"):
        task_for(net, replace(plain, data=replace(plain.data, codecs=("webp",)), loss=Loss(grower=grower, task="l2")))
