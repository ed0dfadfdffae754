import io

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from regrow.io.codecs import QUALITIES, UNKNOWN, Codec, Facts
from regrow.io.coded import facts_of
from regrow.io.jpeg_tables import CHROMA, LUMA, ZIGZAG, steps
from regrow.io.memory import read_rgb


@pytest.mark.parametrize("name", QUALITIES)
def test_codecs_lose_less_at_higher_quality_for_more_bytes(astronaut, name):
    picture = astronaut[32:128, 96:192]
    files = [Codec(name=name).encode(picture, quality) for quality in (20, 50, 85)]
    assert sorted(map(len, files)) == list(map(len, files))
    with Image.open(io.BytesIO(files[1])) as image:
        assert (image.format.lower(), image.size) == (name, (96, 96))
        assert not {"icc_profile", "exif", "xmp"} & image.info.keys()
    errors = [peak_signal_noise_ratio(picture, read_rgb(data)) for data in files]
    assert sorted(errors) == errors


def test_jpeg_is_progressive_and_subsampled_unless_asked(astronaut):
    for full in (False, True):
        data = Codec(name="jpeg", full_chroma=full).encode(astronaut[:64, :64], 75)
        with Image.open(io.BytesIO(data)) as image:
            assert image.info["progressive"]
            assert [layer[1:3] for layer in image.layer] == [(1, 1) if full else (2, 2), (1, 1), (1, 1)]


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 75, 100])
def test_tables_are_those_of_libjpeg(quality):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg", quality=quality)
    with Image.open(file) as image:
        written = image.quantization
    for table, expected in zip(steps(quality), (written[0], written[1]), strict=True):
        np.testing.assert_array_equal(table.reshape(-1), expected)


def test_zigzag_and_standard_tables_are_those_of_the_standard():
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "jpeg", quality=50)
    data = file.getvalue()
    at = data.index(b"\xff\xdb") + 5
    assert list(data[at : at + 64]) == [int(LUMA.reshape(-1)[i]) for i in ZIGZAG]
    assert ZIGZAG[:6] == (0, 1, 8, 16, 9, 2)
    assert (CHROMA[0, 0], CHROMA[7, 7]) == (17, 99)


def test_facts_are_of_one_codec_and_fall_with_quality():
    for i, name in enumerate(QUALITIES):
        facts = [Codec(name=name).facts(quality) for quality in (10, 50, 90, 100)]
        assert all(f[i] == sum(f[:3]) == 1 for f in facts)
        assert sorted((f.luma for f in facts), reverse=True) == [f.luma for f in facts]
    assert Codec(name="jpeg", full_chroma=True).facts(50) == Facts(jpeg=1, full_chroma=1)
    assert not any(UNKNOWN)


@pytest.mark.parametrize("quality", [3, 20, 50, 75, 92])
@pytest.mark.parametrize("full_chroma", [False, True])
def test_what_is_told_of_a_tuned_jpeg_is_what_its_tables_say(coffee, quality, full_chroma):
    codec = Codec(name="jpeg", tuned=True, full_chroma=full_chroma)
    stated = facts_of(codec.encode(np.ascontiguousarray(coffee[:32, :32]), quality))
    assert codec.facts(quality) == pytest.approx(stated, abs=1e-6)
