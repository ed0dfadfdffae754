import io
import os
from dataclasses import replace

import numpy as np
import pytest
import pyvips
import torch
from conftest import noise, randomized
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from skimage.metrics import peak_signal_noise_ratio

import regrow
from regrow import rescaling, zoo
from regrow.errors import RegrowError, UsageError
from regrow.nets.rescale.tad import TADConfig
from regrow.passport import Passport
from regrow.picture import open_picture
from regrow.resample import bicubic as resampled
from regrow.verbs import JPEG_COST
from regrow.writer import PictureWriter

LOSSLESS = [".png", ".webp", ".tiff", ".avif"]
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GREY_ICC = ICC[:16] + b"GRAY" + ICC[20:]


def exif(orientation=1):
    block = Image.Exif()
    block[0x010F], block[0x0112] = "Camera Inc.", orientation
    return block.tobytes().removeprefix(b"Exif\0\0")


def write(path, array, **options):
    height, width, bands = array.shape
    given = {"colours": 1 if bands < 3 else 3, "alpha": bands in (2, 4), "depth": array.dtype.itemsize * 8, **options}
    with PictureWriter(path, width=width, height=height, **given) as writer:
        writer.write(array)
    return path


def read(path):
    return np.concatenate(list(open_picture(path).rows()))


def size_of(path):
    with Image.open(path) as image:
        return image.size


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
        assert (alpha[:, :20] == 0).all()
        assert (alpha[:, 24:] == 2**depth - 1).all()


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
    assert regrow.info(small) is not None
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
    passport = regrow.info(regrow.shrink(source, tmp_path / "s.webp", scale=4, model=tiny_folder))
    assert passport == Passport(
        model="tiny", digest=zoo.digest(tiny_folder), scale=4, width=21, height=9, small_width=6, small_height=3,
        depth=16, colours=3, alpha=True,
    )  # fmt: skip


def test_info_of_an_ordinary_picture_is_none(tmp_path):
    assert regrow.info(write(tmp_path / "a.png", noise(4, 4))) is None


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
    small = regrow.shrink(write(tmp_path / "a.png", noise(40, 30)), tmp_path / "s.png", model=tiny_folder)
    with Image.open(small) as image:
        image.resize((10, 14)).save(tmp_path / "r.webp", lossless=True, xmp=image.info["xmp"])
    with pytest.raises(RegrowError, match=r"10x14.*15x20"):
        regrow.grow(tmp_path / "r.webp", tmp_path / "g.png", model=tiny_folder)


def test_a_small_picture_made_grey_is_refused(tmp_path, tiny_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(9, 7)), tmp_path / "s.png", model=tiny_folder)
    grey = write(tmp_path / "grey.png", noise(5, 4, 1), xmp=open_picture(small).xmp)
    with pytest.raises(RegrowError, match="colours"):
        regrow.grow(grey, tmp_path / "g.png", model=tiny_folder)


def test_a_small_picture_can_be_shrunk_again_and_grown_twice(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(19, 17))
    once = regrow.shrink(source, tmp_path / "1.png", model=tiny_folder)
    twice = regrow.shrink(once, tmp_path / "2.png", model=tiny_folder)
    back = regrow.grow(twice, tmp_path / "3.png", model=tiny_folder)
    assert regrow.info(back) == regrow.info(once)
    assert size_of(regrow.grow(back, tmp_path / "4.png", model=tiny_folder)) == (17, 19)


def test_a_damaged_picture_leaves_nothing_behind(tmp_path, astronaut):
    write(tmp_path / "a.png", astronaut)
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(RegrowError, match=r"a\.png"):
        regrow.shrink(tmp_path / "a.png", tmp_path / "s.png")
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


FORMATS = [*LOSSLESS, ".jpg"]
SCALES = [1.5, 3, 2.7, (2, 1), (1, 2)]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("scale", SCALES, ids=str)
def test_files_of_every_format_come_back_from_any_scale_by_their_passport(tmp_path, tiny_folder, suffix, scale):
    source = write(tmp_path / "a.png", noise(35, 53))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    across, down = scale if isinstance(scale, tuple) else (scale, scale)
    assert size_of(small) == (-(-53 // across), -(-35 // down))
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)) == (53, 35)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("scale", [2.7, (1, 2)], ids=str)
def test_files_equal_arrays_at_any_scale(tmp_path, tiny_folder, suffix, scale):
    array = noise(35, 53)
    small = regrow.shrink(write(tmp_path / "a.png", array), tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    np.testing.assert_array_equal(read(small), regrow.shrink(array, scale=scale, model=tiny_folder))
    grown = read(regrow.grow(small, tmp_path / "g.png", model=tiny_folder))
    np.testing.assert_array_equal(grown, regrow.grow(read(small), scale=scale, size=(53, 35), model=tiny_folder))


@settings(max_examples=40)
@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    tenths=st.tuples(st.integers(10, 80), st.integers(10, 80)).filter(
        lambda pair: pair != (10, 10) and max(pair) <= 4 * min(pair)
    ),
    bands=st.integers(1, 4),
    which=st.sampled_from(["tiny_folder", "uneven_folder"]),
)
def test_any_scale_brings_any_file_back(
    tmp_path_factory, tiny_folder, uneven_folder, width, height, tenths, bands, which
):
    folder, model = tmp_path_factory.mktemp("any"), {"tiny_folder": tiny_folder, "uneven_folder": uneven_folder}[which]
    source = write(folder / "a.png", noise(height, width, bands))
    small = regrow.shrink(source, folder / "s.png", scale=(tenths[0] / 10, tenths[1] / 10), model=model)
    assert size_of(small) == (-(-width * 10 // tenths[0]), -(-height * 10 // tenths[1]))
    assert read(regrow.grow(small, folder / "g.png", model=model)).shape == (height, width, bands)


@pytest.mark.parametrize("scale", [1.1, 1.5, 2.7, 3, 7.3, (2.7, 1), (1, 4), (127.9, 32)], ids=str)
@pytest.mark.parametrize("small", [(1, 1), (3, 5), (8, 2), (11, 7)])
def test_a_small_picture_without_passport_grows_at_any_scale_without_a_size(tiny_folder, scale, small):
    """To the largest size that shrinks to it."""
    width, height = small
    grown = regrow.grow(noise(height, width), scale=scale, model=tiny_folder)
    scales = scale if isinstance(scale, tuple) else (scale, scale)
    size = grown.shape[1], grown.shape[0]
    assert rescaling.small_size(size, scales) == small
    larger = rescaling.small_size((size[0] + 1, size[1] + 1), scales)
    assert larger[0] > width
    assert larger[1] > height


@settings(max_examples=200)
@given(sides=st.tuples(st.integers(1, 10**6), st.integers(1, 10**6)), millionths=st.integers(10**6, 128 * 10**6))
def test_small_sizes_are_exact_whatever_the_scale(sides, millionths):
    scale = float(f"{millionths // 10**6}.{millionths % 10**6:06}")
    expected = tuple(-(-side * 10**6 // millionths) for side in sides)
    assert rescaling.small_size(sides, (scale, scale)) == expected
    grown = rescaling.grown_size(sides, (scale, scale))
    assert grown == tuple(side * millionths // 10**6 for side in sides)
    assert rescaling.small_size(grown, (scale, scale)) == sides


@pytest.mark.parametrize("scale", [1.5, 2.7, (2, 1)], ids=str)
def test_arrays_images_and_tensors_of_any_scale_come_back_as_their_kind(tiny_folder, scale):
    array = noise(20, 31)
    tensor = torch.from_numpy(array).permute(2, 0, 1) / 255
    small = regrow.shrink(array, scale=scale, model=tiny_folder)
    options = {"scale": scale, "size": (31, 20), "model": tiny_folder}
    grown = regrow.grow(small, **options)
    assert isinstance(grown, np.ndarray)
    assert grown.shape == (20, 31, 3)
    image = regrow.shrink(Image.fromarray(array), scale=scale, model=tiny_folder)
    np.testing.assert_array_equal(np.asarray(image), small)
    np.testing.assert_array_equal(np.asarray(regrow.grow(image, model=tiny_folder)), grown)
    floats = regrow.shrink(tensor, scale=scale, model=tiny_folder)
    np.testing.assert_array_equal((floats.permute(1, 2, 0) * 255).round().byte().numpy(), small)
    np.testing.assert_allclose(regrow.grow(floats, **options).permute(1, 2, 0) * 255, grown, atol=0.5 + 1e-3)


def test_the_passport_of_an_uneven_fractional_scale_says_how(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(31, 53))
    passport = regrow.info(regrow.shrink(source, tmp_path / "s.png", scale=(2.7, 1.5), model=tiny_folder))
    assert passport is not None
    assert (passport.scale, passport.width, passport.height) == (4, 53, 31)
    assert (passport.small_width, passport.small_height) == (20, 21)


def test_a_passport_may_be_confirmed_with_the_scale_that_was_asked_for(tmp_path, tiny_folder):
    source = write(tmp_path / "a.png", noise(31, 53))
    small = regrow.shrink(source, tmp_path / "s.png", scale=2.7, model=tiny_folder)
    regrow.grow(small, tmp_path / "g.png", scale=2.7, model=tiny_folder)
    with pytest.raises(UsageError, match="passport says 53x31, shrunk to 20x12"):
        regrow.grow(small, tmp_path / "h.png", scale=3, model=tiny_folder)


@pytest.mark.parametrize("scale", [0.99, 128.1, (1, 0.5), (16, 1), (1, 8.1), (128, 15), (2, float("nan"))], ids=str)
def test_scales_too_large_too_small_or_too_uneven_are_usage_errors(tiny_folder, scale):
    with pytest.raises(UsageError, match="scale"):
        regrow.shrink(noise(4, 4), scale=scale, model=tiny_folder)
    with pytest.raises(UsageError, match="scale"):
        regrow.grow(noise(4, 4), scale=scale, model=tiny_folder)


GREY_FORMATS = [".png", ".tiff", ".jpg"]


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("bands", [3, 4])
def test_colour_hidden_in_grey_comes_back_with_all_else(tmp_path, hiding_folder, suffix, depth, bands):
    """The profile describes colours, so a grey file cannot hold it: it travels in the passport."""
    bands = 3 if suffix == ".jpg" else bands
    array = noise(19, 23, bands, np.uint8 if depth == 8 else np.uint16)
    if bands == 4:
        array[..., 3] = 2**depth - 1
    source = write(tmp_path / "a.png", array, icc=ICC, exif=exif())
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    opened, passport = open_picture(small), regrow.info(small)
    assert passport is not None
    assert (opened.width, opened.height, opened.depth, opened.alpha) == (23, 19, 8, bands == 4)
    if suffix in GREY_FORMATS:
        assert opened.colours == 1
        assert opened.icc is None
        assert passport.icc == ICC
    else:
        pixels = read(small)
        np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])
        assert opened.icc == ICC
        assert passport.icc is None
    assert (passport.scale, passport.colours, passport.depth) == (1, 3, depth)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    assert (grown.width, grown.height, grown.image.bands, grown.depth) == (23, 19, bands, depth)
    assert grown.icc == ICC
    assert grown.exif == exif()
    assert grown.xmp is None
    if bands == 4:
        assert (read(tmp_path / "g.png")[..., 3] == 2**depth - 1).all()


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_hidden_colour_in_files_equals_hidden_colour_in_arrays(tmp_path, hiding_folder, suffix):
    array = noise(19, 23, 4)
    source = write(tmp_path / "a.png", array)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    expected = regrow.shrink(array, grey=True, model=hiding_folder)
    assert expected.shape == (19, 23, 2)
    np.testing.assert_array_equal(read(small)[..., [0, -1]], expected)
    grown = read(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    np.testing.assert_array_equal(grown, regrow.grow(expected, scale=1, model=hiding_folder))


@pytest.mark.parametrize("scale", [1, 1.5, (2, 1), 2], ids=str)
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_colour_is_hidden_at_any_scale_up_to_the_models(tmp_path, hiding_x2_folder, scale, suffix):
    source = write(tmp_path / "a.png", noise(19, 23))
    if scale == 1:
        with pytest.raises(UsageError, match="scale 1"):
            regrow.shrink(source, tmp_path / "s.png", scale=scale, grey=True, model=hiding_x2_folder)
        return
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, grey=True, model=hiding_x2_folder)
    grown = read(regrow.grow(small, tmp_path / "g.png", model=hiding_x2_folder))
    assert grown.shape == (19, 23, 3)
    assert np.ptp(grown.astype(int), axis=2).max() > 0


def test_more_than_the_scale_of_a_model_that_hides_colour_is_a_usage_error(hiding_folder, hiding_x2_folder):
    for model, scale in ((hiding_folder, 2), (hiding_folder, (1, 1.1)), (hiding_x2_folder, 4), (hiding_x2_folder, 2.1)):
        with pytest.raises(UsageError, match="at most"):
            regrow.shrink(noise(9, 9), scale=scale, grey=True, model=model)
        with pytest.raises(UsageError, match="at most"):
            regrow.grow(noise(9, 9, 1), scale=scale, model=model)


def test_arrays_with_hidden_colour_come_back_in_colour(hiding_folder):
    """A flat grey picture cannot stay flat when it gets its colours back."""
    small = regrow.shrink(noise(9, 7), grey=True, model=hiding_folder)
    assert (small.shape, small.dtype) == ((9, 7, 1), np.uint8)
    grown = regrow.grow(small, scale=1, model=hiding_folder)
    assert (grown.shape, grown.dtype) == ((9, 7, 3), np.uint8)
    np.testing.assert_array_equal(regrow.grow(small[..., 0], scale=1, model=hiding_folder), grown)
    assert regrow.grow(
        regrow.shrink(noise(9, 7, 4), model=hiding_folder, grey=True), scale=1, model=hiding_folder
    ).shape == (9, 7, 4)


def test_tensors_with_hidden_colour_come_back_in_colour(hiding_folder):
    tensor = torch.rand(3, 9, 7)
    small = regrow.shrink(tensor, grey=True, model=hiding_folder)
    assert tuple(small.shape) == (1, 9, 7)
    grown = regrow.grow(small, scale=1, model=hiding_folder)
    assert (tuple(grown.shape), grown.dtype) == ((3, 9, 7), torch.float32)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "CMYK", "L", "LA", "I;16"])
def test_pil_images_with_hidden_colour_come_back_in_colour(hiding_folder, mode):
    image = Image.new("RGB", (7, 9), (90, 120, 30)).convert(mode) if mode == "P" else Image.new(mode, (7, 9))
    small = regrow.shrink(image, grey=True, model=hiding_folder)
    assert small.mode == ("LA" if mode in ("RGBA", "LA") else "L")
    grown = regrow.grow(small, model=hiding_folder)
    assert grown.size == (7, 9)
    assert grown.mode == {"P": "RGB", "CMYK": "RGB"}.get(mode, mode)


def test_a_pil_image_with_hidden_colour_saved_to_a_grey_file_keeps_its_profile(tmp_path, hiding_folder):
    image = Image.fromarray(noise(9, 7))
    image.info["icc_profile"] = ICC
    small = regrow.shrink(image, grey=True, model=hiding_folder)
    assert "icc_profile" not in small.info
    assert regrow.grow(small, model=hiding_folder).info["icc_profile"] == ICC
    small.save(tmp_path / "s.tiff", tiffinfo={700: small.info["xmp"]})
    grown = open_picture(regrow.grow(tmp_path / "s.tiff", tmp_path / "g.png", model=hiding_folder))
    assert (grown.colours, grown.icc) == (3, ICC)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_grey_pictures_pass_a_model_that_hides_colour_and_stay_grey(tmp_path, hiding_folder, bands, suffix):
    source = write(tmp_path / "a.png", noise(9, 7, bands), icc=GREY_ICC)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", grey=True, model=hiding_folder)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=hiding_folder))
    assert (grown.image.bands, grown.icc) == (bands, GREY_ICC)


@pytest.mark.parametrize("alpha", [0, 1])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_hidden_colour_without_passport_grows_with_the_model(tmp_path, hiding_folder, suffix, alpha):
    small = regrow.shrink(noise(9, 7, 3 + alpha), grey=True, model=hiding_folder)
    write(tmp_path / f"s{suffix}", small)
    with pytest.raises(RegrowError, match="no passport"):
        regrow.grow(tmp_path / f"s{suffix}", tmp_path / "g.png", model=hiding_folder)
    grown = regrow.grow(tmp_path / f"s{suffix}", tmp_path / "g.png", scale=1, model=hiding_folder)
    np.testing.assert_array_equal(read(grown), regrow.grow(small, scale=1, model=hiding_folder))


def test_a_model_that_changes_only_the_size_takes_no_scale_1(tiny_folder):
    with pytest.raises(UsageError, match="scale 1"):
        regrow.shrink(noise(4, 4), grey=True, model=tiny_folder)


@pytest.mark.parametrize("bands", [1, 2])
@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("scale", [2, 2.7, 4])
def test_grey_pictures_go_there_and_back_with_a_model_of_grey(tmp_path, grey_folder, bands, suffix, scale):
    source = write(tmp_path / "a.png", noise(19, 23, bands, np.uint16), icc=GREY_ICC)
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=grey_folder)
    grown = open_picture(regrow.grow(small, tmp_path / "g.png", model=grey_folder))
    assert (grown.width, grown.height, grown.image.bands, grown.depth) == (23, 19, bands, 16)
    assert grown.icc == GREY_ICC


@pytest.mark.parametrize("bands", [3, 4])
def test_colours_are_refused_by_a_model_of_grey(tmp_path, grey_folder, bands):
    source = write(tmp_path / "a.png", noise(9, 7, bands))
    with pytest.raises(UsageError, match=r"a\.png.*grey"):
        regrow.shrink(source, tmp_path / "s.png", model=grey_folder)
    assert not (tmp_path / "s.png").exists()
    for picture in (noise(9, 7, bands), Image.fromarray(noise(9, 7, bands)), torch.rand(3, 9, 7)):
        with pytest.raises(UsageError, match="grey"):
            regrow.shrink(picture, model=grey_folder)


def test_a_model_that_leaves_one_side_alone_shrinks_the_other(uneven_folder):
    picture = noise(20, 32)
    assert regrow.shrink(picture, scale=(2, 1), model=uneven_folder).shape == (20, 16, 3)
    assert regrow.shrink(picture, scale=(4, 1), model=uneven_folder).shape == (20, 8, 3)
    bicubic_down = resampled(torch.from_numpy(picture).permute(2, 0, 1) / 255, (10, 32))
    both = regrow.shrink(picture, scale=2, model=uneven_folder)
    assert both.shape == (10, 16, 3)
    expected = regrow.shrink(bicubic_down.clamp(0, 1), scale=(2, 1), model=uneven_folder).permute(1, 2, 0) * 255
    assert np.abs(both - expected.numpy()).mean() < 2  # but for what overshoots before it is shrunk


@pytest.mark.parametrize("scale", [(4.1, 16.4), (17, 4.25), 4.1, 63], ids=str)
def test_a_model_that_shrinks_by_4_at_once_serves_every_scale_up_to_64(tmp_path, scale):
    zoo.save(randomized(TADConfig(scale=4, height=4, width=4, channels=8, blocks=1)), tmp_path / "x4")
    model, source = str(tmp_path / "x4"), write(tmp_path / "a.png", noise(200, 200))
    small = regrow.shrink(source, tmp_path / "s.png", scale=scale, model=model)
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=model)) == (200, 200)
    with pytest.raises(UsageError, match=r"scale 65: .* at most 64 times"):
        regrow.shrink(source, tmp_path / "t.png", scale=65, model=model)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (127, 300)])
def test_too_small_a_picture_is_warned_of_and_works(tmp_path, tiny_folder, caplog, size):
    source = write(tmp_path / "a.png", noise(size[1], size[0]))
    small = regrow.shrink(source, tmp_path / "s.png", scale=128, model=tiny_folder)
    assert f"a.png: {size[0]}x{size[1]} is too small to be shrunk by 128" in caplog.text
    assert size_of(regrow.grow(small, tmp_path / "g.png", model=tiny_folder)) == size


def test_pictures_large_enough_are_not_warned_of(tmp_path, tiny_folder, caplog):
    regrow.shrink(write(tmp_path / "a.png", noise(2, 8)), tmp_path / "s.png", scale=(8, 2), model=tiny_folder)
    assert not caplog.text
    regrow.shrink(write(tmp_path / "a.png", noise(1, 8)), tmp_path / "s.png", scale=(8, 2), model=tiny_folder)
    assert "8x1 is too small to be shrunk by 8x2" in caplog.text


@pytest.mark.parametrize("scale", [2.7, (2, 1), (1, 2)], ids=str)
@pytest.mark.parametrize("suffix", [".png", ".avif"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_turned_photographs_come_back_at_any_scale(tmp_path, tiny_folder, scale, suffix, orientation):
    source = write(tmp_path / "a.png", noise(20, 41), exif=exif(orientation))
    small = regrow.shrink(source, tmp_path / f"s{suffix}", scale=scale, model=tiny_folder)
    grown = regrow.grow(small, tmp_path / "g.png", model=tiny_folder)
    shown = [pyvips.Image.new_from_file(str(path)).autorot() for path in (source, grown)]
    assert (shown[0].width, shown[0].height) == (shown[1].width, shown[1].height)


def test_colours_in_the_small_picture_of_a_grey_model_are_averaged(grey_folder):
    small = noise(8, 9, 3)
    mean = small.mean(-1, keepdims=True)
    alike = np.broadcast_to(np.rint(mean).astype(np.uint8), small.shape)
    apart = regrow.grow(alike, scale=2, model=grey_folder).astype(int) - regrow.grow(small, scale=2, model=grey_folder)
    assert np.abs(apart).mean() < 2


def test_a_passport_that_says_colours_of_a_grey_model_is_refused(tmp_path, grey_folder):
    small = regrow.shrink(write(tmp_path / "a.png", noise(8, 8, 1)), tmp_path / "s.png", model=grey_folder)
    bad = tmp_path / "bad.png"
    passport = replace(regrow.info(small), colours=3)
    with PictureWriter(bad, width=4, height=4, colours=1, xmp=passport.to_xmp(None)) as writer:
        writer.write(read(small))
    with pytest.raises(RegrowError, match="passport says it had colours"):
        regrow.grow(bad, tmp_path / "g.png", model=grey_folder)


def test_hiding_colours_is_not_silently_left_out(tiny_folder, hiding_folder):
    with pytest.raises(UsageError, match="does not hide colours"):
        regrow.shrink(noise(8, 8), grey=True, scale=2, model=tiny_folder)
    with pytest.raises(UsageError, match="grey already"):
        regrow.shrink(noise(8, 8, 1), grey=True)
    with pytest.raises(UsageError, match="--grey to hide"):
        regrow.shrink(noise(8, 8), scale=1)


def test_every_model_that_may_be_chosen_ships():
    names = {
        rescaling.default_model((across, down), colours, grey=grey)
        for across in (1, 1.5, 2, 3, 4, 16, 128)
        for down in (1, 1.5, 2, 4)
        for colours in (1, 3)
        for grey in (False, True)
        if max(across, down) > 1 or (grey and colours == 3)
    }
    assert names <= set(zoo.names())


@pytest.mark.parametrize(
    ("scales", "name"),
    [
        ((1.1, 1.1), "tad-any-x2"), ((1.5, 1), "tad-any-x2"), ((1.8, 1.8), "tad-x2"), ((2, 1.5), "tad-x2"),
        ((2, 1), "tad-2x1"), ((1, 2), "tad-1x2"), ((4, 1), "tad-2x1"), ((3, 3), "tad-x4"), ((4, 2), "tad-x4"),
        ((4.1, 4.1), "tad-x16"), ((1, 8), "tad-x16"), ((128, 128), "tad-x16"),
    ],
    ids=str,
)  # fmt: skip
def test_every_scale_has_its_model(scales, name):
    assert rescaling.default_model(scales) == name
