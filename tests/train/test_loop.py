import csv
import io
import json
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from PIL import Image
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file
from support.recipes import TOML

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.train import checkpoint, loop
from regrow.train.data import load
from regrow.train.recipe import Data
from regrow.train.tasks.rescale import RescaleTask
from regrow.zoo import store

QUIET = Console(file=io.StringIO())


@pytest.fixture(scope="module")
def trained(recipe, photographs, tmp_path_factory):
    """The folder of an unbroken run."""
    out = tmp_path_factory.mktemp("trained") / "out"
    loop.train(recipe, photographs, out, device="cpu")
    return out


def weights(out):
    return (out / "weights" / store.WEIGHTS).read_bytes()


def test_training_writes_all_that_is_promised(trained, recipe):
    assert {p.name for p in trained.iterdir()} == {"checkpoint.safetensors", "log.csv", "training.png", "weights"}
    with (trained / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8, 10, 12]
    assert all(float(row["loss"]) > 0 for row in rows)
    assert [bool(row["val_rgb"]) for row in rows] == [False, False, True, False, False, True]
    with Image.open(trained / "training.png") as image:
        assert image.size > (400, 200)
    model = zoo.load(str(trained / "weights"))
    assert model.settings() == {**model.settings(), **recipe.model}


def test_weights_serve_the_verbs(trained, photographs, tmp_path, regrow):
    model = trained / "weights"
    assert regrow("shrink", photographs / "1coffee.png", "-o", tmp_path / "s.png", "--model", model).code == 0
    assert regrow("grow", tmp_path / "s.png", "-o", tmp_path / "g.png", "--model", model).code == 0


def test_training_lowers_the_loss(recipe, photographs, tmp_path):
    """On a held-out picture, against the untrained net, which is bicubic."""
    run = replace(recipe.run, steps=120, validate_every=120, checkpoint_every=120)
    longer = replace(recipe, run=run, data=replace(recipe.data, grey=0.0, batch=4, crop=32))
    trained = zoo.load(str(loop.train(longer, photographs, tmp_path / "out", device="cpu")))
    x = load(photographs, recipe.data, QUIET)[1][0].permute(2, 0, 1)[None] / 255
    before, after = (
        RescaleTask(net, recipe.loss, Data())(x, torch.zeros(1, 1, 1, 1, dtype=torch.bool))["task"].item()
        for net in (zoo.build(recipe.model), trained)
    )
    assert after < 0.98 * before


def test_the_same_recipe_gives_the_same_weights(trained, recipe, photographs, tmp_path):
    loop.train(recipe, photographs, tmp_path, device="cpu")
    assert weights(tmp_path) == weights(trained)


def test_another_seed_gives_other_weights(trained, recipe, photographs, tmp_path):
    loop.train(replace(recipe, run=replace(recipe.run, seed=1)), photographs, tmp_path, device="cpu")
    assert weights(tmp_path) != weights(trained)


def test_pictures_kept_on_the_device_train_the_same(trained, recipe, photographs, tmp_path):
    loop.train(recipe, photographs, tmp_path, device="cpu", pictures_on_device=True)
    assert weights(tmp_path) == weights(trained)


@pytest.mark.parametrize("where", ["update_average", "schedule", "RescaleTask.forward"])
def test_an_interrupted_run_goes_on_to_the_same_weights(trained, recipe, photographs, tmp_path, monkeypatch, where):
    """Wherever in a step Ctrl-C arrives."""
    owner, name = (RescaleTask, "forward") if "." in where else (loop, where)
    real, calls = getattr(owner, name), 0

    def interrupted(*arguments, **named):
        nonlocal calls
        calls += 1
        if calls == 8:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            loop.train(recipe, photographs, tmp_path, device="cpu")
    assert not (tmp_path / "weights").exists()
    loop.train(recipe, photographs, tmp_path, device="cpu", resume=True)
    assert weights(tmp_path) == weights(trained)
    assert (tmp_path / "log.csv").read_text() == (trained / "log.csv").read_text()


def test_a_run_that_crashed_goes_on_to_the_same_weights(trained, recipe, photographs, tmp_path, monkeypatch):
    """From the last checkpoint, at step 5: nothing was saved on the way down."""
    real = loop.schedule

    def crash(step, *arguments):
        if step == 8:
            raise MemoryError
        return real(step, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "schedule", crash)
        with pytest.raises(MemoryError):
            loop.train(recipe, photographs, tmp_path, device="cpu")
    assert checkpoint.read(tmp_path / loop.CHECKPOINT)[0] == 5
    loop.train(recipe, photographs, tmp_path, device="cpu", resume=True)
    assert weights(tmp_path) == weights(trained)


def test_a_finished_run_is_neither_overwritten_nor_resumed_with_other_settings(trained, recipe, photographs, tmp_path):
    with pytest.raises(UsageError, match="--resume"):
        loop.train(recipe, photographs, trained, device="cpu")
    other = replace(recipe, optimizer=replace(recipe.optimizer, rate=0.02))
    with pytest.raises(UsageError, match="other settings"):
        loop.train(other, photographs, trained, device="cpu", resume=True)
    with pytest.raises(UsageError, match="resume"):
        loop.train(recipe, photographs, tmp_path / "none", device="cpu", resume=True)


def test_a_damaged_checkpoint_is_named(recipe, photographs, trained, tmp_path):
    (tmp_path / loop.CHECKPOINT).write_bytes((trained / loop.CHECKPOINT).read_bytes()[:-100])
    with pytest.raises(RegrowError, match="checkpoint"):
        loop.train(recipe, photographs, tmp_path, device="cpu", resume=True)


def test_training_may_start_from_other_weights(trained, recipe, photographs, tmp_path):
    again = replace(recipe, init=str(trained / "weights"), model={**recipe.model, "scale": 4})
    again = replace(again, run=replace(recipe.run, steps=1))
    model = zoo.load(str(loop.train(again, photographs, tmp_path, device="cpu")))
    assert model.scale == 4


def test_what_was_learned_may_be_blended_with_what_it_began_from(trained, recipe, photographs, tmp_path):
    begun = zoo.load(str(trained / "weights")).state_dict()
    run = replace(recipe.run, steps=2)
    alone, blended = (
        zoo.load(str(loop.train(again, photographs, tmp_path / str(again.blend), device="cpu"))).state_dict()
        for again in (replace(recipe, init=str(trained / "weights"), run=run, blend=blend) for blend in (1.0, 0.25))
    )
    assert any((alone[name] - begun[name]).abs().max() > 1e-3 for name in begun)
    for name, value in blended.items():
        torch.testing.assert_close(value, 0.75 * begun[name] + 0.25 * alone[name], rtol=1e-3, atol=1e-4)


def test_training_without_held_out_pictures(recipe, photographs, tmp_path):
    alone = replace(recipe, data=replace(recipe.data, validation=0), run=replace(recipe.run, steps=2))
    assert zoo.load(str(loop.train(alone, photographs, tmp_path, device="cpu")))


def test_the_command_trains_and_says_where_the_weights_are(photographs, tmp_path):
    """In a process of its own, in bfloat16 where the hardware has it."""
    (tmp_path / "r.toml").write_text(TOML.replace("steps = 12", "steps = 2").replace("fp32", "bf16"))
    command = [sys.executable, "-c", "from regrow.cli import main; main()", "train", tmp_path / "r.toml"]
    command += ["--data", photographs, "-o", tmp_path / "out", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'out' / 'weights'}\n"), done.stderr
    assert "5bad.png" in done.stderr
    assert zoo.load(str(tmp_path / "out" / "weights"))


def test_unknown_devices_are_usage_errors(recipe, photographs, tmp_path):
    for device in ("toaster", "xpu"):
        with pytest.raises(UsageError, match=device):
            loop.train(recipe, photographs, tmp_path / "out", device=device)


def test_a_checkpoint_from_before_a_setting_existed_has_its_default(recipe, trained, tmp_path):
    with safe_open(trained / loop.CHECKPOINT, "pt") as file:
        header, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    table = json.loads(header["recipe"])
    del table["data"]["zoom"], table["loss"]["noise"]
    save_file(tensors, tmp_path / "old.safetensors", {**header, "recipe": json.dumps(table)})
    assert checkpoint.read(tmp_path / "old.safetensors")[1] == recipe
