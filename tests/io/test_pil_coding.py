"""What a PIL image remembers of its file, against what the file states."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from regrow.io.codecs import Codec
from regrow.io.coded import facts_of
from regrow.io.marks import density
from regrow.io.pil_coding import Remembered, remembered


def jpeg(picture, **options):
    target = io.BytesIO()
    Image.fromarray(picture).save(target, "JPEG", **options)
    return target.getvalue()


@pytest.mark.parametrize("quality", [1, 30, 75, 100])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": "4:4:4"}, {"subsampling": "4:2:2"}, {"restart_marker_rows": 1}],
    ids=repr,
)
def test_of_a_jpeg_all_facts_are_remembered_also_once_it_is_loaded(coffee, quality, options):
    data = jpeg(coffee[:48, :64], quality=quality, **options)
    image = Image.open(io.BytesIO(data))
    for _ in range(2):
        assert remembered(image).facts == facts_of(data) != Remembered().facts
        image.load()


def test_of_grey_of_uneven_tables_and_of_inks(camera, coffee):
    uneven = [list(range(1, 65)), list(range(255, 127, -2))]
    inks = io.BytesIO()
    Image.fromarray(coffee[:32, :32]).convert("CMYK").save(inks, "JPEG", quality=40)
    tuned = Codec(name="jpeg", tuned=True).encode(coffee[:32, :32], 30)
    for data in (jpeg(camera[:32, :32], quality=40), jpeg(coffee[:32, :32], qtables=uneven), inks.getvalue(), tuned):
        assert remembered(Image.open(io.BytesIO(data))).facts == facts_of(data) != Remembered().facts


def test_the_mark_is_remembered(coffee):
    data = jpeg(coffee[:32, :32])
    assert data[13:18] == b"\x00\x00\x01\x00\x01"
    marked = data[:14] + density(1.5).to_bytes(2, "big") * 2 + data[18:]
    assert remembered(Image.open(io.BytesIO(data))).mark is None
    assert remembered(Image.open(io.BytesIO(marked))).mark == 1.5


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((20, 20)),
        lambda image: image.convert("L"),
        lambda image: image.copy(),
        lambda image: image.crop((1, 1, 20, 20)),
        lambda image: image.draft("RGB", (30, 30)) and image,
        lambda image: image.thumbnail((20, 20)) or image,
    ],
    ids=["resize", "convert", "copy", "crop", "draft", "thumbnail"],
)
def test_what_is_made_of_a_jpeg_remembers_nothing(coffee, change):
    assert remembered(change(Image.open(io.BytesIO(jpeg(coffee[:256, :256]))))) == Remembered()


def test_what_is_drawn_on_a_jpeg_leaves_the_rest_as_it_was_coded(coffee):
    data = jpeg(coffee[:32, :32])
    image = Image.open(io.BytesIO(data))
    ImageDraw.Draw(image).line((0, 0, 9, 9))
    assert remembered(image).facts == facts_of(data)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_of_other_formats_nothing_is_remembered(coffee, kind):
    target = io.BytesIO()
    Image.fromarray(coffee[:32, :32]).save(target, kind)
    assert remembered(Image.open(target)) == Remembered() == remembered(Image.fromarray(np.zeros((4, 4), np.uint8)))


@pytest.mark.parametrize("tables", [{0: [1] * 63}, {7: [1] * 64}, {0: [0] * 64, 1: [0] * 64}])
def test_tables_that_are_none_say_nothing(coffee, tables):
    image = Image.open(io.BytesIO(jpeg(coffee[:32, :32])))
    image.quantization = tables
    assert remembered(image) == Remembered()
