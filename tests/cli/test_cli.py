import json
import subprocess
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
import typer
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.commands import files, run
from support.metadata import RESOURCES, sources
from support.pictures import noise, write

from regrow import __version__, check, info, zoo
from regrow.cli import app
from regrow.cli.options import parse_scale
from regrow.errors import UsageError
from regrow.io.writer import PictureWriter

PRIOR = (
    "IN... --net --iterations --steps --stop --seed --half --compile --snapshots --every "
    "--format --device --force --dry-run --partial --max-pixels -o --out"
)
CONTRACT = {
    "shrink": "IN... --quality --bytes --bpp --psnr --lossless --scale --grey --refine --strip --strip-icc --model "
    "--format --codec --crf --rate --device --tile --jobs --force --dry-run --partial --max-pixels -o --out",
    "grow": "IN... --scale --size --model --light --codec-model --format --codec --crf --rate --device --tile --jobs "
    "--force --dry-run --partial --max-pixels -o --out",
    "colorize": "IN... --hint --hint-image --hints --reference --temperature --model --format --codec --crf --rate "
    "--device --jobs --force --dry-run --partial --max-pixels -o --out",
    "upscale": "IN... --scale --model --ensemble --prior --net --iterations --steps --seed --half --compile "
    "--snapshots --every --deblocker --format --codec --crf --rate --device --tile --jobs --force "
    "--dry-run --partial --max-pixels -o --out",
    "restore": "IN... --scale --deblocker --colorizer --upscaler --enhancer --correct --format --codec --crf --rate "
    "--device --tile --jobs --force --dry-run --partial --max-pixels -o --out",
    "denoise": PRIOR,
    "dejpeg": f"{PRIOR} --prior --model --light --tile --jobs",
    "inpaint": f"{PRIOR} --mask",
    "stabilize": "PROCESSED --reference --epochs --modes --seed --compile --codec --crf --rate --device --force "
    "--dry-run -o --out",
    "compare": "A B --partial --max-pixels --border --json",
    "info": "FILE --json",
    "check": "FILE... --partial --max-pixels --json",
    "models": "--json",
    "export": "MODEL -o --out --half --application --precision --force --json",
    "bench": "DIR... --model --task --scale --grey --refine --ensemble --temperature --skip-frames --codec --rival "
    "--quality --effort --ssimulacra2 -o --out --summary "
    "--device --tile",
    "study": "",
    "demo": "-o --out",
    "train": "RECIPE --set --data -o --out --resume --device --pictures-on-device --cache",
}

STUDIES = {
    "noise": "DIR... --model -o --out --sigma --scale --grey --summary --device",
    "lambda": "RECIPE DIR... --data -o --out --value --set --summary --device",
    "scales": "DIR... --model -o --out --scale --refine --summary --device",
    "size": "DIR... --model -o --out --scale --summary --device",
    "checkerboard": "-o --out --model --scale --seeds --device",
    "opinion": "",
    "opinion make": "DIR... -o --out --real --seed",
    "opinion score": "KEY CSV... -o --out",
}


def test_the_command_line_is_a_contract():
    """What scripts rely on: to take away or rename any of this is a breaking change."""

    def found(commands):
        for name, command in commands.items():
            arguments = {p.metavar or p.name for p in command.params if p.param_type_name == "argument"}
            yield name, arguments | {o for p in command.params if p.param_type_name == "option" for o in p.opts}

    commands = typer.main.get_command(app).commands
    assert dict(found(commands)) == {name: set(words.split()) for name, words in CONTRACT.items()}
    studies = commands["study"].commands
    studies |= {f"opinion {name}": command for name, command in studies["opinion"].commands.items()}
    assert dict(found(studies)) == {name: set(words.split()) for name, words in STUDIES.items()}


def test_help_and_version_answer_at_once():
    """Neither imports what takes seconds."""
    code = (
        "import sys; from regrow.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print({'torch', 'numpy', 'pyvips', 'PIL', 'rich.progress'} & set(sys.modules), file=sys.stderr)"
    )
    for option, words in (("--help", "shrink"), ("--version", __version__)):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=False)
        assert words in done.stdout
        assert done.stderr == "set()\n"


@pytest.mark.parametrize("command", CONTRACT)
def test_every_command_explains_itself(regrow, command):
    done = regrow(command, "--help")
    assert done.code == 0
    assert "Usage" in done.out
    assert all(word in done.out for word in CONTRACT[command].split())


@pytest.mark.parametrize("command", CONTRACT)
def test_every_command_refuses_unknown_options_in_one_line(regrow, command):
    done = regrow(command, "--nonsense")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "--nonsense" in done.err


def test_there_and_back(regrow, tmp_path, astronaut, save):
    """The main job in two commands, with the models that ship."""
    photo = save("photo.png", astronaut[:128, 100:260])
    small, grown = tmp_path / "small.webp", tmp_path / "grown.png"
    done = regrow("shrink", photo, "-o", small)
    assert (done.code, done.out) == (0, f"{small}\n")
    assert small.stat().st_size < photo.stat().st_size / 2
    done = regrow("grow", small, "-o", grown)
    assert (done.code, done.out) == (0, f"{grown}\n")
    done = regrow("compare", photo, grown, "--json")
    with Image.open(photo) as a, Image.open(grown) as b:
        expected = peak_signal_noise_ratio(np.asarray(a), np.asarray(b))
    assert json.loads(done.out)["photo.png"]["rgb"]["psnr"] == pytest.approx(expected, abs=1e-4)
    assert expected > 27


def test_info_and_models_tell_in_words_and_json(regrow, shrink, photos, tmp_path):
    small = tmp_path / "s.png"
    shrink(photos / "a.png", "-o", small, "--scale", 4)
    told = json.loads(regrow("info", small, "--json").out)
    assert (told["model"], told["scale"], told["width"], told["height"]) == ("tiny", 4, 10, 12)
    assert "scale        4" in regrow("info", small).out
    assert regrow("info", "-", stdin=small.read_bytes()).out == regrow("info", small).out
    assert json.loads(regrow("models", "--json").out)["tad-x2"]["scale"] == 2
    told = regrow("models").out
    assert "tad-x2" in told
    assert not set("[]") & set(told)  # no links, which would say nothing on a terminal
    assert all(line.endswith(".") and "  " in line for line in told.splitlines())
    done = regrow("info", photos / "a.png")
    assert (done.code, done.out) == (1, "")
    assert "has no passport" in done.err


@pytest.mark.parametrize(
    ("scale", "words"), [("2", "2"), ("1.5x1.2", "2, the model's; the picture became 1.5x1.2 times smaller")]
)
def test_info_says_how_much_smaller_a_picture_became(regrow, save, tmp_path, scale, words):
    small = tmp_path / "small.png"
    assert regrow("shrink", save("a.png", noise(30, 30)), "-o", small, "--scale", scale).code == 0
    assert f"scale        {words}" in regrow("info", small).out.splitlines()


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
@pytest.mark.parametrize("scale", [1, 1.5])
def test_info_and_check_tell_of_the_mark_of_what_lost_its_passport(regrow, tmp_path, suffix, scale):
    small = tmp_path / f"s.{suffix}"
    with PictureWriter(small, width=20, height=12, colors=3, lossless=False, quality=60, mark=scale) as writer:
        writer.write(noise(12, 20))
    done = regrow("info", small)
    assert (done.code, done.err) == (0, "")
    assert f"mark         {scale} (" in done.out
    assert "--codec-model auto" in done.out
    assert json.loads(regrow("info", small, "--json").out) == {"mark": scale}
    assert regrow("info", "-", stdin=small.read_bytes()).out == done.out
    found = check(small)
    assert found.seen["mark"].startswith(f"scale {scale},")
    assert [words.split()[0] for words in found.lost] == ["shrink", "upscale", "grow"]
    assert not any("has no passport" in word for words in found.lost.values() for word in words)
    assert (regrow("info", write(tmp_path / f"o.{suffix}", noise(12, 20))).code, info(small).passport) == (1, None)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["shrink"],
        ["shrink", "a.png"],
        ["shrink", "missing.png", "-o", "s.png"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "0.5"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "many"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "2x"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "2x32"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "1"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "-1"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "0"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "nan"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "1e1"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "2x1x1"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "8.5x1"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "0x10"],
        ["shrink", "a.png", "-o", "s.png", "--scale", "129"],
        ["grow", "a.png", "-o", "g.png", "--scale", "1x9"],
        ["grow", "a.png", "-o", "g.png", "--scale", "x2"],
        ["bench", ".", "--scale", "2x"],
        ["shrink", "a.png", "-o", "s.png", "--tile", "7"],
        ["shrink", "a.png", "-o", "s.png", "--jobs", "0"],
        ["shrink", "a.png", "-o", "s.png", "--model", "nonsense"],
        ["shrink", "a.png", "-o", "s.png", "--device", "toaster"],
        ["shrink", "a.png", "-o", "s.png", "--format", "gif"],
        ["shrink", "a.png", "-o", "s.bmp"],
        ["shrink", "a.png", "-o", "a.png"],
        ["shrink", "a.png", "a.png", "-o", "s.png"],
        ["grow", "a.png", "-o", "g.png", "--size", "3,4"],
        ["grow", "a.png", "-o", "g.png", "--scale", "2", "--size", "0x4"],
        ["grow", "a.png", "-o", "g.png", "--scale", "2", "--size", "99x99"],
        ["compare", "a.png"],
        ["compare", "a.png", "."],
        ["compare", "a.png", "b.png"],
        ["compare", "a.png", "a.png", "--border", "-1"],
        ["bench", "empty"],
        ["bench", ".", "--model", "nonsense"],
        ["train", "missing.toml", "--data", ".", "-o", "out"],
    ],
    ids=" ".join,
)
def test_bad_usage_exits_with_2(regrow, save, tmp_path, monkeypatch, arguments):
    save("a.png", noise(4, 4))
    save("b.png", noise(5, 4))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    done = regrow(*arguments)
    assert done.code == 2
    assert arguments == [] or done.out == ""
    assert arguments == [] or done.err
    assert "Traceback" not in done.err
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("command", "missing"),
    [("noise", "matplotlib"), ("size", "matplotlib"), ("lambda", "matplotlib"), ("lambda", "accelerate"),
     ("train", "matplotlib"), ("train", "accelerate")],
)  # fmt: skip
def test_what_is_not_installed_is_named_before_any_work(regrow, save, tmp_path, monkeypatch, command, missing):
    for name in ("accelerate", "matplotlib"):
        real = sys.modules.get(name) or ModuleType(name)
        real.__spec__ = real.__spec__ or ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, None if name == missing else real)
    save("set/a.png", noise(4, 4))
    (tmp_path / "r.toml").write_text('[model]\narchitecture = "tad"')
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    arguments = {
        "noise": ["study", "noise", "set", "--model", "nobody"],
        "size": ["study", "size", "set", "--model", "nobody"],
        "lambda": ["study", "lambda", "r.toml", "set", "--data", "none", "--value", "-1"],
        "train": ["train", "r.toml", "--data", "none"],
    }[command]
    done = regrow(*arguments, "-o", "out")
    assert (done.code, done.out) == (1, "")
    assert done.err.endswith(f" needs {missing}; install it with: pip install 'regrow[train]'\n")
    assert files(tmp_path) == before


def test_failures_are_one_line_and_debug_shows_where(regrow, shrink, tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    done = shrink(tmp_path / "a.png", "-o", tmp_path / "s.png")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert done.err.startswith("regrow: ")
    with pytest.raises(Exception, match=r"a\.png"):
        regrow("--debug", "shrink", tmp_path / "a.png", "-o", tmp_path / "s.png")


def test_even_what_nobody_foresaw_is_one_line(regrow, monkeypatch):
    def surprise():
        raise ZeroDivisionError("of all\nthings")

    monkeypatch.setattr("regrow.zoo.names", surprise)
    done = regrow("models")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("regrow: a fault of regrow itself: ZeroDivisionError: of all things; ")
    assert done.err.count("\n") == 1


def test_notes_go_to_standard_error_a_line_each(save, tmp_path, tiny_folder):
    """In a process of its own, whose standard error nobody else has taken."""
    small = tmp_path / "s.jpg"
    done = run("shrink", save("a.png", noise(2, 3)), "-o", small, "--model", tiny_folder, "--scale", "128")
    assert (done.returncode, done.stdout.decode()) == (0, f"{small}\n")
    assert done.stderr.count(b"\n") == 2
    assert b"JPEG destroys" in done.stderr
    assert b"3x2 is too small to be shrunk by 128" in done.stderr


def test_the_demo_shows_the_gain(regrow, tmp_path):
    done = regrow("demo", "-o", tmp_path)
    assert done.code == 0
    assert {"small.png", "regrown.png", "sheet.png"} <= set(files(tmp_path))
    lines = [line for line in done.out.splitlines() if "PSNR" in line]
    ours, ordinary = (float(line.split("PSNR")[1].split()[0]) for line in lines)
    assert ours > ordinary + 3


@pytest.mark.parametrize(
    ("words", "scales"),
    [
        ("2", (2, 2)),
        ("2.7", (2.7, 2.7)),
        ("2x1", (2, 1)),
        ("1.5x3", (1.5, 3)),
        ("1.25x10.000001", (1.25, 10.000001)),
        ("128", (128, 128)),
    ],
)
def test_scales_in_words(words, scales):
    assert parse_scale(words) == scales
    assert parse_scale(None) is None


@pytest.mark.parametrize(
    "words",
    ["", "2x", "x2", "-1", "+2", "nan", "inf", "1e3", "2,7", "2.", ".5", "2 x 1", "2X1", "2x-1", "1/2", "2x1x1", "2\n",
     "1" * 5000, "1." + "1" * 7, "²"],
    ids=lambda words: repr(words[:9]),
)  # fmt: skip
def test_words_that_are_no_scale(words):
    with pytest.raises(UsageError, match="--scale"):
        parse_scale(words)


@pytest.mark.parametrize(
    ("scale", "suffix"), [("1.5", "png"), ("3", "webp"), ("2.7", "tiff"), ("2x1", "avif"), ("1x2", "jpg")]
)
def test_any_scale_there_and_back_in_two_commands(regrow, shrink, save, tmp_path, tiny_folder, scale, suffix):
    photo, small, grown = save("a.png", noise(31, 44)), tmp_path / f"s.{suffix}", tmp_path / "g.png"
    assert shrink(photo, "-o", small, "--scale", scale).code == 0
    assert regrow("grow", small, "-o", grown, "--model", tiny_folder).code == 0
    with Image.open(grown) as image:
        assert image.size == (44, 31)


def test_what_lost_its_passport_grows_when_told_how(regrow, shrink, save, tmp_path, tiny_folder):
    shrink(save("a.png", noise(31, 44)), "-o", tmp_path / "s.png", "--scale", "2.7x1.5")
    with Image.open(tmp_path / "s.png") as image:
        bare = save("bare.png", np.asarray(image))
    told = ["--model", tiny_folder, "--scale", "2.7x1.5"]
    for size, options in (((44, 31), ["--size", "44x31"]), ((45, 31), [])):
        for _ in range(2):
            done = regrow("grow", bare, "-o", tmp_path / f"g{size[0]}.png", *told, *options)
            assert done.code == 0
        assert "done already" in done.err
        with Image.open(tmp_path / f"g{size[0]}.png") as image:
            assert image.size == size


def test_info_tells_how_much_a_passport_carries(regrow, shrink, tmp_path):
    source, small = tmp_path / "a.png", tmp_path / "s.webp"
    source.write_bytes(sources()["png"])
    shrink(source, "-o", small)
    told = json.loads(regrow("info", small, "--json").out)
    assert (told["cicp"], told["iptc"], told["chunks"][-6:]) == ([12, 13, 0, 1], f"{len(RESOURCES)} bytes", " bytes")


@pytest.mark.parametrize("suffix", ["png", "tiff", "jpg"])
def test_grey_there_and_back_in_two_commands(regrow, save, tmp_path, hiding_folder, suffix):
    photo, small, grown = save("a.png", noise(31, 44)), tmp_path / f"s.{suffix}", tmp_path / "g.png"
    assert regrow("shrink", photo, "-o", small, "--grey", "--model", hiding_folder).code == 0
    told = json.loads(regrow("info", small, "--json").out)
    assert (told["scale"], told["small_width"], told["small_height"], told["colours"]) == (1, 44, 31, 3)
    assert regrow("grow", small, "-o", grown, "--model", hiding_folder).code == 0
    with Image.open(small) as image:
        assert (image.mode, image.size) == ("L", (44, 31))
    with Image.open(grown) as image:
        assert (image.mode, image.size) == ("RGB", (44, 31))


@pytest.mark.parametrize("scale", ["2", "1x2", "1.1"])
def test_hiding_color_at_more_than_the_models_scale_exits_with_2(regrow, save, tmp_path, hiding_folder, scale):
    photo = save("a.png", noise(8, 8))
    done = regrow("shrink", photo, "-o", tmp_path / "s.png", "--grey", "--model", hiding_folder, "--scale", scale)
    assert (done.code, done.out) == (2, "")
    assert "at most 1 times smaller" in done.err
    assert done.err.count("\n") == 1
    assert files(tmp_path) == ["a.png"]


def test_colors_for_a_model_of_grey_exit_with_2(regrow, save, tmp_path, grey_folder):
    done = regrow("shrink", save("a.png", noise(8, 8)), "-o", tmp_path / "s.png", "--model", grey_folder)
    assert done.code == 2
    assert "a.png: has colours" in done.err
    assert files(tmp_path) == ["a.png"]
    assert (
        regrow("shrink", save("a.png", noise(8, 8, 1)[..., 0]), "-o", tmp_path / "s.png", "--model", grey_folder).code
        == 0
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": "2"},
        {"scale": None},
        {"scale": [2]},
        {"scale": 10**400},
        {"height": None},
        {"height": [2, 2]},
        {"height": {}},
        {"height": 3},
        {"height": True},
        {"width": "2"},
        {"width": 2.0},
        {"width": 10**9},
        {"unshuffle": 0},
        {"unshuffle": -1},
        {"residual": 1},
        {"colors": 1},
        {"small_colors": 1},  # a configuration in itself, but not that of the weights
        {"small_colors": "3"},
        {"pairs": None},
        {"residual": None},
        "[1]",
        "[]",
        "null",
        "2",
        "{",
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_a_hostile_configuration_is_an_error_of_one_line(regrow, save, tmp_path, tiny, changes):
    zoo.save(tiny, tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    table = json.loads(path.read_text())
    path.write_text(changes if isinstance(changes, str) else json.dumps({**table, **changes}))
    photo = save("a.png", noise(8, 8))
    for verb in ("shrink", "grow"):
        done = regrow(verb, photo, "-o", tmp_path / "s.png", "--model", tmp_path / "model", "--scale", "2")
        assert done.code in (1, 2)
        assert done.out == ""
        assert done.err.startswith("regrow: ")
        assert done.err.count("\n") == 1
        assert "unexpected" not in done.err
        assert len(done.err) < 2000
        assert not (tmp_path / "s.png").exists()


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "regrow", "--version"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"regrow {__version__}\n", "")
