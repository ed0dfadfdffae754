import csv
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.models import randomized
from support.pictures import noise as pixels

pytest.importorskip("matplotlib")

import regrow
from regrow import zoo
from regrow.bench.driver import bench
from regrow.bench.results import means
from regrow.bench.tasks import rescale
from regrow.errors import RegrowError, UsageError
from regrow.study import rescaling as study
from regrow.study import rows as written
from regrow.train.recipe import Recipe

RECIPE = """
[model]
architecture = "tad"
channels = 16
blocks = 1

[data]
crop = 16
batch = 2
validation = 1
validation_crop = 32

[run]
steps = 4
precision = "fp32"
compile = false
"""


@pytest.fixture
def sets(tmp_path, save, astronaut):
    save("sets/a/1.png", astronaut[:40, :51])
    save("sets/a/2.png", astronaut[100:140, 60:100])
    save("sets/b/1.png", pixels(20, 20))
    return [tmp_path / "sets" / "a", tmp_path / "sets" / "b"]


def test_noise_takes_what_it_takes(sets, tiny_folder):
    rows = study.noise(sets, [tiny_folder, "bicubic"], [0.1, 0.0, 0.3], scale=2)
    assert [(r["set"], r["model"], r["sigma"]) for r in rows] == [
        (s, m, sigma) for s in "ab" for m in ("tiny", "bicubic") for sigma in (0.0, 0.1, 0.3)
    ]
    for clean, some, more in zip(*[iter(rows)] * 3, strict=True):
        assert clean["lost_percent"] == 0
        assert clean["rgb"] > some["rgb"] > more["rgb"]
        assert more["lost_percent"] == pytest.approx(100 * (1 - more["rgb"] / clean["rgb"]))
    original = np.asarray(Image.open(sets[1] / "1.png"))
    grown = regrow.grow(regrow.shrink(original, model=tiny_folder), scale=2, model=tiny_folder)
    (row,) = (r for r in rows if (r["set"], r["model"], r["sigma"]) == ("b", "tiny", 0))
    assert row["rgb"] == pytest.approx(peak_signal_noise_ratio(original, grown), abs=1e-4)


def test_the_noise_has_the_deviation_that_was_asked_for(tmp_path, save, monkeypatch):
    save("flat/a.png", np.full((256, 256, 3), 128, np.uint8))
    seen = []
    real = study.Pair.grow
    monkeypatch.setattr(study.Pair, "grow", lambda pair, small, size: (seen.append(small), real(pair, small, size))[1])
    study.noise([tmp_path / "flat"], ["bicubic"], [0.05], scale=2)
    assert seen[1].std() == pytest.approx(0.05 * 255, rel=0.02)
    assert seen[1].mean() == pytest.approx(128, abs=0.3)


@pytest.mark.parametrize("sigmas", [[], [-0.1], [1.5], [float("nan")]])
def test_a_deviation_that_cannot_be_is_a_usage_error(sets, sigmas):
    with pytest.raises(UsageError, match="sigma"):
        study.noise(sets, ["bicubic"], sigmas)


def test_noise_takes_grey_models_as_bench_does(sets, grey_folder):
    (bicubic, grey) = study.noise(sets[:1], ["bicubic", grey_folder], [0.0])
    measured = means(bench(rescale.Task(), sets[:1], ["bicubic", grey_folder]))
    assert [r["rgb"] for r in measured] == pytest.approx([bicubic["rgb"], grey["rgb"]])
    assert [r.model for r in measured] == [bicubic["model"], grey["model"]]


def test_noise_takes_hidden_color(sets, hiding_folder):
    rows = study.noise(sets[:1], ["bicubic", hiding_folder], [0.0], scale=1, grey=True)
    measured = means(bench(rescale.Task(scale=1, grey=True), sets[:1], ["bicubic", hiding_folder]))
    assert [r["rgb"] for r in rows] == pytest.approx([r["rgb"] for r in measured])


def test_noise_names_pictures_that_are_too_small(tmp_path, save):
    save("dots/dot.png", pixels(1, 1))
    with pytest.raises(RegrowError, match="dot"):
        study.noise([tmp_path / "dots"], ["bicubic"], [0.1])


def test_models_and_sets_of_one_name_are_told_apart(tiny, sets, tmp_path, save):
    zoo.save(tiny, tmp_path / "one" / "weights")
    zoo.save(randomized(replace(tiny.config, blocks=2), seed=5), tmp_path / "two" / "weights")
    models = [str(tmp_path / name / "weights") for name in ("one", "two")]
    save("more/a/1.png", pixels(20, 20))
    both = [sets[0], tmp_path / "more" / "a"]
    keys = {(str(folder), model) for folder in both for model in models}
    assert {(r["set"], r["model"]) for r in study.noise(both, models, [0.1])} == keys
    rows = study.size(both, models)
    assert {(r["set"], r["model"]) for r in rows} == keys
    sizes = {r["model"]: r["parameters"] for r in rows}
    assert sizes == {model: sum(p.numel() for p in zoo.load(model).parameters()) for model in models}
    assert sizes[models[0]] < sizes[models[1]]


def test_sizes_are_those_of_the_nets(sets, tiny_folder, tiny):
    rows = study.size(sets, [tiny_folder], scale=2)
    assert [r["set"] for r in rows] == ["a", "b"]
    assert rows[0]["parameters"] == sum(p.numel() for p in tiny.parameters())
    assert (rows[0]["shrink_multiply_adds"], rows[0]["grow_multiply_adds"]) == tiny.multiply_adds()
    with pytest.raises(UsageError, match="bicubic"):
        study.size(sets, ["bicubic"])


def test_scales_are_measured_as_bench_does(sets, tiny_folder):
    rows = study.scales(sets[:1], ["bicubic", tiny_folder, "auto"], [2, 1.3, 2.0])
    assert [(r["model"], r["scale"]) for r in rows] == [
        (model, scale) for scale in (1.3, 2.0) for model in ("bicubic", "tiny", "auto")
    ]
    measured = means(bench(rescale.Task(scale=2), sets[:1], ["bicubic", tiny_folder, "tad-x2"]))
    for figure in ("rgb", "y", "small"):
        assert [r[figure] for r in rows[3:]] == pytest.approx([r[figure] for r in measured])
    both = study.scales(sets[:1], ["tad-x2", "auto"], [2])  # the same model, asked for twice
    assert [(r["model"], r["rgb"]) for r in both] == [("tad-x2", rows[5]["rgb"]), ("auto", rows[5]["rgb"])]
    with pytest.raises(UsageError, match=r"scale 0\.5"):
        study.scales(sets, ["bicubic"], [0.5])


def test_scales_in_the_shell(sets, tiny_folder, tmp_path, regrow):
    out = tmp_path / "out"
    regrow("study", "scales", sets[0], "--model", tiny_folder, "--scale", 1.5, "--scale", 2, "-o", out)
    with (out / "scales.csv").open() as file:
        assert [(row["model"], row["scale"]) for row in csv.DictReader(file)] == [("tiny", "1.5"), ("tiny", "2")]
    with Image.open(out / "scales.png") as plot:
        assert plot.format == "PNG"


@pytest.fixture
def trading(tmp_path, sets, astronaut, coffee, save):
    pytest.importorskip("accelerate")
    (tmp_path / "small.toml").write_text(RECIPE)
    save("photos/a.png", astronaut[:64, :64])
    save("photos/b.png", coffee[:64, :64])
    return [
        "study", "lambda", tmp_path / "small.toml", sets[0], "--data", tmp_path / "photos", "-o", tmp_path / "out",
        "--value", "0.5", "--value", "0.01", "--device", "cpu",
    ]  # fmt: skip


def test_lambda_trains_each_value_once(regrow, trading, tmp_path):
    done = regrow(*trading)
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3
    with open(tmp_path / "out" / "lambda.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["set"], row["lambda"]) for row in rows] == [("a", "0.5"), ("a", "0.01")]
    with Image.open(tmp_path / "out" / "lambda.png") as image:
        assert image.width > 400
    digests = [zoo.digest(str(tmp_path / "out" / f"lambda-{v}" / "weights")) for v in (0.5, 0.01)]
    assert digests[0] != digests[1]
    again = regrow(*trading)
    assert again.out == done.out
    assert "held out" not in again.err  # nothing was trained again
    # Nothing is measured, or trained for the new value, once the recipe has changed.
    assert regrow(*trading, "--set", "run.steps=5").code == 2
    (tmp_path / "small.toml").write_text(RECIPE.replace("steps = 4", "steps = 5"))
    changed = regrow(*trading, "--value", "0.2")
    assert changed.code == 2
    assert "lambda-0.5: was started from other settings than small has now" in changed.err
    assert not (tmp_path / "out" / "lambda-0.2").exists()


def test_lambda_goes_on_with_what_was_not_finished(trading, sets, tmp_path, monkeypatch):
    from regrow.train import loop

    recipe = Recipe.read(tmp_path / "small.toml")
    trade = partial(study.trade_off, recipe, data=tmp_path / "photos", out=tmp_path / "out", folders=sets, device="cpu")
    rows = trade(values=[0.5])
    shutil.rmtree(tmp_path / "out" / "lambda-0.5" / loop.WEIGHTS)
    real, asked = loop.train, []
    monkeypatch.setattr(loop, "train", lambda *a, **k: (asked.append(k["resume"]), real(*a, **k))[1])
    assert trade(values=[0.5]) == rows
    assert asked == [True]


def test_lambdas_are_told_apart_to_the_last_digit(trading, sets, tmp_path, monkeypatch):
    from regrow.train import loop

    trained = {}

    def train(recipe, data, out, **options):
        trained[out.name] = recipe.loss.guidance_weight
        zoo.save(zoo.build(recipe.model), out / loop.WEIGHTS)

    monkeypatch.setattr(loop, "train", train)
    values = [1, 0.1234561, 0.1234562, 1.0, 1e-5]
    recipe = Recipe.read(tmp_path / "small.toml")
    rows = study.trade_off(recipe, values, tmp_path / "photos", tmp_path / "out", sets[:1], device="cpu")
    assert [r["lambda"] for r in rows] == [1, 0.1234561, 0.1234562, 1e-5]
    assert trained == {
        "lambda-1": 1, "lambda-0.1234561": 0.1234561, "lambda-0.1234562": 0.1234562, "lambda-1e-05": 1e-5
    }  # fmt: skip
    written.write_plotted("lambda", rows, tmp_path)
    with open(tmp_path / "lambda.csv", newline="") as file:
        assert [row["lambda"] for row in csv.DictReader(file)] == ["1", "0.1234561", "0.1234562", "1e-05"]


@pytest.mark.parametrize("wrong", ["-1", "nan", "inf", "folder", "edsr", "l3"])
def test_lambda_checks_all_before_it_trains(regrow, trading, tmp_path, wrong, monkeypatch):
    from regrow.train import loop

    monkeypatch.setattr(loop, "train", lambda *a, **k: pytest.fail("trained"))
    extra = ["--value", wrong] if wrong in ("-1", "nan", "inf") else []
    if wrong == "folder":
        (tmp_path / "empty").mkdir()
        extra = [tmp_path / "empty"]
    elif wrong == "edsr":
        (tmp_path / "small.toml").write_text('[model]\narchitecture = "edsr"')
    elif wrong == "l3":
        (tmp_path / "small.toml").write_text(RECIPE + '[loss]\nguidance = "l3"')
    done = regrow(*trading, *extra)
    assert (done.code, done.out) == (2, "")
    assert {"folder": "no pictures", "edsr": "EDSR"}.get(wrong, wrong) in done.err
    assert not (tmp_path / "out").exists()


def test_noise_and_size_write_table_and_plot(regrow, sets, tiny_folder, tmp_path):
    for study_name, extra in (("noise", ["--sigma", "0.1", "--sigma", "0"]), ("size", [])):
        done = regrow("study", study_name, *sets, "--model", tiny_folder, "-o", tmp_path / "out", *extra)
        assert done.code == 0, done.err
        assert "tiny" in done.out
        with open(tmp_path / "out" / f"{study_name}.csv", newline="") as file:
            assert len(list(csv.DictReader(file))) == len(done.out.splitlines()) - 1
        with Image.open(tmp_path / "out" / f"{study_name}.png") as image:
            assert image.width > 800
    assert regrow("study", "size", tmp_path, "--model", "nobody", "-o", tmp_path / "out").code == 2
