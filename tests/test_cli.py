import json
import os
import signal
import subprocess
import sys
import time
from importlib.machinery import ModuleSpec
from types import ModuleType

import numpy as np
import pytest
import typer
from conftest import noise
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from regrow import __version__, verbs, zoo
from regrow.cli import app
from regrow.cli.options import parse_scale
from regrow.done import is_grown, is_shrunk
from regrow.errors import UsageError

CONTRACT = {
    "shrink": "IN... --scale --grey --refine --model --format --codec --crf --rate --device --tile --jobs --force "
    "--dry-run -o --out",
    "grow": "IN... --scale --size --model --format --codec --crf --rate --device --tile --jobs --force --dry-run "
    "-o --out",
    "colorize": "IN... --hint --hints --reference --temperature --model --format --codec --crf --rate --device --jobs "
    "--force --dry-run -o --out",
    "upscale": "IN... --scale --model --ensemble --format --codec --crf --rate --device --tile --jobs --force "
    "--dry-run -o --out",
    "restore": "IN... --scale --colorizer --upscaler --enhancer --correct --format --codec --crf --rate --device "
    "--tile --jobs --force --dry-run -o --out",
    "compare": "A B --border --json",
    "info": "FILE --json",
    "models": "--json",
    "bench": "DIR... --model --task --scale --grey --refine --ensemble --temperature --skip-frames -o --out --device "
    "--tile",
    "study": "",
    "demo": "-o --out",
    "train": "RECIPE --set --data -o --out --resume --device --pictures-on-device",
}

STUDIES = {
    "noise": "DIR... --model -o --out --sigma --scale --grey --device",
    "lambda": "RECIPE DIR... --data -o --out --value --device",
    "size": "DIR... --model -o --out --scale --device",
    "checkerboard": "-o --out --model --scale --seeds --device",
    "opinion": "",
    "opinion make": "DIR... -o --out --real --seed",
    "opinion score": "KEY CSV... -o --out",
}


def run(*arguments, **options):
    """The installed command in a process of its own."""
    command = [sys.executable, "-c", "from regrow.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=100, check=False, **options)


@pytest.fixture
def photos(save):
    """A folder of three pictures, one of them deeper."""
    for n, name in enumerate(("a.png", "b.jpg", "deep/c.webp")):
        path = save(f"in/{name}", noise(12, 10 + n))
    return path.parent.parent


@pytest.fixture
def shrink(regrow, tiny_folder):
    """`regrow shrink` with a fast model."""
    return lambda *arguments, **options: regrow("shrink", "--model", tiny_folder, *arguments, **options)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


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
    assert "tad-x2" in regrow("models").out
    done = regrow("info", photos / "a.png")
    assert (done.code, done.out) == (1, "")
    assert "has no passport" in done.err


def test_a_folder_is_mirrored_and_comes_back(regrow, shrink, photos, tmp_path, tiny_folder):
    done = shrink(photos, "-o", tmp_path / "small")
    assert done.code == 0
    assert files(tmp_path / "small") == ["a.png", "b.png", "deep/c.webp"]
    assert sorted(done.out.split()) == sorted(str(tmp_path / "small" / f) for f in files(tmp_path / "small"))
    assert regrow("grow", tmp_path / "small", "-o", tmp_path / "again", "--model", tiny_folder).code == 0
    for name, width in (("a.png", 10), ("b.png", 11), ("deep/c.webp", 12)):
        with Image.open(tmp_path / "again" / name) as image:
            assert image.size == (width, 12)


def test_an_output_inside_the_input_is_not_shrunk_again(shrink, photos):
    for _ in range(2):
        assert shrink(photos, "-o", photos / "small").code == 0
    assert files(photos / "small") == ["a.png", "b.png", "deep/c.webp"]


def test_pictures_of_one_name_keep_their_suffixes(shrink, save, tmp_path):
    save("in/a.jpg", noise(4, 4))
    save("in/a.png", noise(4, 4))
    assert shrink(tmp_path / "in", "-o", tmp_path / "out").code == 0
    assert files(tmp_path / "out") == ["a.jpg.png", "a.png.png"]


def test_patterns_and_formats(shrink, photos, tmp_path):
    assert shrink(photos / "**" / "*.[jw]*", "-o", tmp_path / "out", "--format", "avif").code == 0
    assert files(tmp_path / "out") == ["b.avif", "c.avif"]


def test_dry_run_writes_nothing(shrink, photos, tmp_path):
    before = files(tmp_path)
    done = shrink(photos, "-o", tmp_path / "out", "--dry-run")
    assert done.code == 0
    assert f"{photos / 'b.jpg'} -> {tmp_path / 'out' / 'b.png'}\n" in done.out
    assert len(done.out.splitlines()) == 3
    assert files(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_a_file_of_someone_elses_is_not_overwritten_without_force(regrow, shrink, photos, tmp_path, tiny_folder):
    target = tmp_path / "mine.png"
    target.write_bytes(b"precious")
    for done in (shrink(photos / "a.png", "-o", target), regrow("grow", photos / "a.png", "-o", target, "--scale", 2)):
        assert (done.code, done.out) == (1, "")
        assert "--force" in done.err
        assert target.read_bytes() == b"precious"
    assert shrink(photos / "a.png", "-o", target, "--force").code == 0
    assert target.read_bytes() != b"precious"


def test_what_was_shrunk_otherwise_is_not_overwritten_without_force(shrink, photos, tmp_path):
    target = tmp_path / "s.png"
    assert shrink(photos / "a.png", "-o", target).code == 0
    assert shrink(photos / "a.png", "-o", target, "--scale", 4).code == 1
    assert shrink(photos / "a.png", "-o", target, "--scale", 4, "--force").code == 0


def test_the_original_is_not_taken_for_the_result(regrow, shrink, photos, tmp_path, tiny_folder):
    """It has the size of the grown picture, but nobody grew it."""
    shrink(photos / "a.png", "-o", tmp_path / "s.png")
    before = (photos / "a.png").read_bytes()
    assert regrow("grow", tmp_path / "s.png", "-o", photos / "a.png", "--model", tiny_folder).code == 1
    assert (photos / "a.png").read_bytes() == before


def test_run_again_it_skips_what_is_done(regrow, shrink, photos, tmp_path, tiny_folder):
    def twice(command):
        assert command().code == 0
        times = {f: (tmp_path / "out" / f).stat().st_mtime_ns for f in files(tmp_path / "out")}
        (tmp_path / "out" / "b.png").unlink()
        done = command()
        assert done.code == 0
        assert len(done.out.splitlines()) == 3
        assert done.err.count("done already") == 2
        again = {f: (tmp_path / "out" / f).stat().st_mtime_ns for f in files(tmp_path / "out")}
        assert {f for f in again if again[f] != times[f]} == {"b.png"}

    twice(lambda: shrink(photos, "-o", tmp_path / "out"))
    os.rename(tmp_path / "out", tmp_path / "small")
    twice(lambda: regrow("grow", tmp_path / "small", "-o", tmp_path / "out", "--model", tiny_folder))


def test_names_are_told_as_they_are(shrink, save, tmp_path):
    """Brackets are markup to some; a file may be called so nevertheless."""
    photo = save("photo [bold].png", noise(4, 4))
    for _ in range(2):
        done = shrink(photo, "-o", tmp_path / "small [bold].png")
        assert done.out == f"{tmp_path / 'small [bold].png'}\n"
    assert "small [bold].png" in done.err


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_names_that_are_no_text_are_fine(tiny_folder, tmp_path):
    photo = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    Image.fromarray(noise(4, 4)).save(tmp_path / "x.png")
    os.rename(tmp_path / "x.png", photo)
    command = [sys.executable, "-c", "from regrow.cli import main; main()"]
    out = os.fsencode(tmp_path) + b"/out/"
    done = subprocess.run(
        [*command, "shrink", photo, "-o", out, "--model", tiny_folder],
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},  # as in most languages' locales
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == out + b"\xff\xfe.png\n"


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bad_file_is_named_at_the_end_and_the_others_are_done(shrink, photos, tmp_path, jobs):
    (photos / "aa.png").write_text("no picture")
    (photos / "z.jpg").write_bytes((photos / "b.jpg").read_bytes()[:300])
    done = shrink(photos, "-o", tmp_path / "out", "--jobs", jobs)
    assert done.code == 1
    assert files(tmp_path / "out") == ["a.png", "b.png", "deep/c.webp"]
    assert len(done.out.splitlines()) == 3
    end = done.err[done.err.index("2 of 5 pictures failed") :]
    assert "aa.png" in end
    assert "z.jpg" in end
    assert "Traceback" not in done.err


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
    assert "ZeroDivisionError: of all things" in done.err
    assert done.err.count("\n") == 1


def test_streams_carry_pictures_through_pipes(tmp_path, tiny_folder):
    """Nothing but the picture is on standard output, and nothing but words on standard error."""
    Image.fromarray(noise(12, 10)).save(tmp_path / "a.jpg")
    shrunk = run("shrink", "-", "-o", "-", "--model", tiny_folder, input=(tmp_path / "a.jpg").read_bytes())
    assert shrunk.returncode == 0, shrunk.stderr
    assert shrunk.stderr == b""
    grown = run("grow", "-", "-o", "-", "--model", tiny_folder, "--format", "tiff", input=shrunk.stdout)
    assert grown.returncode == 0, grown.stderr
    (tmp_path / "g.tiff").write_bytes(grown.stdout)
    with Image.open(tmp_path / "g.tiff") as image:
        assert (image.size, image.format) == ((10, 12), "TIFF")


def test_notes_go_to_standard_error(tmp_path, tiny_folder):
    Image.fromarray(noise(8, 8)).save(tmp_path / "a.png")
    done = run("shrink", tmp_path / "a.png", "-o", tmp_path / "s.jpg", "--model", tiny_folder)
    assert done.stdout.decode() == f"{tmp_path / 's.jpg'}\n"
    assert b"JPEG destroys" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_leaves_no_part_of_a_file(tmp_path, tiny_folder, jobs):
    for name in "abcdef":
        Image.fromarray(np.tile(noise(100, 100), (24, 24, 1))).save(tmp_path / f"{name}.tif")
    out = tmp_path / "out"
    options = ["-o", f"{out}/", "--model", tiny_folder, "--jobs", str(jobs)]
    command = [sys.executable, "-c", "from regrow.cli import main; main()", "shrink", *map(str, tmp_path.glob("*.tif"))]
    # Whatever runs in the background of a shell ignores the signal.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **heard)
    while process.poll() is None and not process.stdout.readline():
        time.sleep(0.01)  # until one is done: the next is in work
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=60)
    assert process.returncode == 130, words
    assert b"Traceback" not in words
    left = [path.name for path in out.iterdir()]
    assert 1 <= len(left) < 6
    for name in left:
        assert name in {f"{letter}.tif" for letter in "abcdef"}
        with Image.open(out / name) as image:
            assert np.asarray(image).shape == (1200, 1200, 3)


def test_a_reader_that_has_had_enough_is_no_failure_to_report(tmp_path):
    command = f"{sys.executable} -c 'from regrow.cli import main; main()' models --json | true"
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=60, check=False)
    assert done.stderr == b""


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


@pytest.mark.parametrize("scale", ["1.5", "3", "2.7", "2x1", "1x2"])
@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "avif", "jpg"])
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
def test_hiding_colour_at_more_than_the_models_scale_exits_with_2(regrow, save, tmp_path, hiding_folder, scale):
    photo = save("a.png", noise(8, 8))
    done = regrow("shrink", photo, "-o", tmp_path / "s.png", "--grey", "--model", hiding_folder, "--scale", scale)
    assert (done.code, done.out) == (2, "")
    assert "at most 1 times smaller" in done.err
    assert done.err.count("\n") == 1
    assert files(tmp_path) == ["a.png"]


def test_colours_for_a_model_of_grey_exit_with_2(regrow, save, tmp_path, grey_folder):
    done = regrow("shrink", save("a.png", noise(8, 8)), "-o", tmp_path / "s.png", "--model", grey_folder)
    assert done.code == 2
    assert "a.png: has colours" in done.err
    assert files(tmp_path) == ["a.png"]
    assert (
        regrow("shrink", save("a.png", noise(8, 8, 1)[..., 0]), "-o", tmp_path / "s.png", "--model", grey_folder).code
        == 0
    )


@pytest.mark.parametrize(
    "options", [["--scale", "2.7"], ["--scale", "1.5x3"], ["--grey", "--scale", "1.3"], ["--grey"]], ids=" ".join
)
def test_run_again_it_skips_what_any_scale_has_made(
    regrow, photos, tmp_path, tiny_folder, hiding_folder, hiding_x2_folder, options
):
    model = tiny_folder if "--grey" not in options else hiding_x2_folder if "--scale" in options else hiding_folder
    shrink = ["shrink", photos, "-o", tmp_path / "small", "--model", model]
    for verb in ([*shrink, *options], ["grow", tmp_path / "small", "-o", tmp_path / "again", "--model", model]):
        assert regrow(*verb).err.count("done already") == 0
        done = regrow(*verb)
        assert done.code == 0
        assert done.err.count("done already") == 3
    if "--scale" in options:
        done = regrow(*shrink, *["--grey"][: "--grey" in options], "--scale", "2")
        assert done.code == 1
        assert done.err.count("--force") == 6  # once when it fails, once at the end


def test_what_is_done_is_told_by_size_weights_and_scale(tmp_path, save, tiny_folder, hiding_folder, hiding_x2_folder):
    photo, small, grown = save("a.png", noise(31, 44)), tmp_path / "s.png", tmp_path / "g.png"
    verbs.shrink(photo, small, scale=2.7, model=tiny_folder)
    assert is_shrunk(photo, small, scale=2.7, model=tiny_folder)
    assert is_shrunk(photo, small, scale=(2.7, 2.7), model=tiny_folder)
    for wrong in ({"scale": 2.5}, {"scale": 3}, {"scale": (2.7, 1)}, {}, {"scale": 2.7, "model": hiding_x2_folder}):
        assert not is_shrunk(photo, small, **{"model": tiny_folder, **wrong})
    assert not is_grown(small, grown)
    verbs.grow(small, grown, model=tiny_folder)
    assert is_grown(small, grown)
    assert not is_grown(photo, grown)
    verbs.shrink(photo, small, grey=True, model=hiding_folder)
    assert is_shrunk(photo, small, grey=True, model=hiding_folder)
    assert is_shrunk(photo, small, scale=1, model=hiding_folder)
    assert not is_shrunk(photo, small, model=hiding_folder)
    assert not is_grown(small, grown)  # older than what it would be grown from


def test_pictures_too_small_are_warned_of_on_standard_error(tmp_path, tiny_folder):
    Image.fromarray(noise(2, 3)).save(tmp_path / "a.png")
    options = ["--model", tiny_folder, "--scale", "128"]
    done = run("shrink", tmp_path / "a.png", "-o", tmp_path / "s.png", *options)
    assert done.returncode == 0
    assert done.stdout.decode() == f"{tmp_path / 's.png'}\n"
    assert done.stderr.decode().count("\n") == 1
    assert "3x2 is too small to be shrunk by 128" in done.stderr.decode()


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
        {"fold": 0},
        {"fold": -1},
        {"guided": 1},
        {"colours": 1},
        {"small_colours": 1},  # a configuration in itself, but not that of the weights
        {"small_colours": "3"},
        {"pairs": None},
        {"guided": None},
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
