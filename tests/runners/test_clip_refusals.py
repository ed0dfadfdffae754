"""What cannot be written is refused before a frame is computed, and leaves nothing behind."""

import io
import os
import resource
import threading
from fractions import Fraction

import av
import numpy as np
import pytest
from support.clips import aspect_of, make_clip, matrix_of, moving, pixels_of, times_of, write_plain

import regrow
from regrow.errors import RegrowError, UsageError
from regrow.io.memory import read_rgb
from regrow.video import disk
from regrow.video.encoding import CODECS, CONTAINERS
from regrow.video.options import Video
from regrow.video.reader import open_video


def hidden(folder):
    return list(folder.rglob(".*"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", moving(7, (66, 50)), rate=Fraction(25), audio=False)


REFUSED = {("ffv1", ".mov"), ("ffv1", ".webm"), ("h264", ".webm"), ("h264", ".avi"), ("h264rgb", ".webm"),
           ("h264rgb", ".avi"), ("hevc", ".webm"), ("hevc", ".avi"), ("vp9", ".mov"), ("av1", ".mov"),
           ("prores", ".mp4"), ("prores", ".m4v"), ("prores", ".webm"), ("prores", ".avi")}  # fmt: skip
"""Of upscaled clips; what works stays so."""


@pytest.mark.parametrize("verb", ["shrink", "upscale"])
@pytest.mark.parametrize("suffix", CONTAINERS)
@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_in_every_container_works_or_is_refused_at_once(tmp_path, tiny_folder, plain, codec, suffix, verb):
    out, seen = tmp_path / f"out{suffix}", []
    options = {"model": tiny_folder} if verb == "shrink" else {}
    try:
        getattr(regrow, verb)(plain, out, scale=2, video=Video(codec=codec), report=lambda *done: seen.append(done),
                              **options)  # fmt: skip
    except RegrowError as error:
        said = str(error)
    else:
        said = ""
    assert not hidden(tmp_path)
    if verb == "upscale":
        assert bool(said) == ((codec, suffix) in REFUSED)
    if said:
        assert not seen, "no frame was computed"
        assert "\n" not in said
        assert "take another" in said
        assert not out.exists()
        return
    size = (25, 33) if verb == "shrink" else (100, 132)
    assert pixels_of(out).shape == (7, *size, 3)
    assert times_of(out) == pytest.approx([i / 25 for i in range(7)], abs=0.001)


@pytest.mark.parametrize("out", ["%05d.png", "frames/"])
@pytest.mark.parametrize("video", [Video(codec="jpg"), Video(codec="h264"), Video(crf=0)], ids=repr)
def test_frames_as_pictures_have_no_codec(tmp_path, tiny_folder, plain, out, video):
    target = f"{tmp_path}/{out}"
    for verb, options in (
        ("shrink", {"model": tiny_folder}), ("upscale", {"model": "bicubic"}), ("stabilize", {"reference": plain})
    ):  # fmt: skip
        with pytest.raises(UsageError, match=r"is for video files, and .* is frames as pictures; leave it out") as said:
            getattr(regrow, verb)(plain, target, video=video, **options)
        assert (video.codec or "crf 0") in str(said.value)
    assert not list(tmp_path.iterdir())


def _wmv(path):
    with av.open(str(path), "w", format="asf") as out:
        video = out.add_stream("wmv2", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = out.add_stream("wmav2", rate=44100)
        sound.bit_rate = 64000
        for i, pixels in enumerate(moving(5, (64, 48))):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for i in range(8):
            samples = np.full((2, 2048), 0.1, np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.rate, frame.pts = 44100, 2048 * i
            out.mux(sound.encode(frame))
        out.mux(sound.encode())
    return path


def test_sound_of_windows_media_goes_into_matroska(tmp_path):
    source = _wmv(tmp_path / "clip.wmv")
    regrow.upscale(source, tmp_path / "out.mkv", scale=2)

    def samples(path):
        with av.open(str(path)) as container:
            assert container.streams.audio[0].codec_context.name == "wmav2"
            return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)

    np.testing.assert_array_equal(samples(tmp_path / "out.mkv"), samples(source))


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_sound_that_a_container_cannot_hold_is_said_before_the_first_frame(tmp_path, suffix):
    seen = []
    with pytest.raises(
        RegrowError, match=rf"out{suffix}: cannot hold the audio track \(wmav2\) of the clip; take .mkv"
    ):
        regrow.upscale(_wmv(tmp_path / "clip.wmv"), tmp_path / f"out{suffix}", scale=2,
                       report=lambda *done: seen.append(done))  # fmt: skip
    assert not seen
    assert not hidden(tmp_path)


def test_two_runs_at_one_result(tmp_path, plain):
    """The second is told; the first is not disturbed."""
    said = []

    def second(done, total):
        if not said:
            with pytest.raises(RegrowError, match="another run is writing it") as caught:
                regrow.upscale(plain, tmp_path / "out.mp4", scale=2)
            said.append(str(caught.value))

    regrow.upscale(plain, tmp_path / "out.mp4", scale=2, report=second)
    assert said
    assert len(times_of(tmp_path / "out.mp4")) == 7
    assert not hidden(tmp_path)
    frames, said[:] = str(tmp_path / "%d.png"), []

    def second_of_frames(done, total):
        with pytest.raises(RegrowError, match="another run is writing it"):
            regrow.upscale(plain, frames, scale=2)

    regrow.upscale(plain, frames, scale=2, report=second_of_frames)
    assert not hidden(tmp_path)


def test_a_full_disk_is_said_and_the_run_goes_on_later(tmp_path, tiny_folder):
    noise = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    source = write_plain(tmp_path / "noise.mkv", list(noise))
    out, none = tmp_path / "out.mkv", resource.RLIM_INFINITY
    video = Video(gop=4)
    resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, none))
    try:
        with pytest.raises(RegrowError, match=f"out.mkv: {disk.FULL_DISK}"):
            regrow.shrink(source, out, scale=2, model=tiny_folder, video=video)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (none, none))
    assert not out.exists()
    seen = []
    regrow.shrink(source, out, scale=2, model=tiny_folder, video=video, report=lambda *done: seen.append(done[0]))
    assert seen == [20], "what was done is not done again"
    assert len(times_of(out)) == 20
    assert not hidden(tmp_path)


def test_room_that_is_certainly_too_small_is_said_before_the_first_frame(tmp_path, plain, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: os.terminal_size((0, 0)) and type("Usage", (), {"free": 10}))
    with pytest.raises(RegrowError, match="the disk has only"):
        regrow.upscale(plain, tmp_path / "out.mp4", scale=2)
    assert not hidden(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path, plain):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(RegrowError, match="cannot be written"):
        regrow.upscale(plain, tmp_path / "file" / "out.mp4", scale=2)


def test_a_named_pipe_is_read_as_it_comes(tmp_path, plain):
    source = tmp_path / "pipe.mp4"
    os.mkfifo(source)
    with av.open(str(plain)) as given, av.open(str(tmp_path / "clip.mkv"), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    data = (tmp_path / "clip.mkv").read_bytes()
    writer = threading.Thread(target=lambda: source.write_bytes(data))
    writer.start()
    regrow.upscale(source, tmp_path / "out.mp4", scale=2)
    writer.join()
    assert pixels_of(tmp_path / "out.mp4").shape == (7, 100, 132, 3)
    with pytest.raises(UsageError, match="can be read but once"):
        regrow.stabilize(source, tmp_path / "s.mp4", reference=plain)


class Pipe(io.RawIOBase):
    """Bytes that can be written, and nothing else."""

    def __init__(self):
        self.data = b""

    def writable(self):
        return True

    def write(self, data):
        self.data += bytes(data)
        return len(data)


@pytest.mark.parametrize("verb", ["shrink", "upscale"])
def test_frames_on_standard_output_are_upright_and_all_else_is_named(tmp_path, tiny_folder, caplog, verb):
    chapters = [{"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}]
    source = make_clip(tmp_path / "clip.mp4", moving(3, (66, 50)), rotation=90, aspect=Fraction(4, 3),
                       subtitles=((0.0, "Hello"),), chapters=chapters, metadata={"title": "A film"})  # fmt: skip
    pipe = Pipe()
    options = {"model": tiny_folder} if verb == "shrink" else {}
    getattr(regrow, verb)(source, pipe, scale=2, **options)
    out = tmp_path / "out.mkv"
    out.write_bytes(pipe.data)
    shape = (33, 25) if verb == "shrink" else (132, 100)
    assert pixels_of(out).shape == (3, *shape, 3), "height and width have changed places"
    assert float(aspect_of(out)) == pytest.approx(3 / 4, rel=0.02)
    for words in ("audio", "subtitle", "chapters"):
        assert words in caplog.text
    if verb == "upscale":
        assert pipe.data.startswith(b"YUV4MPEG2")
        assert b" C420mpeg2 " in pipe.data[:100], "where samples of chroma lie"
        assert "metadata" in caplog.text


def test_a_stream_on_standard_input_is_turned_too_and_its_sound_is_named(tmp_path, caplog):
    source = make_clip(tmp_path / "clip.mkv", moving(3, (66, 50)), rotation=90)
    with source.open("rb") as stream:
        regrow.upscale(stream, tmp_path / "out.mp4", scale=2)
    assert open_video(tmp_path / "out.mp4").turns == 1
    assert "audio tracks" in caplog.text
    with source.open("rb") as stream:
        regrow.upscale(stream, str(tmp_path / "%d.png"), scale=2)
    assert read_rgb(tmp_path / "1.png").shape == (132, 100, 3)


def test_stabilize_is_refused_before_the_fit(tmp_path, plain):
    with pytest.raises(UsageError, match="cannot hold it"):
        regrow.stabilize(plain, tmp_path / "out.webm", reference=plain, video=Video(codec="h264"))
    assert not hidden(tmp_path)


def test_encoders_are_silent(tmp_path, plain, capfd):
    regrow.upscale(plain, tmp_path / "o.mp4", scale=2, video=Video(codec="av1"))
    assert "Svt[info]" not in capfd.readouterr().err


@pytest.mark.parametrize("orientation", [5, 6])
def test_small_frames_in_avi_grow_upright(tmp_path, tiny_folder, orientation):
    source = write_plain(
        tmp_path / "clip.mov", moving(2, (48, 32)), "libx264", "yuv420p", matrix=matrix_of(orientation)
    )
    regrow.shrink(source, tmp_path / "small.avi", scale=2, model=tiny_folder)
    regrow.grow(tmp_path / "small.avi", tmp_path / "back.mp4", model=tiny_folder)
    assert pixels_of(tmp_path / "back.mp4").shape == (2, 48, 32, 3)


def test_tracks_that_a_container_cannot_hold_are_to_blame_and_not_the_codec(tmp_path):
    source = tmp_path / "a.mkv"
    with av.open(str(source), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        sound = out.add_stream("libopus", rate=48000)
        for pixels in moving(4, (48, 32)):
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")))
        for i in range(8):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), format="s16", layout="stereo")
            frame.rate, frame.pts = 48000, 960 * i
            out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
        out.mux(video.encode(None))
    with pytest.raises(RegrowError, match=r"audio .*opus.*take") as caught:
        regrow.upscale(source, tmp_path / "b.mov", scale=2, model="bicubic")
    assert "--codec" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mkv"]
