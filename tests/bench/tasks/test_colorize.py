import csv
import json

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from regrow import zoo
from regrow.bench import driver
from regrow.bench.benchmark import no_report
from regrow.bench.results import means
from regrow.bench.tasks.colorize import Task
from regrow.errors import UsageError
from regrow.metrics import colorfulness as color
from regrow.nets.color.bins import in_gamut
from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig


def bench(folders, models, report=no_report, **options):
    return driver.bench(Task(**options), folders, models, report=report)


def tensor(picture):
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1) / 255


@pytest.fixture(scope="module")
def pair():
    """Two pictures of one size, (H, W, 3) uint8."""
    rng = np.random.default_rng(0)
    return tuple(rng.integers(0, 256, (12, 15, 3), np.uint8) for _ in range(2))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    zoo.save(ClassificationColorizer(ClassificationConfig(width=2)).eval(), folder)
    return str(folder)


@pytest.fixture
def photos(save, coffee, astronaut):
    save("set/a.png", coffee[:64, :80])
    return save("set/b.png", astronaut[:70, :66]).parent


def test_colorfulness_is_that_of_hasler_and_susstrunk(pair):
    r, g, b = pair[0].astype(float).transpose(2, 0, 1)
    rg, yb = r - g, 0.5 * (r + g) - b
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert color.colorfulness(tensor(pair[0])) == pytest.approx(expected, rel=1e-4)
    assert color.colorfulness(torch.full((3, 4, 4), 0.3)) == pytest.approx(0, abs=1e-4)


def test_distances_are_those_of_scikit_image(pair):
    away = (rgb2lab(pair[0]) - rgb2lab(pair[1]))[..., 1:]
    x, y = map(tensor, pair)
    np.testing.assert_allclose(color.ab_distance(x, y), np.hypot(*away.transpose(2, 0, 1)), atol=0.02)
    assert color.ab_rmse(x, y) == pytest.approx(np.sqrt((away**2).mean()), abs=0.01)


def test_the_accuracy_curve_counts_pixels(pair):
    x, y = map(tensor, pair)
    ab = rgb2lab(pair[0])[..., 1:]
    away = np.hypot(*(ab - rgb2lab(pair[1])[..., 1:]).transpose(2, 0, 1))
    expected = [(away <= t).mean() for t in range(151)]
    np.testing.assert_allclose(color.accuracy_curve(x, y), expected, atol=0.006)  # a pixel may lie at a threshold
    weights = torch.rand(313)
    bins = np.array(in_gamut())
    own = np.linalg.norm(ab.reshape(-1, 1, 2) - bins, axis=-1).argmin(1)
    counted = weights.numpy()[own].reshape(away.shape)
    expected = [(counted * (away <= t)).sum() / counted.sum() for t in range(151)]
    np.testing.assert_allclose(color.accuracy_curve(x, y, weights), expected, atol=0.012)
    assert color.accuracy_curve(x, x).min() == 1


def test_luma_errors_are_in_levels():
    y = torch.full((3, 4, 4), 0.5)
    y[0, 1, 1] += 10 / 255
    assert color.luma_error(torch.full((1, 4, 4), 0.5), y) == pytest.approx(2.99, abs=1e-3)


def test_bench_measures_colorizers(photos, model):
    results = bench([photos], ["grey", model])
    assert [(r["picture"], r.model) for r in results] == [("a", "grey"), ("a", "tiny"), ("b", "grey"), ("b", "tiny")]
    for r in results:
        assert r["luma_error"] <= 1
        assert r["original_colorfulness"] > 10
        assert 0 < r["auc"] <= 1
        assert (r["colorfulness"] < 0.01) == (r.model == "grey")
    for grey, tiny in zip(results[::2], results[1::2], strict=True):
        assert grey["original_colorfulness"] == tiny["original_colorfulness"]
        assert grey["rgb"] != tiny["rgb"]
    first = means(results)[0]
    assert (first["picture"], first.model) == ("mean", "grey")
    assert first["rgb"] == pytest.approx((results[0]["rgb"] + results[2]["rgb"]) / 2)
    assert np.mean(first.curves["share"]) == pytest.approx(first["auc"], abs=1e-6)
    assert first["peak_mib"] == max(results[0]["peak_mib"], results[2]["peak_mib"])


def test_temperature_reaches_the_model(photos, model):
    plain, same, other = (bench([photos], [model], temperature=t)[0]["rgb"] for t in (None, 0.38, 1.0))
    assert plain == same != other


def test_bench_on_the_command_line(regrow, photos, model, tmp_path):
    done = regrow("bench", photos, "--task", "colorize", "--model", "grey", "--model", model, "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split()[:4] == ["set", "model", "rgb", "dB"]
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == ["grey", "tiny"]
    with (tmp_path / "out/results.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 4
    table = json.loads((tmp_path / "out/results.json").read_text())
    assert [row["model"] for row in table["means"]] == ["grey", "tiny"]
    with (tmp_path / "out/accuracy.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 151
    assert rows[150]["distance"] == "150"
    assert float(rows[150]["share"]) > 0.9
    assert (tmp_path / "out/sheet.png").stat().st_size > 1000


def test_what_cannot_be_measured_is_refused(regrow, photos, model):
    for arguments, words in (
        (["--task", "colorize", "--scale", "2"], "not for --task colorize"),
        (["--temperature", "0.5"], "is for --task colorize"),
        (["--task", "colorize", "--model", "nowhere"], "no such model"),
    ):
        done = regrow("bench", photos, *arguments)
        assert (done.code, done.out) == (2, "")
        assert words in done.err
    with pytest.raises(UsageError, match="no pictures there"):
        bench([photos / "none"], ["grey"])
