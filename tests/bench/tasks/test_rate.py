import csv
import io
import json
import math
import sys

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.references import as_8_bits, imresize

from regrow import zoo
from regrow.bench import driver
from regrow.bench.coded import Behind, largest_within, overhead
from regrow.bench.rates import BEST
from regrow.bench.results import Result, means
from regrow.bench.rivals import JPEGXLCodec
from regrow.bench.tasks.rate import RANGES, Task
from regrow.errors import RegrowError, UsageError
from regrow.io.codecs import QUALITIES, Codec
from regrow.metrics.bd_rate import bd_rate
from regrow.nets.restore.codec import CodecConfig, CodecRestorer
from regrow.size import Size


@pytest.fixture(scope="module")
def pictures(astronaut, coffee, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets") / "set"
    folder.mkdir()
    for name, picture in (("a", astronaut[32:130, 96:220]), ("b", coffee[100:196, 100:196])):
        Image.fromarray(picture).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def nets(tmp_path_factory):
    """A filter and a net for half the size, untrained: they leave what is there, and enlarge by bicubic."""
    root = tmp_path_factory.mktemp("models")
    for scale in (1, 2):
        zoo.save(CodecRestorer(CodecConfig(scale=scale, channels=8, blocks=1)), root / f"x{scale}")
    return [str(root / "x1"), str(root / "x2")]


def bench(folder, models, **options):
    return driver.bench(Task(**options), [folder], models)


def saved(picture, kind, **options):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue()


def test_points_are_those_of_the_files(pictures, nets, astronaut):
    original = astronaut[32:128, 96:216]  # whole twelves of it
    half = as_8_bits(imresize(original, (60, 48)))
    results = [r for r in bench(pictures, nets, codec=["jpeg"], quality=[30, 70]) if r["picture"] == "a"]
    assert [(r.model, r["scale"], r["quality"]) for r in results] == [
        ("none", "1", 30), ("none", "1", 70), ("x1", "1", 30), ("x1", "1", 70), ("x2", "2", 30), ("x2", "2", 70),
    ]  # fmt: skip
    for result in results:
        given, quality = half if result.model == "x2" else original, result["quality"]
        tables = {"quality": quality}
        if result.model != "none":  # flat tables, by libjpeg's rule
            step = (16 * (5000 // quality if quality < 50 else 200 - 2 * quality) + 50) // 100
            tables = {"qtables": [[step] * 64] * 2}
        data = saved(given, "jpeg", **tables, subsampling=2, progressive=True, optimize=True)
        size = len(data) - 18  # Pillow's JFIF header
        if result.model != "none":
            size += overhead(Codec(name="jpeg", tuned=True), quality, float(result["scale"]), Size(120, 96))
        rate = result["bits_per_pixel"] / (8 * size / (96 * 120))
        # Quantized by trellis, with one table in place of two equal ones and scans in the best order, it is smaller.
        assert rate == pytest.approx(1, rel=0.01) if result.model == "none" else 0.7 < rate < 1
        with Image.open(io.BytesIO(data)) as image:
            seen = np.asarray(image)
        seen = as_8_bits(imresize(seen, (120, 96))) if result.model == "x2" else seen
        assert result["rgb"] == pytest.approx(
            peak_signal_noise_ratio(original, seen), abs=0.05 if result.model == "none" else 1
        )
        assert result["encode_seconds"] > 0
        assert result["grow_seconds"] > 0
        assert 0.5 < result["y_ssim"] < 1


def test_nets_are_told_what_the_file_states_and_else_what_is_known(nets, astronaut, monkeypatch):
    seen = []
    real = CodecRestorer.told
    monkeypatch.setattr(CodecRestorer, "told", lambda net, facts: seen.append(facts) or real(net, facts))
    behind = Behind(nets[0], device="cpu")
    for name in QUALITIES:
        codec = Codec(name=name)
        behind.grow(codec.encode(astronaut[32:128, 96:192], 40), codec, 40)
        assert seen[-1] == pytest.approx(codec.facts(40), abs=0.06)


def point(model, quality, bits, rgb, scale="1"):
    figures = {"bits_per_pixel": bits, "rgb": rgb, "y": rgb + 1, "y_ssim": 1 - 10 ** (-rgb / 20)}
    figures |= {"encode_seconds": 1.0, "grow_seconds": 2.0}
    return Result({"set": "s", "picture": "p"}, model, {"codec": "webp", "scale": scale, "quality": quality}, figures)


def test_the_table_has_differences_of_rate_for_each_range():
    curve = [(0.05, 28.0), (0.1, 30.0), (0.25, 33.0), (0.8, 38.0)]
    results = [point("none", q, *at) for q, at in enumerate(curve)]
    results += [point("x1", q, 0.9 * bits, rgb) for q, (bits, rgb) in enumerate(curve)]
    cut = [(bits * 0.7, rgb) for bits, rgb in curve[:3]]
    results += [point("x2", q, *at, scale="2") for q, at in enumerate(cut)]
    rows = [result.row() for result in Task().table_of(results)]
    assert [(r["model"], r["range"]) for r in rows] == [
        (model, between) for between in ("0.05-0.25", "0.25-0.8") for model in ("x1", "x2", BEST)
    ]
    low, high = rows[:3], rows[3:]
    assert [r["bd_rgb"] for r in low] == pytest.approx([-10, -30, -30], abs=0.3)
    for name in ("bd_y", "bd_ssim"):
        assert [r[name] for r in low] == pytest.approx([-10, -30, -30], abs=0.3)
    assert [r["covered"] for r in low] == pytest.approx([1, 1, 1], abs=0.01)
    assert [high[i]["bd_rgb"] for i in (0, 2)] == pytest.approx([-10, -10], abs=0.05)
    assert math.isnan(high[1]["bd_rgb"])
    assert [r["scale"] for r in low] == ["x1", "x2", "any"]
    assert low[0]["grow_seconds"] == 2


def test_the_best_is_one_file_at_each_rate():
    """Of two models, the one that is better by `rgb` is the worse by `y`: who has its file has that `y` too."""
    rates = (0.05, 0.1, 0.25, 0.8)
    results = []
    for quality, (bits, rgb) in enumerate(zip(rates, (28.0, 30.0, 33.0, 38.0), strict=True)):
        for model, factor, worse in (("none", 1, 0), ("true", 0.8, 1), ("lumaful", 0.9, -1)):
            made = point(model, quality, factor * bits, rgb)
            made.figures["y"] -= worse
            results.append(made)
    rows = {row.model: row for row in Task().table_of(results)[:3]}
    assert rows[BEST]["bd_rgb"] == pytest.approx(rows["true"]["bd_rgb"], abs=0.05) == pytest.approx(-20, abs=0.05)
    assert rows[BEST]["bd_y"] == pytest.approx(rows["true"]["bd_y"], abs=0.05)
    assert rows["lumaful"]["bd_y"] < -20 < 0 < rows["true"]["bd_y"]


def test_the_best_changes_where_curves_cross():
    """A model below a quality and the codec alone above it: what is saved is the model's share of the range."""
    qualities = np.arange(26.0, 41.0)
    usual = 0.05 * 2 ** ((qualities - 28) / 3)
    ratio = np.where(qualities < 31, 0.5 + (qualities - 26) / 10, 1 + (qualities - 31) / 10)  # 1 at 31 dB
    results = [point("none", i, *at) for i, at in enumerate(zip(usual, qualities, strict=True))]
    results += [point("x2", i, *at, scale="2") for i, at in enumerate(zip(ratio * usual, qualities, strict=True))]
    low, high = (row for row in Task().table_of(results) if row.model == BEST)
    at = np.linspace(28, 28 + 3 * np.log2(5), 2001)  # the qualities of the codec alone between .05 and .25
    share = np.log(np.minimum(1, np.interp(at, qualities, ratio)))
    assert low["bd_rgb"] == pytest.approx(100 * (np.exp(share.mean()) - 1), abs=0.5)
    assert low["bd_rgb"] < -5
    assert high["bd_rgb"] == pytest.approx(0, abs=0.01)


def test_rivals_are_codecs_alone_beside_each_reference(pictures, nets):
    task = Task(codec=["webp"], rival=["jpeg", "webp"], quality=[20, 50, 80, 95])
    results = driver.bench(task, [pictures], nets[:1])
    assert {(r["codec"], r.model) for r in results} == {("webp", "none"), ("webp", "x1"), ("jpeg", "none")}
    rows = task.table_of(results)
    assert [(r["codec"], r.model, r["scale"]) for r in rows[:3]] == [
        ("webp", "x1", "x1"), ("webp", BEST, "any"), ("webp", "jpeg", "x1"),
    ]  # fmt: skip
    jpeg, webp = (
        [(r["bits_per_pixel"], r["rgb"]) for r in means(results) if (r["codec"], r.model) == (codec, "none")]
        for codec in ("jpeg", "webp")
    )
    assert rows[5]["bd_rgb"] == pytest.approx(bd_rate(webp, jpeg, rates=RANGES["webp"][1]).percent)
    assert rows[2]["grow_seconds"] > 0
    row = task.sheet_row("set", next(iter(task.items(pictures, []))), {})
    assert [label.split(":")[0] for label in row][1:] == ["webp, none", "jpeg beside webp"]


def test_jpeg_xl_is_a_rival(pictures, astronaut):
    imagecodecs = pytest.importorskip("imagecodecs")
    codec, picture = JPEGXLCodec(), astronaut[:96, :96]
    for quality in (20, 50, 90):  # by their quality, cjxl's
        assert codec.encode(picture, quality) == imagecodecs.jpegxl_encode(picture, level=quality, effort=7)
    results = bench(pictures, [], codec=["webp"], rival=["jpegxl"], quality=[30, 90])
    mine = [r for r in results if r["codec"] == "jpegxl" and r["picture"] == "b"]
    assert 25 < mine[0]["rgb"] < mine[1]["rgb"] < 45
    assert 0.1 < mine[0]["bits_per_pixel"] < mine[1]["bits_per_pixel"] < 4


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(RegrowError, match=r"pip install 'regrow\[rate\]'"):
        Task(rival=["jpegxl"]).load([])


def test_the_table_is_of_mean_curves(pictures, nets):
    qualities = [20, 50, 80, 95]
    results = bench(pictures, nets[1:], codec=["webp"], quality=qualities)
    mean = {}
    for model in ("none", "x2"):
        mine = [[r for r in results if (r.model, r["quality"]) == (model, quality)] for quality in qualities]
        mean[model] = [tuple(np.mean([[r["bits_per_pixel"], r["rgb"]] for r in pair], 0)) for pair in mine]
    row = Task().table_of(results)[2]
    assert (row.model, row["range"]) == ("x2", "0.25-0.8")
    assert row["bd_rgb"] == pytest.approx(bd_rate(mean["none"], mean["x2"], rates=RANGES["webp"][1]).percent)


def test_ssimulacra2_is_measured_where_it_is_asked_for(pictures):
    pytest.importorskip("ssimulacra2")
    results = bench(pictures, ["none"], codec=["jpeg"], quality=[20, 80], ssimulacra2=True)
    assert results[0]["ssimulacra2"] < results[1]["ssimulacra2"] < 100
    task = Task(ssimulacra2=True)
    assert "SSIMULACRA2" in next(driver.table(task, results))
    assert task.table_of(results)[1]["bd_ssimulacra2"] == 0
    assert "ssimulacra2" not in bench(pictures, ["none"], codec=["jpeg"], quality=[20, 80])[0].figures


def test_tuned_files_are_measured_without_a_net(pictures):
    """JPEG and AVIF are tuned for the error that is measured, WebP for the net behind it."""
    results = bench(pictures, ["tuned"], quality=[20, 50, 80])
    rows = {
        (row["codec"], row["range"]): row["bd_rgb"]
        for row in Task(quality=[20, 50, 80]).table_of(results)
        if row.model == "tuned"
    }
    assert rows["jpeg", "0.4-1.2"] < -10
    assert rows["avif", "0.1-0.5"] < -5
    assert 0 < rows["webp", "0.25-0.8"] < 3


def test_files_within_a_limit_are_as_good_as_they_can_be(astronaut):
    codec, alone, picture = Codec(name="webp"), Behind("none"), astronaut[:96, :96]
    sizes = {quality: len(codec.encode(picture, quality)) for quality in range(1, 97)}
    quality, data = largest_within(alone, picture, codec, 900)
    assert len(data) == sizes[quality] <= 900 < sizes[quality + 1]
    files = {}
    assert largest_within(alone, picture, codec, 900, files) == (quality, data)
    alone.encode = None  # what is kept is not made again
    assert largest_within(alone, picture, codec, 900, files) == (quality, data)
    alone = Behind("none")
    assert largest_within(alone, picture, codec, 10)[0] == 1
    assert largest_within(alone, picture, codec, 10**6)[0] == 96


def test_the_command_prints_a_table_and_writes_all_files(regrow, pictures, nets, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "out"
    options = ["--codec", "jpeg", "--rival", "webp", "--quality", "20", "--quality", "50", "--quality", "90"]
    models = [word for name in nets for word in ("--model", name)]
    done = regrow("bench", pictures, "--task", "rate", *models, *options, "-o", out)
    assert done.code == 0, done.err
    assert [line.split()[:5] for line in done.out.splitlines()[1:]] == [
        ["set", "jpeg", between, *row]
        for between in ("0.1-0.4", "0.4-1.2")
        for row in (["x1", "x1"], ["x2", "x2"], ["best", "any"], ["webp", "x1"])
    ]
    names = ["bd_rate.csv", "rate.png", "results.csv", "results.json", "sheet.png"]
    assert sorted(p.name for p in out.iterdir()) == names
    with (out / "bd_rate.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["range"] for row in rows] == ["0.1-0.4"] * 4 + ["0.4-1.2"] * 4
    assert -30 < float(rows[4]["bd_rgb"]) < -10  # untrained, a filter changes nothing, but its file is tuned
    assert len(json.loads((out / "results.json").read_text())["means"]) == 12
    for name, width in (("rate.png", 500), ("sheet.png", 1100)):
        with Image.open(out / name) as image:
            assert image.width > width


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"codec": ["gif"]}, "known are jpeg"),
        ({"rival": ["jxl"]}, "known are jpegxl, jpeg"),
        ({"quality": [50]}, "at least two"),
        ({"quality": [0, 50]}, "from 1 to 100"),
    ],
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        Task(**options)


def test_models_that_do_something_else_are_refused(tiny_folder, tmp_path):
    with pytest.raises(UsageError, match="restores or enlarges"):
        Behind(tiny_folder)
    with pytest.raises(UsageError, match="no such model"):
        Behind("nobody")
    zoo.save(zoo.build({"architecture": "srresnet", "scale": 8, "channels": 8, "blocks": 1}), tmp_path)
    with pytest.raises(UsageError, match="enlarges by 8"):
        Behind(str(tmp_path))
    zoo.save(CodecRestorer(CodecConfig(scale=1.5, channels=8, blocks=1)), tmp_path / "half")
    with pytest.raises(UsageError, match=r"enlarges by 2\.25"):
        Behind(f"{tmp_path / 'half'}+{tmp_path / 'half'}")


@pytest.mark.parametrize(
    ("names", "scale"),
    [(("x1", "x2"), 2), (("x4",), 4), (("x1.5",), 1.5), (("x2", "x1.5", "x4"), 12), (("x2", "x2"), 4)],
)
def test_nets_of_any_scale_may_stand_one_after_another(nets, names, scale, astronaut, tmp_path):
    folders = {"x1": nets[0], "x2": nets[1], "x1.5": tmp_path / "half", "x4": tmp_path / "four"}
    for name, factor in (("x1.5", 1.5), ("x4", 4)):
        zoo.save(CodecRestorer(CodecConfig(scale=factor, channels=8, blocks=1)), folders[name])
    behind = Behind("+".join(str(folders[name]) for name in names), device="cpu")
    codec, picture = Codec(name="webp"), astronaut[:48, 96:168]
    assert behind.scale == scale
    data = behind.encode(picture, codec, 90)
    with Image.open(io.BytesIO(data)) as small:
        assert small.size == (72 / scale, 48 / scale)
        by_hand = as_8_bits(imresize(np.asarray(small), (72, 48)))
    grown = behind.grow(data, codec, 90)
    assert grown.shape == picture.shape
    if len(names) == 1:  # untrained, they are bicubic
        assert np.abs(grown.astype(int) - by_hand).max() <= 2


@pytest.mark.parametrize(
    ("codec", "scale", "line", "around"),
    [
        ("jpeg", 2, "regrow/2 codec-x2 00000000 2040x1356 asked=q60", 18 + 4),  # JFIF, COM
        ("jpeg", 1.5, "regrow/2 codec-x1.5 00000000 2040x1356 scale=1.5 asked=q60", 18 + 4),
        ("webp", 2, "regrow/2 codec-x2 00000000 2040x1356 asked=q60", 18 + 8 + 28),  # VP8X, EXIF and its directory
        ("webp", 4, "regrow/2 codec-x4 00000000 2040x1356 scale=4 asked=q60", 18 + 8 + 28),
        ("avif", 2, "regrow/2 codec-x2 00000000 2040x1356 quality=60 asked=q60", 0),  # the name of the handler
    ],
)
def test_what_regrow_writes_beside_the_pixels_counts(codec, scale, line, around):
    assert overhead(Codec(name=codec), 60, scale, Size(2040, 1356)) == pytest.approx(len(line) + around, abs=2)


def test_the_codec_alone_is_bare():
    assert Behind("none").size(b"12345", Codec(name="webp"), 50, Size(640, 480)) == 5


@pytest.mark.parametrize("wrong", [["--task", "rescale", "--codec", "webp"], ["--task", "rate", "--scale", "2"]])
def test_options_of_other_tasks_are_refused(regrow, pictures, wrong):
    done = regrow("bench", pictures, *wrong)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_models_share_a_file_where_the_same_makes_it(astronaut):
    """A light net grows what the other does; one that enlarges ordinary pictures stands behind another file."""
    codec = Codec(name="webp")
    net, light, ordinary = (Behind(name) for name in ("codec-x2", "codec-x2-light", "plain-x2"))
    assert net.file(codec) == light.file(codec) != ordinary.file(codec)
    picture = np.ascontiguousarray(astronaut[:96, :96])
    assert net.encode(picture, codec, 60) != ordinary.encode(picture, codec, 60)
    assert net.encode(picture, codec, 60) == light.encode(picture, codec, 60)
