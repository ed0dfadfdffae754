import csv
import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

import regrow as verbs
from regrow import zoo
from regrow.bench import driver
from regrow.bench.benchmark import no_report
from regrow.bench.driver import Run, table
from regrow.bench.models import Pair
from regrow.bench.results import means, write
from regrow.bench.tasks import rescale
from regrow.bench.tasks.video import Task
from regrow.errors import RegrowError, UsageError
from regrow.metrics.temporal import consistency
from regrow.nets.video.base import VideoRestorer
from regrow.nets.video.tad import VideoTAD, VideoTADConfig

PICTURE_FIGURES = ["rgb", "rgb_ssim", "y", "y_ssim", "small", "bytes_per_pixel"]


def bench(folders, models, report=no_report, **options):
    return driver.bench(Task(**options), folders, models, report=report)


def moving(picture, count, height, width):
    """Frames of a camera that moves over a picture."""
    return [picture[60 + 2 * t :, 90 + t :][:height, :width] for t in range(count)]


def write_clip(folder, frames):
    folder.mkdir(parents=True)
    for n, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{n:03}.png")
    return folder


@pytest.fixture(scope="module")
def clips(astronaut, coffee, tmp_path_factory):
    """Two folders: five frames of 97x67 pixels, and three of 64x48."""
    root = tmp_path_factory.mktemp("clips")
    return [
        write_clip(root / "one", moving(astronaut, 5, 67, 97)),
        write_clip(root / "two", moving(coffee, 3, 48, 64)),
    ]


@pytest.fixture(scope="module")
def group_folder(tmp_path_factory):
    """A fast rescaler of groups of three, whose every weight matters, as `--model` takes it."""
    torch.manual_seed(0)
    model = VideoTAD(VideoTADConfig(frames=3, mix_every=1, channels=8, blocks=1))
    for name, weight in model.named_parameters():
        if "mixers" in name or "tail" in name:
            torch.nn.init.normal_(weight, std=0.05)
    folder = tmp_path_factory.mktemp("models") / "group"
    zoo.save(model, folder)
    return str(folder)


@pytest.fixture(scope="module")
def results(clips, tiny_folder):
    return bench(clips, ["bicubic", tiny_folder])


def y_psnr(a, b, border):
    """From BT.601's own coefficients."""
    a, b = (16 + x[border:-border, border:-border] / 255 @ [65.481, 128.553, 24.966] for x in (a, b))
    return peak_signal_noise_ratio(a, b, data_range=255)


def test_frame_by_frame_the_figures_are_those_of_the_bench_of_pictures(results, clips, tiny_folder):
    assert [(r["clip"], r.model) for r in results] == [
        (clip, model) for clip in ("one", "two") for model in ("bicubic", "tiny")
    ]
    pictures = driver.bench(rescale.Task(), clips, ["bicubic", tiny_folder])
    for r in results:
        frames = [p for p in pictures if (p["set"], p.model) == (r["clip"], r.model)]
        for name in PICTURE_FIGURES:
            assert r[name] == pytest.approx(np.mean([p[name] for p in frames])), name
        assert r.curves["rgb_by_frame"] == tuple(p["rgb"] for p in frames)
        assert r.curves["y_by_frame"] == tuple(p["y"] for p in frames)
        assert (r["scale"], r["skip_frames"]) == ("2", 0)
        assert min(r["shrink_seconds"], r["grow_seconds"]) > 0
        assert r["peak_mib"] > 50


@pytest.mark.parametrize("scale", [2, 2.7, (2, 1)], ids=str)
def test_the_figures_are_those_of_scikit_image(clips, coffee, tiny_folder, scale):
    (result,) = bench(clips[1:], [tiny_folder], scale=scale)
    rgb, y = [], []
    for frame in moving(coffee, 3, 48, 64):
        small = verbs.shrink(frame, scale=scale, model=tiny_folder)
        grown = verbs.grow(small, scale=scale, size=(64, 48), model=tiny_folder)
        rgb.append(peak_signal_noise_ratio(frame, grown))
        y.append(y_psnr(frame, grown, 3 if scale == 2.7 else 2))
    np.testing.assert_allclose(result.curves["rgb_by_frame"], rgb, atol=1e-4)
    np.testing.assert_allclose(result.curves["y_by_frame"], y, atol=1e-4)
    assert result["rgb"] == pytest.approx(np.mean(rgb))


def test_groups_are_shrunk_and_grown_by_the_model_itself(clips, astronaut, group_folder):
    (result,) = bench(clips[:1], [group_folder])
    model, grown = zoo.load(group_folder), []
    frames = [frame[:66, :96] for frame in moving(astronaut, 5, 67, 97)]
    for group in (frames[:3], frames[3:]):
        x = torch.from_numpy(np.concatenate(group, 2)).permute(2, 0, 1)[None] / 255
        small = (model.shrink(x).clamp(0, 1) * 255).round() / 255
        again = (model.grow(small).clamp(0, 1) * 255).round().byte()[0].permute(1, 2, 0).numpy()
        grown += np.split(again, len(group), axis=2)
    wanted = [peak_signal_noise_ratio(a, b) for a, b in zip(frames, grown, strict=True)]
    np.testing.assert_allclose(result.curves["rgb_by_frame"], wanted, atol=0.01)
    (motion,) = consistency(frames, grown)
    assert result["warping_error"] == pytest.approx(motion.warping_error, rel=0.01)
    assert result["tof"] == pytest.approx(motion.tof, rel=0.01)


def test_steadiness_is_that_of_the_frames(results, coffee):
    frames = moving(coffee, 3, 48, 64)
    pair = Pair("bicubic", 2)
    (wanted,) = consistency(frames, [pair(frame)[1] for frame in frames])
    bicubic, tiny = results[2:]
    assert bicubic["warping_error"] == pytest.approx(wanted.warping_error)
    assert bicubic["tof"] == pytest.approx(wanted.tof)
    assert (
        bicubic["original_warping_error"]
        == tiny["original_warping_error"]
        == pytest.approx(wanted.original_warping_error)
    )
    assert tiny["tof"] != bicubic["tof"]


def test_frames_at_both_ends_may_be_skipped(results, clips, astronaut, tiny_folder):
    told = []
    (result,) = bench(clips[:1], [tiny_folder], skip_frames=1, report=told.append)
    whole = results[1]
    assert result["skip_frames"] == 1
    assert result.curves["y_by_frame"] == whole.curves["y_by_frame"][1:-1]
    assert result["rgb"] == pytest.approx(np.mean(whole.curves["rgb_by_frame"][1:-1]))
    assert [(frame.picture, frame.rgb) for frame in told] == list(
        zip(("001", "002", "003"), result.curves["rgb_by_frame"], strict=True)
    )
    frames = [frame[:66, :96] for frame in moving(astronaut, 5, 67, 97)][1:-1]
    (wanted,) = consistency(frames, frames)
    assert result["original_warping_error"] == pytest.approx(wanted.original_warping_error)
    (single,) = bench(clips[:1], ["bicubic"], skip_frames=2)
    assert len(single.curves["y_by_frame"]) == 1
    assert math.isnan(single["tof"])
    with pytest.raises(UsageError, match="has 3 frames, and none is left"):
        bench(clips, ["bicubic"], skip_frames=2)


def test_a_group_looks_at_frames_that_are_skipped(clips, group_folder):
    (whole,), (part,) = (bench(clips[:1], [group_folder], skip_frames=n) for n in (0, 1))
    assert part.curves["y_by_frame"] == whole.curves["y_by_frame"][1:-1]


def test_one_model_may_shrink_and_another_enlarge(clips, tiny_folder, tmp_path):
    """An untrained net of VDSR's kind adds nothing to the bicubic."""
    zoo.save(zoo.build({"architecture": "vdsr", "layers": 2, "channels": 8}), tmp_path / "vdsr")
    folder = str(tmp_path / "vdsr")
    models = ["bicubic", f"bicubic+{folder}", f"{tiny_folder}+bicubic", f"bicubic+{tiny_folder}"]
    plain, enlarged, small, grown = bench(clips[1:], models)
    assert enlarged.model == "bicubic+vdsr"
    assert enlarged["rgb"] == pytest.approx(plain["rgb"], abs=0.01)
    assert small["small"] < 60 < grown["small"]
    assert small["rgb"] != grown["rgb"] != plain["rgb"]
    with pytest.raises(UsageError, match="vdsr: enlarges by 2, not by 4"):
        bench(clips[1:], [f"bicubic+{folder}"], scale=4)
    with pytest.raises(UsageError, match="no model that both shrinks"):
        bench(clips[1:], [folder])


class Window(VideoRestorer):
    """Doubles the size, and takes the frame before for the frame."""

    scale, frames, halo = 2, 3, 0

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def settings(self):
        return {}

    def flows(self, y):
        return ()

    def multiply_adds(self):
        return 0.0

    def forward(self, y, flow=None):
        return y[:, :3].repeat_interleave(2, 2).repeat_interleave(2, 3)


def test_what_enlarges_may_look_at_several_frames(clips, coffee, tmp_path, monkeypatch):
    (tmp_path / "window").mkdir()
    (tmp_path / "window" / "config.json").write_text("{}")
    monkeypatch.setattr(zoo, "load", lambda name: Window().requires_grad_(False))
    (result,) = bench(clips[1:], [f"bicubic+{tmp_path / 'window'}"])
    frames = moving(coffee, 3, 48, 64)
    small = [Pair("bicubic", 2).shrink(frame) for frame in frames]
    grown = [small[i].repeat(2, 0).repeat(2, 1) for i in (0, 0, 1)]
    wanted = [peak_signal_noise_ratio(a, b) for a, b in zip(frames, grown, strict=True)]
    np.testing.assert_allclose(result.curves["rgb_by_frame"], wanted, atol=1e-4)


def test_means_of_clips(results, tmp_path):
    short = [replace(r, of={"clip": "three"}, figures={**r.figures, "peak_mib": 1.0, "rgb": 40.0}) for r in results[2:]]
    bicubic, tiny = means([*results, *short])
    assert (bicubic["clip"], bicubic.model, tiny.model) == ("mean", "bicubic", "tiny")
    assert bicubic["rgb"] == pytest.approx((results[0]["rgb"] + results[2]["rgb"] + 40) / 3)
    assert bicubic["peak_mib"] == max(results[0]["peak_mib"], results[2]["peak_mib"])
    lines = list(table(Task(), [*results, *short]))
    assert [line.split()[:2] for line in lines[-2:]] == [["mean", "bicubic"], ["mean", "tiny"]]
    assert len(lines) == 1 + 6 + 2
    write(results, tmp_path)
    read = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert [row["clip"] for row in read["means"]] == ["mean", "mean"]
    assert [row["clip"] for row in read["clips"]] == ["one", "one", "two", "two"]


def test_frames_that_are_perfect_are_written_and_drawn(results, tmp_path):
    curves = {"rgb_by_frame": (math.inf,) * 3, "y_by_frame": (math.inf, math.nan, 40.0)}
    perfect = [replace(r, curves=curves) for r in results]
    Task().write_more(perfect, tmp_path)
    with (tmp_path / "frames.csv").open() as file:
        assert [row["y"] for row in csv.DictReader(file)][:3] == ["inf", "nan", "40.0000"]
    with Image.open(tmp_path / "psnr.png") as image:
        assert image.width > 800


def test_the_command_prints_a_table_and_writes_all_files(regrow, clips, group_folder, tmp_path):
    out = tmp_path / "out"
    arguments = ["--task", "video", "--scale", "4", "--model", "bicubic", "--model", group_folder, "--skip-frames", "1"]
    done = regrow("bench", *clips, *arguments, "-o", out)
    assert done.code == 0, done.err
    head, *lines = done.out.splitlines()
    assert head.split()[:4] == ["clip", "model", "scale", "skip"]
    assert [line.split()[:4] for line in lines] == [
        [clip, model, "x4", "1"] for clip in ("one", "two", "mean") for model in ("bicubic", "group")
    ]
    names = ["frames.csv", "psnr.png", "results.csv", "results.json", "sheet.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    with (out / "frames.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["clip"], row["model"], row["frame"]) for row in rows] == [
        (clip, model, frame)
        for clip, frames in (("one", "234"), ("two", "2"))
        for model in ("bicubic", "group")
        for frame in frames
    ]
    with (out / "results.csv").open() as file:
        one, *_, last = csv.DictReader(file)
    assert float(one["y"]) == pytest.approx(np.mean([float(row["y"]) for row in rows[:3]]), abs=1e-3)
    assert last["warping_error"] == "nan"  # of one frame
    for name in ("psnr.png", "sheet.png"):
        with Image.open(out / name) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 20


def test_what_cannot_be_measured_is_one_line(regrow, clips, grey_folder, coffee, tmp_path):
    mixed = write_clip(tmp_path / "mixed", [coffee[:40, :40], coffee[:40, :44]])
    small = write_clip(tmp_path / "small", [coffee[:1, :40]])
    (tmp_path / "empty").mkdir()
    video = ["--task", "video", "--model", "bicubic"]
    for folder, arguments, code, words in (
        (mixed, video, 1, "001.png: is 44x40 and not 40x40 pixels as the frames before it"),
        (small, video, 1, "000.png: is too small to be shrunk by 2"),
        (clips[0].parent, video, 2, "has pictures in several folders"),
        (tmp_path / "empty", video, 2, "no frames there"),
        (clips[0], [*video, "--skip-frames", "3"], 2, "has 5 frames, and none is left"),
        (clips[0], [*video, "--model", grey_folder], 2, "a model of grey pictures"),
        (clips[0], [*video, "--model", "nowhere"], 2, "no such model"),
        (clips[0], [*video, "--grey"], 2, "not for --task video"),
        (clips[0], [*video, "--refine", "2"], 2, "not for --task video"),
        (clips[0], [*video, "--temperature", "1"], 2, "is for --task colorize"),
        (clips[0], ["--skip-frames", "1"], 2, "is for --task video"),
        (clips[0], ["--task", "colorize", "--skip-frames", "1"], 2, "is for --task video"),
    ):
        done = regrow("bench", folder, *arguments)
        assert (done.code, done.out) == (code, ""), arguments
        assert words in done.err
        assert done.err.count("\n") == 1
    with pytest.raises(RegrowError, match="44x40 and not 40x40"):
        bench([mixed], ["bicubic"])


@pytest.mark.parametrize(
    ("module", "package", "extra"), [("skimage", "scikit-image", "video"), ("matplotlib", "matplotlib", "train")]
)
def test_what_is_not_installed_is_named(regrow, clips, tmp_path, monkeypatch, module, package, extra):
    monkeypatch.setitem(sys.modules, module, None)
    done = regrow("bench", clips[0], "--task", "video", "--model", "nobody", "-o", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith(f" needs {package}; install it with: pip install 'regrow[{extra}]'\n")
    assert not (tmp_path / "out").exists()


def test_the_sheet_shows_the_middle_of_the_first_frames(clips, tiny_folder, tmp_path):
    path = tmp_path / "sheet.png"
    Run(Task(scale=2.7), clips, ["bicubic", tiny_folder]).sheet(path)
    with Image.open(path) as image:
        assert image.width >= 5 * 3 * 64
        assert image.height >= 2 * 3 * 48
