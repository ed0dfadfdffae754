"""The examples in docstrings and on the pages under docs/ give what they say."""

import doctest
import shutil
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from support.clips import make_clip, moving

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def holds_examples(path):
    return ">>> " in path.read_text(encoding="utf-8")


PAGES = ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))
HOLDING = [path for path in (*sorted(SRC.rglob("*.py")), *PAGES) if holds_examples(path)]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """What examples may open: the files that CONTRIBUTING.md lists, and docs/images/demo.png."""
    import regrow

    folder = tmp_path_factory.mktemp("examples")
    photo = Image.fromarray(skimage.data.astronaut()[:96, 160:288])
    for name in ("photo.png", "photos/a.png", "photos/b.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        photo.save(folder / name)
    photo.save(folder / "photo.jpg", quality=95)
    photo.convert("L").save(folder / "old.jpg", quality=95)
    mask = np.zeros((96, 128), np.uint8)
    mask[40:48, 40:80] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    (folder / "docs/images").mkdir(parents=True)
    shutil.copy(ROOT / "docs/images/demo.png", folder / "docs/images")
    make_clip(folder / "clip.mp4", moving(4))
    regrow.shrink(folder / "photo.png", folder / "small.png", scale=2)
    return folder


@pytest.fixture
def workplace(prepared, tmp_path, monkeypatch):
    """A folder with those files, as the current one."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("path", HOLDING, ids=lambda path: path.relative_to(ROOT).as_posix())
@pytest.mark.usefixtures("workplace")
def test_examples(path):
    tests = of_module(path) if path.suffix == ".py" else of_page(path)
    assert any(test.examples for test in tests), f"{path}: '>>> ' stands where doctest does not find it"
    run(tests)


def of_module(path):
    name = ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
    return doctest.DocTestFinder().find(import_module(name), name)


def of_page(path):
    # Doctest takes what follows an example for its result, up to an empty line; in Markdown that is the closing fence.
    text = path.read_text(encoding="utf-8").replace("\n```", "\n\n")
    return [doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)]


def run(tests):
    said = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in tests:
        runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
