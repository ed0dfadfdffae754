import io
import re
from bisect import bisect_right
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from support.pictures import ICC, noise, read, write

import regrow
from regrow.errors import RegrowError, UsageError
from regrow.io.codecs import Codec
from regrow.io.marks import scale_of
from regrow.io.reader import open_picture
from regrow.operations.coded import nets
from regrow.operations.coded.sample import sampled

CODECS = ("jpg", "webp", "avif")
QUICK = 2


@pytest.fixture
def quick(monkeypatch):
    """AVIF with less effort, in a tenth of the time."""
    monkeypatch.setattr(nets, "EFFORT", QUICK)


@pytest.fixture
def photo(coffee, tmp_path):
    """A photograph of 240x161, which no scale divides."""
    return write(tmp_path / "photo.png", coffee[100:261, 200:440])


def grown(small, **options):
    """What a small file grows to."""
    target = io.BytesIO()
    regrow.grow(small, target, format="png", **options)
    return np.asarray(Image.open(target))


def alone(picture, name, limit):
    """The best that the codec alone makes of a picture within so many bytes, decoded by Pillow."""
    codec = Codec(name={"jpg": "jpeg"}.get(name, name), effort=QUICK)
    fits = bisect_right(range(1, 101), limit, key=lambda quality: len(codec.encode(picture, quality)))
    files = (codec.encode(picture, quality) for quality in range(min(fits + 2, 100), 0, -1))  # bytes may dip
    data = next(data for data in files if len(data) <= limit)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("suffix", CODECS)
def test_a_name_is_enough(photo, tmp_path, suffix, caplog):
    small = regrow.shrink(photo, tmp_path / f"small.{suffix}")
    assert open_picture(small).format == {"jpg": "jpeg", "avif": "heif"}.get(suffix, suffix)
    picture = read(photo)
    assert grown(small).shape == picture.shape
    codec = Codec(name={"jpg": "jpeg"}.get(suffix, suffix), effort=5)
    data = codec.encode(picture, {"jpg": 80, "webp": 75, "avif": 60}[suffix])
    reference = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    assert peak_signal_noise_ratio(picture, grown(small)) > peak_signal_noise_ratio(picture, reference) - 0.05
    assert small.stat().st_size < len(data) + 160
    assert f"{small.stat().st_size} bytes" in caplog.text


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("suffix", CODECS)
@pytest.mark.parametrize("limit", [1500, 5000])
def test_bytes_are_met_from_below_and_used_well(photo, tmp_path, suffix, limit):
    small = regrow.shrink(photo, tmp_path / f"small.{suffix}", bytes=limit)
    assert small.stat().st_size <= limit
    picture = read(photo)
    better = peak_signal_noise_ratio(picture, grown(small)) - peak_signal_noise_ratio(
        picture, alone(picture, suffix, limit)
    )
    assert better > -0.05


def test_bytes_are_used_up_as_far_as_the_steps_of_the_codec_allow(photo, tmp_path):
    limit = 6000
    small = regrow.shrink(photo, tmp_path / "small.webp", bytes=limit, scale=1)
    assert 0.96 * limit < small.stat().st_size <= limit


def test_bits_a_pixel_are_those_of_the_original(photo, tmp_path):
    small = regrow.shrink(photo, tmp_path / "small.webp", bpp=0.5)
    assert small.stat().st_size * 8 / (240 * 161) <= 0.5


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("suffix", CODECS)
def test_psnr_is_reached(photo, tmp_path, suffix):
    small = regrow.shrink(photo, tmp_path / f"small.{suffix}", psnr=31)
    assert 31 <= peak_signal_noise_ratio(read(photo), grown(small)) < 32


def test_a_large_picture_is_judged_as_a_whole(coffee, tmp_path, monkeypatch):
    """Tiles that are sampled are smoother than the rest."""
    monkeypatch.setattr("regrow.operations.coded.sample.TILE", 96)
    monkeypatch.setattr("regrow.operations.coded.sample.TILES", 1)
    picture = np.array(coffee[:300, :400])
    picture[102:198, 152:248] = picture[102:198, 152:248].mean((0, 1)) + 0.1 * picture[102:198, 152:248]
    source = write(tmp_path / "large.png", picture.astype(np.uint8))
    assert not sampled(read(source), 10**4).whole
    codec = Codec(name="webp", effort=5)
    bare = np.asarray(Image.open(io.BytesIO(codec.encode(read(source), 75))).convert("RGB"))
    made = grown(regrow.shrink(source, tmp_path / "small.webp"))
    assert peak_signal_noise_ratio(read(source), made) > peak_signal_noise_ratio(read(source), bare) - 0.1
    small = regrow.shrink(source, tmp_path / "within.webp", bytes=9000)
    best = alone(read(source), "webp", 9000)
    assert peak_signal_noise_ratio(read(source), grown(small)) > peak_signal_noise_ratio(read(source), best) - 0.05


def test_the_codec_alone_has_qualities_that_nets_have_not(tmp_path):
    """As few bytes are reached by it as its own encoder reaches."""
    source = write(tmp_path / "text.png", noise(64, 64) // 64 * 64)
    least = len(Codec(name="jpeg").encode(read(source), 1))
    small = regrow.shrink(source, tmp_path / "small.jpg", scale=1, bytes=least + 200)
    assert small.stat().st_size <= least + 200


@pytest.mark.parametrize(("scale", "width"), [(1.5, 160), (2, 120)])
def test_a_scale_and_a_quality_leave_nothing_to_search(photo, tmp_path, scale, width):
    small = regrow.shrink(photo, tmp_path / "small.jpg", scale=scale, quality=40)
    assert open_picture(small).width == width
    passport = regrow.info(small).passport
    assert (passport.model, passport.scale, passport.asked) == (f"codec-x{scale:g}", scale, "q40")
    assert scale_of(small.read_bytes()) == scale
    assert grown(small).shape == read(photo).shape


def test_refinement_makes_more_of_as_many_bytes(photo, tmp_path):
    usual, better = (
        regrow.shrink(photo, tmp_path / f"{refine}.jpg", scale=2, bytes=3000, refine=refine) for refine in (0, 8)
    )
    assert max(usual.stat().st_size, better.stat().st_size) <= 3000
    picture = read(photo)
    assert peak_signal_noise_ratio(picture, grown(better)) > peak_signal_noise_ratio(picture, grown(usual)) + 0.03
    assert regrow.info(better).passport.refined == 8


def test_refinement_is_made_anew_where_another_was_asked(regrow, photo, tmp_path):
    """A result that is there already was refined as often."""
    args = ["shrink", photo, "-o", tmp_path / "s.jpg", "--scale", "2", "--quality", "30"]
    regrow(*args)
    assert "already" in regrow(*args).err
    assert regrow(*args, "--refine", "2").code == 1  # it would be written over


def stripped(data):
    """Of a WebP its pixels, of an AVIF all but its passport."""
    if data[4:8] == b"ftyp":
        return re.sub(rb"regrow/2[ -~]*", lambda line: bytes(len(line[0])), data)
    at = data.index(b"VP8 ")
    length = 8 + int.from_bytes(data[at + 4 : at + 8], "little")
    pixels = data[at : at + length + length % 2]
    return b"RIFF" + (4 + len(pixels)).to_bytes(4, "little") + b"WEBP" + pixels


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("form", "scale"), [("webp", 1.5), ("webp", 2), ("avif", 2)])
def test_a_stripped_file_is_recognized_by_its_stream(photo, tmp_path, form, scale, caplog):
    small = regrow.shrink(photo, tmp_path / f"small.{form}", scale=scale, quality=60)
    bare = tmp_path / f"bare.{form}"
    bare.write_bytes(stripped(small.read_bytes()))
    with pytest.raises(RegrowError, match="--codec-model auto grows it"):
        grown(bare)
    same = grown(bare, codec_model="auto", size=(240, 161))
    assert np.array_equal(same, grown(small))
    assert np.array_equal(grown(bare, codec_model=f"codec-x{scale:g}", size=(240, 161)), same)
    assert np.array_equal(grown(bare, scale=scale, size=(240, 161)), same)  # it says as much as the mark
    assert "correct that with --size" not in caplog.text
    assert grown(bare, scale=scale).shape[:2] == (162, 240)
    assert "the original may have a pixel or two fewer than 240x162: correct that with --size" in caplog.text


@pytest.mark.usefixtures("quick")
def test_an_image_grows_like_its_file_where_pillow_knows_as_much(photo, tmp_path, caplog):
    unknown = "how coarsely"
    small = regrow.shrink(photo, tmp_path / "small.jpg", scale=2, quality=30)
    expected = grown(small)
    with Image.open(small) as image:
        assert np.array_equal(regrow.grow(image), expected)
        stripped = Image.open(io.BytesIO(small.read_bytes()))
        stripped.applist.clear()
        assert np.array_equal(regrow.grow(stripped, codec_model="auto", size=(240, 161)), expected)
        assert unknown not in caplog.text
        assert not np.array_equal(regrow.grow(image.copy(), codec_model="codec-x2", size=(240, 161)), expected)
        assert unknown in caplog.text
    caplog.clear()
    with Image.open(regrow.shrink(photo, tmp_path / "small.webp", scale=2, quality=30)) as image:
        regrow.grow(image)
    assert unknown in caplog.text
    caplog.clear()
    with Image.open(regrow.shrink(photo, tmp_path / "small.avif", scale=2, quality=30)) as image:
        regrow.grow(image)
    assert unknown not in caplog.text


def test_what_is_no_small_picture_is_not_taken_for_one(coffee, tmp_path):
    plain = tmp_path / "plain.jpg"
    Image.fromarray(coffee[:64, :64]).save(plain)
    with pytest.raises(RegrowError, match="does not look like a small picture"):
        grown(plain, codec_model="auto")


def test_the_light_net_grows_the_same_file(photo, tmp_path):
    small = regrow.shrink(photo, tmp_path / "small.webp", scale=2, quality=60)
    picture, light = read(photo), grown(small, light=True)
    assert not np.array_equal(light, grown(small))
    assert peak_signal_noise_ratio(picture, light) > peak_signal_noise_ratio(picture, grown(small)) - 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("suffix", CODECS)
def test_pictures_of_all_kinds(tmp_path, camera, coffee, suffix):
    """Grey, 16 bits, and of one pixel."""
    grey = regrow.shrink(write(tmp_path / "grey.png", camera[:80, :96, None]), tmp_path / f"g.{suffix}")
    assert grown(grey).shape == (80, 96)
    deep = regrow.shrink(
        write(tmp_path / "deep.png", coffee[:80, :96].astype(np.uint16) * 257), tmp_path / f"d.{suffix}"
    )
    back = read(regrow.grow(deep, tmp_path / "deep_back.png"))
    assert back.dtype == np.uint16
    assert peak_signal_noise_ratio(coffee[:80, :96].astype(np.uint16) * 257, back, data_range=65535) > 26
    tiny = regrow.shrink(write(tmp_path / "tiny.png", noise(1, 1)), tmp_path / f"t.{suffix}")
    assert grown(tiny).shape == (1, 1, 3)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("suffix", ["webp", "avif"])
def test_transparency_stays_at_its_size(tmp_path, coffee, suffix):
    alpha = np.full((96, 96, 1), 255, np.uint8)
    alpha[:, 40:] = 0
    source = write(tmp_path / "cut.png", np.concatenate([coffee[:96, :96], alpha], 2))
    small = regrow.shrink(source, tmp_path / f"small.{suffix}")
    assert open_picture(small).width == 96
    assert np.abs(grown(small)[..., 3].astype(int) - alpha[..., 0]).mean() < 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("suffix", CODECS)
def test_metadata_comes_back_or_is_left_out(coffee, tmp_path, suffix):
    source = tmp_path / "photo.jpg"
    said = Image.Exif()
    said[0x013B], said[0x0112] = "somebody", 6
    Image.fromarray(coffee[:96, :128]).save(source, exif=said, icc_profile=ICC, comment=b"mine")
    asked = {"scale": 2, "quality": 60}
    kept = regrow.shrink(source, tmp_path / f"kept.{suffix}", **asked)
    bare = regrow.shrink(source, tmp_path / f"bare.{suffix}", **asked, strip=True)
    back, without = (regrow.grow(small, tmp_path / f"{small.stem}.back.jpg") for small in (kept, bare))
    with Image.open(back) as image:
        assert (image.getexif()[0x013B], image.info["comment"], image.info["icc_profile"]) == ("somebody", b"mine", ICC)
    with Image.open(without) as image:
        assert 0x013B not in image.getexif()
        assert "comment" not in image.info
    assert bare.stat().st_size < kept.stat().st_size
    assert b"somebody" not in bare.read_bytes()


@pytest.mark.parametrize("options", [{"light": True}, {"codec_model": "codec-x2"}])
def test_options_of_nets_behind_codecs_say_nothing_of_lossless_files(photo, tmp_path, options):
    small = regrow.shrink(photo, tmp_path / "small.png")
    with pytest.raises(UsageError, match="is for small files of lossy codecs"):
        regrow.grow(small, tmp_path / "back.png", **options)


@pytest.mark.parametrize(("scale", "net"), [(1, "codec-x2"), (2, "codec-x1"), (2, "none"), (1.5, "codec-x2")])
def test_a_net_for_another_scale_is_refused(photo, tmp_path, scale, net):
    """A net that makes too much of a small picture would leave its upper left part."""
    small = regrow.shrink(photo, tmp_path / "small.jpg", scale=scale, quality=50)
    with pytest.raises(UsageError, match=f"{net} is for x.*, and its passport says x{scale}"):
        grown(small, codec_model=net)
    data = small.read_bytes()
    passport = regrow.info(small).passport
    with pytest.raises(RegrowError, match=f"its passport is damaged .{net} does not make 240x161"):
        grown(with_comment(data, replace(passport, model=net).to_text()))


def with_comment(data, text):
    """A JPEG with another comment first."""
    return data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]


def test_a_scale_that_is_not_that_of_the_net_is_refused(photo, tmp_path):
    with pytest.raises(UsageError, match="scale 4: the net of the small picture is for 2"):
        grown(photo, codec_model="codec-x2", scale=4)
    assert grown(photo, codec_model="none").shape == (161, 240, 3)


def test_lossless_is_asked_for(photo, tmp_path):
    small = regrow.shrink(photo, tmp_path / "small.webp", lossless=True)
    assert regrow.info(small).passport.model == "tad-x2"
    assert b"VP8L" in small.read_bytes()


def test_jpeg_is_never_lossless(photo, tmp_path):
    with pytest.raises(UsageError, match="JPEG always loses"):
        regrow.shrink(photo, tmp_path / "small.jpg", lossless=True)


@pytest.mark.parametrize("options", [{"grey": True}, {"scale": 3}, {"scale": (2, 1)}, {"model": "tad-x2", "scale": 2}])
def test_what_lossy_codecs_have_no_nets_for_is_lossless(photo, tmp_path, options, caplog):
    assert b"VP8L" in regrow.shrink(photo, tmp_path / "small.webp", **options).read_bytes()
    assert ("is stored without loss, since lossy codecs have nets" in caplog.text) is (
        len(options) == 1 and "scale" in options
    )
    with pytest.raises(UsageError, match="quality 50 is for small files of lossy codecs, but"):
        regrow.shrink(photo, tmp_path / "other.webp", quality=50, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bytes": 40}, "cannot become 40 bytes as WEBP; the least is"),
        ({"bpp": 1e-7}, "cannot become 0 bytes as WEBP; the least is"),
        ({"psnr": 59}, "gives at most"),
        ({"quality": 50, "lossless": True}, "quality 50: is for lossy files"),
    ],
)
def test_what_cannot_be_made(photo, tmp_path, options, words):
    with pytest.raises(RegrowError, match=words):
        regrow.shrink(photo, tmp_path / "small.webp", **options)
    assert not (tmp_path / "small.webp").exists()


@pytest.mark.parametrize("form", ["jpg", "webp"])
def test_the_most_that_can_be_asked_for_is_told(photo, tmp_path, form):
    with pytest.raises(RegrowError, match="gives at most") as refusal:
        regrow.shrink(photo, tmp_path / f"small.{form}", psnr=59)
    most = float(re.search(r"at most ([0-9.]+) dB", str(refusal.value))[1])
    best = regrow.shrink(photo, tmp_path / f"small.{form}", psnr=most)
    assert most <= peak_signal_noise_ratio(read(photo), grown(best)) < most + 0.2


def test_more_bytes_never_make_it_worse(photo, tmp_path):
    """Beyond the qualities that nets have learned, too, and where full chroma is all that is left to gain."""
    found = []
    for size in (12_000, 16_000, 24_000, 40_000, 90_000):
        small = regrow.shrink(photo, tmp_path / f"{size}.jpg", bytes=size)
        found.append(peak_signal_noise_ratio(read(photo), grown(small)))
    assert found == sorted(found)
    assert found[-1] > 45


def test_that_refinement_found_nothing_is_said(photo, tmp_path, caplog):
    usual, same = (
        read(regrow.shrink(photo, tmp_path / f"{refine}.webp", scale=1, quality=90, refine=refine)) for refine in (0, 1)
    )
    assert ("found nothing better in 1 iterations" in caplog.text) is np.array_equal(usual, same)


def test_a_stream_needs_a_format(photo):
    with pytest.raises(UsageError, match="no format is given"):
        regrow.shrink(photo, io.BytesIO(), quality=50)


def test_what_the_codec_alone_cannot_hold_is_not_compared_with_it(tmp_path, caplog):
    source = write(tmp_path / "long.png", np.zeros((2, 16400, 3), np.uint8))
    small = regrow.shrink(source, tmp_path / "small.webp", scale=2, quality=40)
    assert grown(small).shape == (2, 16400, 3)
    assert "where WEBP alone ends at 16383 pixels a side" in caplog.text


@pytest.mark.parametrize(
    ("suffix", "width", "options", "scale"),
    [("webp", 16500, {}, 1.5), ("webp", 16500, {"psnr": 25}, 1.5), ("webp", 40000, {"bytes": 4500}, 4),
     ("jpg", 66000, {"bytes": 9000}, 1.5)],
)  # fmt: skip
def test_scales_that_the_format_cannot_hold_are_left_out(coffee, tmp_path, caplog, suffix, width, options, scale):
    picture = np.tile(coffee[200:203], (1, -(-width // 600), 1))[:, :width]
    source = write(tmp_path / "long.png", picture)
    small = regrow.shrink(source, tmp_path / f"small.{suffix}", **options)
    assert regrow.info(small).passport.scale >= scale
    assert grown(small).shape == picture.shape
    assert peak_signal_noise_ratio(picture, grown(small)) > options.get("psnr", 15)
    assert small.stat().st_size <= options.get("bytes", 10**6)
    assert "alone ends at" in caplog.text


@pytest.mark.parametrize(
    ("suffix", "size", "bands", "options", "words"),
    [
        (
            "webp",
            (16500, 2),
            3,
            {"scale": 1},
            r"16500x2 at x1, and WEBP ends at 16383 .*; take a scale of 1.5 or 2 or 4",
        ),
        ("webp", (2, 30000), 3, {"scale": 1.5}, r"2x20000 at x1.5, and WEBP ends at .*; take a scale of 2 or 4"),
        ("webp", (16500, 2), 4, {}, "16500x2 at x1, and WEBP ends at .*; use PNG or TIFF"),
        ("avif", (70000, 2), 3, {}, r"17500x1 at x4, and AVIF ends at 16384 .*; use PNG, JPEG or TIFF"),
        ("jpg", (270000, 1), 3, {}, r"67500x1 at x4, and JPEG ends at 65500 .*; use PNG or TIFF"),
    ],
)
def test_what_no_scale_brings_into_the_format_is_refused_with_what_would(tmp_path, suffix, size, bands, options, words):
    source = write(tmp_path / "long.png", np.zeros((*size[::-1], bands), np.uint8))
    with pytest.raises(UsageError, match=words):
        regrow.shrink(source, tmp_path / f"small.{suffix}", **options)
    assert not (tmp_path / f"small.{suffix}").exists()


def test_jpeg_has_no_transparency(tmp_path):
    with pytest.raises(UsageError, match="JPEG has no transparency"):
        regrow.shrink(write(tmp_path / "cut.png", noise(20, 20, 4)), tmp_path / "small.jpg")


def test_png_is_lossless(photo, tmp_path):
    with pytest.raises(UsageError, match="PNG is lossless; name a file that ends in"):
        regrow.shrink(photo, tmp_path / "small.png", bytes=4000)


def test_a_lossy_picture_is_not_asked_for_more_bytes_than_it_has(coffee, tmp_path):
    source = tmp_path / "photo.jpg"
    Image.fromarray(coffee[:128, :128]).save(source, quality=70)
    with pytest.raises(UsageError, match=f"no more than {source.stat().st_size} bytes as it is"):
        regrow.shrink(source, tmp_path / "small.jpg", bytes=source.stat().st_size)


def test_a_result_is_there_already_where_the_same_was_asked(regrow, photo, tmp_path):
    done = regrow("shrink", photo, "-o", tmp_path / "s.webp", "--bytes", "3k")
    assert done.code == 0
    assert "done already" in regrow("shrink", photo, "-o", tmp_path / "s.webp", "--bytes", "3k").err
    assert regrow("shrink", photo, "-o", tmp_path / "s.webp", "--bytes", "2k").code == 1


def test_a_result_is_there_already_where_nothing_was_asked(regrow, photo, tmp_path):
    assert regrow("shrink", photo, "-o", tmp_path / "s.webp").code == 0
    assert "done already" in regrow("shrink", photo, "-o", tmp_path / "s.webp").err
    assert regrow("shrink", photo, "-o", tmp_path / "s.webp", "--quality", "20").code == 1


@pytest.mark.usefixtures("quick")
def test_the_codec_of_a_folder_is_named(regrow, photo, tmp_path):
    assert regrow("shrink", photo, "-o", f"{tmp_path}/small/", "--codec", "avif", "--bpp", "0.6").code == 0
    assert (tmp_path / "small" / "photo.avif").is_file()
    assert regrow("shrink", photo, "-o", f"{tmp_path}/other/", "--bpp", "0.6").code == 0
    assert (tmp_path / "other" / "photo.webp").is_file()
    done = regrow("shrink", photo, "-o", f"{tmp_path}/third/", "--codec", "avif", "--format", "webp")
    assert (done.code, "say one of them" in done.err) == (2, True)
