import io
import os

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.clips import make_clip, moving
from support.models import random_deblocker
from support.pictures import exif, noise, turned

from regrow import dejpeg, restore, upscale, zoo
from regrow.errors import UsageError
from regrow.inference.restore import restore_rows
from regrow.io.codecs import UNKNOWN
from regrow.io.coded import facts_of
from regrow.io.provenance import steps_of
from regrow.io.reader import open_picture
from regrow.operations import restorers
from regrow.size import Size


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A fast net with random weights, as `--model` takes it."""
    folder = tmp_path_factory.mktemp("deblockers") / "blocks"
    zoo.save(random_deblocker(), folder)
    return str(folder)


@pytest.fixture
def shipped(model, monkeypatch):
    """In place of the model that ships."""
    monkeypatch.setattr(restorers, "DEBLOCKER", model)
    return model


@pytest.fixture
def jpeg(astronaut, save):
    """A JPEG of 160x112, whole macroblocks of 16x16, of quality 30."""
    return lambda name="a.jpg", **options: save(name, astronaut[:112, :160], **{"quality": 30, **options})


def tag(orientation):
    """EXIF as Pillow writes it into a JPEG."""
    return b"Exif\0\0" + exif(orientation)


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image)


def filtered(model, path, facts=None):
    """What the net makes of the pixels that Pillow decodes, (H, W, 3) uint8, told what the file states."""
    pixels = pixels_of(path)[..., :3]
    net = zoo.load(model).told(facts_of(path.read_bytes()) if facts is None else facts)
    height, width, _ = pixels.shape
    return np.concatenate(list(restore_rows([pixels], Size(width, height), 3, net)))


def differ(a, b):
    return np.abs(a.astype(int) - b).mean()


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_the_net_is_told_what_the_file_states(regrow, model, jpeg, suffix, tmp_path):
    path, out = jpeg(f"a{suffix}"), tmp_path / "out.png"
    done = regrow("dejpeg", path, "-o", out, "--model", model)
    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")
    expected, blind = filtered(model, path), filtered(model, path, UNKNOWN)
    assert differ(pixels_of(out), expected) < 0.5  # decoders may round differently
    assert differ(blind, expected) > 1
    assert differ(pixels_of(path), expected) > 2
    assert steps_of(open_picture(out).xmp) == f"deblock blocks {zoo.digest(model)[:12]}"


@pytest.mark.parametrize("suffix", [".png", ".avif"])
def test_what_states_nothing_is_judged_by_its_pixels(regrow, model, jpeg, suffix, tmp_path, caplog):
    path, out = jpeg(f"a{suffix}"), tmp_path / "out.png"
    done = regrow("dejpeg", path, "-o", out, "--model", model)
    assert done.code == 0
    assert f"a{suffix}: is not known to come from JPEG or WebP" in caplog.text
    assert differ(pixels_of(out), filtered(model, path, UNKNOWN)) < 0.5


def test_pictures_in_memory_come_back_as_what_they_were(model, jpeg):
    path = jpeg()
    array, expected = pixels_of(path).copy(), filtered(model, path, UNKNOWN)
    found = dejpeg(array, model=model)
    np.testing.assert_array_equal(found, expected)
    image = dejpeg(Image.fromarray(array), model=model)
    np.testing.assert_array_equal(np.asarray(image), expected)
    assert steps_of(image.info["xmp"]).startswith("deblock blocks")
    tensor = dejpeg(torch.from_numpy(array).permute(2, 0, 1) / 255, model=model)
    np.testing.assert_array_equal((tensor * 255).round().byte().permute(1, 2, 0).numpy(), expected)
    file = dejpeg(path.read_bytes(), io.BytesIO(), model=model, format="png")
    assert differ(pixels_of(file), filtered(model, path)) < 0.5  # the bytes of a file state what the file states


def test_the_net_is_told_what_an_image_remembers_of_its_jpeg(shipped, jpeg):
    path = jpeg()
    with Image.open(path) as image:
        assert (
            differ(np.asarray(dejpeg(image, model=shipped)), filtered(shipped, path)) < 0.5
        )  # decoders may round differently
        # Ordinary images may have been resized in place since.
        assert "deblock" not in (steps_of(restore(image, colorizer="none", upscaler="bicubic").info["xmp"]) or "")


@pytest.mark.parametrize(("bands", "dtype"), [(1, np.uint8), (2, np.uint16), (3, np.uint16), (4, np.uint8)])
def test_every_kind_of_picture(model, bands, dtype):
    picture = noise(33, 47, bands, dtype)
    found = dejpeg(picture, model=model)
    assert (found.shape, found.dtype) == (picture.shape, dtype)
    assert not np.array_equal(found[..., 0], picture[..., 0])
    if bands in (2, 4):
        np.testing.assert_array_equal(found[..., -1], picture[..., -1])


def test_grey_stays_grey(regrow, model, camera, save, tmp_path):
    path, out = save("a.jpg", camera[:112, :160], quality=30), tmp_path / "out.png"
    assert regrow("dejpeg", path, "-o", out, "--model", model).code == 0
    assert pixels_of(out).shape == (112, 160)


@pytest.mark.parametrize("orientation", [2, 6, 7])
def test_pixels_are_seen_as_they_were_stored(regrow, model, jpeg, orientation, tmp_path):
    """PNG says how viewers must turn them; of AVIF, whose viewers do not listen, they are turned."""
    path = jpeg(exif=tag(orientation))
    stored = filtered(model, path)
    for suffix, expected in ((".png", stored), (".avif", turned(stored, orientation))):
        out = tmp_path / f"out{suffix}"
        assert regrow("dejpeg", path, "-o", out, "--model", model).code == 0
        assert differ(pixels_of(out), expected) < 0.5
        with Image.open(out) as image:
            assert image.getexif()[0x010F] == "Camera Inc."
            assert image.getexif()[0x0112] == (orientation if suffix == ".png" else 1)


def test_batches_go_on_where_they_stopped(regrow, model, jpeg, tmp_path):
    command = ["dejpeg", jpeg(), "-o", tmp_path / "out.png"]
    assert regrow(*command, "--model", model).code == 0
    assert "is done already" in regrow(*command, "--model", model).err
    zoo.save(random_deblocker(seed=1), tmp_path / "other")
    again = regrow(*command, "--model", tmp_path / "other")
    assert (again.code, "exists and is something else" in again.err) == (1, True)


def test_a_small_picture_is_told_from_others(regrow, model, jpeg, tiny_folder, tmp_path, caplog):
    small, out = tmp_path / "small.jpg", tmp_path / "out.png"
    assert regrow("shrink", jpeg(), "-o", small, "--model", tiny_folder).code == 0
    assert regrow("dejpeg", small, "-o", out, "--model", model).code == 0
    assert "has a passport; `regrow grow` brings the picture back" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--iterations", "3"], "--iterations 3: is for --prior; say that too, or leave it out"),
        (["--half", "1"], "--half 1: is for --prior"),
        (["--no-stop"], "--no-stop: is for --prior"),
        (["--stop"], "--stop: is for --prior"),
        (["--light", "--model", "x"], "light: is for the models that ship"),
        (["--prior", "--light"], "light: is for models, not for a prior"),
        (["--prior", "--tile", "64"], "tile 64: is for models"),
        (["--prior", "--jobs", "2"], "--jobs 2: priors are fitted one after another"),
        (["--model", "plain-x2"], "plain-x2: enlarges by 2, so it takes out no blocks"),
        (["--model", "colorize"], "colorize: neither enlarges nor enhances"),
        (["--model", "zssr"], "zssr: enlarges, so it is no deblocker"),
        (["--model", "codec-x9"], "codec-x9: no such model"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_said_in_one_line(regrow, jpeg, tmp_path, arguments, words):
    done = regrow("dejpeg", jpeg(), "-o", tmp_path / "out.png", *arguments)
    assert (done.code, done.err.count("\n"), os.listdir(tmp_path)) == (2, 1, ["a.jpg"])
    assert words in done.err


RESTORE = {"scale": 1, "colorizer": "none", "upscaler": "none"}


def test_restore_takes_out_what_a_file_states_first(regrow, shipped, jpeg, tmp_path, caplog):
    path, out = jpeg(exif=tag(6)), tmp_path / "out.png"
    done = regrow("restore", path, "-o", out, "--colorizer", "none", "--upscaler", "bicubic")
    assert (done.code, caplog.messages) == (0, [f"{path}: what JPEG left is taken out first"])
    expected = upscale(turned(filtered(shipped, path), 6), model="bicubic")
    assert differ(pixels_of(out), expected) < 1
    assert steps_of(open_picture(out).xmp) == f"deblock blocks {zoo.digest(shipped)[:12]}; upscale bicubic x2"
    again = regrow("restore", path, "-o", out, "--colorizer", "none", "--upscaler", "bicubic")
    assert "is done already" in again.err


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.jpg", {"quality": 98}), ("a.webp", {"quality": 100}), ("a.webp", {"lossless": True}), ("a.png", {})],
)
def test_restore_leaves_alone_what_lost_next_to_nothing(shipped, jpeg, tmp_path, name, options):
    path, out = jpeg(name, **options), tmp_path / "out.png"
    restore(path, out, colorizer="none", upscaler="bicubic")
    assert steps_of(open_picture(out).xmp) == "upscale bicubic x2"


def test_a_deblocker_may_be_named_or_left_out(model, jpeg, tmp_path):
    path = jpeg()
    for verb, given, used in (
        ("restore", "none", False), ("restore", model, True), ("upscale", None, False), ("upscale", model, True)
    ):  # fmt: skip
        out = tmp_path / f"{verb}-{used}.png"
        options = {"upscaler": "bicubic", "colorizer": "none"} if verb == "restore" else {"model": "bicubic"}
        {"restore": restore, "upscale": upscale}[verb](path, out, deblocker=given, **options)
        assert steps_of(open_picture(out).xmp).startswith("deblock" if used else "upscale")


def test_colors_are_given_to_what_was_cleaned(shipped, camera, save, tmp_path):
    from regrow.nets.color.regression import RegressionColorizer, RegressionConfig

    torch.manual_seed(0)
    zoo.save(RegressionColorizer(RegressionConfig(width=2)).eval(), tmp_path / "colors")
    path, out = save("a.jpg", camera[:112, :160], quality=30), tmp_path / "out.png"
    restore(path, out, scale=1, colorizer=str(tmp_path / "colors"))
    assert [step.split()[0] for step in steps_of(open_picture(out).xmp).split("; ")] == ["deblock", "colorize"]
    grey = np.repeat(pixels_of(path)[..., None], 3, -1)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    clean = filtered(shipped, tmp_path / "grey.png", facts_of(path.read_bytes())).mean(-1)
    luma = pixels_of(out) @ np.array([0.299, 0.587, 0.114])
    assert 3 * differ(luma, clean) < differ(luma, grey[..., 0])


def test_clips_are_left_as_they_are(regrow, shipped, tmp_path):
    clip = make_clip(tmp_path / "a.mp4", moving(2), audio=False)
    done = regrow("restore", clip, "-o", tmp_path / "b.mkv", "--colorizer", "none", "--upscaler", "bicubic")
    assert done.code == 0
    assert "deblock" not in regrow("info", tmp_path / "b.mkv").out
    for command in (["dejpeg", "--model", shipped], ["restore", "--deblocker", shipped]):
        done = regrow(*command, clip, "-o", tmp_path / "c.mkv")
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert "takes out what codecs left in pictures, not in clips" in done.err


def test_nothing_is_done_where_no_step_is_named(jpeg, tmp_path):
    with pytest.raises(UsageError, match="nothing is to be done"):
        restore(jpeg(), tmp_path / "out.png", **RESTORE)


@pytest.mark.parametrize("light", [False, True])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_the_models_that_ship_bring_pictures_nearer_to_what_they_were(astronaut, jpeg, tmp_path, suffix, light):
    path, original = jpeg(f"a{suffix}"), astronaut[:112, :160]
    found = pixels_of(dejpeg(path, tmp_path / "out.png", light=light))
    assert peak_signal_noise_ratio(original, found) > peak_signal_noise_ratio(original, pixels_of(path)) + 0.2
    name = "codec-x1-light" if light else "codec-x1"
    assert steps_of(open_picture(tmp_path / "out.png").xmp) == f"deblock {name} {zoo.digest(name)[:12]}"


def test_restore_takes_the_model_that_ships(jpeg, tmp_path):
    restore(jpeg(), tmp_path / "out.png", colorizer="none", upscaler="bicubic")
    assert steps_of(open_picture(tmp_path / "out.png").xmp).startswith("deblock codec-x1 ")
