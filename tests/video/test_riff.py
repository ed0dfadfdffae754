from fractions import Fraction

import av
import pytest
from support.clips import aspect_of, moving, write_plain

from regrow.video import riff


@pytest.mark.parametrize("name", ["", "left eye", "even"])
@pytest.mark.parametrize("aspect", [Fraction(16, 11), Fraction(1, 2), Fraction(100001, 99999)])
def test_the_shape_of_pixels_is_stated_without_moving_a_byte(tmp_path, aspect, name):
    path = tmp_path / "clip.avi"
    with (
        av.open(str(write_plain(tmp_path / "given.mkv", moving(3, (72, 58))))) as given,
        av.open(str(path), "w") as out,
    ):
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        stream.metadata["title"] = riff.room(name)
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    size = path.stat().st_size
    riff.state_aspect(path, (72, 58), aspect, name)
    assert path.stat().st_size == size
    assert float(aspect_of(path)) == pytest.approx(float(aspect), rel=0.001)
    with av.open(str(path)) as container:
        assert container.streams.video[0].metadata.get("title", "") == name
        assert sum(1 for _ in container.decode(video=0)) == 3
