import csv
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2ycbcr
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from support.models import randomized
from support.pictures import noise
from support.references import as_8_bits, imresize

import regrow as verbs
from regrow import zoo
from regrow.bench import driver
from regrow.bench.benchmark import no_report
from regrow.bench.driver import Run, table
from regrow.bench.results import means, write
from regrow.bench.tasks.rescale import Task
from regrow.errors import RegrowError, UsageError
from regrow.runners.compare import compare, compare_files

FIGURES = ["rgb", "rgb_ssim", "y", "y_ssim", "small"]


def bench(folders, models, report=no_report, **options):
    return driver.bench(Task(**options), folders, models, report=report)


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


@pytest.mark.parametrize("scale", [2, 4])
def test_the_bicubic_figures_are_those_of_scikit_image(sets, astronaut, scale):
    original = astronaut[:120, 100:260]
    grown = as_8_bits(imresize(as_8_bits(imresize(original, (160 // scale, 120 // scale))), (160, 120)))
    (result, *_) = bench([sets[0]], ["bicubic"], scale=scale)
    assert (result["set"], result["picture"], result.model, result["scale"]) == ("a", "1", "bicubic", str(scale))
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert result["rgb"] == pytest.approx(peak_signal_noise_ratio(original, grown), abs=0.01)
    ssim = structural_similarity(original, grown, channel_axis=2, **options)
    assert result["rgb_ssim"] == pytest.approx(ssim, abs=2e-3)
    inside = slice(scale, -scale)
    a, b = (rgb2ycbcr(x)[inside, inside, 0] for x in (original, grown))
    assert result["y"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=0.01)
    assert result["y_ssim"] == pytest.approx(structural_similarity(a, b, data_range=255, **options), abs=2e-3)
    assert result["small"] > 50  # it is the bicubic itself, but for roundings that fall the other way


def test_every_picture_and_model_has_a_result(results):
    assert [(r["set"], r["picture"], r.model) for r in results] == [
        (folder, picture, model)
        for folder, picture in (("a", "1"), ("a", "2"), ("b", "3"))
        for model in ("bicubic", "tiny")
    ]
    for r in results:
        assert r["rgb"] > 5
        assert r["bytes_per_pixel"] > 0.05
        assert r["shrink_seconds"] > 0
        assert r["grow_seconds"] > 0
        assert r["peak_mib"] > 50


def test_bytes_are_those_of_a_png(sets, astronaut):
    (result, *_) = bench([sets[0]], ["bicubic"])
    file = io.BytesIO()
    Image.fromarray(as_8_bits(imresize(astronaut[:120, 100:260], (80, 60)))).save(file, "png")
    assert result["bytes_per_pixel"] * 120 * 160 == pytest.approx(file.tell(), rel=0.1)


def test_the_shipped_model_is_far_better_than_bicubic(sets):
    bicubic, *_, ours = bench([sets[1]], ["bicubic", "tad-x2"])
    assert ours["rgb"] > bicubic["rgb"] + 2
    assert ours["small"] > 30


def test_means(results):
    merged = {(r["set"], r.model): r for r in means(results)}
    assert list(merged) == [("a", "bicubic"), ("a", "tiny"), ("b", "bicubic"), ("b", "tiny")]
    for (folder, model), mean in merged.items():
        of = [r for r in results if (r["set"], r.model) == (folder, model)]
        assert mean["picture"] == "mean"
        for name in (*FIGURES, "shrink_seconds"):
            assert mean[name] == pytest.approx(np.mean([r[name] for r in of]))
        assert mean["peak_mib"] == max(r["peak_mib"] for r in of)


def test_csv_and_json_hold_every_figure(results, tmp_path):
    write(results, tmp_path / "new")
    with (tmp_path / "new" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    read = json.loads((tmp_path / "new" / "results.json").read_text(), parse_constant=pytest.fail)
    assert len(rows) == len(read["pictures"]) == len(results)
    for row, entry, r in zip(rows, read["pictures"], results, strict=True):
        assert (row["picture"], row["model"]) == (entry["picture"], entry["model"]) == (r["picture"], r.model)
        for name in FIGURES:
            assert float(row[name]) == float(entry[name]) == pytest.approx(r[name], abs=1e-4)
    assert len(read["means"]) == 4


def test_the_table_has_a_line_for_every_set_and_model(results):
    head, *lines = table(Task(), results)
    assert "rgb dB" in head
    assert [line.split()[:2] for line in lines] == [[r["set"], r.model] for r in means(results)]
    assert f"{means(results)[0]['rgb']:.2f}" in lines[0]


def test_models_and_sets_of_one_name_are_told_apart(sets, tiny, tiny_folder, tmp_path, save):
    """`regrow train` calls every folder of weights `weights`."""
    zoo.save(tiny, tmp_path / "one" / "weights")
    zoo.save(randomized(tiny.config, seed=5), tmp_path / "two" / "weights")
    save("b/x.png", noise(32, 32))
    models = [str(tmp_path / "one" / "weights"), str(tmp_path / "two" / "weights")]
    merged = means(bench([sets[1], tmp_path / "b"], models))
    assert len(merged) == 4
    assert len({r["rgb"] for r in merged}) == 4
    sheets = [tmp_path / "two.png", tmp_path / "one.png"]
    for names, path in ((models, sheets[0]), (models[:1], sheets[1])):
        Run(Task(), [sets[1]], names).sheet(path)
    with Image.open(sheets[0]) as two, Image.open(sheets[1]) as one:
        assert two.width - one.width == 2 * (3 * 96 + 6)


def test_the_sheet_is_a_readable_picture(sets, tiny_folder, tmp_path):
    path = tmp_path / "new" / "sheet.png"
    Run(Task(scale=4), sets, ["bicubic", tiny_folder]).sheet(path)
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
    Run(Task(scale=scale), [tmp_path / "set"], ["bicubic"]).sheet(tmp_path / "s.png")
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
            bench([tmp_path / "tiny", nothing], ["bicubic"], report=pytest.fail)


@pytest.mark.parametrize("scale", [0, -2])
def test_scales_that_cannot_be_are_usage_errors(sets, scale):
    with pytest.raises(UsageError, match="scale"):
        bench([sets[0]], ["bicubic"], scale=scale)


def test_compare_takes_pictures_of_any_kind(astronaut, save):
    astronaut = astronaut[100:228, 150:300]
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


def ceil_divided(size, tenths):
    return tuple(-(-n * 10 // t) for n, t in zip(size, tenths, strict=True))


def figures_are_those_of(result, original, small, grown, border, bicubic_small):
    """scikit-image's figures of the pair, and the small picture's against the thumbnail, computed here."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    assert result["rgb"] == pytest.approx(peak_signal_noise_ratio(original, grown), abs=0.01)
    ssim = structural_similarity(original, grown, channel_axis=2, **options)
    assert result["rgb_ssim"] == pytest.approx(ssim, abs=2e-3)
    inside = slice(border, -border)
    a, b = (rgb2ycbcr(x)[inside, inside, 0] for x in (original, grown))
    assert result["y"] == pytest.approx(peak_signal_noise_ratio(a, b, data_range=255), abs=0.01)
    assert result["y_ssim"] == pytest.approx(structural_similarity(a, b, data_range=255, **options), abs=2e-3)
    if not np.array_equal(small, bicubic_small):
        assert result["small"] == pytest.approx(peak_signal_noise_ratio(bicubic_small, small), abs=0.05)


@pytest.mark.parametrize(
    ("scale", "tenths", "size", "border"),
    [
        (3, (30, 30), (159, 120), 3),
        (2.7, (27, 27), (160, 120), 3),
        ((2, 1.5), (20, 15), (160, 120), 2),
        ((1, 3), (10, 30), (160, 120), 3),
    ],
    ids=str,
)
def test_bicubic_figures_of_any_scale_are_those_of_scikit_image(sets, astronaut, scale, tenths, size, border):
    """Cropped to a multiple only where the scale of a side is whole."""
    original = astronaut[: size[1], 100 : 100 + size[0]]
    small = as_8_bits(imresize(original, ceil_divided(size, tenths)))
    grown = as_8_bits(imresize(small, size))
    (result, *_) = bench([sets[0]], ["bicubic"], scale=scale)
    words = {3: "3", 2.7: "2.7", (2, 1.5): "2x1.5", (1, 3): "1x3"}
    assert (result["picture"], result["scale"]) == ("1", words[scale])
    figures_are_those_of(result, original, small, grown, border, small)
    assert result["small"] > 50


@pytest.mark.parametrize("scale", [1, 3, 2.7])
def test_the_bicubic_figures_in_grey_are_those_of_its_luma(sets, astronaut, scale):
    size = (159, 120) if scale == 3 else (160, 120)
    original = astronaut[: size[1], 100 : 100 + size[0]]
    thumbnail = imresize(original, ceil_divided(size, [round(scale * 10)] * 2))
    small = as_8_bits(thumbnail @ [0.299, 0.587, 0.114])[..., None]
    grown = as_8_bits(imresize(small, size)).repeat(3, 2)
    (result, *_) = bench([sets[0]], ["bicubic"], scale=scale, grey=True)
    figures_are_those_of(result, original, small, grown, int(np.ceil(scale)), small)
    assert result["small"] > 50


@pytest.mark.parametrize(("grey", "scale"), [(False, 3), (False, 2.7), (True, 1)])
def test_a_models_figures_are_those_of_shrinking_and_growing(sets, astronaut, tiny_folder, hiding_folder, grey, scale):
    model = hiding_folder if grey else tiny_folder
    size = (159, 120) if scale == 3 else (160, 120)
    original = astronaut[: size[1], 100 : 100 + size[0]]
    small = verbs.shrink(original, scale=scale, model=model)
    grown = verbs.grow(small, scale=scale, size=size, model=model)
    thumbnail = imresize(original, ceil_divided(size, [round(scale * 10)] * 2))
    thumbnail = (thumbnail @ [0.299, 0.587, 0.114])[..., None] if grey else thumbnail
    (result, *_) = bench([sets[0]], [model], scale=scale, grey=grey)
    assert small.shape[2] == (1 if grey else 3)
    figures_are_those_of(result, original, small, grown, int(np.ceil(scale)), as_8_bits(thumbnail))
    file = io.BytesIO()
    Image.fromarray(small[..., 0] if grey else small).save(file, "png")
    assert result["bytes_per_pixel"] * size[0] * size[1] == pytest.approx(file.tell(), rel=0.1)


def test_a_model_that_cannot_be_measured_at_a_scale_is_a_usage_error(sets, hiding_folder, tiny_folder):
    for model, scale in ((hiding_folder, 2), (tiny_folder, 1)):
        with pytest.raises(UsageError):
            bench([sets[0]], [model], scale=scale)


@pytest.mark.parametrize("scale", [2.7, 2.9, (1, 2), (2, 1), (6, 1.5)], ids=str)
def test_sheets_show_the_same_detail_at_every_scale(tmp_path, save, tiny_folder, scale):
    """The busy corner is at the bottom right, where a wrong factor would leave the small picture."""
    picture = np.zeros((290, 301, 3), np.uint8)
    picture[190:, 200:] = noise(100, 101)
    save("set/a.png", picture)
    names = ["bicubic", tiny_folder]
    Run(Task(scale=scale), [tmp_path / "set"], names).sheet(tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as image:
        assert image.width >= 5 * 3 * 96
        pixels = np.asarray(image.convert("RGB"))
    for left in range(5):
        column = pixels[60:300, left * (3 * 96 + 6) + 150 : (left + 1) * (3 * 96 + 6) - 20]
        assert column.std() > 15


def test_the_command_measures_hidden_color_and_draws_it(regrow, sets, hiding_folder, tmp_path):
    done = regrow("bench", sets[1], "--model", "bicubic", "--model", hiding_folder, "--grey", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert [line.split()[:3] for line in done.out.splitlines()[1:]] == [["b", "bicubic", "x1"], ["b", "hiding", "x1"]]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["results.csv", "results.json", "sheet.png"]


def test_the_command_measures_uneven_scales(regrow, sets, tiny_folder, tmp_path):
    done = regrow("bench", sets[1], "--model", tiny_folder, "--scale", "2.7x1", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].split()[:3] == ["b", "tiny", "x2.7x1"]


def test_one_model_may_shrink_and_another_enlarge(sets, tiny_folder, tmp_path):
    """An untrained net of VDSR's kind adds nothing to the bicubic of any thumbnail."""
    zoo.save(zoo.build({"architecture": "vdsr", "layers": 2, "channels": 8}), tmp_path / "vdsr")
    folder = str(tmp_path / "vdsr")
    models = [f"bicubic+{folder}", "bicubic", f"{tiny_folder}+{folder}", f"{tiny_folder}+bicubic", tiny_folder]
    found = {r.model: r for r in bench(sets[:1], models, scale=2, tile=33) if r["picture"] == "1"}
    assert set(found) == {"bicubic+vdsr", "bicubic", "tiny+vdsr", "tiny+bicubic", "tiny"}
    assert found["bicubic+vdsr"]["rgb"] == pytest.approx(found["bicubic"]["rgb"], abs=0.01)
    assert found["tiny+vdsr"]["rgb"] == pytest.approx(found["tiny+bicubic"]["rgb"], abs=0.01)
    assert found["tiny+vdsr"]["small"] == found["tiny"]["small"]
    with pytest.raises(UsageError, match="vdsr: enlarges by 2, not by 3"):
        bench(sets[:1], [f"bicubic+{folder}"], scale=3)


def test_a_third_model_enhances_what_the_second_enlarged(sets, tiny_folder, tmp_path):
    """An untrained enhancer leaves the picture; one whose last bias is moved adds that."""
    zoo.save(zoo.build({"architecture": "vdsr", "layers": 2, "channels": 8}), tmp_path / "vdsr")
    enhancer = zoo.build({"architecture": "dqe", "channels": 8, "blocks": 1})
    zoo.save(enhancer, tmp_path / "none")
    enhancer.requires_grad_(False).tail.bias.fill_(0.5)
    zoo.save(enhancer, tmp_path / "brighter")
    first = f"bicubic+{tmp_path / 'vdsr'}"
    models = [first, f"{first}+{tmp_path / 'none'}", f"{first}+{tmp_path / 'brighter'}"]
    plain, same, brighter = (r["rgb"] for r in bench(sets[:1], models, scale=2)[:3])
    assert plain == same > brighter + 3
    for name, words in ((f"{first}+{tiny_folder}", "nets that enhance"), (f"{first}+{tmp_path / 'vdsr'}", "by 4")):
        with pytest.raises(UsageError, match=words):
            bench(sets[:1], [name], scale=2)
