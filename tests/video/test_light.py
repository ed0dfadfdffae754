import io
import struct
from dataclasses import asdict
from fractions import Fraction

import av
import pytest
from support.clips import aspect_of, moving, side_data_of, write_plain

from regrow.video import matroska
from regrow.video.light import Light
from regrow.video.reader import open_video

LIGHT = Light((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329), (0.0001, 1000.0), (1000, 400))


def test_hdr_metadata_of_a_file_are_read_and_stated_again(tmp_path):
    """x265 writes them from its own options, in its own units."""
    params = ("log-level=error:bframes=0:cutree=0:hdr10=1:max-cll=1000,400:"
              "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)")  # fmt: skip
    source = write_plain(tmp_path / "hdr.mp4", moving(1, (64, 48)), "libx265", "yuv420p10le",
                         options={"x265-params": params})  # fmt: skip
    assert open_video(source).light == LIGHT
    piece = write_plain(tmp_path / "plain.mkv", moving(1, (64, 48)))
    (tmp_path / "lit.mkv").write_bytes(matroska.with_light(piece.read_bytes(), LIGHT))
    found = side_data_of(tmp_path / "lit.mkv")
    numbers = struct.unpack("<22i", found["MASTERING_DISPLAY_METADATA"])
    ratios = [a / b for a, b in zip(numbers[:20:2], numbers[1:20:2], strict=True)]
    assert ratios == pytest.approx([0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329, 0.0001, 1000])
    assert struct.unpack("<2I", found["CONTENT_LIGHT_LEVEL"]) == (1000, 400)


def test_a_record_is_checked():
    assert Light.checked(asdict(LIGHT)) == LIGHT
    assert Light.checked(None) is None
    for wrong in ({"levels": [1]}, {"luminances": [0, -1]}, {"chromaticities": [1e99] * 8}, {"levels": "ab"}):
        with pytest.raises(ValueError, match=r"light|float"):
            Light.checked({**asdict(Light()), **wrong})


@pytest.mark.parametrize("aspect", [Fraction(16, 11), Fraction(1, 2), Fraction(1001, 1000)])
@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_the_shape_of_pixels_is_stated_without_moving_a_byte(tmp_path, suffix, aspect):
    codec, form = ("ffv1", "bgr0") if suffix == ".mkv" else ("libvpx-vp9", "yuv420p")
    path = tmp_path / f"clip{suffix}"
    with av.open(str(write_plain(tmp_path / "given.mkv", moving(3, (72, 58)), codec, form))) as given:
        out = av.open(str(path), "w")
        out.metadata["title"] = "A film"
        stream = out.add_stream_from_template(given.streams.video[0], opaque=True)
        stream.metadata["title"] = matroska.ROOM
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
        out.close()
    size = path.stat().st_size
    matroska.state_aspect(path, aspect, "left eye")
    assert path.stat().st_size == size
    assert float(aspect_of(path)) == pytest.approx(float(aspect), rel=0.002)
    with av.open(str(path)) as container:
        assert container.streams.video[0].metadata["title"] == "left eye"
        container.seek(80_000, any_frame=False)
        assert next(container.decode(video=0)).pts is not None
    with av.open(io.BytesIO(path.read_bytes())) as container:
        assert sum(1 for _ in container.decode(video=0)) == 3
