"""Clips whose frames are not all alike, and what is left of a clip that nothing came of."""

import io
from fractions import Fraction

import av
import numpy as np
from PIL import Image
from support.clips import make_clip, moving
from support.pictures import noise

from regrow.runners import clip as runner
from regrow.video import reader
from regrow.video.sinks import FramesSink


def motion_jpeg(path, sizes):
    """Frames that are pictures of their own, so that each may have another size."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuvj420p"
        for number, (width, height) in enumerate(sizes):
            file = io.BytesIO()
            Image.fromarray(noise(height, width)).save(file, "JPEG")
            packet = av.Packet(file.getvalue())
            packet.pts = packet.dts = number
            packet.time_base, packet.stream, packet.is_keyframe = Fraction(1, 25), stream, True
            out.mux(packet)
    return path


def test_frames_of_other_sizes_are_scaled_to_the_first_and_said(tmp_path, caplog):
    path = motion_jpeg(tmp_path / "a.mkv", [(48, 32), (50, 64), (48, 32)])
    shapes = [frame.pixels.shape for frame in reader.open_video(path).read()]
    assert shapes == [(32, 48, 3)] * 3
    assert "1 frames have another size than the first; they are scaled to it" in caplog.text


def test_a_damaged_frame_that_says_no_size(tmp_path):
    path = make_clip(
        tmp_path / "a.mov", moving(3, (48, 32)), format="yuv422p10le", codec="prores_ks", audio=False, options={}
    )
    data = bytearray(path.read_bytes())
    at = data.index(b"icpf") + 12  # width and height in the header of the first frame
    data[at : at + 4] = bytes(4)
    path.write_bytes(data)
    assert runner.header(path).size == (48, 32)


def test_folders_that_were_made_for_no_frame_are_removed(tmp_path):
    clip = reader.open_video(motion_jpeg(tmp_path / "a.mkv", [(48, 32)] * 2))
    (tmp_path / "there").mkdir()
    for folder, left in (("new/deep", False), ("there", True)):
        FramesSink(str(tmp_path / folder / "%03d.png"), clip, 8, None, {}).close()
        assert (tmp_path / folder.split("/")[0]).exists() == left
    sink = FramesSink(str(tmp_path / "new/%03d.png"), clip, 8, None, {})
    assert list(sink.add([list(clip.read())])) == [2]
    sink.close()
    assert np.asarray(Image.open(tmp_path / "new/002.png")).shape == (32, 48, 3)
