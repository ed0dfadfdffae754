import io
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from support.clips import make_clip, moving, pixels_of, sound_of, times_of, words_of
from support.models import randomized

import regrow
from regrow import zoo
from regrow.cli.demo import PHOTOGRAPH
from regrow.errors import RegrowError, UsageError
from regrow.io.memory import read_rgb
from regrow.nets.rescale.tad import TADConfig
from regrow.nets.video.sofvsr import SOFVSR, SOFVSRConfig
from regrow.nets.video.tad import VideoTAD, VideoTADConfig
from regrow.operations.restore import Restore
from regrow.runners import transcode
from regrow.video import sinks
from regrow.video.options import Video
from regrow.video.reader import open_video
from regrow.video.record import ClipRecord

NOTHING_LOST = Video(crf=0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """An untrained x2 model: it does what bicubic does, and something besides."""
    return _saved(tmp_path_factory, randomized(TADConfig(channels=4, blocks=1)))


@pytest.fixture(scope="module")
def tiny_groups(tmp_path_factory):
    torch.manual_seed(1)
    net = VideoTAD(VideoTADConfig(channels=4, blocks=2, frames=3))
    for parameter in net.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    return _saved(tmp_path_factory, net)


def _saved(tmp_path_factory, net):
    folder = tmp_path_factory.mktemp("nets") / "tiny"
    zoo.save(net, folder)
    return str(folder)


def there_and_back(source, folder, model, **options):
    small, back = folder / "small.mkv", folder / f"back{source.suffix}"
    assert regrow.shrink(source, small, scale=2, model=model) == small
    assert regrow.grow(small, back, model=model, **options) == back
    return small, back


@pytest.mark.parametrize(
    "options",
    [
        {"audio": True},
        {"audio": False},
        {"rotation": 90},
        {"format": "yuv444p", "matrix": 6},
        {"format": "yuv420p10le"},
        {"format": "gray"},
        {"times": [0, 1, 3, 4, 9, 10, 15], "audio": True},
        {"aspect": Fraction(4, 3)},
    ],
    ids=lambda options: "-".join(map(str, options)),
)
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_what_is_not_pixels_comes_back(tmp_path, tiny, suffix, options):
    source = make_clip(tmp_path / f"clip{suffix}", moving(7, (66, 50)), **options)
    small, back = there_and_back(source, tmp_path, tiny)
    assert times_of(back) == times_of(source)
    assert sound_of(back) == sound_of(source)
    before, between, after = open_video(source), open_video(small), open_video(back)
    assert (after.width, after.height, after.pixels) == (before.width, before.height, before.pixels)
    assert (after.matrix, after.aspect, after.time_base) == (before.matrix, before.aspect, before.time_base)
    assert (between.width, between.height) == (33, 25)
    assert between.matrix == before.matrix, "players turn the small clip too"
    if options.get("rotation"):
        assert after.turns == 1


def test_frames_are_those_that_pictures_give(tmp_path, tiny):
    frames = moving(5, (66, 50))
    source = make_clip(tmp_path / "clip.mkv", frames, format="bgr0", codec="ffv1", matrix=0, levels=2, options={})
    small, back = there_and_back(source, tmp_path, tiny, video=NOTHING_LOST)
    np.testing.assert_array_equal(pixels_of(source), frames)
    shrunk = [regrow.shrink(frame, scale=2, model=tiny) for frame in frames]
    np.testing.assert_array_equal(pixels_of(small), shrunk)
    grown = [regrow.grow(frame, scale=2, model=tiny) for frame in shrunk]
    assert np.abs(pixels_of(back).astype(int) - grown).max() <= 1  # the tiles are cut differently
    assert open_video(back).metadata.get("REGROW_XMP") is None


def test_subtitles_chapters_and_titles_travel_along(tmp_path, tiny):
    chapters = [{"id": 1, "start": 0, "end": 100, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}]
    spoken = ((0.0, "Hello"), (0.1, "Grüße"))
    source = make_clip(
        tmp_path / "clip.mp4", moving(6), subtitles=spoken, chapters=chapters, metadata={"title": "A film"}
    )
    small, back = there_and_back(source, tmp_path, tiny)
    for path in (small, back):
        assert [text for _, text in words_of(path)] == ["Hello", "Grüße"]
        assert [when for when, _ in words_of(path)] == pytest.approx([0, 0.1], abs=0.025)
        with av.open(str(path)) as container:
            assert container.metadata["title"] == "A film"
            assert [c["metadata"]["title"] for c in container.chapters()] == ["one"]
    assert words_of(back) == words_of(source)


def test_a_track_that_a_container_cannot_hold_is_an_error(tmp_path, tiny):
    source = make_clip(tmp_path / "clip.mkv", moving(2))
    with pytest.raises(RegrowError, match=r"small.webm: cannot .*aac"):
        regrow.shrink(source, tmp_path / "small.webm", scale=2, model=tiny)
    assert not (tmp_path / "small.webm").exists()


def test_groups_never_cross_a_cut_and_are_grown_as_they_were_shrunk(tmp_path, tiny_groups):
    frames = [*moving(4, (66, 50)), *(255 - frame for frame in moving(5, (66, 50)))]
    source = make_clip(tmp_path / "clip.mkv", frames, format="bgr0", codec="ffv1", matrix=0, levels=2, options={})
    small, back = there_and_back(source, tmp_path, tiny_groups, video=NOTHING_LOST)
    said = json.loads(open_video(small).metadata[transcode.RECORD])
    assert said["version"] == 1
    assert ClipRecord.from_json(open_video(small).metadata[transcode.RECORD], "small").groups == [3, 1, 3, 2]
    net = zoo.load(tiny_groups)
    x = torch.from_numpy(np.concatenate(frames[4:7], 2)).permute(2, 0, 1)[None] / 255
    shrunk = (net.shrink(x)[0].clamp(0, 1) * 255).round()
    found = torch.from_numpy(pixels_of(small)[4:7]).permute(0, 3, 1, 2).flatten(0, 1)
    assert (shrunk - found).abs().max() <= 1
    grown = (net.grow(found[None] / 255)[0].clamp(0, 1) * 255).round()
    again = torch.from_numpy(pixels_of(back)[4:7]).permute(0, 3, 1, 2).flatten(0, 1)
    assert (grown - again).abs().max() <= 1


def test_a_clip_of_groups_that_lost_what_it_says_is_not_guessed_at(tmp_path, tiny_groups):
    source = make_clip(tmp_path / "clip.mp4", moving(4))
    small = regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny_groups)
    bare = tmp_path / "bare.mkv"
    with av.open(str(small)) as given, av.open(str(bare), "w") as out:
        out.metadata["REGROW_XMP"] = given.metadata["REGROW_XMP"]
        stream = out.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    with pytest.raises(RegrowError, match="no longer says which"):
        regrow.grow(bare, tmp_path / "back.mp4", model=tiny_groups)
    with pytest.raises(UsageError, match="only a video file"):
        regrow.shrink(source, str(tmp_path / "%d.png"), scale=2, model=tiny_groups)


def test_frames_as_pictures_go_both_ways(tmp_path, tiny):
    source = make_clip(tmp_path / "clip.mp4", moving(4, (66, 50)), rotation=90)
    small = regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny)
    pattern = str(tmp_path / "frames" / "%03d.png")
    regrow.grow(small, pattern, model=tiny)
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == ["001.png", "002.png", "003.png", "004.png"]
    assert read_rgb(files[0]).shape == (66, 50, 3), "pictures cannot say how they are turned, so they are"
    again = regrow.shrink(pattern, tmp_path / "again.mkv", scale=2, model=tiny, video=Video(rate="30000/1001"))
    assert len(times_of(again)) == 4
    assert float(open_video(again).rate) == pytest.approx(30000 / 1001, rel=0.01)  # Matroska counts milliseconds
    folder = regrow.shrink(tmp_path / "frames", tmp_path / "folder.mkv", scale=2, model=tiny)
    np.testing.assert_array_equal(pixels_of(folder), pixels_of(again))
    small_frames = regrow.shrink(pattern, str(tmp_path / "small" / "%d.png"), scale=2, model=tiny)
    assert regrow.info(small_frames % 1).passport.width == 50, "each frame is a picture with a passport"
    regrow.grow(small_frames, tmp_path / "grown.mkv", model=tiny)
    assert pixels_of(tmp_path / "grown.mkv").shape == (4, 66, 50, 3)


def test_clips_are_compared_frame_by_frame(tmp_path):
    frames, noisy = moving(3), [np.clip(f + np.random.default_rng(0).normal(0, 9, f.shape), 0, 255) for f in moving(3)]
    paths = []
    for name, clip in (("a.mkv", frames), ("b.mkv", [f.astype(np.uint8) for f in noisy]), ("c.mkv", frames[:2])):
        options = {"format": "bgr0", "codec": "ffv1", "matrix": 0, "levels": 2, "options": {}}
        paths.append(make_clip(tmp_path / name, clip, **options))
    found = regrow.compare(*paths[:2])
    psnr = [peak_signal_noise_ratio(a, b.astype(np.uint8)) for a, b in zip(frames, noisy, strict=True)]
    assert found["rgb"]["psnr"] == pytest.approx(np.mean(psnr), abs=1e-4)
    assert regrow.compare(paths[0], paths[0])["y"]["psnr"] == np.inf
    with pytest.raises(UsageError, match="more frames"):
        regrow.compare(paths[0], paths[2])


def test_upscaled_and_colorized_clips(tmp_path, tiny):
    frames = [np.repeat(frame.mean(2, keepdims=True).astype(np.uint8), 3, 2) for frame in moving(4, (66, 50))]
    source = make_clip(tmp_path / "clip.mp4", frames, rotation=180)
    upscaled = regrow.upscale(source, tmp_path / "large.mp4", scale=2)
    assert pixels_of(upscaled).shape == (4, 100, 132, 3)
    assert times_of(upscaled) == times_of(source)
    assert sound_of(upscaled) == sound_of(source)
    colored = regrow.colorize(source, tmp_path / "colored.mp4", video=Video(crf=1))
    after = open_video(colored)
    assert after.turns == 2
    found, grey = pixels_of(colored).astype(float), pixels_of(source).astype(float)
    assert np.abs(found @ (0.2126, 0.7152, 0.0722) - grey.mean(3)).mean() < 3, "the luma stays"
    assert (found.max(3) - found.min(3)).mean() > 5, "there are colours"
    assert "colorize" in regrow.info(colored).restored
    both = regrow.restore(source, tmp_path / "both.mkv", scale=1.5)
    assert pixels_of(both).shape == (4, 75, 99, 3)


def test_a_net_that_looks_at_several_frames_upscales_clips_only(tmp_path):
    torch.manual_seed(0)
    net = SOFVSR(SOFVSRConfig(scale=2, channels=8, blocks=1, growth=4))
    for parameter in net.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    zoo.save(net, tmp_path / "net")
    frames = [*moving(3, (66, 50)), *(255 - frame for frame in moving(2, (66, 50)))]
    source = make_clip(tmp_path / "clip.mkv", frames, format="bgr0", codec="ffv1", matrix=0, levels=2, options={})
    large = regrow.upscale(source, tmp_path / "large.mkv", model=str(tmp_path / "net"), video=NOTHING_LOST)
    net = zoo.load(str(tmp_path / "net"))
    for number, window in enumerate(((0, 0, 1), (0, 1, 2), (1, 2, 2), (3, 3, 4), (3, 4, 4))):
        x = torch.from_numpy(np.concatenate([frames[i] for i in window], 2)).permute(2, 0, 1)[None] / 255
        expected = (net(x)[0].clamp(0, 1) * 255).round().permute(1, 2, 0).numpy()
        assert np.abs(pixels_of(large)[number] - expected).max() <= 1, "no window reaches over a cut"
    with pytest.raises(UsageError, match="for clips"):
        regrow.upscale(frames[0], model=str(tmp_path / "net"))
    model = str(tmp_path / "net")
    Restore(upscaler=model, scale=2).check()  # as before a batch, of which nobody knows yet that it holds clips
    for wrong in ({"upscaler": f"{model}+{model}", "scale": 4}, {"enhancer": model}):
        with pytest.raises(UsageError):
            Restore(**wrong).check()


class Stop(Exception):
    pass


@pytest.mark.parametrize("to", ["back.mp4", "%d.png"])
def test_an_interrupted_run_goes_on(tmp_path, tiny, to):
    video, later = (NOTHING_LOST, replace(NOTHING_LOST, gop=4)) if to == "back.mp4" else (None, None)
    source = make_clip(tmp_path / "clip.mp4", moving(11, (66, 50)))
    small = regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny)
    whole, target = tmp_path / "whole" / to, tmp_path / to
    regrow.grow(small, str(whole), model=tiny, video=video)
    seen = []

    def stop(done, total):
        seen.append((done, total))
        if done == 6:
            raise Stop

    with pytest.raises(Stop):
        regrow.grow(small, str(target), model=tiny, video=later, report=stop)
    assert not sinks.exists(str(target))
    again = []
    report = lambda done, total: again.append((done, total))  # noqa: E731
    regrow.grow(small, str(target), model=tiny, video=later, report=report)
    assert again[0][0] == (5 if to == "back.mp4" else 7), "what was done is not done again"
    assert again[-1] == (11, 11)
    if to == "back.mp4":
        # Sums in another order, on another number of threads, may round otherwise.
        assert np.abs(pixels_of(target).astype(int) - pixels_of(whole)).max() <= 2
        assert times_of(target) == times_of(source)
    else:
        assert len(list(tmp_path.glob("[0-9]*.png"))) == 11
    assert not [p for p in tmp_path.rglob(".*") if p.name.endswith(".regrow")], "nothing is left behind"


def test_other_settings_begin_anew(tmp_path, tiny):
    video = Video(gop=2)
    source = make_clip(tmp_path / "clip.mp4", moving(6))

    def stop(done, total):
        if done == 4:
            raise Stop

    with pytest.raises(Stop):
        regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny, video=video, report=stop)
    seen = []
    report = lambda done, total: seen.append(done)  # noqa: E731
    regrow.shrink(source, tmp_path / "small.mkv", scale=4, model=tiny, video=video, report=report)
    assert seen[0] == 1
    assert pixels_of(tmp_path / "small.mkv").shape[1:] == (16, 24, 3)


@pytest.mark.parametrize("kept", [0, 1, 40, 400, -300])
def test_clips_that_are_cut_short(tmp_path, tiny, kept):
    """What can be decoded is worked on, or one line says why not."""
    whole = make_clip(tmp_path / "whole.mkv", moving(30), audio=False).read_bytes()
    source = tmp_path / "cut.mkv"
    source.write_bytes(whole[:kept])
    if kept >= 0:
        with pytest.raises(RegrowError, match=r"cut\.mkv: ") as caught:
            regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny)
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "small.mkv").exists()
    else:
        small = regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny)
        assert 20 <= len(times_of(small)) <= 30


def test_noise_in_the_middle_is_passed_over_with_a_message(tmp_path, tiny, caplog):
    data = bytearray(make_clip(tmp_path / "clip.mkv", moving(30), codec="ffv1", options={}, audio=False).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = np.random.default_rng(1).bytes(3000)
    (tmp_path / "noisy.mkv").write_bytes(data)
    small = regrow.shrink(tmp_path / "noisy.mkv", tmp_path / "small.mkv", scale=2, model=tiny)
    assert 15 <= len(times_of(small)) <= 30


def test_one_frame_is_a_clip(tmp_path, tiny):
    source = make_clip(tmp_path / "clip.mp4", moving(1, (34, 22)), audio=False)
    _, back = there_and_back(source, tmp_path, tiny)
    assert times_of(back) == times_of(source)


def test_sizes_that_h264_cannot_have_in_420_are_an_error_that_helps(tmp_path, tiny):
    source = make_clip(
        tmp_path / "clip.mkv", moving(2, (65, 49)), format="yuv444p", codec="ffv1", options={}, audio=False
    )
    _, back = there_and_back(source, tmp_path, tiny)
    assert open_video(back).pixels.format == "yuv444p"
    assert pixels_of(back).shape == (2, 49, 65, 3)


@pytest.mark.parametrize(
    ("name", "content"),
    [("text.mp4", b"no video"), ("empty.mkv", b""), ("sound.mp4", None), ("list.mkv", b"#EXTM3U\n")],
)
def test_what_is_no_video_is_said_so_in_a_line(tmp_path, tiny, name, content):
    path = tmp_path / name
    if content is None:
        with av.open(str(path), "w") as out:
            sound = out.add_stream("aac", rate=48000)
            frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
            frame.rate = 48000
            out.mux(sound.encode(frame))
            out.mux(sound.encode())
    else:
        path.write_bytes(content)
    with pytest.raises(RegrowError, match=name) as caught:
        regrow.shrink(path, tmp_path / "small.mkv", scale=2, model=tiny)
    assert "\n" not in str(caught.value)


def test_damaged_facts_are_refused(tmp_path, tiny):
    source = make_clip(tmp_path / "clip.mp4", moving(3))
    small = regrow.shrink(source, tmp_path / "small.mkv", scale=2, model=tiny)
    text = open_video(small).metadata[transcode.RECORD]
    table = json.loads(text)
    assert ClipRecord.from_json(text, "small").to_json() == text
    for change in (
        {"version": 2},
        {"version": "1"},
        {"times": "!!"},
        {"groups": table["times"]},
        {"time_base": "0"},
        {"time_base": "1/0"},
        {"pixels": {**table["pixels"], "format": "rm -rf"}},
        {"pixels": {**table["pixels"], "depth": 3}},
        {"starts": {"0": "x"}},
        {"matrix": "abc"},
    ):
        with pytest.raises(RegrowError) as caught:
            ClipRecord.from_json(json.dumps({**table, **change}), "small.mkv")
        assert str(caught.value).startswith("small.mkv: ")
    for text in ("", "[]", "null", "[" * 100_000):
        with pytest.raises(RegrowError):
            ClipRecord.from_json(text, "small.mkv")


def test_pictures_and_clips_refuse_each_others_settings(tmp_path, tiny):
    source = make_clip(tmp_path / "clip.mp4", moving(1), audio=False)
    with pytest.raises(UsageError, match="format png"):
        regrow.shrink(source, tmp_path / "small.mkv", model=tiny, format="png")
    with pytest.raises(UsageError, match="refine 5"):
        regrow.shrink(source, tmp_path / "small.mkv", model=tiny, refine=5)
    with pytest.raises(UsageError, match="for clips"):
        regrow.shrink(moving(1)[0], model=tiny, video=Video(codec="ffv1"))
    with pytest.raises(UsageError, match="rate of its own"):
        regrow.shrink(source, tmp_path / "small.mkv", model=tiny, video=Video(rate=25))
    with pytest.raises(UsageError, match="codec 'nonsense'"):
        regrow.shrink(source, tmp_path / "small.mkv", model=tiny, video=Video(codec="nonsense"))
    with pytest.raises(UsageError, match=r"\.gif"):
        regrow.shrink(source, tmp_path / "small.gif", model=tiny)
    for wrong in ({"crf": 64}, {"rate": "fast"}, {"rate": 0}, {"rate": "1/0"}):
        with pytest.raises(UsageError):
            Video(**wrong)


def test_a_pipe_of_y4m_goes_through(tmp_path, tiny):
    frames = moving(3, (66, 50))
    raw = io.BytesIO()
    with av.open(raw, "w", format="yuv4mpegpipe") as out:
        stream = out.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 66, 50, "yuv444p"
        for i, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv444p")
            frame.pts = i
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    command = [sys.executable, "-c", "from regrow.cli import main; main()"]
    options = ["--model", str(tiny)]
    small = subprocess.run(
        [*command, "shrink", "-", "-o", "-", *options], input=raw.getvalue(), capture_output=True, check=True
    ).stdout
    (tmp_path / "small.mkv").write_bytes(small)
    assert pixels_of(tmp_path / "small.mkv").shape == (3, 25, 33, 3)
    back = subprocess.run([*command, "grow", "-", "-o", "-", *options], input=small, capture_output=True, check=True)
    (tmp_path / "back.mkv").write_bytes(back.stdout)
    assert pixels_of(tmp_path / "back.mkv").shape == (3, 50, 66, 3)


def test_mp4_through_a_pipe_is_refused_in_words(tmp_path):
    clip = make_clip(tmp_path / "clip.mp4", moving(8, (320, 240)), audio=False)
    command = [sys.executable, "-c", "from regrow.cli import main; main()", "shrink", "-"]
    done = subprocess.run(
        [*command, "-o", str(tmp_path / "s.mkv")], input=clip.read_bytes(), capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"standard input: cannot be read as it comes; MP4" in done.stderr


def test_a_folder_with_pictures_and_clips(regrow, tmp_path, tiny):
    source = tmp_path / "album"
    source.mkdir()
    make_clip(source / "clip.mp4", moving(2), audio=False)
    shutil.copy(PHOTOGRAPH, source / "picture.webp")
    done = regrow("shrink", source, "-o", tmp_path / "small", "--model", tiny)
    assert sorted(line.rsplit("/", 1)[1] for line in done.out.split()) == ["clip.mkv", "picture.webp"]
    again = regrow("shrink", source, "-o", tmp_path / "small", "--model", tiny)
    assert (again.code, again.err.count("is done already")) == (0, 2)
