import csv
import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TOML, noise
from PIL import Image
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.colorspace import luma
from regrow.errors import RegrowError, UsageError
from regrow.nets.layers import quantize
from regrow.nets.rescale.tad import TAD
from regrow.resample import bicubic
from regrow.train import checkpoint, loop, optim
from regrow.train.data import Crops, load
from regrow.train.losses import l1, l2, outside
from regrow.train.recipe import Data, Loss, Optimizer, Recipe, Run
from regrow.train.rescale import RescaleTask
from regrow.train.task import task_for

ROOT = Path(__file__).parent.parent
QUIET = Console(file=io.StringIO())


@pytest.fixture(scope="module")
def trained(recipe, photographs, tmp_path_factory):
    """The folder of an unbroken run."""
    out = tmp_path_factory.mktemp("trained") / "out"
    loop.train(recipe, photographs, out, device="cpu")
    return out


def weights(out):
    return (out / "weights" / zoo.WEIGHTS).read_bytes()


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
    run = replace(recipe.run, steps=200, validate_every=200, checkpoint_every=200)
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


def test_bad_and_small_pictures_are_named_and_skipped(photographs):
    console = Console(file=io.StringIO(), soft_wrap=True)
    training, held_out = load(photographs, Data(crop=24, validation=2), console)
    told = console.file.getvalue().splitlines()
    assert (len(training), len(held_out)) == (4, 2)
    assert len(told) == 2
    assert "5bad.png" in told[0]
    assert "5small.png" in told[1]
    assert all(p.dtype == torch.uint8 and p.shape[-1] == 3 for p in training)


def test_held_out_pictures_are_not_trained_on(photographs):
    training, held_out = load(photographs, Data(crop=24, validation=3), QUIET)
    assert not any(torch.equal(a, b) for a in training for b in held_out if a.shape == b.shape)


def test_folders_that_are_not_there_and_too_few_pictures_are_usage_errors(photographs, tmp_path):
    with pytest.raises(UsageError, match="nowhere"):
        load(tmp_path / "nowhere", Data(), QUIET)
    with pytest.raises(UsageError, match="nothing"):
        load(photographs, Data(folders=("nothing",)), QUIET)
    with pytest.raises(UsageError, match="too few"):
        load(photographs, Data(crop=24, validation=6), QUIET)


@pytest.mark.parametrize("device", ["cpu"])
def test_every_crop_is_one_of_eight_turns_of_a_place_in_a_picture(device):
    pictures = [noise(9, 13, seed=1), noise(6, 6, seed=2), noise(20, 7, seed=3)]
    c = 5
    known = {}
    for n, picture in enumerate(pictures):
        for y in range(picture.shape[0] - c + 1):
            for x in range(picture.shape[1] - c + 1):
                for turn in range(4):
                    turned = np.rot90(picture[y : y + c, x : x + c], turn)
                    known[turned.tobytes()] = n, turn
                    known[turned[:, ::-1].tobytes()] = n, turn + 4
    crops = Crops([torch.from_numpy(p) for p in pictures], c, 50, seed=3, device=device)
    seen = []
    for step in range(20):
        batch = crops(step)
        assert batch.shape == (50, 3, c, c)
        assert batch.dtype == torch.float32
        for crop in (batch * 255).round().byte().permute(0, 2, 3, 1).numpy():
            seen.append(known[crop.tobytes()])
    assert {turn for _, turn in seen} == set(range(8))
    shares = np.bincount([n for n, _ in seen]) / len(seen)
    areas = np.array([9 * 13, 6 * 6, 20 * 7])
    np.testing.assert_allclose(shares, areas / areas.sum(), atol=0.06)


def test_a_crop_can_be_anywhere_in_a_picture():
    picture = torch.from_numpy(noise(6, 7))
    crops = Crops([picture], 5, 100, seed=0)
    corners = {crop[:, 0, 0].numpy().tobytes() for crop in crops(0)}
    assert len(corners) > 12  # six places, up to four corners each


def test_crops_depend_on_seed_process_and_step_alone():
    pictures = [torch.from_numpy(noise(40, 40))]
    first = Crops(pictures, 8, 4, seed=1)
    first(0)
    same = torch.equal(first(7), Crops(pictures, 8, 4, seed=1)(7))
    assert same
    for other in (first(8), Crops(pictures, 8, 4, seed=2)(7), Crops(pictures, 8, 4, seed=1, process=1)(7)):
        assert not torch.equal(first(7), other)


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
    rates = [loop.schedule(step, 100, settings) for step in range(100)]
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


def test_distances():
    a, b = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    b[0] = 0.5
    b[1, 0] = 0.3
    assert l1(a, b).item() == pytest.approx((0.5 + 0.1) / 2)
    assert l2(a, b).item() == pytest.approx((0.5 + (0.09 / 3) ** 0.5) / 2, abs=1e-3)


def test_only_what_leaves_the_ball_counts():
    a, b = torch.zeros(3, 3, 4, 4), torch.full((3, 3, 4, 4), 0.5)
    a[0] += 0.51  # 0.01 away
    a[1] += 0.54  # 0.04 away
    a[2] += 0.46
    left = (outside(a, b, 0.02) - b).flatten(1)
    assert not left[0].any()
    torch.testing.assert_close(left[1], torch.full_like(left[1], 0.02))
    torch.testing.assert_close(left[2], torch.full_like(left[2], -0.02))


def test_what_is_random_in_the_loss_is_drawn_as_asked(tiny):
    x = torch.rand(64, 3, 96, 96)
    loss = RescaleTask(tiny, Loss(noise=0.2), Data(grey=0.25, stretch=2.0))
    draws = [loss.draw(x) for _ in range(40)]
    sizes = {d["size"] for d in draws}
    assert 4 < len(sizes) <= 17
    assert all(96 <= n <= 192 and n % 2 == 0 for size in sizes for n in size)
    assert all(d["noise"].shape[-2:] == (d["size"][0] // 2, d["size"][1] // 2) for d in draws)
    deviations = torch.cat([d["noise"].flatten(1).std(1) for d in draws])
    assert deviations.max() <= 0.21
    assert deviations.mean() == pytest.approx(0.1, abs=0.01)
    assert torch.cat([d["grey"] for d in draws]).float().mean() == pytest.approx(0.25, abs=0.03)
    assert set(RescaleTask(tiny, Loss(), Data()).draw(x)) == {"grey"}


def test_stretched_crops_are_compared_at_their_own_size(tiny):
    x, grey = torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 1, 1, dtype=torch.bool)
    losses = RescaleTask(tiny, Loss(), Data())(x, grey, size=(20, 24))
    fit = bicubic(x, (20, 24))
    small = tiny.shrink(fit)
    grown = bicubic(tiny.grow(quantize(small)), (16, 16))
    assert losses["task"].item() == pytest.approx(l1(grown, x).item(), rel=1e-5)
    assert losses["guidance"].item() == pytest.approx(l1(small, bicubic(x, (10, 12))).item(), rel=1e-5)


def test_noise_reaches_the_small_picture_before_it_is_rounded(tiny):
    x, grey = torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 1, 1, dtype=torch.bool)
    noise = 0.1 * torch.randn(2, 3, 8, 8)
    losses = RescaleTask(tiny, Loss(), Data())(x, grey, noise=noise)
    grown = tiny.grow(quantize(tiny.shrink(x) + noise))
    assert losses["task"].item() == pytest.approx(l1(grown, x).item(), rel=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"colours": 1, "small_colours": 1},
        {"scale": 1, "height": 1, "width": 1, "small_colours": 1, "fold": 2},
        {"width": 1, "guided": False},
    ],
)
def test_every_kind_of_rescaler_can_be_trained(recipe, photographs, tmp_path, config):
    settings = {**recipe.model, **config}
    run = replace(recipe.run, steps=4, validate_every=4, checkpoint_every=4)
    folder = loop.train(replace(recipe, model=settings, run=run), photographs, tmp_path / "out", device="cpu")
    assert zoo.load(str(folder)).settings().items() >= settings.items()


@pytest.mark.parametrize(
    ("architecture", "setting"),
    [
        ("vdsr", "[data]\ngrey = 0.05"),
        ("edsr", "[data]\nstretch = 2.0"),
        ("vdsr", '[loss]\nguidance = "l2"'),
        ("edsr", "[loss]\nguidance_weight = 0.0"),
        ("vdsr", "[loss]\nradius = 1.0"),
        ("vdsr", "[loss]\nnoise = 0.1"),
        ("edsr", "[data]\nzoom = 1.5"),
        ("edsr", "[loss]\nrebalance = 0.9"),
        ("tad", '[data]\nthumbnails = "tad-x2"'),
        ("tad", "[data]\ntone = 0.5"),
        ("regression", "[data]\nstretch = 1.5"),
        ("classification", "[loss]\nnoise = 0.1"),
        ("classification", '[loss]\ntask = "l2"'),
        ("histogram", '[loss]\ntask = "l2"'),
        ("regression", "[loss]\nrebalance = 0.9"),
    ],
)
def test_settings_without_a_use_are_usage_errors_that_name_them(photographs, tmp_path, architecture, setting):
    rest = f'[model]\narchitecture = "{architecture}"\n[run]\nprecision = "fp32"'
    (tmp_path / "r.toml").write_text(f"{setting}\n{rest}")
    table, name = setting.split()[:2]
    with pytest.raises(UsageError, match=re.escape(f"{table}: {name} is ")):
        loop.train(Recipe.read(tmp_path / "r.toml"), photographs, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_luma_is_what_pillow_makes_grey(astronaut):
    ours = luma(torch.from_numpy(astronaut).permute(2, 0, 1)[None] / 255)[0, 0] * 255
    np.testing.assert_allclose(ours, np.asarray(Image.fromarray(astronaut).convert("L")), atol=1.01)


def test_crops_made_grey_have_grey_small_pictures(tiny):
    seen = []

    class Spy(TAD):
        def grow(self, small):
            seen.append(small)
            return super().grow(small)

    spy = Spy(tiny.config)
    spy.load_state_dict(tiny.state_dict())
    is_grey = torch.tensor([True, False]).view(2, 1, 1, 1)
    RescaleTask(spy, Loss(), Data(grey=0.5))(torch.rand(2, 3, 8, 8), is_grey)
    grey, colour = seen[0]
    torch.testing.assert_close(grey, grey[:1].expand(3, -1, -1))
    assert not torch.allclose(colour[0], colour[1], atol=1e-3)


def test_validation_measures_what_scikit_image_measures(tiny, astronaut):
    from skimage.metrics import peak_signal_noise_ratio

    picture = astronaut[:70, :90]
    figures = RescaleTask(tiny, Loss(), Data()).validate(tiny, [torch.from_numpy(picture)], 40)
    centre = picture[15:55, 25:65]
    with torch.no_grad():
        small = tiny.shrink(torch.from_numpy(centre).permute(2, 0, 1)[None] / 255).clamp(0, 1).mul(255).round()
        grown = tiny.grow(small / 255).clamp(0, 1).mul(255).round()[0].permute(1, 2, 0).byte().numpy()
    assert figures["rgb"] == pytest.approx(peak_signal_noise_ratio(centre, grown), abs=1e-3)


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_in_the_repository_can_be_read_and_built(path, tmp_path, monkeypatch):
    recipe = Recipe.read(path)
    assert recipe.name == path.stem
    monkeypatch.chdir(tmp_path)
    for name in (recipe.data.flow, recipe.loss.through):
        if name.startswith("runs/"):  # what another recipe gives, before it is trained
            run = Path(name).parent.name
            zoo.save(zoo.build(Recipe.read(ROOT / "recipes" / f"{run}.toml").model), Path("runs", run, "weights"))
    task = task_for(zoo.build(recipe.model), recipe)
    assert recipe.data.crop % task.grain == 0


def test_a_recipe_survives_the_way_through_json(recipe):
    table = json.loads(json.dumps(recipe.to_dict()))
    assert Recipe.from_dict(table) == recipe


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("channels = 16", "chanels = 16"), "chanels"),
        (("channels = 16", "channels = 16.5"), "channels"),
        (('architecture = "tad"', ""), "architecture"),
        (('architecture = "tad"', 'architecture = "nobody"'), "nobody"),
        (("crop = 24", 'crop = "24"'), "crop"),
        (("crop = 24", "crop = 25"), "crop"),
        (("crop = 24", "crop = 0"), "crop"),
        (("batch = 2", "batch = 0"), "batch"),
        (("batch = 2", "batches = 2"), "batches"),
        (("validation = 1", "validation = -1"), "validation"),
        (("[optimizer]", '[optimizer]\nname = "sgd"'), "sgd"),
        (("[run]", "[runs]"), "runs"),
        (("[run]", '[loss]\ntask = "l3"\n[run]'), "l3"),
        (('"fp32"', '"fp8"'), "fp8"),
        (("steps = 12", "steps = 12.0"), "steps"),
        (("steps = 12", "steps = "), "TOML"),
        (("[model]", "init = 3\n[model]"), "init"),
        (("[model]", "blend = 0.5\n[model]"), "no init"),
        (("[model]", 'init = "tad-x2"\nblend = 1.5\n[model]'), "blend"),
        (("[model]", "name = 3\n[model]"), "name"),
        (("[model]", "loss = 3\n[model]"), "loss"),
        (("[data]", "[data]\nfolders = [3]"), "folders"),
        ((TOML, "model = 3"), "model"),
    ],
    ids=lambda value: value[-1].strip() if isinstance(value, tuple) else "",
)
def test_recipes_that_cannot_be_followed_are_usage_errors_that_name_the_setting(photographs, tmp_path, change, words):
    (tmp_path / "r.toml").write_text(TOML.replace(*change, 1))
    with pytest.raises(UsageError, match=words):
        loop.train(Recipe.read(tmp_path / "r.toml"), photographs, tmp_path / "out", device="cpu")
    assert not (tmp_path / "out").exists()


def test_unknown_devices_are_usage_errors(recipe, photographs, tmp_path):
    for device in ("toaster", "xpu"):
        with pytest.raises(UsageError, match=device):
            loop.train(recipe, photographs, tmp_path / "out", device=device)


def test_defaults_are_those_of_the_settings():
    assert Recipe.from_dict({"name": "x", "model": {"architecture": "tad"}}) == Recipe(
        name="x", model={"architecture": "tad"}, data=Data(), loss=Loss(), optimizer=Optimizer(), run=Run()
    )


def test_a_recipe_may_be_changed_without_touching_its_file(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('init = "tad-x2"\n[model]\narchitecture = "tad"\nblocks = 3\n')
    changes = ["model.blocks=2", "loss.task=l2", "loss.radius = 1.5", 'data.folders=["a", "b"]', "init="]
    changed = Recipe.read(path, changes)
    assert changed.model == {"architecture": "tad", "blocks": 2}
    assert (changed.loss.task, changed.loss.radius, changed.data.folders, changed.init) == ("l2", 1.5, ("a", "b"), "")
    assert Recipe.read(path).model["blocks"] == 3


@pytest.mark.parametrize("change", ["blocks", "model.", "a.b.c=1", "init.x=1"])
def test_changes_that_say_nothing_are_usage_errors(tmp_path, change):
    path = tmp_path / "r.toml"
    path.write_text('init = "tad-x2"\n[model]\narchitecture = "tad"\n')
    with pytest.raises(UsageError, match=rf"--set {re.escape(change)}: expected section\.name=value"):
        Recipe.read(path, [change])
    with pytest.raises(UsageError, match=r"r\.toml.*stepps"):
        Recipe.read(path, ["run.stepps=1"])


def test_a_checkpoint_from_before_a_setting_existed_has_its_default(recipe, trained, tmp_path):
    with safe_open(trained / loop.CHECKPOINT, "pt") as file:
        header, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    table = json.loads(header["recipe"])
    del table["data"]["stretch"], table["loss"]["noise"]
    save_file(tensors, tmp_path / "old.safetensors", {**header, "recipe": json.dumps(table)})
    assert checkpoint.read(tmp_path / "old.safetensors")[1] == recipe
