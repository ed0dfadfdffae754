import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio
from support.pictures import noise
from support.references import as_8_bits, imresize

from regrow import upscale, zoo
from regrow.bench import driver
from regrow.bench.benchmark import no_report
from regrow.bench.driver import table
from regrow.bench.models import Upscaler
from regrow.bench.plots import plot_points
from regrow.bench.results import means
from regrow.bench.tasks.upscale import Task
from regrow.errors import UsageError
from regrow.metrics.niqe import niqe
from regrow.nets.upscale.edsr import EDSR, EDSRConfig


def bench(folders, models, report=no_report, **options):
    return driver.bench(Task(**options), folders, models, report=report)


@pytest.fixture(scope="module")
def sets(astronaut, coffee, tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    for name, picture in (
        ("a/1", astronaut[:121, 100:260]),
        ("a/2", coffee[:100, :100]),
        ("b/3", coffee[100:200, :99]),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / f"{name}.png")
    return [root / "a", root / "b"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    for scale in (2, 4):
        torch.manual_seed(scale)
        zoo.save(EDSR(EDSRConfig(scale=scale, channels=8, blocks=1)), root / f"x{scale}")
    zoo.save(zoo.build({"architecture": "carn", "channels": 8, "groups": 4}), root / "several")
    return {path.name: str(path) for path in root.iterdir()}


def test_figures_are_those_of_enlarging_the_thumbnail(sets, folders, astronaut):
    original = astronaut[:120, 100:260]
    small = as_8_bits(imresize(original, (80, 60)))
    bicubic, ours = bench(sets[:1], ["bicubic", folders["x2"]])[:2]
    for result, grown in (
        (bicubic, as_8_bits(imresize(small, (160, 120)))),
        (ours, upscale(small, model=folders["x2"])),
    ):
        assert (result["set"], result["picture"], result["scale"], result["ensemble"]) == ("a", "1", "2", False)
        assert result["rgb"] == pytest.approx(peak_signal_noise_ratio(original, grown), abs=0.02)
        y = [rgb2ycbcr(x)[2:-2, 2:-2, 0] for x in (original, grown)]
        assert result["y"] == pytest.approx(peak_signal_noise_ratio(*y, data_range=255), abs=0.02)
        x = torch.from_numpy(grown).permute(2, 0, 1) / 255
        assert result["niqe"] == pytest.approx(niqe(x), rel=0.02)
        assert result["seconds"] > 0
    assert bicubic["original_niqe"] == ours["original_niqe"] == niqe(torch.from_numpy(original).permute(2, 0, 1) / 255)
    assert (bicubic.model, ours.model) == ("bicubic", "x2")


def test_cost_is_that_of_all_nets_for_a_pixel_of_the_result(folders):
    nets = {name: zoo.load(folder) for name, folder in folders.items()}
    assert (Upscaler("bicubic", 2).parameters, Upscaler("bicubic", 2).multiply_adds) == (0, 0)
    one = Upscaler(folders["x4"], 4)
    assert (one.parameters, one.multiply_adds) == (
        sum(p.numel() for p in nets["x4"].parameters()),
        nets["x4"].multiply_adds(),
    )
    both = Upscaler(f"{folders['x4']}+{folders['x2']}", 8)
    assert both.parameters == sum(p.numel() for name in ("x2", "x4") for p in nets[name].parameters())
    assert both.multiply_adds == pytest.approx(nets["x4"].multiply_adds() / 4 + nets["x2"].multiply_adds())
    assert Upscaler(folders["x2"], 2, ensemble=True).multiply_adds == 8 * nets["x2"].multiply_adds()
    for scale in (2, 3, 4):
        assert Upscaler(folders["several"], scale).multiply_adds == nets["several"].at(scale).multiply_adds()


def test_the_ensemble_is_that_of_upscale(sets, folders):
    small = noise(20, 30)
    grown = Upscaler(folders["x2"], 2, ensemble=True).grow(small, (60, 40))
    np.testing.assert_array_equal(grown, upscale(small, model=folders["x2"], ensemble=True))
    bicubic, ours = bench(sets[1:], ["bicubic", folders["x2"]], ensemble=True)
    assert (bicubic["ensemble"], ours["ensemble"]) == (False, True)
    assert ours["rgb"] != bench(sets[1:], [folders["x2"]])[0]["rgb"]


def test_default_models_enlarge_by_every_scale():
    for scale in (2, 3, 4, 8):
        bicubic, ours = Task(scale=scale).default_models()
        assert bicubic == "bicubic"
        assert Upscaler(ours, scale).multiply_adds > 0


@pytest.mark.parametrize("scale", [1, 5, 2.5, (2, 4)], ids=str)
def test_scales_that_cannot_be(sets, scale):
    with pytest.raises(UsageError, match="one of 2, 3, 4, 8"):
        bench(sets, ["bicubic"], scale=scale)


def test_models_that_do_something_else_are_refused(sets, folders, tiny_folder, tmp_path):
    for name, words in (
        (tiny_folder, "no model that enlarges"),
        (folders["x4"], "enlarges by 4, not by 2"),
        ("colorize", "no model that enlarges"),
        ("nobody", "no such model"),
    ):
        with pytest.raises(UsageError, match=words):
            bench(sets, [name])
    with pytest.raises(UsageError, match="no pictures"):
        bench([tmp_path], ["bicubic"])


def test_the_command_prints_a_table_and_writes_all_files(regrow, sets, folders, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    models = ["--model", "bicubic", "--model", folders["x2"]]
    done = regrow("bench", *sets, "--task", "upscale", *models, "--ensemble", "-o", out)
    assert done.code == 0, done.err
    assert [line.split()[:3] for line in done.out.splitlines()[1:]] == [
        [s, m, "x2"] for s in "ab" for m in ("bicubic", "x2")
    ]
    names = ["accuracy.png", "perception.png", "results.csv", "results.json", "sheet.png"]
    assert sorted(p.name for p in out.iterdir()) == names
    with (out / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["picture"], r["model"]) for r in rows[:2]] == [("1", "bicubic"), ("1", "x2")]
    assert len(json.loads((out / "results.json").read_text())["means"]) == 4
    for name in ("accuracy.png", "perception.png", "sheet.png"):
        with Image.open(out / name) as image:
            assert image.width > 800


def test_pictures_too_small_for_a_patch_have_everything_else(save, tmp_path):
    pytest.importorskip("matplotlib")
    save("set/a.png", noise(40, 40))
    results = bench([tmp_path / "set"], ["bicubic"])
    assert results[0]["y"] > 5
    assert "nan" in list(table(Task(), results))[1]
    rows = [{"set": r["set"], "model": r.model, "y": r["y"], "niqe": r["niqe"]} for r in means(results)]
    plot_points(rows, ("y", "PSNR"), ("niqe", "NIQE"), tmp_path / "p.png", lines={"set": float("nan")})
    assert (tmp_path / "p.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "wrong",
    [["--task", "rescale", "--ensemble"], ["--task", "upscale", "--grey"], ["--task", "upscale", "--refine", "1"],
     ["--task", "upscale", "--scale", "2.7"], ["--task", "upscale", "--skip-frames", "1"],
     ["--task", "colorize", "--ensemble"], ["--task", "upscale", "--temperature", "1"]],
    ids=" ".join,
)  # fmt: skip
def test_options_of_other_tasks_are_refused(regrow, sets, wrong):
    done = regrow("bench", sets[0], *wrong)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
