"""Pictures, models and the command line, for every test."""

import io
import sys
from dataclasses import dataclass
from functools import cache

import hypothesis
import pytest
import skimage.data
import torch
import typer.main
from PIL import Image
from support.models import learned_pair, randomized
from support.pictures import noise
from support.recipes import TOML

from regrow import zoo
from regrow.nets.rescale.tad import TADConfig

hypothesis.settings.register_profile("regrow", deadline=None, print_blob=True)
hypothesis.settings.load_profile("regrow")


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _heard(caplog):
    """What is told to whoever asks, and not only warnings."""
    caplog.set_level("INFO", "regrow")


@pytest.fixture(scope="session")
def astronaut():
    """(512, 512, 3) uint8."""
    return skimage.data.astronaut()


@pytest.fixture(scope="session")
def coffee():
    """(400, 600, 3) uint8."""
    return skimage.data.coffee()


@pytest.fixture(scope="session")
def camera():
    """(512, 512) uint8."""
    return skimage.data.camera()


@pytest.fixture(scope="session")
def tiny():
    """A fast rescaler with random weights; its figures mean nothing."""
    return randomized(TADConfig(channels=8, blocks=1))


@pytest.fixture(scope="session")
def tiny_folder(tiny, tmp_path_factory):
    """The same as `--model` takes it."""
    return _saved(tiny, tmp_path_factory, "tiny")


@pytest.fixture(scope="session")
def any_folder(tmp_path_factory):
    """A fast model for any scale, as `--model` takes it."""
    return _saved(learned_pair(), tmp_path_factory, "any")


@pytest.fixture(scope="session")
def hiding():
    """A fast rescaler that hides colour in grey and leaves the size."""
    return randomized(TADConfig(scale=1, height=1, width=1, small_colors=1, channels=8, blocks=1))


@pytest.fixture(scope="session")
def hiding_x2():
    """Likewise, half as large a side."""
    return randomized(TADConfig(small_colors=1, channels=8, blocks=1))


@pytest.fixture(scope="session")
def uneven():
    """A fast rescaler that makes the width alone smaller, twice a step."""
    return randomized(TADConfig(height=1, channels=8, blocks=1))


@pytest.fixture(scope="session")
def hiding_folder(hiding, tmp_path_factory):
    """The same as `--model` takes it."""
    return _saved(hiding, tmp_path_factory, "hiding")


@pytest.fixture(scope="session")
def hiding_x2_folder(hiding_x2, tmp_path_factory):
    """The same as `--model` takes it."""
    return _saved(hiding_x2, tmp_path_factory, "hiding-x2")


@pytest.fixture(scope="session")
def uneven_folder(uneven, tmp_path_factory):
    """The same as `--model` takes it."""
    return _saved(uneven, tmp_path_factory, "uneven")


@pytest.fixture(scope="session")
def grey_folder(tmp_path_factory):
    """A fast rescaler of grey pictures, as `--model` takes it."""
    model = randomized(TADConfig(colors=1, small_colors=1, channels=8, blocks=1))
    return _saved(model, tmp_path_factory, "grey")


def _saved(model, tmp_path_factory, name):
    folder = tmp_path_factory.mktemp("models") / name
    zoo.save(model, folder)
    return str(folder)


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """A folder of six photographs, and what is none."""
    folder = tmp_path_factory.mktemp("photographs")
    names = ("astronaut", "coffee", "chelsea", "rocket", "camera", "coins")
    for n, name in enumerate(names):
        Image.fromarray(getattr(skimage.data, name)()[60:220, 60:260]).save(folder / f"{n}{name}.png")
    (folder / "5bad.png").write_bytes((folder / "0astronaut.png").read_bytes()[:5000])
    Image.fromarray(noise(10, 10)).save(folder / "5small.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="session")
def recipe(tmp_path_factory):
    """A short run of a small rescaler."""
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text(TOML)
    from regrow.train.recipe import Recipe

    return Recipe.read(path)


@dataclass
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str
    data: bytes


_command = cache(typer.main.get_command)
"""What the words of the command line are told by: to make it takes longer than many a verb."""


@pytest.fixture
def regrow(monkeypatch, capsysbinary):
    """Run the command line in this process: `regrow("shrink", path, "-o", out, stdin=b"")`."""
    from regrow import cli

    monkeypatch.setattr(typer.main, "get_command", _command)

    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["regrow", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))))
        capsysbinary.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        captured = capsysbinary.readouterr()
        return Done(code, captured.out.decode(errors="replace"), captured.err.decode(errors="replace"), captured.out)

    return run


@pytest.fixture
def save(tmp_path):
    """Write an array as a picture file with Pillow, below the test's folder: `save("a/b.png", array)`."""

    def write(name, array, **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path, **options)
        return path

    return write


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
