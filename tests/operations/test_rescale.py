import io
import os

import numpy as np
import pytest
import pyvips
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.metadata import XMP
from support.models import randomized
from support.pictures import GREY_ICC, ICC, LOSSLESS, exif, noise, read, size_of, write

import regrow
from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.io.metadata import Metadata
from regrow.io.passport import Passport
from regrow.io.reader import open_picture
from regrow.nets.rescale.tad import TADConfig
from regrow.operations.shrink import JPEG_COST


def bicubic(picture, scale):
    """What an ordinary thumbnail gives back, by Pillow."""
    image = Image.fromarray(picture)
    small = image.resize((image.width // scale, image.height // scale), Image.Resampling.BICUBIC)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))


@pytest.mark.parametrize("scale", [2, 4])
def test_a_regrown_photograph_is_far_better_than_an_enlarged_thumbnail(astronaut, scale):
    small = regrow.shrink(astronaut, scale=scale)
    assert small.shape == (512 // scale, 512 // scale, 3)
    grown = regrow.grow(small, scale=scale)
    assert peak_signal_noise_ratio(astronaut, grown) > peak_signal_noise_ratio(astronaut, bicubic(astronaut, scale)) + 3


@pytest.mark.parametrize("scale", [2, 4])
def test_the_small_picture_looks_like_an_ordinary_thumbnail(coffee, scale):
    thumbnail = Image.fromarray(coffee).resize((600 // scale, 400 // scale), Image.Resampling.BICUBIC)
    assert peak_signal_noise_ratio(np.asarray(thumbnail), regrow.shrink(coffee, scale=scale)) > 32


def test_a_grey_photograph_comes_back_grey_and_good(camera):
    grown = regrow.grow(regrow.shrink(camera), scale=2)
    assert grown.shape == camera.shape
    assert peak_signal_noise_ratio(camera, grown) > peak_signal_noise_ratio(camera, bicubic(camera, 2)) + 0.5


def test_16_bits_carry_more_than_8(tmp_path, coffee):
    """A 16-bit picture regrows on all its levels, close to the 16-bit original."""
    deep = (coffee[:96, :96].astype(np.uint16) * 257) ^ 85
    source = write(tmp_path / "deep.png", deep)
    grown = read(regrow.grow(regrow.shrink(source, tmp_path / "small.png"), tmp_path / "grown.tiff"))
    assert grown.dtype == np.uint16
    assert peak_signal_noise_ratio(deep, grown, data_range=65535) > 30
    assert (grown % 257 != 0).mean() > 0.9


@pytest.mark.parametrize("scale", [2, 4, 8, 128])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 5), (641, 427)])
def test_sizes_come_back_exactly(tmp_path, tiny_folder, scale, width, height):
    source = write(tmp_path / "a.png", noise(height, width))
    small = regrow.shrink(source, tmp_path / "small.png", scale=scale, model=tiny_folder)
    assert size_of(small) == (-(-width // scale), -(-height // scale))
    grown = regrow.grow(small, tmp_path / "grown.png", model=tiny_folder)
    assert size_of(grown) == (width, height)


@settings(max_examples=30)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    scale=st.sampled_from([2, 4, 8, 128]),
    bands=st.integers(1, 4),
    depth=st.sampled_from([8, 16]),
    suffix=st.sampled_from([".png", ".webp", ".tiff"]),
)
def test_any_small_picture_goes_there_and_back(
    tmp_path_factory, tiny_folder, width, height, scale, bands, depth, suffix
):
    folder = tmp_path_factory.mktemp("any")
    source = write(folder / "a.png", noise(height, width, bands, np.uint8 if depth == 8 else np.uint16))
    small = regrow.shrink(source, folder / f"small{suffix}", scale=scale, model=tiny_folder)
    grown = read(regrow.grow(small, folder / "grown.tiff", model=tiny_folder))
    assert grown.shape == (height, width, bands)
    assert grown.dtype.itemsize * 8 == depth


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("depth", [8, 16])
def test_all_but_the_pixels_is_there_again(tmp_path, tiny_folder, suffix, bands, depth):
    array = noise(30, 44, bands, np.uint8 if depth == 8 else np.uint16)
    if bands in (2, 4):
        array[:, :22, -1], array[:, 22:, -1] = 0, 2**depth - 1
    icc = ICC if bands > 2 else GREY_ICC
    source = write(tmp_path / "a.png", array, icc=icc, exif=exif(), resolution=(11.0, 12.0))
    small = regrow.shrink(source, tmp_path / f"small{suffix}", model=tiny_folder)
    grown = open_picture(regrow.grow(small, tmp_path / "grown.png", model=tiny_folder))
    assert (grown.width, grown.height, grown.image.bands, grown.depth) == (44, 30, bands, depth)
    assert grown.exif == exif()
    assert grown.icc == icc
    assert grown.xmp is None
    if bands in (2, 4):
        alpha = read(tmp_path / "grown.png")[..., -1]
        assert (alpha[:, :18] == 0).all()
        assert (alpha[:, 26:] == 2**depth - 1).all()


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".jpg"])
def test_pixels_are_written_as_they_were_made(tmp_path, tiny_folder, suffix):
    """File to file equals array to array, whatever the lossless format; JPEG comes close."""
    array = noise(20, 24) // 4 + 100
    source = write(tmp_path / "a.png", array)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", model=tiny_folder)
    apart = np.abs(read(small).astype(int) - regrow.shrink(array, model=tiny_folder))
    assert apart.max() <= (16 if suffix == ".jpg" else 0)
    if suffix != ".jpg":
        grown = read(regrow.grow(small, tmp_path / "g.png", model=tiny_folder))
        np.testing.assert_array_equal(grown, regrow.grow(read(small), scale=2, model=tiny_folder))


def test_jpeg_is_warned_of(tmp_path, tiny_folder, caplog):
    regrow.shrink(write(tmp_path / "a.png", noise(8, 8)), tmp_path / "s.jpg", model=tiny_folder)
    assert JPEG_COST in caplog.text


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_the_pictures_own_xmp_comes_back(tmp_path, tiny_folder, suffix):
    own = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></x:xmpmeta>'
    source = write(tmp_path / "a.png", noise(8, 8), xmp=own)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", model=tiny_folder)
    assert regrow.info(small).passport is not None
    assert open_picture(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)).xmp == own


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_photograph_looks_the_same(tmp_path, tiny_folder, suffix, orientation):
    """Viewers show the regrown picture as they show the original."""
    array = np.zeros((20, 40, 3), np.uint8)
    array[:10, :20] = 200  # top left as stored
    source = write(tmp_path / "a.png", array, exif=exif(orientation))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", model=tiny_folder)
    grown = regrow.grow(small, tmp_path / "g.png", model=tiny_folder)
    shown = [pyvips.Image.new_from_file(str(path)).autorot().numpy().astype(int) for path in (source, grown)]
    assert shown[0].shape == shown[1].shape
    assert np.abs(shown[0] - shown[1]).mean() < 25


def test_the_passport_says_how(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(9, 21, 4, np.uint16))
    passport = regrow.info(regrow.shrink(source, tmp_path / "s.webp", scale=4, model=tiny_folder)).passport
    digest = zoo.digest(tiny_folder)[:8]
    assert passport == Passport(
        model="tiny", digest=digest, scale=4, width=21, height=9, small_width=6, small_height=3,
        depth=16, colours=3, alpha=True, alpha_model="tiny", alpha_digest=digest,
    )  # fmt: skip


def test_info_of_an_ordinary_picture_is_none(tmp_path):
    assert regrow.info(write(tmp_path / "a.png", noise(4, 4))).passport is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 2), (9, 7, 3), (9, 7, 4)])
def test_arrays_in_arrays_out(tiny_folder, dtype, shape):
    picture = noise(9, 7, 4, dtype)[..., : shape[-1]] if len(shape) == 3 else noise(9, 7, 1, dtype)[..., 0]
    small = regrow.shrink(picture, model=tiny_folder)
    assert (small.shape, small.dtype) == ((5, 4, *shape[2:]), np.uint8)
    grown = regrow.grow(small, scale=2, size=(7, 9), model=tiny_folder)
    assert (grown.shape, grown.dtype) == (shape, np.uint8)


@pytest.mark.parametrize("shape", [(1, 9, 7), (3, 9, 7)])
def test_tensors_in_tensors_out(tiny_folder, shape):
    small = regrow.shrink(torch.rand(shape), model=tiny_folder)
    assert (tuple(small.shape), small.dtype) == ((shape[0], 5, 4), torch.float32)
    torch.testing.assert_close(small * 255, (small * 255).round())
    grown = regrow.grow(small, scale=2, size=(7, 9), model=tiny_folder)
    assert tuple(grown.shape) == shape
    assert len(grown.unique()) > 60 or shape[0] == 1


def test_tensors_arrays_and_images_of_one_picture_agree(tiny_folder):
    picture = noise(12, 10)
    array = regrow.shrink(picture, model=tiny_folder)
    image = regrow.shrink(Image.fromarray(picture), model=tiny_folder)
    tensor = regrow.shrink(torch.from_numpy(picture).permute(2, 0, 1) / 255, model=tiny_folder)
    np.testing.assert_array_equal(np.asarray(image), array)
    np.testing.assert_array_equal((tensor.permute(1, 2, 0) * 255).round().byte().numpy(), array)


def test_the_callers_picture_is_left_alone(tiny_folder):
    picture = noise(9, 7)
    kept = picture.copy()
    picture.setflags(write=False)
    regrow.shrink(picture, model=tiny_folder)
    regrow.grow(picture[::-1, ::2], scale=2, model=tiny_folder)
    np.testing.assert_array_equal(picture, kept)
    tensor = torch.rand(3, 5, 5)
    kept = tensor.clone()
    regrow.grow(tensor, scale=2, model=tiny_folder)
    torch.testing.assert_close(tensor, kept, atol=0, rtol=0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "P", "RGB", "RGBA", "CMYK"])
def test_pil_images_go_there_and_back_without_being_told(tiny_folder, mode):
    image = Image.new("L", (7, 9), 90).convert(mode) if mode in "1P" else Image.new(mode, (7, 9))
    grown = regrow.grow(regrow.shrink(image, model=tiny_folder), model=tiny_folder)
    assert grown.size == (7, 9)
    assert grown.mode == {"1": "L", "P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    assert "xmp" not in grown.info


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize(("bands", "depth"), [(1, 8), (1, 16), (3, 8), (3, 16), (4, 16)])
def test_small_files_opened_with_pillow_grow(tmp_path, tiny_folder, suffix, bands, depth):
    """Pillow has no 16-bit colour: such a picture comes back with 8 bits."""
    source = write(tmp_path / "a.png", noise(9, 7, bands, np.uint8 if depth == 8 else np.uint16))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", model=tiny_folder)
    with Image.open(small) as image:
        grown = regrow.grow(image, model=tiny_folder)
    assert grown.size == (7, 9)
    assert grown.mode == {1: "I;16" if depth == 16 else "L", 3: "RGB", 4: "RGBA"}[bands]


def test_a_small_pil_image_saved_with_its_xmp_grows_from_the_file(tmp_path, tiny_folder):
    small = regrow.shrink(Image.fromarray(noise(9, 7)), model=tiny_folder)
    small.save(tmp_path / "s.webp", lossless=True, xmp=small.info["xmp"])
    assert size_of(regrow.grow(tmp_path / "s.webp", tmp_path / "g.png", model=tiny_folder)) == (7, 9)


def test_bytes_go_into_files_that_are_open(tmp_path, tiny_folder):
    data = write(tmp_path / "a.png", noise(9, 7)).read_bytes()
    small = io.BytesIO()
    assert regrow.shrink(data, small, format="webp", model=tiny_folder) is small
    grown = io.BytesIO()
    regrow.grow(small.getvalue(), grown, format="png", model=tiny_folder)
    assert size_of(grown) == (7, 9)


def test_strings_and_paths_are_both_paths(tmp_path, tiny_folder):
    source = str(write(tmp_path / "a.png", noise(9, 7)))
    out = str(tmp_path / "new" / "s.png")
    assert regrow.shrink(source, out, model=tiny_folder) == out
    assert os.path.exists(out)


def test_progress_reaches_the_end(tmp_path, tiny_folder):
    told = []
    source = write(tmp_path / "a.png", noise(200, 10))
    regrow.shrink(source, tmp_path / "s.png", model=tiny_folder, tile=16, report=lambda *now: told.append(now))
    assert [total for _, total in told] == [100] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 5
    assert told[-1] == (100, 100)


@pytest.mark.parametrize("scale", [0, 1, 0.5, 256, -2, float("nan"), float("inf")])
def test_scales_that_cannot_be_are_usage_errors(tiny_folder, scale):
    with pytest.raises(UsageError, match=f"scale {scale}"):
        regrow.shrink(noise(4, 4), scale=scale, model=tiny_folder)
    with pytest.raises(UsageError, match=f"scale {scale}"):
        regrow.grow(noise(4, 4), scale=scale, model=tiny_folder)


def test_a_file_without_an_output_is_a_usage_error(tmp_path):
    source = write(tmp_path / "a.png", noise(4, 4))
    for verb in (regrow.shrink, regrow.grow):
        with pytest.raises(UsageError, match="name an output"):
            verb(source)


def test_a_picture_in_memory_with_an_output_is_a_usage_error(tmp_path, tiny_folder):
    """Otherwise a file is waited for that never appears."""
    with pytest.raises(UsageError):
        regrow.shrink(noise(4, 4), tmp_path / "s.png", model=tiny_folder)
    with pytest.raises(UsageError):
        regrow.grow(noise(4, 4), tmp_path / "s.png", scale=2, model=tiny_folder)


def test_unknown_devices_are_usage_errors(tiny_folder):
    for device in ("toaster", "cuda:99"):
        with pytest.raises(UsageError, match=device):
            regrow.shrink(noise(4, 4), model=tiny_folder, device=device)


def test_formats_that_cannot_hold_it_are_usage_errors(tmp_path, tiny_folder):
    clear = write(tmp_path / "clear.png", noise(4, 4, 4))
    with pytest.raises(UsageError, match="transparency"):
        regrow.shrink(clear, tmp_path / "s.jpg", model=tiny_folder)
    with pytest.raises(UsageError, match=r"s\.bmp"):
        regrow.shrink(clear, tmp_path / "s.bmp", model=tiny_folder)
    deep = regrow.shrink(write(tmp_path / "d.png", noise(4, 4, 3, np.uint16)), tmp_path / "s.png", model=tiny_folder)
    with pytest.raises(UsageError, match="16 bits"):
        regrow.grow(deep, tmp_path / "g.webp", model=tiny_folder)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clear.png", "d.png", "s.png"]


def test_growing_without_a_passport_says_what_to_do(tmp_path, tiny_folder):
    small = write(tmp_path / "s.png", noise(5, 4))
    with pytest.raises(RegrowError, match=r"s\.png: has no passport.*--scale"):
        regrow.grow(small, tmp_path / "g.png")
    grown = regrow.grow(small, tmp_path / "g.png", scale=2, size=(7, 9), model=tiny_folder)
    assert size_of(grown) == (7, 9)


@pytest.mark.parametrize("size", [(6, 9), (9, 9), (7, 11), (7, 8), (0, 9)])
def test_a_size_that_does_not_fit_is_a_usage_error(tiny_folder, size):
    with pytest.raises(UsageError, match="cannot become"):
        regrow.grow(noise(5, 4), scale=2, size=size, model=tiny_folder)


def test_a_passport_is_not_contradicted(tmp_path, tiny_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(9, 7)), tmp_path / "s.png", model=tiny_folder)
    for wrong in ({"scale": 4}, {"size": (8, 9)}):
        with pytest.raises(UsageError, match="passport says 7x9, shrunk to 4x5"):
            regrow.grow(small, tmp_path / "g.png", model=tiny_folder, **wrong)
    regrow.grow(small, tmp_path / "g.png", model=tiny_folder, scale=2, size=(7, 9))


def test_other_weights_than_those_that_shrank_it_are_refused(tmp_path, tiny_folder):
    zoo.save(randomized(TADConfig(channels=8, blocks=1), seed=1), tmp_path / "other")
    small = regrow.shrink(write(tmp_path / "a.png", noise(9, 7)), tmp_path / "s.png", model=tiny_folder)
    with pytest.raises(RegrowError, match="other weights"):
        regrow.grow(small, tmp_path / "g.png", model=str(tmp_path / "other"))
    with pytest.raises(RegrowError, match="other weights"):
        regrow.grow(small, tmp_path / "g.png", model="tad-x2")
    with pytest.raises(RegrowError, match=r"'tiny'.*not here.*--model"):
        regrow.grow(small, tmp_path / "g.png")
    assert not (tmp_path / "g.png").exists()


def test_a_resized_small_picture_is_refused(tmp_path, tiny_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(40, 30)), tmp_path / "s.webp", model=tiny_folder)
    with Image.open(small) as image:
        image.resize((10, 14)).save(tmp_path / "r.webp", lossless=True, exif=image.info["exif"])
    with pytest.raises(RegrowError, match=r"10x14.*15x20"):
        regrow.grow(tmp_path / "r.webp", tmp_path / "g.png", model=tiny_folder)


def test_a_small_picture_made_grey_is_refused(tmp_path, tiny_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(9, 7)), tmp_path / "s.png", model=tiny_folder)
    grey = write(tmp_path / "grey.png", noise(5, 4, 1), metadata=open_picture(small).metadata)
    with pytest.raises(RegrowError, match="colours"):
        regrow.grow(grey, tmp_path / "g.png", model=tiny_folder)


@pytest.mark.parametrize("between", [".png", ".webp", ".avif", ".tiff"])
def test_a_small_picture_can_be_shrunk_again_and_grown_twice(tmp_path, tiny_folder, between):
    """Wherever each of its two passports lies."""
    source = write(tmp_path / "a.png", noise(19, 17), exif=exif())
    once = regrow.shrink(source, tmp_path / f"1{between}", model=tiny_folder)
    twice = regrow.shrink(once, tmp_path / "2.webp", model=tiny_folder)
    back = regrow.grow(twice, tmp_path / "3.png", model=tiny_folder)
    assert regrow.info(back) == regrow.info(once)
    grown = open_picture(regrow.grow(back, tmp_path / "4.png", model=tiny_folder))
    assert (grown.width, grown.height) == (17, 19)
    assert (grown.exif, grown.xmp, grown.metadata.passport) == (exif(), None, None)


def test_a_small_pil_image_shrunk_again_grows_twice(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(19, 17))
    with Image.open(regrow.shrink(source, tmp_path / "1.png", model=tiny_folder)) as image:
        twice = regrow.shrink(image, model=tiny_folder)
    back = regrow.grow(twice, model=tiny_folder)
    assert back.size == (9, 10)
    assert regrow.grow(back, model=tiny_folder).size == (17, 19)


@pytest.mark.parametrize("suffix", [*LOSSLESS, ".jpg"])
def test_the_passport_is_a_line_where_nothing_has_to_travel_in_it(tmp_path, tiny_folder, suffix):
    """And metadata lies where it always does, as it was."""
    icc = ICC if suffix != ".tiff" else None
    own = open_picture(write(tmp_path / "a.png", noise(8, 8), exif=exif(), xmp=XMP, icc=icc))
    small = open_picture(regrow.shrink(own.name, tmp_path / f"s{suffix}", model=tiny_folder))
    line = small.metadata.passport
    assert (line is None) == (suffix == ".tiff"), "which has EXIF as tags only"
    assert line is None or line.startswith(b"regrow/2 tiny ")
    assert suffix == ".tiff" or (small.exif, small.xmp, small.icc) == (own.exif, XMP, ICC)
    assert regrow.info(small.name).passport.version == (1 if suffix == ".tiff" else 2)


def test_metadata_that_has_to_travel_does_so_in_the_xmp(tmp_path, tiny_folder):
    source = write(tmp_path / "a.jpg", noise(8, 8), metadata=Metadata(comments=(b"regrow is fine", b"mine")))
    small = regrow.shrink(source, tmp_path / "s.webp", model=tiny_folder)
    assert regrow.info(small).passport.comments == (b"regrow is fine", b"mine")
    assert regrow.info(small).passport.digest == zoo.digest(tiny_folder)
    back = open_picture(regrow.grow(small, tmp_path / "g.jpg", model=tiny_folder))
    assert back.metadata.comments == (b"regrow is fine", b"mine")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif"])
def test_what_is_made_of_a_small_picture_has_no_passport(tmp_path, tiny_folder, suffix, caplog):
    source = write(tmp_path / "a.png", noise(8, 8))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", model=tiny_folder)
    large = regrow.upscale(small, tmp_path / f"l{suffix}", model="bicubic")
    assert "has a passport" in caplog.text
    assert regrow.info(large).passport is None
    assert b"regrow/2" not in large.read_bytes()


def test_a_damaged_picture_leaves_nothing_behind(tmp_path, astronaut):
    write(tmp_path / "a.png", astronaut)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(RegrowError, match=r"a\.png"):
        regrow.shrink(tmp_path / "a.png", tmp_path / "s.png")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]
