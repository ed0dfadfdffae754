import io

import numpy as np
import pytest
from PIL import Image

from regrow.io.codecs import QUALITIES, UNKNOWN, Codec
from regrow.io.coded import facts_of


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def picture(astronaut):
    return np.ascontiguousarray(astronaut[32:96, 96:192])


@pytest.mark.parametrize("quality", [6, 20, 50, 75, 90, 95])
def test_facts_are_read_from_files(picture, quality):
    for codec in (Codec(name="jpeg"), Codec(name="jpeg", full_chroma=True), Codec(name="webp")):
        read, told = facts_of(codec.encode(picture, quality)), codec.facts(quality)
        assert read == pytest.approx(told, abs=0.06)
        assert read[:3] + read[5:] == told[:3] + told[5:]


@pytest.mark.parametrize("quality", [12, 40, 80])
@pytest.mark.parametrize("method", [0, 4, 6])
def test_facts_are_those_of_files_that_others_wrote(picture, quality, method):
    """By Pillow, with libjpeg and libwebp; at methods below 2, libwebp writes no segments."""
    for sampling, full in ((0, True), (1, False), (2, False)):
        data = saved(picture, "jpeg", quality=quality, subsampling=sampling)
        assert facts_of(data) == pytest.approx(Codec(name="jpeg", full_chroma=full).facts(quality), abs=0.02)
    data = saved(picture, "webp", quality=quality, method=method)
    assert facts_of(data) == pytest.approx(Codec(name="webp").facts(quality), abs=0.06)


@pytest.mark.parametrize(("kind", "highest"), [("jpeg", 95), ("webp", 96)])
def test_facts_say_whether_less_was_lost_than_at_qualities_of_use(picture, kind, highest):
    facts = {quality: facts_of(saved(picture, kind, quality=quality)) for quality in (1, 40, highest, highest + 1, 100)}
    assert {one.codec for one in facts.values()} == {kind}
    assert [one.fine for one in facts.values()] == [False, False, False, True, True]
    told = Codec(name=kind).facts
    for quality, shown in ((1, QUALITIES[kind][0]), (40, 40), (100, highest)):
        assert facts[quality].in_use == pytest.approx(told(shown), abs=0.03)
    assert (UNKNOWN.codec, UNKNOWN.fine, UNKNOWN.in_use) == (None, False, UNKNOWN)


def test_tables_of_their_own_count_by_how_coarse_they_are(picture):
    flat = saved(picture, "jpeg", qtables=[[16] * 64, [32] * 64], subsampling=0)
    fine, coarse = (Codec(name="jpeg").facts(quality) for quality in (90, 30))
    assert fine.luma < facts_of(flat).luma < facts_of(flat).chroma < coarse.chroma
    grey = saved(Image.fromarray(picture).convert("L"), "jpeg", quality=30)
    assert facts_of(grey)[3:] == pytest.approx((coarse.luma, coarse.luma, 0), abs=0.02)
    cmyk = saved(Image.fromarray(picture).convert("CMYK"), "jpeg", quality=30)
    assert facts_of(cmyk).jpeg == 1


def test_jpeg_segments_may_be_filled_up_and_tables_may_follow_the_frame(picture):
    data = saved(picture, "jpeg", quality=40)
    expected = facts_of(data)
    at = data.index(b"\xff\xdb")
    assert facts_of(data[:at] + b"\xff\xff" + data[at:]) == expected
    frame = data.index(b"\xff\xc0")
    after = frame + 2 + int.from_bytes(data[frame + 2 : frame + 4], "big")
    moved = data[:at] + data[frame:after] + data[at:frame] + data[after:]
    assert facts_of(moved) == expected
    with Image.open(io.BytesIO(moved)) as image:
        image.load()  # and it is a JPEG


def test_what_stands_before_the_pixels_of_a_webp_does_not_matter(picture):
    plain = saved(picture, "webp", quality=60)
    with_profile = saved(picture, "webp", quality=60, icc_profile=b"x" * 9 + b"VP8 " + b"\0" * 31)
    clear = Image.fromarray(np.dstack([picture, picture[..., :1]]))
    assert facts_of(with_profile) == facts_of(plain) == facts_of(saved(clear, "webp", quality=60))


def test_what_cannot_be_read_is_unknown(picture):
    jpeg, webp = (Codec(name=name).encode(picture, 50) for name in ("jpeg", "webp"))
    for data in (b"", jpeg[:30], webp[:32], Codec(name="avif").encode(picture, 50), saved(picture, "png")):
        assert facts_of(data) == UNKNOWN
    assert facts_of(saved(picture, "webp", lossless=True)) == UNKNOWN
    at = jpeg.index(b"\xff\xdb") + 5
    assert facts_of(jpeg[:at] + bytes(64) + jpeg[at + 64 :]) == UNKNOWN
    for length in range(0, len(jpeg), 7):
        facts_of(jpeg[:length])
        facts_of(webp[:length])
