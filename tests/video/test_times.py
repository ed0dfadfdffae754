from fractions import Fraction
from itertools import pairwise

import av
import pytest
from support.clips import broadcast, times_of

from regrow.video.reader import open_video
from regrow.video.times import packets


@pytest.mark.parametrize("clocks", [(36000,), (100, 5), (5, 5000), (50, 90000, 3)], ids=str)
def test_broadcasts_begin_near_0_and_joined_ones_do_not_jump(tmp_path, clocks):
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(broadcast(tmp_path / f"{i}.ts", clock).read_bytes() for i, clock in enumerate(clocks)))
    clip = open_video(joined)
    times = [frame.time * clip.time_base for frame in clip.read()]
    assert len(times) == 25 * len(clocks)
    assert times[0] < 0.1
    assert all(b - a == pytest.approx(0.04, abs=0.03) for a, b in pairwise(times))
    with av.open(str(joined)) as container:
        sound = [p.pts * p.time_base for p in packets(container, container.streams.video[0])
                 if p.size and p.stream.type == "audio"]  # fmt: skip
    assert abs(sound[0] - times[0]) < 0.1
    assert abs(sound[-1] - times[-1]) < 0.2, "sound stays with the frames"


def test_a_delay_within_a_file_stays(tmp_path):
    """Half a second before the first frame is what its author wanted."""
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for i in range(3):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts, frame.time_base = i + 12, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    clip = open_video(path)
    assert [frame.time * clip.time_base for frame in clip.read()] == times_of(path)
    assert times_of(path)[0] == Fraction(12, 25)
