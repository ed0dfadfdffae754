import json

import numpy as np
import pytest
import torch
from PIL import Image
from support.pictures import noise

import regrow
from regrow import upscale, zoo
from regrow.errors import RegrowError, UsageError
from regrow.inference.correction import corrected
from regrow.io.provenance import mark, steps_of
from regrow.io.reader import open_picture
from regrow.nets.color.classification import ClassificationColorizer, ClassificationConfig
from regrow.nets.color.regression import RegressionColorizer, RegressionConfig
from regrow.nets.upscale.dqe import DQE, DQEConfig
from regrow.nets.upscale.edsr import EDSR, EDSRConfig

BT601 = np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Fast models with random weights, by name."""
    torch.manual_seed(1)
    made = {
        "classes": ClassificationColorizer(ClassificationConfig(width=2)),
        "regression": RegressionColorizer(RegressionConfig(width=2)),
        "x2": EDSR(EDSRConfig(channels=8, blocks=1)),
        "x3": EDSR(EDSRConfig(scale=3, channels=8, blocks=1)),
        "dqe": DQE(DQEConfig(channels=8, blocks=1)),
    }
    torch.nn.init.normal_(made["regression"].colors.weight, std=0.3)
    torch.nn.init.normal_(made["dqe"].tail.weight, std=0.1)
    root = tmp_path_factory.mktemp("restorers")
    for name, model in made.items():
        zoo.save(model.eval(), root / name)
    return {name: str(root / name) for name in made}


@pytest.fixture
def photo(save, camera):
    """A grey photograph of 96x64 as PNG."""
    return save("photo.png", camera[::6, ::6][:64].copy())


def read(path):
    with Image.open(path) as image:
        return np.array(image)


def test_colorize_keeps_the_luma_and_says_what_it_did(folders, photo, tmp_path):
    out = tmp_path / "out.png"
    assert regrow.colorize(photo, out, model=folders["regression"]) == out
    assert read(out).shape == (*read(photo).shape, 3)
    assert np.abs(read(out) @ BT601 - read(photo)).max() <= 1
    assert np.ptp(read(out).astype(int), axis=-1).mean() > 1
    steps = steps_of(open_picture(out).xmp)
    assert steps == f"colorize regression {zoo.digest(folders['regression'])[:12]}"


def test_every_kind_of_picture_comes_back_as_its_kind(folders, photo):
    array, options = read(photo), {"model": folders["regression"]}
    from_array = regrow.colorize(array, **options)
    assert from_array.dtype == np.uint8
    image = regrow.colorize(Image.fromarray(array), **options)
    np.testing.assert_array_equal(np.asarray(image), from_array)
    assert "colorize" in steps_of(image.info["xmp"])
    deep = regrow.colorize(array.astype(np.uint16) * 257, **options)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - from_array).max() <= 0.51
    tensor = regrow.colorize(torch.from_numpy(array)[None] / 255, **options)
    assert tensor.shape == (3, *array.shape)
    assert np.abs(tensor.permute(1, 2, 0).numpy() * 255 - from_array).max() <= 0.51


def test_files_keep_depth_alpha_and_metadata(folders, tmp_path):
    import pyvips

    deep = noise(40, 50, 2, np.uint16)
    path, out = tmp_path / "deep.tif", tmp_path / "out.tif"
    image = pyvips.Image.new_from_array(deep).copy(interpretation="grey16")
    image.tiffsave(str(path))
    regrow.colorize(path, out, model=folders["regression"])
    found = pyvips.Image.new_from_file(str(out)).numpy()
    assert (found.shape, found.dtype) == ((40, 50, 4), np.uint16)
    np.testing.assert_array_equal(found[..., 3], deep[..., 1])
    assert np.abs(found[..., :3] @ BT601 - deep[..., 0]).max() <= 1


def test_a_turned_picture_is_seen_upright(folders, camera, tmp_path):
    """What a camera stored on its side is coloured as it is shown."""
    upright = camera[::6, ::5][:64].copy()
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter to the right
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "turned.png", exif=exif)
    Image.fromarray(upright).save(tmp_path / "upright.png")
    for name in ("turned", "upright"):
        regrow.colorize(tmp_path / f"{name}.png", tmp_path / f"{name}-out.png", model=folders["regression"])
    assert open_picture(tmp_path / "turned-out.png").orientation == 1
    np.testing.assert_array_equal(read(tmp_path / "turned-out.png"), read(tmp_path / "upright-out.png"))


def test_hints_color_what_they_point_at(folders, photo, tmp_path):
    plain = regrow.colorize(read(photo), model=folders["regression"])
    hinted = regrow.colorize(read(photo), model=folders["regression"], hint=["40,10,#3060ff"])
    y, x = 10, 40
    assert (hinted[y, x].astype(int) - plain[y, x])[2] > 20
    assert hinted[y, x, 2] > hinted[y, x, 0] + 30
    assert np.abs(hinted @ BT601 - read(photo)).max() <= 1
    painted = np.full((*read(photo).shape, 3), 128, np.uint8)
    painted[y, x] = 0x30, 0x60, 0xFF
    Image.fromarray(painted).save(tmp_path / "hints.png")
    for hints in (painted, tmp_path / "hints.png"):
        again = regrow.colorize(read(photo), model=folders["regression"], hint_image=hints)
        np.testing.assert_array_equal(again, hinted)


def test_a_reference_takes_part(folders, photo, coffee):
    plain = regrow.colorize(read(photo), model=folders["regression"])
    other = regrow.colorize(read(photo), model=folders["regression"], reference=coffee)
    assert (other != plain).mean() > 0.5
    assert np.abs(other @ BT601 - read(photo)).max() <= 1
    assert other[..., 0].mean() > other[..., 2].mean() + 5  # coffee is brown


def test_temperature_is_for_classes(folders, photo):
    mild = regrow.colorize(read(photo), model=folders["classes"], temperature=1.0)
    vivid = regrow.colorize(read(photo), model=folders["classes"], temperature=0.05)
    plain = regrow.colorize(read(photo), model=folders["classes"])
    same = regrow.colorize(read(photo), model=folders["classes"], temperature=0.38)
    np.testing.assert_array_equal(plain, same)
    assert all((a != b).mean() > 0.5 for a, b in ((plain, mild), (plain, vivid)))
    with pytest.raises(UsageError, match="has none"):
        regrow.colorize(read(photo), model=folders["regression"], temperature=0.5)
    with pytest.raises(UsageError, match="above 0 and at most 1"):
        regrow.colorize(read(photo), model=folders["classes"], temperature=0)


def test_restore_is_the_chain_of_its_steps(folders, photo, tmp_path):
    out = tmp_path / "out.png"
    regrow.restore(
        photo, out, colorizer=folders["regression"], upscaler=folders["x2"], enhancer=folders["dqe"], tile=32
    )
    colored = regrow.colorize(torch.from_numpy(read(photo))[None] / 255, model=folders["regression"])
    with torch.no_grad():
        large = zoo.load(folders["x2"])(colored[None]).clamp(0, 1)
        expected = zoo.load(folders["dqe"])(large).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    assert np.abs(read(out) - 255 * expected).max() <= 0.51
    names = [step.split()[:2] for step in steps_of(open_picture(out).xmp).split("; ")]
    assert names == [["colorize", "regression"], ["upscale", "x2"], ["enhance", "dqe"]]


def test_models_enlarge_one_after_another(folders, photo, tmp_path):
    both, out = f"{folders['x3']}+{folders['x2']}", tmp_path / "out.png"
    regrow.upscale(photo, out, scale=6, model=both, tile=16)
    first = regrow.upscale(torch.from_numpy(read(photo))[None] / 255, scale=3, model=folders["x3"])
    second = regrow.upscale(first, scale=2, model=folders["x2"])
    assert np.abs(read(out) - 255 * second[0].numpy()).max() <= 0.51
    assert steps_of(open_picture(out).xmp) == (
        f"upscale x3 {zoo.digest(folders['x3'])[:12]} + x2 {zoo.digest(folders['x2'])[:12]} x6"
    )
    picture = np.repeat(read(photo)[:20, :20, None], 3, -1)
    options = {"scale": 6, "upscaler": both, "colorizer": "none"}
    free, plain = regrow.restore(picture, **options), regrow.restore(picture, correct=0, **options)
    levels = int(np.median(np.abs(free.astype(int) - plain)))
    bound = regrow.restore(picture, correct=levels, **options)
    assert (np.abs(bound.astype(int) - corrected(free, plain, levels)) > 1).mean() < 0.02
    assert (bound != free).any()
    assert (bound != plain).any()
    assert regrow.upscale(picture, scale=5, model=both).shape == (100, 100, 3)


@pytest.mark.parametrize("scale", [2, 2.5, 8])
def test_bicubic_enlarges_too_to_compare_with(regrow, photo, coffee, save, tmp_path, scale):
    small = save("small.png", coffee[:40, :60].copy())
    done = regrow("upscale", small, "-o", tmp_path / "out.png", "--scale", scale, "--model", "bicubic")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "out.png") as image:
        found, wide = np.asarray(image, int), image.width
        assert steps_of(image.info["xmp"]) == f"upscale bicubic x{scale:g}"
    with Image.open(small) as image:
        expected = np.asarray(image.resize((wide, round(40 * scale)), Image.Resampling.BICUBIC), int)
    inside = slice(12, -12)  # borders are extended where Pillow leaves them out
    assert np.abs(found - expected)[inside, inside].max() <= 1
    np.testing.assert_array_equal(upscale(coffee[:40, :60].copy(), scale=scale, model="bicubic"), found)


def test_one_default_for_every_scale():
    picture = noise(9, 11, 3)
    for scale in (1, 1.5, 2, 3, 4, 5.5, 8):
        assert regrow.upscale(picture, scale=scale).shape == (round(9 * scale), round(11 * scale), 3)


@pytest.mark.parametrize(("scale", "size"), [(1, (64, 86)), (1.5, (96, 129)), (2, (128, 172)), (1.01, (65, 87))])
def test_restore_to_any_size(folders, photo, scale, size):
    picture = read(photo)
    found = regrow.restore(
        picture, scale=scale, colorizer="none", upscaler=folders["x2"] if scale > 1 else None, enhancer=folders["dqe"]
    )
    assert found.shape == size  # grey stays grey
    assert found.dtype == np.uint8


def test_correction_is_a_step(folders, photo):
    picture = np.repeat(read(photo)[..., None], 3, -1)
    options = {"colorizer": "none", "upscaler": folders["x3"], "scale": 3}
    free = regrow.restore(picture, **options)
    plain = regrow.restore(picture, correct=0, **options)
    bound = regrow.restore(picture, correct=20, **options)
    assert np.abs(free.astype(int) - plain).max() > 20
    assert np.abs(bound.astype(int) - plain).max() <= 21
    differs = np.abs(bound.astype(int) - corrected(free, plain, 20)) > 1
    assert differs.mean() < 0.02  # but for what rounding puts on the other side of the threshold


def test_color_pictures_keep_their_colors(folders, coffee, caplog):
    picture = coffee[:100, :150]
    found = regrow.restore(picture, scale=1, colorizer=folders["regression"])
    np.testing.assert_array_equal(found, picture)
    image = regrow.restore(Image.fromarray(picture), scale=1, colorizer=folders["regression"])
    assert steps_of(image.info.get("xmp")) is None  # for nothing was done
    assert "has colours, which are kept" in caplog.text
    regrow.colorize(picture, model=folders["regression"])
    assert "has colours, which are replaced" in caplog.text


def test_a_picture_that_regrow_shrank_is_told_from_others(folders, coffee, tiny_folder, save, tmp_path, caplog):
    regrow.shrink(save("coffee.png", coffee[:80, :80]), tmp_path / "small.png", model=tiny_folder)
    regrow.restore(tmp_path / "small.png", tmp_path / "out.png", colorizer="none", upscaler=folders["x2"])
    assert "`regrow grow` brings the picture back" in caplog.text
    assert regrow.info(tmp_path / "out.png").passport is None
    caplog.clear()
    small = regrow.shrink(Image.fromarray(coffee[:80, :80]), model=tiny_folder)
    large = regrow.restore(small, colorizer="none", upscaler=folders["x2"])
    assert "`regrow grow` brings the picture back" in caplog.text
    assert b"ns/passport" not in large.info["xmp"]


def test_batches_go_on_where_they_stopped(regrow, folders, photo, tmp_path):
    command = ["colorize", photo, "-o", tmp_path / "out.png", "--model", folders["regression"]]
    assert regrow(*command).code == 0
    again = regrow(*command)
    assert (again.code, again.out) == (0, f"{tmp_path / 'out.png'}\n")
    assert "is done already" in again.err
    other = regrow(*command, "--hint", "3,3,#ff0000")
    assert other.code == 1
    assert "--force" in other.err
    assert regrow(*command, "--hint", "3,3,#ff0000", "--force").code == 0


def test_the_command_line_restores(regrow, folders, photo, tmp_path):
    assert "has no passport" in regrow("info", photo).err
    done = regrow(
        "restore", photo, "-o", tmp_path / "out.webp", "--scale", 2, "--colorizer", folders["regression"],
        "--upscaler", folders["x2"], "--enhancer", "none", "--correct", 30,
    )  # fmt: skip
    assert (done.code, done.err) == (0, "")
    assert read(tmp_path / "out.webp").shape == (128, 172, 3)
    told = json.loads(regrow("info", tmp_path / "out.webp", "--json").out)
    assert told["restored"].startswith("colorize regression ")
    assert told["restored"].endswith("; correct 30")
    assert "upscale x2 " in regrow("info", tmp_path / "out.webp").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["colorize", "--hint", "99,0,#ff0000"], "lies outside the picture"),
        (["colorize", "--hint", "red"], "expected x,y,#rrggbb"),
        (["colorize", "--model", "{x2}"], "is no colorizer"),
        (["colorize", "--model", "nowhere"], "no such model"),
        (["colorize", "--temperature", "2"], "temperature 2"),
        (["restore", "--scale", "9"], "must be from 1 to 8"),
        (["restore", "--scale", "3", "--upscaler", "{x2}"], "enlarges by 2"),
        (["restore", "--scale", "5", "--upscaler", "{x2}+{x2}"], "enlarges by 4"),
        (["restore", "--scale", "2", "--upscaler", "{x2}+nowhere"], "nowhere: no such model"),
        (["restore", "--enhancer", "{x2}", "--upscaler", "{x2}"], "no enhancer"),
        (["restore", "--upscaler", "{regression}"], "neither enlarges nor enhances"),
        (["restore", "--upscaler", "none"], "say --scale 1 too"),
        (["restore", "--scale", "1", "--upscaler", "none", "--correct", "9"], "nothing is enlarged"),
        (["restore", "--correct", "-1"], "must be from 0 to 255"),
    ],
)
def test_what_cannot_be_is_refused(regrow, folders, photo, tmp_path, arguments, words):
    arguments = [argument.format(**folders) for argument in arguments]
    defaults = ["--model", folders["regression"]] if arguments[0] == "colorize" else ["--colorizer", "none"]
    if "--upscaler" not in arguments and arguments[0] == "restore":
        defaults += ["--upscaler", folders["x2"]]
    given = defaults if "--model" not in arguments else []
    done = regrow(arguments[0], photo, "-o", tmp_path / "out.png", *given, *arguments[1:])
    assert done.code == 2, done.err
    assert words in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "out.png").exists()


def test_a_broken_picture_leaves_nothing_behind(folders, photo, tmp_path):
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:2000])
    with pytest.raises(RegrowError, match=r"cut\.png"):
        regrow.colorize(tmp_path / "cut.png", tmp_path / "out.png", model=folders["regression"])
    assert not (tmp_path / "out.png").exists()


def test_marks_replace_each_other_and_leave_the_rest():
    own = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="x"/></rdf:RDF>'
        b"</x:xmpmeta>"
    )
    once = mark(own, "colorize a")
    twice = mark(once, "colorize b")
    assert (steps_of(once), steps_of(twice)) == ("colorize a", "colorize b")
    assert b'dc:title="x"' in twice
    assert twice.count(b"restored:steps") == 1
    assert steps_of(mark(None, 'c "<&>')) == "c "
    assert steps_of(own) is None
    assert steps_of(b"no xml https://regrow.dev/ns/restored/1.0/") is None
    assert mark(b"no xml", "a") == b"no xml"


def test_the_shipped_models_color_a_photograph_better_than_not_at_all(astronaut, coffee):
    """On pictures that were not trained on; and the luma stays."""
    for picture in (astronaut, coffee):
        grey = np.rint(picture @ BT601).astype(np.uint8)
        found = regrow.colorize(grey)
        assert np.abs(found @ BT601 - grey).max() <= 1
        error, without = (((x.astype(float) - picture) ** 2).mean() for x in (found, grey[..., None]))
        assert error < without
    large = regrow.restore(grey[:100, :120], scale=2.5)
    assert large.shape == (250, 300, 3)
