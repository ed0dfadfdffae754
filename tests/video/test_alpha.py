import av
import numpy as np
import pytest
from support.clips import moving, write_plain

from regrow.video.alpha import from_rgba, to_alpha, with_alpha
from regrow.video.pixels import BT709, FULL, LIMITED, UNSPECIFIED, Pixels, to_rgb
from regrow.video.reader import open_video

ALPHA = np.tile(np.arange(64, dtype=np.uint8)[:, None] * 4, (1, 96))[..., None]
FORMATS = ["yuv420p", "yuv444p", "yuv444p10le", "yuv422p12le", "gbrp", "gbrp10le", "rgb24", "rgb48le", "gray"]


@pytest.mark.parametrize("name", FORMATS)
def test_alpha_goes_into_frames_and_back(name):
    picture = moving(1)[0]
    grey, rgb = name == "gray", name.startswith(("gbr", "rgb"))
    levels = FULL if rgb or grey else LIMITED
    pixels = Pixels(name, UNSPECIFIED if grey else 0 if rgb else BT709, levels, alpha=True)
    frame = from_rgba(picture[..., :1] if grey else picture, ALPHA, pixels)
    assert frame.format.name == with_alpha(name)
    found = to_alpha(frame, pixels.bits)
    np.testing.assert_allclose(found / (1 if found.dtype == np.uint8 else 1 / 255), ALPHA, atol=0.13)
    # FFmpeg sees the same.
    theirs = frame.reformat(format="rgba").to_ndarray()[..., 3:]
    assert np.abs(theirs.astype(int) - ALPHA).max() <= 1
    if rgb:
        colors = to_rgb(frame if name[0] == "g" else frame.reformat(format=name), pixels)
        np.testing.assert_allclose(colors / (1 if colors.dtype == np.uint8 else 1 / 255), picture, atol=0.13)


@pytest.mark.parametrize(
    ("codec", "form", "suffix"),
    [
        ("libvpx-vp9", "yuva420p", ".webm"),
        ("libvpx", "yuva420p", ".webm"),
        ("prores_ks", "yuva444p10le", ".mov"),
        ("ffv1", "bgra", ".mkv"),
        ("ffv1", "yuva420p", ".mkv"),
        ("qtrle", "argb", ".mov"),
        ("png", "rgba", ".mov"),
        ("png", "rgba64be", ".mov"),
    ],
)
def test_alpha_is_read_from_every_codec_that_has_it(tmp_path, codec, form, suffix):
    frames = [np.concatenate([picture, ALPHA], 2) for picture in moving(2)]
    options = {"libvpx": {"auto-alt-ref": "0", "b": "2M"}, "libvpx-vp9": {"crf": "4", "b": "0"}}.get(codec, {})
    path = write_plain(tmp_path / f"clip{suffix}", frames, codec, form, source="rgba", options=options)
    clip = open_video(path)
    assert clip.pixels.alpha
    for frame in clip.read():
        assert frame.alpha.shape == ALPHA.shape
        found = frame.alpha.astype(float) / (255 if frame.alpha.dtype == np.uint8 else 1)
        assert np.abs(found - ALPHA / 255).mean() < 0.02


def test_grey_of_other_depths_has_no_form_with_alpha():
    assert with_alpha("gray10le") == ""


def test_frames_without_alpha_have_none():
    assert to_alpha(av.VideoFrame(4, 2, "yuv420p"), 8).min() == 255
