import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clips import moving

from regrow.video.pixels import BT601, BT709, FULL, LIMITED, UNSPECIFIED, Pixels, from_rgb, is_known, planar, to_rgb

PICTURE = moving(1, (95, 63))[0]
YUV = [
    "yuv444p",
    "yuv422p",
    "yuv420p",
    "yuv440p",
    "yuv411p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuv444p16le",
]


def planes(frame):
    return [
        np.frombuffer(p, np.uint8 if b == 8 else "<u2").reshape(p.height, -1)[:, : p.width].astype(int)
        for p, b in zip(frame.planes, [c.bits for c in frame.format.components], strict=True)
    ]


@pytest.mark.parametrize(
    ("matrix", "levels", "color", "expected"),
    [
        # Colour bars of ITU-R BT.709 and BT.601 with 8 bits, as published.
        (BT709, LIMITED, (255, 255, 255), (235, 128, 128)),
        (BT709, LIMITED, (0, 0, 0), (16, 128, 128)),
        (BT709, LIMITED, (255, 0, 0), (63, 102, 240)),
        (BT709, LIMITED, (0, 255, 0), (173, 42, 26)),
        (BT709, LIMITED, (0, 0, 255), (32, 240, 118)),
        (BT601, LIMITED, (255, 0, 0), (81, 90, 240)),
        (BT601, LIMITED, (0, 255, 0), (145, 54, 34)),
        (BT601, LIMITED, (0, 0, 255), (41, 240, 110)),
        (BT601, FULL, (255, 0, 0), (76, 85, 255)),
        (BT601, FULL, (0, 0, 255), (29, 255, 107)),
    ],
)
def test_primaries_have_their_published_values(matrix, levels, color, expected):
    pixels = Pixels("yuv444p", matrix, levels)
    frame = from_rgb(np.full((4, 4, 3), color, np.uint8), pixels)
    assert tuple(int(plane[0, 0]) for plane in planes(frame)) == expected
    back = to_rgb(frame, pixels)
    np.testing.assert_allclose(back[0, 0] * 255, color, atol=1.5)


@pytest.mark.parametrize("levels", [LIMITED, FULL])
@pytest.mark.parametrize("matrix", [BT709, BT601])
def test_full_chroma_agrees_with_ffmpeg(matrix, levels):
    pixels = Pixels("yuv444p", matrix, levels)
    frame = from_rgb(PICTURE, pixels)
    names = {"src_colorspace": matrix, "src_color_range": levels, "dst_color_range": 2}
    theirs = frame.reformat(format="rgb24", **names).to_ndarray()
    assert np.abs(to_rgb(frame, pixels) * 255 - theirs).mean() < 0.8  # FFmpeg rounds twice
    assert np.abs(theirs - PICTURE.astype(int)).mean() < 0.8


@pytest.mark.parametrize("name", YUV)
def test_a_frame_that_goes_to_rgb_and_back_is_the_same(name):
    """Within rounding, whatever its chroma: nothing softens when a clip is worked on again."""
    pixels = Pixels(name, BT709, LIMITED)
    frame = from_rgb(PICTURE, pixels)
    if name == "yuv411p":
        frame = from_rgb(to_rgb(frame, pixels), pixels)  # by 4 the filters are a plain low-pass
    back = from_rgb(to_rgb(frame, pixels), pixels)
    for i, (a, b) in enumerate(zip(planes(frame), planes(back), strict=True)):
        # The padding at the borders is not undone exactly.
        inner = (slice(4, -4), slice(4, -4)) if i else (slice(None), slice(None))
        worst = np.abs(a - b)[inner].max()
        assert worst <= (1 if name != "yuv411p" else 40), name


@pytest.mark.parametrize("name", ["gbrp", "rgb24", "gbrp10le", "rgb48le", "gray", "gray10le", "gray16le"])
def test_rgb_and_grey_lose_nothing(name):
    grey = name.startswith("gray")
    picture = PICTURE[..., :1] if grey else PICTURE
    pixels = Pixels(name, UNSPECIFIED if grey else 0, FULL)
    frame = from_rgb(picture, pixels)
    found = to_rgb(frame, pixels)
    found = found if found.dtype == np.uint8 else found * 255
    np.testing.assert_allclose(found, picture, atol=0.13)  # half a level of 10 bits
    if name in ("gbrp", "rgb24"):
        np.testing.assert_array_equal(found, picture)
        np.testing.assert_array_equal(frame.to_ndarray(format="rgb24"), picture)


def test_chroma_lies_on_every_second_column_and_between_rows():
    """A ramp of chroma comes back as the ramp."""
    pixels = Pixels("yuv420p", BT709, FULL)
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.planes[0].update(np.full((64, frame.planes[0].line_size), 128, np.uint8))
    across, down = np.arange(32) * 4 + 60, np.arange(32) * 4 + 60
    for plane, ramp in zip(frame.planes[1:], (np.tile(across, (32, 1)), np.tile(down[:, None], (1, 32))), strict=True):
        rows = np.zeros((32, plane.line_size), np.uint8)
        rows[:, :32] = ramp
        plane.update(rows)
    rgb = to_rgb(frame, pixels).astype(np.float64)
    cb = (rgb[..., 2] - 128 / 255) / 1.8556 * 255 + 128
    cr = (rgb[..., 0] - 128 / 255) / 1.5748 * 255 + 128
    np.testing.assert_allclose(
        cb[30, 2:60], 60 + 2 * np.arange(2, 60), atol=0.01
    )  # column x of luma is x / 2 of chroma
    np.testing.assert_allclose(cr[2:60, 30], 60 + 2 * (np.arange(2, 60) - 0.5), atol=0.01)  # row y is y / 2 - 1 / 4


def test_chroma_of_jpeg_lies_between_columns():
    """Where libjpeg puts it: FFmpeg's decoder gives its samples, unchanged."""
    pixels = Pixels("yuv420p", BT601, FULL, centred=True)
    frame = av.VideoFrame(64, 64, "yuv420p")
    frame.planes[0].update(np.full((64, frame.planes[0].line_size), 128, np.uint8))
    for plane in frame.planes[1:]:
        rows = np.full((32, plane.line_size), 128, np.uint8)
        rows[:, :32] = np.arange(32) * 4 + 60
        plane.update(rows)
    rgb = to_rgb(frame, pixels).astype(np.float64)
    cb = (rgb[..., 2] - 128 / 255) / 1.772 * 255 + 128
    np.testing.assert_allclose(cb[30, 2:60], 60 + 2 * (np.arange(2, 60) - 0.5), atol=0.01)
    back = from_rgb(to_rgb(frame, pixels), pixels)
    for a, b in zip(planes(frame), planes(back), strict=True):
        assert np.abs(a - b)[4:-4, 4:-4].max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(YUV[:5]))
def test_any_size_goes_both_ways(width, height, name):
    frame = from_rgb(np.full((height, width, 3), (10, 200, 90), np.uint8), Pixels(name, BT601, LIMITED))
    np.testing.assert_allclose(to_rgb(frame, Pixels(name, BT601, LIMITED))[-1, -1] * 255, (10, 200, 90), atol=2)


def test_what_a_file_does_not_say_is_taken_as_players_do():
    plain = Pixels("yuv420p")
    assert (plain.meant(480).matrix, plain.meant(720).matrix) == (BT601, BT709)
    assert plain.meant(480).range == LIMITED
    assert Pixels("yuvj420p").meant(480).range == FULL
    assert plain.at_height(480, 576) == plain
    assert plain.at_height(480, 960).matrix == BT601, "said, for players would take the other at 960 lines"
    assert Pixels("yuv420p", BT709).at_height(480, 960).matrix == BT709


def test_formats_are_brought_to_planar_ones_that_hold_them():
    assert planar(8, (2, 2), rgb=False, colors=3) == "yuv420p"
    assert planar(10, (1, 2), rgb=False, colors=3) == "yuv422p10le"
    assert planar(8, (1, 1), rgb=True, colors=3) == "rgb24"
    assert planar(10, (1, 1), rgb=True, colors=3) == "gbrp10le"
    assert planar(16, (1, 1), rgb=False, colors=1) == "gray16le"
    assert is_known("yuv420p10le")
    assert not is_known("yuv420p10be; rm")
