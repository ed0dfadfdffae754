from copy import copy
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import randomized
from support.pictures import noise

from regrow import zoo
from regrow.inference.rescale import grow_rows, shrink_rows
from regrow.inference.restore import restore_rows
from regrow.inference.rows import to_dtype, to_float
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.tad import TAD, TADConfig
from regrow.nets.video.base import VideoRestorer
from regrow.nets.video.tad import VideoTAD, VideoTADConfig
from regrow.size import Size, small_size


def whole(rows):
    return np.concatenate(list(rows))


def size_of(picture):
    return Size(picture.shape[1], picture.shape[0])


def shrunk(picture, channels, model, tile, small=None):
    small = Size(*(small or small_size(size_of(picture), model.scales[::-1])))
    return whole(shrink_rows([picture], size_of(picture), channels, model, small, tile))


def grown(small, size, result_channels, model, tile, dtype=np.uint8):
    channels = 3 if small.shape[2] >= 3 else 1
    return whole(grow_rows([small], size_of(small), Size(*size), channels, result_channels, model, dtype, tile))


def levels_apart(a, b):
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


@pytest.fixture(scope="module")
def model(request):
    return zoo.load(request.param)


# A tile of 8 with its halo is worked on in many pieces: a narrow picture keeps that short.
@pytest.mark.parametrize(
    ("model", "tile", "height", "width"),
    [("tad-x2", 8, 12, 180), ("tad-x2", 33, 110, 170), ("tad-x2", 100, 230, 130), ("tad-x4", 8, 90, 12),
     ("tad-x4", 33, 40, 90)],
    indirect=["model"],
)  # fmt: skip
def test_tiles_and_the_whole_are_at_most_one_level_apart(model, astronaut, tile, height, width):
    height, width = (n * model.scale // 2 for n in (height, width))
    picture = astronaut[100 : 100 + height, 50 : 50 + width]
    small = shrunk(picture, 3, model, 10**4)
    assert levels_apart(shrunk(picture, 3, model, tile), small) <= 1
    size = width, height
    assert levels_apart(grown(small, size, 3, model, tile), grown(small, size, 3, model, 10**4)) <= 1


@pytest.mark.parametrize("model", ["tad-x2"], indirect=True)
def test_strips_give_what_whole_pictures_give(model, astronaut):
    picture = astronaut[:75, :61]
    parts = [picture[:1], picture[1:40], picture[40:40], picture[40:]]
    rows = whole(shrink_rows(parts, Size(61, 75), 3, model, Size(31, 38), 32))
    assert levels_apart(rows, shrunk(picture, 3, model, 10**4)) <= 1


@settings(max_examples=40)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    steps=st.sampled_from([1, 2, 3, 7]),
    bands=st.integers(1, 4),
    tile=st.sampled_from([8, 31, 512]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_every_size_comes_back(tiny_at, width, height, steps, bands, tile, dtype):
    model = tiny_at(2**steps)
    picture = noise(height, width, bands, dtype)
    colors = 1 if bands < 3 else 3
    small = shrunk(picture, colors, model, max(tile, 8))
    assert small.shape == (-(-height // 2**steps), -(-width // 2**steps), bands)
    assert small.dtype == np.uint8
    again = grown(small, (width, height), colors, model, tile, dtype)
    assert again.shape == picture.shape
    assert again.dtype == dtype


@pytest.fixture(scope="module")
def tiny_at(tiny):
    @lru_cache
    def at(scale):
        made = TAD(replace(tiny.config, scale=scale)).eval().requires_grad_(False)
        made.load_state_dict(tiny.state_dict())
        return made

    return at


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
@pytest.mark.parametrize("colors", [1, 3])
def test_opaque_and_transparent_regions_stay_so(tiny_at, scale, dtype, top, colors):
    """All but within the reach of the seam, at every tile size."""
    model = tiny_at(scale)
    picture = noise(70, 90, colors + 1, dtype)
    picture[:, :45, -1], picture[:, 45:, -1] = 0, top
    for tile in (16, 512):
        small = shrunk(picture, colors, model, tile)
        again = grown(small, (90, 70), colors, model, tile, dtype)[..., -1]
        assert (again[:, : 45 - 2 * scale] == 0).all()
        assert (again[:, 45 + 2 * scale :] == top).all()


def test_half_transparency_stays_half(tiny):
    picture = noise(20, 20, 4)
    picture[..., 3] = 128
    small = shrunk(picture, 3, tiny, 512)
    assert (grown(small, (20, 20), 3, tiny, 512)[..., 3] == 128).all()


def test_grey_is_grown_from_the_mean_of_three_equal_colors(tiny):
    """A grey picture and its RGB twin have the same model under them."""
    grey = noise(16, 18, 1)
    small = shrunk(grey.repeat(3, 2), 3, tiny, 512).astype(float).mean(-1)
    np.testing.assert_allclose(shrunk(grey, 1, tiny, 512)[..., 0], small, atol=1)


def test_floats_come_back_unrounded_and_within_bounds(tiny):
    small = noise(9, 11)
    floats = grown(small, (22, 18), 3, tiny, 512, np.float32)
    assert floats.dtype == np.float32
    assert floats.min() >= 0
    assert floats.max() <= 1
    assert len(np.unique(floats)) > 256
    assert levels_apart(np.rint(floats * 255), grown(small, (22, 18), 3, tiny, 512)) == 0


def test_rows_are_pulled_through_in_bounded_memory(tiny_at):
    """Growing and shrinking by 4 hold a few strips, however tall the picture is."""
    model, tile = tiny_at(4), 32
    asked = 0

    def rows(height):
        nonlocal asked
        asked = 0
        for _ in range(height):
            asked += 1
            yield noise(1, 40)

    given_back = 0
    for block in shrink_rows(rows(2000), Size(40, 2000), 3, model, Size(10, 500), tile):
        given_back += len(block)
        assert asked <= given_back * 4 + 4 * (tile + 4 * model.halo)
    assert given_back == 500
    given_back = 0
    for block in grow_rows(rows(500), Size(40, 500), Size(160, 2000), 3, 3, model, np.uint8, tile):
        given_back += len(block)
        assert asked <= given_back // 4 + tile + 4 * model.halo
    assert given_back == 2000


TINY = {"channels": 8, "blocks": 1}
KINDS = {
    "hiding": {"scale": 1, "height": 1, "width": 1, "small_colors": 1},
    "hiding-x4": {"scale": 4, "pairs": 2, "small_colors": 1},
    "unshuffle": {"unshuffle": 2},
    "unshuffle-hiding": {"unshuffle": 4, "scale": 1, "height": 1, "width": 1, "small_colors": 1},
    "across": {"height": 1, "scale": 4},
    "down-unshuffle": {"width": 1, "unshuffle": 2},
    "4x1": {"height": 4, "width": 1, "scale": 4},
    "x4-at-once": {"height": 4, "width": 4, "scale": 4},
    "grey": {"colors": 1, "small_colors": 1, "subpixel_features": True},
}


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return randomized(TADConfig(**TINY, **KINDS[request.param]))


@pytest.mark.parametrize(("scales", "tile"), [(None, 8), ((1.7, 2.9), 8), ((3, 1), 31)], ids=str)
def test_tiles_and_the_whole_agree_for_every_kind_of_model_and_size(kind, scales, tile):
    """Sizes that divide by nothing, alpha included."""
    size = 63, 47
    picture = noise(47, 63, kind.colors + 1)
    small_to = small_size(size, scales) if scales else None
    small = shrunk(picture, kind.colors, kind, 10**4, small_to)
    assert small.shape[2] == kind.small_colors + 1
    assert levels_apart(shrunk(picture, kind.colors, kind, tile, small_to), small) <= 1
    again = grown(small, size, kind.colors, kind, 10**4)
    assert again.shape == picture.shape
    assert levels_apart(grown(small, size, kind.colors, kind, tile), again) <= 1


def whole_picture(x):
    """(H, W, C) uint8 -> (1, C, H, W) in [0, 1]."""
    return torch.from_numpy(x).permute(2, 0, 1)[None] / 255


def in_levels(x):
    return (x[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()


@pytest.mark.parametrize("scales", [(1.5, 1.5), (2.7, 2.7), (3, 3), (2, 1.3), (1, 2)], ids=str)
def test_resampling_in_strips_is_bicubic_of_the_whole_picture(kind, scales):
    """To the small size times the scale on the way down, and from there to the exact size on the way up."""
    size, (down, across), unshuffle = (80, 60), kind.scales, kind.unshuffle
    small_to = small_size(size, scales)
    # Fold 2 and 4 would pad as well where the small sides are odd.
    small_to = small_to[0] // unshuffle * unshuffle, small_to[1] // unshuffle * unshuffle
    inner = small_to[1] * down, small_to[0] * across
    picture = noise(60, 80, kind.colors)
    small = shrunk(picture, kind.colors, kind, 32, small_to)
    again = grown(small, size, kind.colors, kind, 32)
    with torch.no_grad():
        expected = in_levels(kind.shrink(bicubic(whole_picture(picture), inner)))
        assert levels_apart(small, expected) <= 1
        expected = in_levels(bicubic(kind.grow(whole_picture(small)), (60, 80)))
        assert levels_apart(again, expected) <= 1


def test_a_side_alone_is_resampled_and_the_other_padded(tiny):
    picture = noise(31, 40)
    small = shrunk(picture, 3, tiny, 16, (15, 16))
    extended = np.concatenate([picture, picture[-1:]])
    with torch.no_grad():
        expected = in_levels(tiny.shrink(bicubic(whole_picture(extended), (32, 30))))
        assert levels_apart(small, expected) <= 1
        expected = in_levels(bicubic(tiny.grow(whole_picture(small))[..., :31, :], (31, 40)))
        assert levels_apart(grown(small, (40, 31), 3, tiny, 16), expected) <= 1


side = st.integers(1, 300)


@settings(max_examples=40)
@given(
    tenths=st.tuples(st.integers(11, 80), st.integers(11, 80)) | st.integers(11, 80).map(lambda n: (n, n)),
    width=side,
    height=side,
    bands=st.integers(1, 4),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_every_factor_brings_every_size_back(tiny_at, tenths, width, height, bands, dtype):
    scales = tenths[0] / 10, tenths[1] / 10
    model = tiny_at(next(n for n in (2, 4, 8) if n >= max(scales)))
    picture = noise(height, width, bands, dtype)
    colors = 1 if bands < 3 else 3
    # Tenths are exact as integers: the size rounded up without floating point.
    small_to = -(-width * 10 // tenths[0]), -(-height * 10 // tenths[1])
    assert small_size((width, height), scales) == small_to
    small = shrunk(picture, colors, model, 512, small_to)
    assert (small.shape, small.dtype) == ((small_to[1], small_to[0], bands), np.uint8)
    again = grown(small, (width, height), colors, model, 512, dtype)
    assert (again.shape, again.dtype) == (picture.shape, dtype)


@settings(max_examples=15)
@given(width=st.integers(1, 90), height=st.integers(1, 90), scales=st.tuples(*[st.sampled_from([1, 1.4, 2, 3.3])] * 2))
def test_every_kind_brings_every_size_back(made, width, height, scales):
    picture = noise(height, width, 4)
    for model in made:
        if model.colors == 3:
            small = shrunk(picture, 3, model, 64, small_size((width, height), scales))
            assert small.shape == (*small_size((width, height), scales)[::-1], model.small_colors + 1)
            assert grown(small, (width, height), 3, model, 64).shape == picture.shape


@pytest.fixture(scope="module")
def made():
    return [randomized(TADConfig(**TINY, **settings)) for settings in KINDS.values()]


@pytest.mark.parametrize("scales", [(1.1, 1.1), (1.5, 1.5), (2.7, 2.7), (3, 3), (7.3, 7.3), (2, 1), (1.2, 5)], ids=str)
@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_constant_alpha_stays_exactly_so_at_every_scale(tiny_at, scales, dtype, top):
    model = tiny_at(next(n for n in (2, 4, 8) if n >= max(scales)))
    picture, small_to = noise(47, 71, 4, dtype), small_size((71, 47), scales)
    for value, small_value in ((0, 0), (top, 255)):
        picture[..., 3] = value
        small = shrunk(picture, 3, model, 32, small_to)
        assert (small[..., 3] == small_value).all()
        assert (grown(small, (71, 47), 3, model, 32, dtype)[..., 3] == value).all()


@pytest.mark.parametrize("scale", [1.5, 2.7, 3, 6.1])
def test_alpha_is_touched_only_near_its_edge_at_every_scale(tiny_at, scale):
    model = tiny_at(next(n for n in (2, 4, 8) if n >= scale))
    picture = noise(40, 120, 2)
    picture[:, :60, 1], picture[:, 60:, 1] = 0, 255
    small = shrunk(picture, 1, model, 32, small_size((120, 40), (scale, scale)))
    again = grown(small, (120, 40), 1, model, 32)[..., 1]
    reach = int(3 * scale) + 1
    assert (again[:, : 60 - reach] == 0).all()
    assert (again[:, 60 + reach :] == 255).all()


def test_color_comes_back_from_a_grey_small_picture_as_the_model_says(hiding):
    picture = noise(20, 24)
    small = shrunk(picture, 3, hiding, 512)
    assert small.shape == (20, 24, 1)
    with torch.no_grad():
        assert levels_apart(small, in_levels(hiding.shrink(whole_picture(picture)))) <= 1
        expected = in_levels(hiding.grow(whole_picture(small)))
    assert levels_apart(grown(small, (24, 20), 3, hiding, 512), expected) <= 1


def test_grey_pictures_pass_a_model_that_hides_color(hiding):
    """As three equal colours, whose mean comes back."""
    grey = noise(20, 24, 1)
    small = shrunk(grey, 1, hiding, 512)
    np.testing.assert_array_equal(small, shrunk(grey.repeat(3, 2), 3, hiding, 512))
    mean = grown(small, (24, 20), 3, hiding, 512, np.float32)
    again = grown(small, (24, 20), 1, hiding, 512)
    assert again.shape == grey.shape
    assert (mean.min() == 0 or mean.max() == 1) or levels_apart(again[..., 0], np.rint(mean.mean(-1) * 255)) <= 1


def test_resampled_rows_are_pulled_through_in_bounded_memory(tiny_at):
    model, tile, asked = tiny_at(4), 32, 0

    def rows(width, height):
        nonlocal asked
        asked = 0
        for _ in range(height):
            asked += 1
            yield noise(1, width)

    given_back, ahead = 0, 4 * (tile + 4 * model.halo) + 64
    for block in shrink_rows(rows(40, 2700), Size(40, 2700), 3, model, Size(15, 1000), tile):
        given_back += len(block)
        assert asked <= given_back * 2.7 + ahead
    assert given_back == 1000
    given_back = 0
    for block in grow_rows(rows(15, 1000), Size(15, 1000), Size(40, 2700), 3, 3, model, np.uint8, tile):
        given_back += len(block)
        assert asked <= given_back / 2.7 + ahead
    assert given_back == 2700


# --- frames of a clip among the bands ---------------------------------------------------------------------------------


def group_net(**settings):
    """A rescaler of groups whose frames look at each other."""
    model = VideoTAD(VideoTADConfig(**{**TINY, "frames": 4, "mix_every": 1, **settings}))
    torch.manual_seed(1)
    for name, weight in model.named_parameters():
        if "mixers" in name or "tail" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return model.eval().requires_grad_(False)


def wide(model, frames):
    """The net with its frames as one picture of many channels, which is what rows were made for at first."""
    made = copy(model)
    made.colors, made.small_colors = frames * model.colors, frames * model.small_colors
    return made


GROUPS = [{}, {"scale": 4, "pairs": 2}, {"unshuffle": 2}, {"height": 1}, {"colors": 1, "small_colors": 1}]


@pytest.mark.parametrize("settings", GROUPS, ids=str)
@pytest.mark.parametrize(("frames", "small_to"), [(1, (21, 13)), (2, None), (4, (21, 13))], ids=str)
def test_frames_are_to_the_bit_a_picture_with_more_channels(settings, small_to, frames):
    model = group_net(**settings)
    size, bands = Size(59, 45), frames * model.colors
    picture, other = noise(45, 59, bands), wide(model, frames)
    small_to = Size(*(small_to or small_size(size, model.scales[::-1])))
    for tile in (16, 512):
        small = whole(shrink_rows([picture], size, model.colors, model, small_to, tile, frames=frames))
        np.testing.assert_array_equal(small, whole(shrink_rows([picture], size, bands, other, small_to, tile)))
        assert small.shape == (*small_to.hw, bands)
        for dtype in (np.uint8, np.float32):
            own = grow_rows([small], small_to, size, model.colors, model.colors, model, dtype, tile, frames)
            again = whole(own)
            one = grow_rows([small], small_to, size, bands, bands, other, dtype, tile)
            np.testing.assert_array_equal(again, whole(one))
            assert (again.shape, again.dtype) == (picture.shape, dtype)


def test_frames_are_what_the_model_does_when_called():
    model = group_net()
    picture = noise(24, 32, 9)
    small = whole(shrink_rows([picture], Size(32, 24), 3, model, Size(16, 12), frames=3))
    np.testing.assert_array_equal(small, in_levels(model.shrink(whole_picture(picture))))
    again = whole(grow_rows([small], Size(16, 12), Size(32, 24), 3, 3, model, frames=3))
    np.testing.assert_array_equal(again, in_levels(model.grow(whole_picture(small))))


def frame_means(x):
    """The mean over each frame's channels: (1, 3n, H, W) -> (1, n, H, W)."""
    return x.unflatten(1, (-1, 3)).mean(2)


def test_grey_frames_are_shrunk_as_three_equal_channels_each():
    model, grey = group_net(), noise(24, 32, 3)
    small = whole(shrink_rows([grey], Size(32, 24), 1, model, Size(16, 12), frames=3))
    assert small.shape == (12, 16, 3)
    assert levels_apart(small, in_levels(frame_means(model.shrink(whole_picture(grey.repeat(3, 2)))))) <= 1
    again = whole(grow_rows([small], Size(16, 12), Size(32, 24), 1, 1, model, frames=3))
    assert again.shape == grey.shape
    assert levels_apart(again, in_levels(frame_means(model.grow(whole_picture(small.repeat(3, 2)))))) <= 1


def test_colors_of_frames_are_averaged_for_a_model_of_grey():
    model, picture = group_net(colors=1, small_colors=1), noise(24, 32, 6)
    small = whole(shrink_rows([picture], Size(32, 24), 3, model, Size(16, 12), frames=2))
    assert levels_apart(small, in_levels(model.shrink(frame_means(whole_picture(picture))))) <= 1


def test_alpha_follows_the_frames():
    model, picture = group_net(), noise(24, 32, 7)
    picture[:, :16, 6], picture[:, 16:, 6] = 0, 255
    small = whole(shrink_rows([picture], Size(32, 24), 3, model, Size(16, 12), frames=2))
    without = shrink_rows([picture[..., :6]], Size(32, 24), 3, model, Size(16, 12), frames=2)
    np.testing.assert_array_equal(small[:, :8, :6], whole(without)[:, :8])  # under transparency, as it is stored
    assert small[0, :, 6].tolist() == [0] * 8 + [255] * 8
    again = whole(grow_rows([small], Size(16, 12), Size(32, 24), 3, 3, model, frames=2))
    assert again[0, :, 6].tolist()[:14] == [0] * 14
    assert again[0, :, 6].tolist()[18:] == [255] * 14


@pytest.mark.parametrize(("channels", "wanted"), [(1, 3), (3, 1), (3, 3), (1, 1)])
@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("alpha", [0, 1])
def test_channels_are_changed_frame_by_frame(channels, wanted, frames, alpha):
    """Against a loop in numpy, in both directions."""
    picture = noise(3, 4, frames * channels + alpha)
    given = picture.astype(np.float32) / 255
    made = []
    for n in range(frames):
        frame = given[..., n * channels : (n + 1) * channels]
        if channels != wanted:
            frame = (sum(frame[..., i] for i in range(channels)) / channels)[..., None].repeat(wanted, -1)
        made.append(frame)
    expected = np.concatenate([*made, given[..., frames * channels :]], -1)
    np.testing.assert_allclose(next(to_float([picture], channels, wanted, frames)), expected, atol=1e-6)
    np.testing.assert_allclose(to_dtype(given, channels, wanted, np.float32, frames), expected, atol=1e-6)
    np.testing.assert_array_equal(to_dtype(given, channels, wanted, np.uint8, frames), np.rint(expected * 255))


def test_refined_frames_grow_back_better(astronaut):
    model = group_net()
    picture = np.concatenate([astronaut[100:148, 200 + 2 * n : 264 + 2 * n] for n in range(3)], 2)
    away = []
    for refine in (0, 5):
        small = whole(shrink_rows([picture], Size(64, 48), 3, model, Size(32, 24), 32, refine, 3))
        again = whole(grow_rows([small], Size(32, 24), Size(64, 48), 3, 3, model, frames=3))
        away.append(((again.astype(float) - picture) ** 2).reshape(48, 64, 3, 3).mean((0, 1, 3)))
    assert (away[1] < away[0]).all()


class Later(VideoRestorer):
    """Gives the last of its frames, twice as large."""

    scale, frames, halo, grid = 2, 3, 0, 4

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.seen = []

    def flows(self, y):
        raise NotImplementedError

    def forward(self, y, flow=None):
        self.seen.append(tuple(y.shape))
        return y[:, 6:].repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_restorer_says_itself_how_many_frames_it_takes(channels):
    picture, net = noise(11, 14, 3 * channels), Later()
    found = whole(restore_rows([picture], Size(14, 11), channels, net, tile=12))
    np.testing.assert_array_equal(found, picture[..., 2 * channels :].repeat(2, 0).repeat(2, 1))
    assert {shape[:2] for shape in net.seen} == {(1, 9)}
    assert max(max(shape[2:]) for shape in net.seen) == 4  # a multiple of its grid, 6 small pixels at most


@pytest.mark.parametrize(("own", "largest"), [(None, 256), (300, 300), (100, 256)])
def test_tiles_are_at_least_as_large_as_the_model_wants_them(own, largest):
    net = Later()
    net.tile, net.frames, net.grid = own, 3, 1
    whole(restore_rows([noise(largest, 700, 9)], Size(700, largest), 3, net))
    assert max(shape[3] for shape in net.seen) == largest
