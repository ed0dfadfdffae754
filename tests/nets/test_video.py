import numpy as np
import pytest
import torch
from scipy import ndimage
from support.models import randomized
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from regrow import zoo
from regrow.errors import UsageError
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.tad import TAD, TADConfig
from regrow.nets.upscale.blocks import residual_dense
from regrow.nets.video.base import middle_and_others
from regrow.nets.video.sofvsr import SOFVSR, SOFVSRConfig, leaky
from regrow.nets.video.tad import Mixer, VideoTAD, VideoTADConfig
from regrow.nets.video.warp import pixels, sample, warp

SIZES = {"channels": 6, "blocks": 1, "layers": 2, "growth": 4, "flow_channels": 5, "flow_blocks": 1, "flow_layers": 1}
GROUP = {"channels": 8, "blocks": 4, "frames": 3, "mix_every": 2}


def small(**more):
    """A net whose every weight matters, and whose flows reach the limit here and there."""
    model = SOFVSR(SOFVSRConfig(**{**SIZES, "reach": 3, **more}))
    for p in model.parameters():
        nn.init.normal_(p, std=0.25)
    return model.eval().requires_grad_(False)


def far(model):
    """The same, where the first flow is as long as it may be and the second somewhat shorter."""
    nn.init.constant_(model.levels[0].tail.bias, 100)
    nn.init.constant_(model.levels[1].tail.bias, -model.config.reach / 4)
    return model


# --- warping ----------------------------------------------------------------------------------------------------------


def seen_at(x, at):
    """Independent: (C, h, w) at places (2, H, W), across before down."""
    return np.stack([ndimage.map_coordinates(c, (at[1], at[0]), order=1, mode="nearest") for c in x])


@pytest.mark.parametrize("size", [(7, 9), (1, 5), (6, 1)])
def test_warping_is_what_scipy_interpolates(size):
    rng = np.random.default_rng(0)
    x, flow = rng.random((2, 3, *size)), rng.normal(0, 4, (2, 2, *size))
    down, across = np.mgrid[: size[0], : size[1]]
    expected = [seen_at(a, (across + f[0], down + f[1])) for a, f in zip(x, flow, strict=True)]
    np.testing.assert_allclose(warp(*map(torch.from_numpy, (x, flow))), np.stack(expected), atol=1e-5)


def test_places_need_not_be_as_many_as_pixels():
    rng = np.random.default_rng(0)
    x, at = rng.random((3, 5, 6)), rng.uniform(-2, 8, (2, 9, 4))
    found = sample(torch.from_numpy(x)[None], torch.from_numpy(at)[None])
    np.testing.assert_allclose(found[0], seen_at(x, at), atol=1e-5)


def test_the_places_of_pixels_are_across_before_down():
    assert pixels(torch.zeros(1, 3, 2, 3)).tolist() == [[[0, 1, 2], [0, 1, 2]], [[0, 0, 0], [1, 1, 1]]]


def test_a_flow_of_zero_changes_nothing():
    x = torch.rand(2, 3, 17, 31)
    torch.testing.assert_close(warp(x, torch.zeros(2, 2, 17, 31)), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("across", "down"), [(3, 0), (0, -2), (-4, 5)])
def test_a_translated_picture_warped_by_its_flow_is_the_picture(astronaut, across, down):
    picture = torch.from_numpy(astronaut[:120, :150].copy()).permute(2, 0, 1)[None] / 255
    moved = picture.roll((down, across), (2, 3))
    flow = torch.tensor((across, down)).view(1, 2, 1, 1).expand(1, 2, 120, 150)
    inside = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(warp(moved, flow)[inside], picture[inside], atol=1e-4, rtol=0)


def test_half_precision_does_not_blur_places():
    x, flow = torch.rand(1, 3, 8, 300), torch.full((1, 2, 8, 300), 0.3)
    with torch.autocast("cpu", torch.bfloat16):
        found = warp(x.bfloat16(), flow.bfloat16())
    expected = warp(x.bfloat16().float(), flow.bfloat16().float())
    assert torch.equal(found, expected)
    assert found.dtype == torch.float32


# --- SOF-VSR ----------------------------------------------------------------------------------------------------------


def test_the_frame_in_the_middle_and_the_others_in_order():
    y = torch.arange(5).repeat_interleave(3).view(1, 15, 1, 1).expand(2, 15, 4, 6).float()
    middle, others = middle_and_others(y)
    assert middle.shape == (2, 3, 4, 6)
    assert middle.unique().tolist() == [2]
    assert others.shape == (2, 4, 3, 4, 6)
    assert others[1, :, 0, 0, 0].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(4, 4), (5, 7), (6, 9)])
def test_an_untrained_net_is_bicubic_and_sees_nothing_move(scale, size):
    model, y = SOFVSR(SOFVSRConfig(scale=scale, frames=5, **SIZES)), torch.rand(2, 15, *size)
    with torch.no_grad():
        torch.testing.assert_close(model(y), bicubic(y[:, 6:9], (scale * size[0], scale * size[1])))
        assert not any(flow.any() for flow in model.flows(y))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(4, 4), (5, 7)])
def test_shapes_and_limits_of_flows(scale, size):
    model, y = small(scale=scale), torch.rand(2, 9, *size)
    h, w = size
    flows = model.flows(y)
    assert [tuple(flow.shape) for flow in flows] == [
        (2, 2, 2, (h + 1) // 2, (w + 1) // 2), (2, 2, 2, h, w), (2, 2, 2, scale * h, scale * w),
    ]  # fmt: skip
    for flow, reach in zip(flows, (1.5, 3, 3 * scale), strict=True):
        assert flow.abs().max() <= reach
    assert model(y).shape == (2, 3, scale * h, scale * w)


def test_a_flow_that_is_given_takes_the_place_of_its_own():
    model, y = small(), torch.rand(1, 9, 6, 7)
    flow = model.flows(y)[-1]
    assert torch.equal(model(y, flow), model(y))
    assert not torch.allclose(model(y, torch.zeros_like(flow)), model(y))


@pytest.mark.parametrize("scale", [2, 3])
def test_drafts_are_frames_warped_by_each_flow_of_a_small_pixel(scale):
    """The draft cube, brute force: one flow of each s x s block at a time, from the small pixel's centre."""
    model, rng = small(scale=scale), np.random.default_rng(0)
    y, flow = rng.random((9, 5, 6)), rng.normal(0, 3, (2, 2, 5 * scale, 6 * scale))
    down, across = np.mgrid[:5, :6]
    cube = list(y[3:6])
    for frame, own in zip((y[:3], y[6:]), flow, strict=True):
        drafts = [
            [own[k, i::scale, j::scale] / scale for k in range(2)] for i in range(scale) for j in range(scale)
        ]  # fmt: skip
        drafts = [seen_at(frame, (across + f[0], down + f[1])) for f in drafts]
        cube += [draft[channel] for channel in range(3) for draft in drafts]
    details = model.restorer(torch.from_numpy(np.stack(cube))[None].float() - 0.5)
    y = torch.from_numpy(y)[None].float()
    expected = bicubic(y[:, 3:6], (5 * scale, 6 * scale)) + nn.functional.pixel_shuffle(details, scale)
    torch.testing.assert_close(model(y, torch.from_numpy(flow)[None].float()), expected, atol=1e-4, rtol=1e-4)


def test_a_residual_dense_block_is_its_convolutions_each_on_all_before_it():
    block, x = residual_dense(5, 4, 3, leaky), torch.randn(2, 5, 6, 7)
    dense, fuse = block.layers
    seen = [x]
    for layer, _ in dense.layers:
        seen.append(
            nn.functional.leaky_relu(nn.functional.conv2d(torch.cat(seen, 1), layer.weight, layer.bias, padding=1), 0.1)
        )
    torch.testing.assert_close(block(x), x + nn.functional.conv2d(torch.cat(seen, 1), fuse.weight, fuse.bias))


@pytest.mark.parametrize(
    "more", [{"scale": 2}, {"scale": 3, "frames": 5, "blocks": 2}, {"scale": 4, "flow_blocks": 0}], ids=str
)
def test_multiply_adds_are_what_torch_counts(more):
    model = small(**more)
    with FlopCounterMode(display=False) as counter:
        result = model(torch.rand(1, 3 * model.frames, 6, 8))
    counts = counter.get_flop_counts()["Global"]
    convolutions = sum(n for operation, n in counts.items() if "convolution" in str(operation))
    assert convolutions / 2 / (result.shape[-2] * result.shape[-1]) == pytest.approx(model.multiply_adds())


def test_the_default_is_light():
    model = SOFVSR()
    assert sum(p.numel() for p in model.parameters()) < 400_000
    assert model.multiply_adds() < 40_000


@pytest.mark.parametrize("more", [{"reach": 3}, {"reach": 9}, {"scale": 3, "layers": 1}], ids=str)
def test_tiles_that_overlap_by_the_halo_equal_the_whole(more):
    model = far(small(**more))
    halo, s = model.halo, model.scale
    assert halo % model.grid == 0
    side = 2 * halo + 13
    y = torch.rand(1, 9, side, side)
    whole = model(y)
    assert model.flows(y)[1].abs().max() > model.config.reach / 2
    for start in (0, 6):
        first, stop = max(0, start - halo), min(side, start + 7 + halo)
        tile = model(y[..., first:stop, first:stop])
        inside = slice(s * (start - first), s * (start + 7 - first))
        outside = slice(s * start, s * (start + 7))
        torch.testing.assert_close(tile[..., inside, inside], whole[..., outside, outside], atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("make", [lambda: small(reach=1), lambda: far(small(reach=12))],
                         ids=["through-nets", "through-flows"])  # fmt: skip
def test_nothing_beyond_the_halo_is_seen(make):
    torch.manual_seed(0)  # of some weights the flows are shorter than they may be
    model = make().double()
    # Places are interpolated in single precision, which the gradient of changed pixels does not see.
    y = torch.rand(1, 9, 2 * model.halo + 9, 2 * model.halo + 9, dtype=torch.double, requires_grad=True)
    middle = model.halo + 4
    model(y)[..., model.scale * middle, model.scale * middle].sum().backward()
    seen = y.grad.abs().sum((0, 1)).nonzero()
    farthest = (seen - middle).abs().max().item()
    assert farthest <= model.halo
    assert farthest >= model.halo - 3


def test_the_configuration_makes_the_same_net_again():
    config = SOFVSRConfig(scale=3, frames=5, channels=7, blocks=2, layers=1, growth=3, reach=5)
    assert zoo.build(SOFVSR(config).settings()).config == config


def test_weights_survive_the_zoo(tmp_path):
    model, y = small(), torch.rand(1, 9, 6, 6)
    zoo.save(model.half().float(), tmp_path / "net")
    assert torch.equal(zoo.load(str(tmp_path / "net"))(y), model(y))
    other = SOFVSR(model.config)
    other.start_from(model)
    assert torch.equal(other(y), model(y))
    with pytest.raises(ValueError, match="layouts differ"):
        SOFVSR(SOFVSRConfig(**{**SIZES, "channels": 7})).start_from(model)


@pytest.mark.parametrize(
    "wrong",
    [{"scale": 1}, {"scale": 5}, {"frames": 2}, {"frames": 1}, {"frames": 17}, {"channels": 0}, {"blocks": -1},
     {"layers": 0}, {"growth": 0}, {"flow_channels": 1025}, {"flow_blocks": 65}, {"flow_layers": 0}, {"reach": 0}],
    ids=str,
)  # fmt: skip
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SOFVSRConfig(**wrong)
    with pytest.raises(UsageError, match="sofvsr"):
        zoo.build({"architecture": "sofvsr", **wrong})


# --- groups of frames -------------------------------------------------------------------------------------------------


def frames_of(x):
    return x.reshape(-1, 3, *x.shape[-2:])


@pytest.fixture(scope="module")
def single():
    return randomized(TADConfig(scale=4, pairs=2, channels=8, blocks=4))


@pytest.fixture(scope="module")
def group(single):
    """A group's net that started from that of single pictures."""
    model = VideoTAD(VideoTADConfig(scale=4, pairs=2, **GROUP))
    model.start_from(single)
    return model.eval().requires_grad_(False)


def mixing(model):
    """The same with mixers that do something."""
    other = VideoTAD(model.config)
    other.start_from(model)
    for module in other.modules():
        if isinstance(module, Mixer):
            nn.init.normal_(module.weight, std=0.05)
    return other.eval().requires_grad_(False)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_fresh_mixers_every_frame_is_for_itself(single, group, count):
    x = torch.rand(2, 3 * count, 16, 24)
    small_frames = group.shrink(x)
    assert small_frames.shape == (2, 3 * count, 4, 6)
    torch.testing.assert_close(frames_of(small_frames), single.shrink(frames_of(x)))
    grown = group.grow(small_frames)
    assert grown.shape == x.shape
    torch.testing.assert_close(frames_of(grown), single.grow(frames_of(small_frames)))


@pytest.mark.parametrize("count", [2, 3])
def test_mixers_let_frames_see_each_other(group, count):
    model, x = mixing(group), torch.rand(1, 3 * count, 16, 24)
    changed = x.clone()
    changed[:, :3] = torch.rand(1, 3, 16, 24)
    assert not torch.allclose(model.shrink(x)[:, 3:], model.shrink(changed)[:, 3:], atol=1e-4)
    y, other = x[..., :4, :6], changed[..., :4, :6]
    assert not torch.allclose(model.grow(y)[:, 3:], model.grow(other)[:, 3:], atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_mixer_is_a_linear_map_of_all_frames_at_each_place(count):
    mixer = Mixer(3, 4)
    assert not mixer.weight.any()
    nn.init.normal_(mixer.weight)
    x = torch.randn(2 * count, 4, 5, 6)
    maps = mixer.weight[:, :, 0, 0].reshape(3, 4, 3, 4)[:count, :, :count]
    added = torch.einsum("fogc,bgchw->bfohw", maps, x.reshape(2, count, 4, 5, 6)).flatten(0, 1)
    torch.testing.assert_close(mixer(x, count), x + added, atol=1e-4, rtol=1e-4)


def test_a_shorter_group_is_a_whole_one_whose_last_frames_have_no_features():
    mixer = Mixer(3, 4)
    nn.init.normal_(mixer.weight)
    x = torch.randn(2, 4, 5, 6)
    padded = torch.cat((x, torch.zeros(1, 4, 5, 6)))
    torch.testing.assert_close(mixer(x, 2), mixer(padded, 3)[:2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("blocks", "every", "mixers"), [(4, 2, 2), (4, 3, 1), (4, 5, 0), (3, 1, 3)])
def test_mixers_follow_every_so_many_blocks(blocks, every, mixers):
    model = VideoTAD(VideoTADConfig(channels=4, blocks=blocks, mix_every=every, frames=2))
    for trunk in (*model.encoders, *model.decoders):
        assert len(trunk.mixers) == mixers
    model = mixing(model)
    assert model.grow(model.shrink(torch.rand(1, 6, 8, 8))).shape == (1, 6, 8, 8)


def test_a_group_starts_from_a_group_with_its_mixers(group):
    one = mixing(group)
    other, x = VideoTAD(one.config), torch.rand(1, 9, 16, 16)
    other.start_from(one)
    assert torch.equal(other.shrink(x), one.shrink(x))
    with pytest.raises(ValueError, match="layouts differ"):
        VideoTAD(VideoTADConfig(scale=4, pairs=2, **{**GROUP, "frames": 2})).start_from(one)


def test_multiply_adds_of_a_group_are_what_torch_counts(group):
    x, y = torch.rand(1, 9, 16, 24), torch.rand(1, 9, 4, 6)
    for way, picture, claimed in zip((group.shrink, group.grow), (x, y), group.multiply_adds(), strict=True):
        with FlopCounterMode(display=False) as counter:
            way(picture)
        counts = counter.get_flop_counts()["Global"]
        products = ("convolution", "mm")  # mixers are products of matrices
        total = sum(n for operation, n in counts.items() if any(word in str(operation) for word in products))
        assert total / 2 / (3 * 16 * 24) == pytest.approx(claimed)


def test_groups_are_made_again_from_their_configuration():
    config = VideoTADConfig(scale=4, pairs=2, **GROUP)
    assert zoo.build(VideoTAD(config).settings()).config == config
    for wrong in ({"frames": 0}, {"frames": 17}, {"mix_every": 0}, {"subpixel_features": True}, {"small_colors": 1}):
        with pytest.raises(ValueError, match="frames"):
            VideoTADConfig(**wrong)
    with pytest.raises(ValueError, match="no task-aware"):
        VideoTAD(config).start_from(SOFVSR())
    assert isinstance(VideoTAD(config), TAD)
