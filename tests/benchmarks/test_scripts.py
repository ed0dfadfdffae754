import runpy
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.clips import moving
from support.commands import files

from regrow import Prior

SCRIPTS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def script(monkeypatch, capfd):
    """Run a script of benchmarks/ with small settings: its standard output."""

    def run(name, *arguments, **settings):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        names = runpy.run_path(str(SCRIPTS / name))
        names["main"].__globals__.update(settings)
        names["main"]()
        return capfd.readouterr().out

    return run


def test_speed(script):
    out = script("speed.py", WIDTH=64, HEIGHT=32, SIDE=32, TRIES=1)
    assert float(out.split()[-1]) > 0


def test_graphs(script, save, astronaut, tmp_path):
    pytest.importorskip("onnxruntime")
    save("set/a.png", astronaut[:48, :64])
    _, line = script("graphs.py", tmp_path / "set", "espcn-x2", CROPS=2, SIDE=31).splitlines()
    name, single, half, share, _, ratio = line.split()
    assert name == "espcn-x2"
    assert max(float(single), float(half)) < 0.01
    assert float(share) < 0.1
    assert float(ratio) > 0


def test_correction(script):
    out = script("correction.py", SIZE=(40, 30), RUNS=1)
    assert "the same result" in out


def test_formats(script, save, astronaut, tmp_path):
    save("set/a.png", astronaut[:48, :64])
    lines = script("formats.py", tmp_path / "set").splitlines()
    figures = {line.split()[0]: float(line.split()[1]) for line in lines[1:]}
    assert figures["png"] == figures["webp"] == figures["tiff"] == figures["avif"] > figures["jpg"]


def test_cut_outs(script, save, astronaut, tmp_path):
    line = script("cut_outs.py", save("a.png", astronaut[:48, 150:198]), "--sheet", tmp_path / "sheet.png", SIDE=48)
    assert float(line.split("mean ")[1].split()[0]) > -3
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (12 * 48, 3 * 48)


def test_screens(script, tmp_path):
    for folder in ("a", "b"):
        paths = [Path(line) for line in script("screens.py", tmp_path / folder).splitlines()]
    assert len(paths) == 8
    for path in paths:
        assert path.read_bytes() == (tmp_path / "a" / path.name).read_bytes()  # the same whenever it is drawn
        with Image.open(path) as image:
            pixels = np.asarray(image).astype(int)
        assert pixels.shape == (800, 1280, 3)
        steps = np.abs(np.diff(pixels, axis=1)).max(-1)
        assert (steps == 0).mean() > 0.4  # flat grounds, as no photograph has them
        assert (steps > 60).mean() > 0.005  # letters and lines


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read by Unix means")
def test_memory():
    done = subprocess.run(
        [sys.executable, SCRIPTS / "memory.py", "--side", "40"], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("exit 0") == 2


def test_a_long_clip(script):
    lines = script("long_clip.py", "--minutes", 0.1, SIZE=(64, 48)).splitlines()
    assert [line.split()[0] for line in lines] == ["shrink", "grow", "150", "sound:"]
    assert "150 come back, at the same times" in lines[2]
    assert lines[3].endswith("largest offset 0 ms")


def test_clip_speed(script):
    out = script("clip_speed.py", SIZE=(64, 32), FRAMES=2, TRIES=1)
    assert out.count("% of the net") == 2


def test_niqe(script, save, astronaut, tmp_path):
    save("set/a.png", astronaut)
    out = script("niqe.py", tmp_path / "set", "-o", tmp_path / "n.safetensors")
    assert "1 photographs" in out
    assert (tmp_path / "n.safetensors").stat().st_size > 10_000


def test_couplings(script, save, astronaut, tmp_path):
    for i in range(2):
        save(f"clip/{i}.png", astronaut[100:148, 100 + 2 * i : 164 + 2 * i])
    ways = [("bicubic", "bicubic", "sofvsr-x4", ""), ("flows given", "tad-x4", "sofvsr-tad-x4", "sofvsr-x4")]
    lines = script("couplings.py", tmp_path / "clip", "--runs", tmp_path, COUPLINGS=ways).splitlines()
    plain, given = ([float(cell) for cell in line.split("|")[2:-1]] for line in lines[2:])
    assert plain[0] == plain[1]
    assert given[0] > plain[0]


def test_opencv(script, save, astronaut, tmp_path, monkeypatch):
    """With a stand-in of OpenCV that repeats pixels, and tells BGR from RGB."""

    class Nearest:
        def readModel(self, path):
            assert Path(path).name == "FSRCNN_x2.pb"

        def setModel(self, name, scale):
            assert (name, scale) == ("fsrcnn", 2)

        def upsample(self, x):
            return (x.repeat(2, 0).repeat(2, 1) // [4, 1, 1]).astype(np.uint8)

    save("set/a.png", np.full((32, 32, 3), [200, 0, 0], np.uint8))
    module = types.ModuleType("cv2")
    module.dnn_superres = types.SimpleNamespace(DnnSuperResImpl_create=Nearest)
    monkeypatch.setitem(sys.modules, "cv2", module)
    lines = script("opencv.py", "FSRCNN_x2.pb", tmp_path / "set", WIDTH=12, HEIGHT=8, TRIES=1, PAUSE=0).splitlines()
    assert lines[1].startswith("OpenCV FSRCNN")
    assert float(lines[1].split()[-1]) > 60  # red stays red: what is taken from the first channel of BGR is zero
    assert float(lines[3].split()[-1]) >= 0  # how many times as fast the stand-in is


def test_opencv_that_is_not_there(script, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(SystemExit, match="pip install opencv-contrib-python-headless"):
        script("opencv.py", "FSRCNN_x2.pb")


@pytest.mark.parametrize("task", ["inpaint", "denoise", "upscale"])
def test_priors(script, save, camera, task):
    lines = script("priors.py", task, save("a.png", camera[:70, :70]), "--side", "32", "--iterations", "3").splitlines()
    row, mean = (line.split()[1:] for line in lines[1:])
    assert [float(value) for value in row[:3]] == [float(value) for value in mean]
    given, result, best, best_step, done = map(float, row[:5])
    assert given > 10
    assert result <= best
    assert 1 <= best_step <= done == 3


def test_prior_pictures(script, tmp_path):
    out = script("prior_pictures.py", tmp_path, SIDE=64, PRIOR=Prior(iterations=2))
    names = ["denoise", "dejpeg", "inpaint", "prior-upscale"]
    assert sorted(files(tmp_path)) == sorted(f"{name}.png" for name in names)
    assert len(out.splitlines()) == 4


def test_stabilize(script, tmp_path):
    for i, frame in enumerate(moving(3, size=(48, 32))):
        for name, shade in ("before", 1.0), ("after", [0.8, 1.1, 0.9][i]), ("steady", 0.9):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray((shade * frame).clip(0, 255).astype(np.uint8)).save(tmp_path / name / f"{i}.png")
    clips = [tmp_path / name for name in ("before", "after", "steady")]
    figures = [list(map(float, line.split()[-3:])) for line in script("stabilize.py", *clips).splitlines()[1:]]
    assert figures[2][0] < figures[1][0] / 4
    assert figures[0][2] < figures[1][2] == np.inf
    assert script("stabilize.py", *clips, "--every", 2).count("\n") == 4
