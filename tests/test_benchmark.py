import csv
import io
import json

import numpy as np
import pytest
import torch
from conftest import noise, randomized
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.measure import benchmark
from regrow.measure.benchmark import bench, cropped, means, table, write
from regrow.measure.compare import compare, compare_files

FIGURES = ["rgb", "rgb_ssim", "y", "y_ssim", "small"]


@pytest.fixture(scope="module")
def sets(astronaut, coffee, camera, tmp_path_factory):
    """Two folders of pictures: astronaut and camera (grey), coffee (odd size)."""
    root = tmp_path_factory.mktemp("sets")
    for name, picture in (
        ("a/1.png", astronaut[:120, 100:260]),
        ("a/2.png", camera[:96, :100]),
        ("b/3.webp", coffee[:99, :101]),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(root / name, lossless=True)
    return [root / "a", root / "b"]


@pytest.fixture(scope="module")
def results(sets, tiny_folder):
    return bench(sets, ["bicubic", tiny_folder])


def imresize(picture, scale):
    """MATLAB's bicubic imresize of (h, w, 3) by a factor, written down from its definition, in float64."""

    def kernel(t):
        t = np.abs(t)
        near, far = 1.5 * t**3 - 2.5 * t**2 + 1, -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        return np.where(t <= 1, near, np.where(t <= 2, far, 0))

    def one_axis(x):
        n, m = len(x), round(len(x) * scale)
        width = min(scale, 1)
        centres = (np.arange(m) + 0.5) / scale - 0.5
        taps = np.arange(-n, 2 * n)
        weights = kernel((centres[:, None] - taps) * width)
        weights /= weights.sum(1, keepdims=True)
        folded = np.where(taps < 0, -1 - taps, np.where(taps >= n, 2 * n - 1 - taps, taps))
        return np.tensordot(weights, x[folded], 1)

    x = one_axis(picture.astype(np.float64))
    return one_axis(x.swapaxes(0, 1)).swapaxes(0, 1)


def as_8_bits(x):
    return np.rint(np.clip(x, 0, 255)).astype(np.uint8)


@pytest.mark.parametrize("scale", [2, 4])
def test_the_bicubic_figures_are_those_of_scikit_image(sets, astronaut, scale):
    original = astronaut[:120, 100:260]
    grown = as_8_bits(imresize(as_8_bits(imresize(original, 1 / scale)), scale))
    (result, *_) = bench([sets[0]], ["bicubic"], scale=scale)
    assert (result.set, result.picture, result.model, result.scale) == ("a", "1", "bicubic", str(scale))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert result.rgb == pytest.approx(peak_signal_noise_ratio(original, grown), abs=0.01)
    ssim = structural_similarity(original, grown, channel_axis=2, **options)
    assert result.rgb_ssim == pytest.approx(ssim, abs=2e-3)
    inside = slice(scale, -scale)
    a, b = (rgb2ycbcr(x)[inside, inside, 0] for x in (original, grown))
    assert result.y == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=0.01)
    assert result.y_ssim == pytest.approx(structural_similarity(a, b, data_range=255, **options), abs=2e-3)
    assert result.small > 50  # it is the bicubic itself, but for roundings that fall the other way


def test_every_picture_and_model_has_a_result(results):
    assert [(r.set, r.picture, r.model) for r in results] == [
        (folder, picture, model)
        for folder, picture in (("a", "1"), ("a", "2"), ("b", "3"))
        for model in ("bicubic", "tiny")
    ]
    for r in results:
        assert r.rgb > 5
        assert r.bytes_per_pixel > 0.05
        assert r.shrink_seconds > 0
        assert r.grow_seconds > 0
        assert r.peak_mib > 50


def test_bytes_are_those_of_a_png(sets, astronaut):
    (result, *_) = bench([sets[0]], ["bicubic"])
    file = io.BytesIO()
    Image.fromarray(as_8_bits(imresize(astronaut[:120, 100:260], 0.5))).save(file, "png")
    assert result.bytes_per_pixel * 120 * 160 == pytest.approx(file.tell(), rel=0.1)


def test_the_shipped_model_is_far_better_than_bicubic(sets):
    bicubic, *_, ours = bench([sets[1]], ["bicubic", "tad-x2"])
    assert ours.rgb > bicubic.rgb + 2
    assert ours.small > 30


def test_means(results):
    merged = {(r.set, r.model): r for r in means(results)}
    assert list(merged) == [("a", "bicubic"), ("a", "tiny"), ("b", "bicubic"), ("b", "tiny")]
    for (folder, model), mean in merged.items():
        of = [r for r in results if (r.set, r.model) == (folder, model)]
        assert mean.picture == "mean"
        for name in (*FIGURES, "shrink_seconds"):
            assert getattr(mean, name) == pytest.approx(np.mean([getattr(r, name) for r in of]))
        assert mean.peak_mib == max(r.peak_mib for r in of)


def test_csv_and_json_hold_every_figure(results, tmp_path):
    write(results, tmp_path / "new")
    with (tmp_path / "new" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = json.loads((tmp_path / "new" / "results.json").read_text(), parse_constant=pytest.fail)
    assert len(rows) == len(read["pictures"]) == len(results)
    for row, entry, r in zip(rows, read["pictures"], results, strict=True):
        assert (row["picture"], row["model"]) == (entry["picture"], entry["model"]) == (r.picture, r.model)
        for name in FIGURES:
            assert float(row[name]) == float(entry[name]) == pytest.approx(getattr(r, name), abs=1e-4)
    assert len(read["means"]) == 4


def test_the_table_has_a_line_for_every_set_and_model(results):
    head, *lines = table(results)
    assert "rgb dB" in head
    assert [line.split()[:2] for line in lines] == [[r.set, r.model] for r in means(results)]
    assert f"{means(results)[0].rgb:.2f}" in lines[0]


def test_models_and_sets_of_one_name_are_told_apart(sets, tiny, tiny_folder, tmp_path, save):
    """`regrow train` calls every folder of weights `weights`."""
    zoo.save(tiny, tmp_path / "one" / "weights")
    zoo.save(randomized(tiny.config, seed=5), tmp_path / "two" / "weights")
    save("b/x.png", noise(32, 32))
    models = [str(tmp_path / "one" / "weights"), str(tmp_path / "two" / "weights")]
    merged = means(bench([sets[1], tmp_path / "b"], models))
    assert len(merged) == 4
    assert len({r.rgb for r in merged}) == 4


def test_the_sheet_is_a_readable_picture(sets, tiny_folder, tmp_path):
    path = tmp_path / "new" / "sheet.png"
    benchmark.sheet(sets, ["bicubic", tiny_folder], path, scale=4, grey=False, device="cpu", tile=512)
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    # Two rows of pictures of set a and one of b, five columns, three screen pixels for each of a detail's.
    assert pixels.shape[0] > 3 * 3 * 90
    assert pixels.shape[1] > 5 * 3 * 90
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 1000


@pytest.mark.parametrize(
    ("height", "width", "scale"), [(40, 30, 2), (5, 7, 4), (2, 2, 2), (130, 128, 128), (2, 200, 2)]
)
def test_sheets_of_small_pictures(tmp_path, save, height, width, scale):
    save("set/a.png", noise(height, width))
    benchmark.sheet(
        [tmp_path / "set"], ["bicubic"], tmp_path / "s.png", scale=scale, grey=False, device="cpu", tile=512
    )
    with Image.open(tmp_path / "s.png") as image:
        assert image.size > (2 * 3 * min(width, 96), 3 * min(height, 96))


def test_the_command_prints_a_table_and_writes_all_files(regrow, sets, tiny_folder, tmp_path):
    done = regrow("bench", *sets, "--model", "bicubic", "--model", tiny_folder, "-o", tmp_path / "out")
    assert done.code == 0
    assert len(done.out.splitlines()) == 5
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["results.csv", "results.json", "sheet.png"]


def test_pictures_that_cannot_be_measured_are_errors_that_name_them(tmp_path, save):
    save("tiny/dot.png", noise(3, 3))
    with pytest.raises(RegrowError, match=r"dot"):
        bench([tmp_path / "tiny"], ["bicubic"], scale=4)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "torn.png").write_bytes(b"\x89PNG")
    with pytest.raises(RegrowError, match="torn"):
        bench([tmp_path / "bad"], ["bicubic"])
    for nothing in (tmp_path / "none", tmp_path / "bad" / "torn.png"):
        with pytest.raises(UsageError, match="no pictures"):
            bench([nothing], ["bicubic"])


@pytest.mark.parametrize("scale", [0, -2])
def test_scales_that_cannot_be_are_usage_errors(sets, scale):
    with pytest.raises(UsageError, match="scale"):
        bench([sets[0]], ["bicubic"], scale=scale)


def test_cropped_keeps_the_top_left():
    picture = noise(11, 9)
    np.testing.assert_array_equal(cropped(picture, (4, 4)), picture[:8, :8])
    np.testing.assert_array_equal(cropped(picture, (3, 1)), picture[:, : picture.shape[1] // 3 * 3])
    np.testing.assert_array_equal(cropped(picture, (2.7, 2.7)), picture)


def test_compare_takes_pictures_of_any_kind(astronaut, save):
    other = np.asarray(Image.fromarray(astronaut).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    expected = peak_signal_noise_ratio(astronaut, other)
    path = save("a.png", astronaut)
    kinds = [path, str(path), astronaut, Image.fromarray(astronaut), torch.from_numpy(astronaut).permute(2, 0, 1) / 255]
    for kind in kinds:
        assert compare(kind, other)["rgb"]["psnr"] == pytest.approx(expected, abs=1e-4)
    assert compare(path, astronaut)["rgb"]["psnr"] == float("inf")


def test_compare_folders_by_name(tmp_path, save):
    for name in ("a/x.png", "a/deep/y.png", "b/x.webp", "b/deep/y.png"):
        save(name, noise(16, 16, seed=len(name)), **({"lossless": True} if name.endswith("webp") else {}))
    figures = compare_files(tmp_path / "a", tmp_path / "b")
    assert list(figures) == ["deep/y", "x"]
    save("b/z.png", noise(16, 16))
    with pytest.raises(UsageError, match="only one has z"):
        compare_files(tmp_path / "a", tmp_path / "b")
    with pytest.raises(UsageError, match="folder"):
        compare_files(tmp_path / "a", tmp_path / "b" / "z.png")
