from dataclasses import replace

import pytest
import torch

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import UsageError
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.rescale.tad import TAD
from regrow.nets.restore.codec import CodecConfig, CodecRestorer
from regrow.nets.upscale.vdsr import VDSR
from regrow.train import checkpoint, loop
from regrow.train.coded import CodedCrops, unpacked
from regrow.train.losses import l1
from regrow.train.recipe import Data, Loss, Recipe
from regrow.train.tasks.codec import CodecTask
from regrow.train.tasks.select import task_for

SETTINGS = {"architecture": "codec", "channels": 16, "blocks": 2, "deep_blocks": 1, "deep_channels": 16}


@pytest.fixture
def coded(recipe):
    run = replace(recipe.run, steps=3, validate_every=3, checkpoint_every=3)
    data = replace(recipe.data, grey=0.0, codecs=("webp",), crop=32, batch=2)
    return replace(recipe, model=SETTINGS, data=data, run=run)


def test_training_reaches_weights_that_load(coded, photographs, tmp_path):
    folder = loop.train(coded, photographs, tmp_path / "out", device="cpu", cache=tmp_path / "cache")
    assert zoo.load(str(folder)).settings().items() >= SETTINGS.items()
    assert "val_webp45" in (tmp_path / "out" / "log.csv").read_text()
    assert list((tmp_path / "cache" / "x1").glob("*-webp-*.npy"))


def test_a_checkpoint_of_former_names_goes_on_to_the_same_weights(coded, photographs, tmp_path):
    """As the first runs of this architecture wrote them."""
    last = replace(coded, run=replace(coded.run, steps=2, checkpoint_every=1))
    real, names = checkpoint.states.tensors_of, {"embedding.": "told.", "modulation.": "tell.", "position": "place"}

    def former(path):
        header, tensors = real(path)
        for now, before in names.items():
            tensors = {key.replace(f".{now}", f".{before}"): value for key, value in tensors.items()}
        return {**header, "recipe": header["recipe"].replace("unshuffle", "fold").replace("flicker", "steady")}, tensors

    folders = []
    for out in (tmp_path / "a", tmp_path / "b"):
        folders.append(loop.train(last, photographs, out, device="cpu"))
    header, tensors = former(tmp_path / "b" / loop.CHECKPOINT)
    assert "ema.place" in tensors
    checkpoint.states.write(tmp_path / "b" / loop.CHECKPOINT, tensors, header)
    loop.train(last, photographs, tmp_path / "b", device="cpu", resume=True)
    a, b = (zoo.load(str(folder)).state_dict() for folder in folders)
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_loss_is_between_the_picture_and_what_is_restored(astronaut):
    data = Data(codecs=("jpeg",), crop=32, batch=2)
    net = CodecRestorer(CodecConfig(channels=8, blocks=1))
    batch = CodedCrops([torch.from_numpy(astronaut[:64, :64].copy())], data, 1, seed=0)(0)
    x, y, _ = unpacked(batch, 1)
    assert CodecTask(net, Loss(), data)(batch)["loss"].item() == pytest.approx(l1(y, x).item(), rel=1e-5)


def test_half_a_scale_is_learned_and_measured(coded, photographs, tmp_path):
    half = replace(coded, model={**SETTINGS, "scale": 1.5}, data=replace(coded.data, crop=48))
    folder = loop.train(half, photographs, tmp_path / "out", device="cpu", cache=tmp_path / "cache")
    assert zoo.load(str(folder)).scale == 1.5
    assert "val_webp45" in (tmp_path / "out" / "log.csv").read_text()
    assert list((tmp_path / "cache" / "x1.5").glob("*-webp-*.npy"))
    with pytest.raises(UsageError, match="must divide by 24"):
        loop.train(replace(half, data=coded.data), photographs, tmp_path / "other", device="cpu")


def test_figures_are_of_held_out_pictures_through_each_codec(coffee):
    task = CodecTask(CodecRestorer(CodecConfig(channels=8, blocks=1)), Loss(), Data(codecs=("jpeg", "webp")))
    picture = torch.from_numpy(coffee[100:180, 100:200].copy())
    figures = task.validate(task.model, [picture], 64)
    assert set(figures) == {"jpeg15", "jpeg40", "jpeg80", "webp10", "webp45", "webp80", "rgb"}
    assert figures["jpeg15"] < figures["jpeg40"] < figures["jpeg80"]
    # An untrained net leaves what the codec has left.
    x, y, _ = unpacked(dict(task.measured)["webp45"][None], 1)
    assert figures["webp45"] == pytest.approx(psnr_rgb(y, x))
    assert task.validate(task.model, [], 64) == figures  # coded once


def test_what_does_not_fit_is_a_usage_error(coded, photographs, tmp_path):
    net = CodecRestorer(CodecConfig(channels=8, blocks=1))
    with pytest.raises(UsageError, match="codecs must name"):
        CodecTask(net, Loss(), Data())
    with pytest.raises(UsageError, match="6 are told"):
        CodecTask(CodecRestorer(CodecConfig(facts=5)), Loss(), Data(codecs=("webp",)))
    for changes, words in (
        ({"codecs": ("gif",)}, "known are jpeg"),
        ({"blind": 1.5}, "blind is 1.5"),
        ({"effort": 10}, "effort is 10"),
        ({"versions": 0}, "versions is 0"),
    ):
        with pytest.raises(UsageError, match=words):
            Data(**changes)
    with pytest.raises(UsageError, match="divide by 16"):
        loop.train(replace(coded, data=replace(coded.data, crop=40)), photographs, tmp_path, device="cpu")
    with pytest.raises(UsageError, match="not kept on the device"):
        loop.train(coded, photographs, tmp_path, device="cpu", pictures_on_device=True)
    other = Recipe(name="r", model={"architecture": "vdsr"})
    with pytest.raises(UsageError, match="a cache is for"):
        loop.train(other, photographs, tmp_path, device="cpu", cache=tmp_path)
    for model in (TAD(), VDSR()):
        with pytest.raises(UsageError, match=r"codecs is .*no coded pictures"):
            task_for(model, replace(other, data=Data(codecs=("webp",))))
    with pytest.raises(UsageError, match=r"thumbnails is .*coded pictures"):
        task_for(net, replace(coded, data=replace(coded.data, thumbnails="tad-x2")))
