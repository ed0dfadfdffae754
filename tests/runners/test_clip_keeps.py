"""What is said of a clip beside its frames: kept through every verb, or named in a message."""

import io
import struct
from contextlib import suppress
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from support.clips import (
    WAYS,
    aspect_of,
    broadcast,
    make_clip,
    matrix_of,
    moving,
    pixels_of,
    side_data_of,
    sound_of,
    times_of,
    write_plain,
)  # fmt: skip

import regrow
from regrow.errors import UsageError
from regrow.io.memory import read_rgb
from regrow.video.options import Video
from regrow.video.orientation import alike, shown
from regrow.video.reader import open_video

NOTHING_LOST = Video(crf=0)
PARAMS = ("log-level=error:bframes=0:cutree=0:hdr10=1:max-cll=1000,400:"
          "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)")  # fmt: skip


@pytest.fixture
def through(tmp_path, tiny_folder):
    """Shrink a clip and grow it back; gives the paths of both."""

    def run(source, small, back, **options):
        regrow.shrink(source, str(tmp_path / small), scale=2, model=tiny_folder)
        regrow.grow(str(tmp_path / small), str(tmp_path / back), model=tiny_folder, **options)
        return tmp_path / small, tmp_path / back

    return run


@pytest.mark.parametrize("orientation", WAYS)
def test_all_eight_orientations_become_upright_frames_and_back(tmp_path, through, tiny_folder, orientation):
    matrix = matrix_of(orientation)
    source = write_plain(tmp_path / "clip.mov", moving(2, (48, 32)), "libx264rgb", "rgb24", options={"qp": "0"},
                         matrix=matrix)  # fmt: skip
    frames, back = through(source, "frames/%d.png", "back/%d.png")
    upright = shown(moving(1, (48, 32))[0], matrix)
    small, grown = (read_rgb(str(path) % 1) for path in (frames, back))
    assert small.shape == (upright.shape[0] // 2, upright.shape[1] // 2, 3)
    assert np.abs(grown.astype(int) - upright).mean() < 12, "as players show it, and no other way"
    # Video files say it, but for AVI, whose frames are turned.
    _, mkv = through(source, "small.mkv", "back.mkv")
    assert alike(matrix, open_video(mkv).matrix)
    _, avi = through(source, "small2.mkv", "back.avi")
    assert pixels_of(avi)[0].shape == upright.shape
    assert np.abs(pixels_of(avi)[0].astype(int) - upright).mean() < 12
    regrow.grow(str(tmp_path / "small.mkv"), str(tmp_path / "grown" / "%d.png"), model=tiny_folder)
    found = read_rgb(tmp_path / "grown" / "1.png")
    assert np.abs(found.astype(int) - upright).mean() < 12


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm", ".avi"])
def test_the_shape_of_pixels_is_in_every_container_that_has_a_field_for_it(tmp_path, through, suffix):
    source = make_clip(tmp_path / "clip.mp4", moving(2, (72, 58)), aspect=Fraction(16, 11), audio=False)
    small, back = through(source, f"small{suffix}", f"back{suffix}")
    for path in (small, back):
        assert float(aspect_of(path)) == pytest.approx(16 / 11, rel=0.01)
    if suffix in (".mkv", ".webm"):
        with av.open(str(back)) as container:
            assert not container.streams.video[0].metadata.get("title")


@pytest.mark.parametrize("codec", [None, "h264", "hevc", "ffv1", "prores"])
@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv", ".mp4"])
def test_full_range_is_stated_or_converted(tmp_path, suffix, codec):
    """Black is black, and white is white, for whoever reads the file as it says, or says nothing."""
    halves = np.zeros((32, 48, 3), np.uint8)
    halves[:, 24:] = 255
    source = write_plain(tmp_path / "clip.mkv", [halves] * 2, "mjpeg", "yuvj420p", color_range=2)
    assert open_video(source).pixels.range == 2
    with suppress(UsageError):
        regrow.upscale(source, tmp_path / f"out{suffix}", scale=2, video=Video(codec=codec))
    if not (tmp_path / f"out{suffix}").exists():
        return
    found = pixels_of(tmp_path / f"out{suffix}")[0].astype(int)
    assert found[:, :40].mean() < 3
    assert found[:, 56:].mean() > 252


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
def test_a_matrix_that_cannot_be_stated_is_converted(tmp_path, suffix):
    color = np.full((32, 48, 3), (200, 60, 30), np.uint8)
    source = make_clip(tmp_path / "clip.mp4", [color] * 2, format="yuv444p", matrix=1, audio=False)
    regrow.upscale(source, tmp_path / f"out{suffix}", scale=2, video=Video(codec="ffv1"))
    assert np.abs(pixels_of(tmp_path / f"out{suffix}")[0, 32, 48].astype(int) - color[0, 0]).max() <= 4


def test_grey_small_frames_in_avi_keep_their_levels(tmp_path, through):
    ramp = np.tile(np.linspace(0, 255, 96).astype(np.uint8)[None, :, None], (64, 1, 3))
    source = write_plain(tmp_path / "clip.mkv", [ramp] * 2, "ffv1", "gray")
    _, back = through(source, "small.avi", "back.mkv")
    assert np.abs(pixels_of(back)[0].astype(int) - ramp)[:, 8:-8].mean() < 10


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm"])
def test_light_of_hdr_is_kept(tmp_path, through, suffix):
    source = write_plain(tmp_path / "hdr.mp4", moving(2, (64, 48)), "libx265", "yuv420p10le", colorspace=9,
                         color_primaries=9, color_trc=16, color_range=1, options={"x265-params": PARAMS})  # fmt: skip
    for path in through(source, f"small{suffix}", f"back{suffix}"):
        found = side_data_of(path)
        assert struct.unpack("<2I", found["CONTENT_LIGHT_LEVEL"]) == (1000, 400)
        numbers = struct.unpack("<22i", found["MASTERING_DISPLAY_METADATA"])
        assert numbers[18] / numbers[19] == pytest.approx(1000)
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            assert (context.color_primaries, context.color_trc) == (9, 16)


def test_avi_says_that_it_loses_the_light_and_colours_of_hdr(tmp_path, caplog):
    source = write_plain(tmp_path / "hdr.mp4", moving(2, (64, 48)), "libx265", "yuv420p10le", colorspace=9,
                         color_primaries=9, color_trc=16, color_range=1, options={"x265-params": PARAMS})  # fmt: skip
    regrow.upscale(source, tmp_path / "out.avi", scale=2)
    for words in ("primaries", "transfer", "mastering display and light level"):
        assert words in caplog.text


def _with_cover(path):
    """A clip with a picture on its cover, which comes first, and a date."""
    cover = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(cover, "JPEG")
    plain = write_plain(path.with_name("plain.mp4"), moving(3, (64, 48)), "libx264", "yuv420p")
    with av.open(str(plain)) as given, av.open(io.BytesIO(cover.getvalue())) as art, av.open(str(path), "w") as out:
        out.metadata["creation_time"] = "2021-05-06T07:08:09.000000Z"
        if path.suffix == ".mkv":
            out.add_attachment("cover.jpg", "image/jpeg", cover.getvalue())
        else:
            picture = out.add_stream_from_template(art.streams.video[0], opaque=True)
            picture.disposition = 0x400
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        if path.suffix != ".mkv":
            packet = av.Packet(cover.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = picture, 0, 0, Fraction(1, 25)
            out.mux(packet)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return path, cover.getvalue()


@pytest.mark.parametrize("source", [".mp4", ".mkv"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_cover_art_and_dates_are_kept(tmp_path, through, source, suffix):
    path, cover = _with_cover(tmp_path / f"clip{source}")
    for made in through(path, f"small{suffix}", f"back{suffix}"):
        with av.open(str(made)) as container:
            assert container.metadata["creation_time"].startswith("2021-05-06T07:08:09")
            art = [s for s in container.streams.video if int(s.disposition) & 0x400]
            assert len(art) == 1
            assert [bytes(p) for p in container.demux(art[0]) if p.size] == [cover]
        assert open_video(made).width in (32, 64), "and is not taken for the clip"


def test_what_a_container_cannot_hold_is_named(tmp_path, caplog):
    path, _ = _with_cover(tmp_path / "clip.mp4")
    regrow.upscale(path, tmp_path / "out.avi", scale=2)
    assert "has cover art, of which .avi cannot hold 1 of 1" in caplog.text
    assert "creation_time" in caplog.text


@pytest.mark.parametrize(
    ("codec", "form", "given"),
    [("libvpx-vp9", "yuva420p", ".webm"), ("prores_ks", "yuva444p10le", ".mov"), ("ffv1", "bgra", ".mkv")],
)
@pytest.mark.parametrize("suffix", [".webm", ".mov", ".mkv", ".mp4"])
def test_alpha_is_kept_or_said_to_be_lost(tmp_path, through, caplog, codec, form, given, suffix):
    alpha = np.zeros((48, 64, 1), np.uint8)
    alpha[:, 32:] = 255
    frames = [np.concatenate([picture, alpha], 2) for picture in moving(2, (64, 48))]
    source = write_plain(tmp_path / f"clip{given}", frames, codec, form, source="rgba")
    _, back = through(source, "small.mkv", f"back{suffix}")
    clip = open_video(back)
    if suffix == ".mp4":
        assert "no alpha channel" in caplog.text
        with av.open(str(back)) as container:
            assert "alpha_mode" not in {key.lower() for key in container.streams.video[0].metadata}
        return
    assert "no alpha channel" not in caplog.text
    for frame in clip.read():
        found = frame.alpha.astype(float) / (255 if frame.alpha.dtype == np.uint8 else 1)
        assert found[:, :30].mean() < 0.05
        assert found[:, 34:].mean() > 0.95


def test_alpha_becomes_that_of_pictures_and_comes_from_them(tmp_path, tiny_folder):
    alpha = np.zeros((48, 64, 1), np.uint8)
    alpha[:, 32:] = 255
    frames = [np.concatenate([picture, alpha], 2) for picture in moving(2, (64, 48))]
    source = write_plain(tmp_path / "clip.mkv", frames, "ffv1", "bgra", source="rgba")
    regrow.shrink(source, str(tmp_path / "f" / "%d.png"), scale=2, model=tiny_folder)
    with Image.open(tmp_path / "f" / "1.png") as small:
        assert np.abs(np.asarray(small)[..., 3].astype(int) - alpha[::2, ::2, 0]).mean() < 3
    regrow.grow(str(tmp_path / "f" / "%d.png"), tmp_path / "back.mkv", model=tiny_folder)
    assert open_video(tmp_path / "back.mkv").pixels.alpha


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_broadcasts_and_joined_streams_become_files_that_begin_at_0(tmp_path, through, suffix):
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(broadcast(tmp_path / f"{n}.ts", n).read_bytes() for n in (36000, 7)))
    small, back = through(joined, f"small{suffix}", f"back{suffix}")
    for path in (small, back):
        times = times_of(path)
        assert len(times) == 50
        assert times[0] < 0.1
        assert 1.9 < times[-1] < 2.1
        sound = [when for when, _ in sound_of(path)]
        assert abs(sound[0] - times[0]) < 0.1
        assert 1.9 < sound[-1] < 2.1


@pytest.mark.parametrize("order", [2, 3])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_fields_are_marked_where_rows_stay_rows(tmp_path, through, order, suffix):
    name = {2: "tt", 3: "bb"}[order]
    source = write_plain(tmp_path / "clip.mkv", moving(2, (64, 48)), "libx264", "yuv420p",
                         options={"flags": "+ildct", "field_order": name})  # fmt: skip
    assert open_video(source).fields == order
    small, back = through(source, "small.mkv", f"back{suffix}")
    with av.open(str(back)) as container:
        assert next(container.decode(video=0)).interlaced_frame
    with av.open(str(small)) as container:
        assert container.streams.video[0].codec_context.field_order < 2, "its rows are of both fields"


def deep_grey(path):
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25, width=32, height=24, pix_fmt="gray16le")
        for i in range(3):
            samples = (np.arange(32 * 24).reshape(24, 32) * 80 + i).astype(np.uint16)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="gray16le")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("suffix", "kept"), [(".mkv", "gray16le"), (".mp4", None), (".webm", None)])
def test_bits_are_kept_or_said(tmp_path, caplog, suffix, kept):
    result = tmp_path / f"b{suffix}"
    regrow.upscale(deep_grey(tmp_path / "a.mkv"), result, scale=1, model="bicubic")
    assert ("to which the 16 of the clip are rounded" in caplog.text) == (kept is None)
    with av.open(str(result)) as found:
        assert kept is None or found.streams.video[0].codec_context.pix_fmt == kept


def test_rgb_with_alpha_stays_so_in_mkv(tmp_path, caplog):
    source = tmp_path / "a.mov"
    with av.open(str(source), "w") as out:
        stream = out.add_stream("qtrle", rate=25, width=32, height=24, pix_fmt="argb")
        samples = np.random.default_rng(0).integers(0, 256, (24, 32, 4), np.uint8) | np.uint8(16)
        out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="argb")))
        out.mux(stream.encode(None))
    regrow.upscale(source, tmp_path / "b.mkv", scale=1, model="bicubic")
    with av.open(str(tmp_path / "b.mkv")) as found:
        (frame,) = found.decode(video=0)
        np.testing.assert_array_equal(frame.to_ndarray(format="argb"), samples)
    assert caplog.messages == []


def test_nothing_that_hides_bleeds_into_a_cut_out(tmp_path):
    """A yellow square on transparency: whatever hides beside it, its edge stays yellow."""
    source, result = tmp_path / "a.mov", tmp_path / "b.mkv"
    samples = np.zeros((24, 32, 4), np.uint8)
    samples[6:18, 8:24] = 255, 250, 200, 30  # alpha first
    with av.open(str(source), "w") as out:
        stream = out.add_stream("qtrle", rate=25, width=32, height=24, pix_fmt="argb")
        out.mux(stream.encode(av.VideoFrame.from_ndarray(samples, format="argb")))
        out.mux(stream.encode(None))
    regrow.upscale(source, result, scale=2, model="bicubic")
    with av.open(str(result)) as found:
        (frame,) = found.decode(video=0)
        alpha, *color = np.moveaxis(frame.to_ndarray(format="argb"), -1, 0).astype(int)
    assert np.abs(np.stack(color)[:, alpha > 8] - [[250], [200], [30]]).max() <= 2


@pytest.mark.parametrize(("suffix", "form"), [(".mp4", "yuv420p"), (".mov", "yuv420p"), (".mkv", "rgb")])
def test_clips_of_pictures_are_what_players_show(tmp_path, caplog, suffix, form):
    """Issue: RGB in .mp4, which hardly a player shows."""
    for number, pixels in enumerate(moving(3, (48, 32)), 1):
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    result = tmp_path / f"b{suffix}"
    regrow.upscale(tmp_path / "%d.png", result, scale=2, model="bicubic")
    with av.open(str(result)) as found:
        stored = found.streams.video[0].codec_context.pix_fmt
        frame = next(found.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert stored == form or (form == "rgb" and stored in ("gbrp", "bgr0"))
    assert ("stored as yuv420p, which all players show" in caplog.text) == (form == "yuv420p")
    wanted = np.asarray(Image.fromarray(moving(1, (48, 32))[0]).resize((96, 64), Image.BICUBIC)).astype(int)
    assert np.abs(frame - wanted).mean() < 6
