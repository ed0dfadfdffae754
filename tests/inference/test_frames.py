import numpy as np
import pytest
import torch
from support.pictures import noise

import regrow as verbs
from regrow import zoo
from regrow.errors import RegrowError
from regrow.inference.frames import groups_of, grow_frames, shrink_frames, windows_of
from regrow.inference.restore import restore_rows
from regrow.nets.video.base import VideoRestorer
from regrow.nets.video.tad import VideoTAD, VideoTADConfig
from regrow.operations.rescalers import rescaler
from regrow.size import Size, check_scale


@pytest.fixture(scope="module")
def group_model():
    """A fast rescaler of groups of three, whose every weight matters."""
    torch.manual_seed(0)
    model = VideoTAD(VideoTADConfig(frames=3, mix_every=1, channels=8, blocks=1))
    for name, weight in model.named_parameters():
        if "mixers" in name or "tail" in name:
            torch.nn.init.normal_(weight, std=0.05)
    return model.eval().requires_grad_(False)


class Window(VideoRestorer):
    """What a restorer with a window has to have: each frame enlarged, half of its neighbours' difference added."""

    scale, frames, halo = 2, 3, 1

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((1,), 0.5))

    def flows(self, y):
        raise NotImplementedError

    def forward(self, y, flow=None):
        before, now, after = y.split(3, 1)
        return (now + self.weight * (after - before)).repeat_interleave(2, 2).repeat_interleave(2, 3)


def frames(count, height, width, bands=3):
    return [noise(height, width, bands, seed=n) for n in range(count)]


def tensor(group):
    """Frames as a model of groups takes them, (1, 3n, H, W) in [0, 1]."""
    return torch.from_numpy(np.concatenate(group, 2)).permute(2, 0, 1)[None] / 255


def arrays(x, bands=3):
    pixels = (x.clamp(0, 1) * 255).round().byte()[0].permute(1, 2, 0).numpy()
    return [pixels[..., i : i + bands] for i in range(0, pixels.shape[2], bands)]


def alike(found, wanted):
    """Equal, but where a value may have been rounded the other way."""
    assert [f.shape for f in found] == [w.shape for w in wanted]
    away = np.abs(np.stack(found).astype(int) - np.stack(wanted))
    assert away.max() <= 1
    assert away.mean() < 1e-3


def test_groups_and_windows():
    assert list(groups_of(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(windows_of("abcd", 3)) == [list("aab"), list("abc"), list("bcd"), list("cdd")]
    assert list(windows_of("ab", 5)) == [list("aaabb"), list("aabbb")]
    assert list(windows_of("a", 3)) == [list("aaa")]
    assert list(windows_of("ab", 1)) == [["a"], ["b"]]
    assert list(groups_of("", 3)) == list(windows_of("", 3)) == []


@pytest.mark.parametrize("scale", [2, 4, 2.7, (2, 1)], ids=str)
@pytest.mark.parametrize("which", ["tiny_folder", "any_folder"])
def test_frame_by_frame_is_what_the_verbs_do(request, which, scale):
    folder = request.getfixturevalue(which)
    clip, model = frames(2, 67, 41), rescaler(folder, check_scale(scale), "cpu")
    small = list(shrink_frames([clip], model, scale))
    grown = list(grow_frames([small], model, Size(41, 67)))
    for frame, less, again in zip(clip, small, grown, strict=True):
        np.testing.assert_array_equal(less, verbs.shrink(frame, scale=scale, model=folder))
        np.testing.assert_array_equal(again, verbs.grow(less, scale=scale, size=(41, 67), model=folder))


def test_groups_are_what_the_model_does_when_called(group_model):
    clip = frames(7, 48, 64)
    small = list(shrink_frames([clip], group_model))
    groups = [clip[:3], clip[3:6], clip[6:]]
    wanted = [frame for group in groups for frame in arrays(group_model.shrink(tensor(group)))]
    alike(small, wanted)
    alike(
        list(grow_frames([small], group_model)),
        [frame for group in groups_of(small, 3) for frame in arrays(group_model.grow(tensor(group)))],
    )
    alone = list(shrink_frames(([frame] for frame in clip), group_model))
    assert np.abs(np.stack(alone).astype(int) - np.stack(small))[:6].max() > 3
    np.testing.assert_array_equal(alone[6], small[6])


@pytest.mark.parametrize(("size", "scale"), [((41, 67), 2), ((41, 67), 2.7), ((130, 70), 4), ((3, 1), 2)], ids=str)
def test_groups_of_any_size_and_scale_in_tiles(group_model, size, scale):
    model = zoo.build({**group_model.settings(), "scale": 2 if scale == 2 else 4}).eval().requires_grad_(False)
    model.load_state_dict(group_model.state_dict())
    clip = frames(4, size[1], size[0])
    small = list(shrink_frames([clip], model, scale))
    assert {frame.shape for frame in small} == {
        (-(-size[1] * 10 // int(scale * 10)), -(-size[0] * 10 // int(scale * 10)), 3)
    }
    grown = list(grow_frames([small], model, Size(*size)))
    assert {frame.shape for frame in grown} == {(size[1], size[0], 3)}
    alike(list(shrink_frames([clip], model, scale, tile=32)), small)
    alike(list(grow_frames([small], model, Size(*size), tile=32)), grown)


def test_no_group_reaches_over_a_scene(group_model):
    one, other = frames(4, 16, 16), frames(2, 20, 16)
    apart = [*shrink_frames([one], group_model), *shrink_frames([other], group_model)]
    together = list(shrink_frames(iter([iter(one), iter(other)]), group_model))
    assert len(together) == 6
    for a, b in zip(apart, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_frames_are_taken_when_they_are_needed(group_model, tiny):
    taken = []

    def source():
        for frame in frames(9, 16, 16):
            taken.append(1)
            yield frame

    for model, first in ((group_model, 3), (tiny, 1)):
        taken.clear()
        stream = grow_frames([shrink_frames([source()], model)], model)
        next(stream)
        assert len(taken) == first
    taken.clear()
    next(grow_frames([source()], Window()))
    assert len(taken) == 2


def test_hidden_color_comes_back(hiding_x2):
    clip = frames(2, 15, 18)
    small = list(shrink_frames([clip], hiding_x2))
    assert {frame.shape for frame in small} == {(8, 9, 1)}
    grown = list(grow_frames([small], hiding_x2, Size(18, 15)))
    assert {frame.shape for frame in grown} == {(15, 18, 3)}
    as_rgb = [frame.repeat(3, 2) for frame in small]  # as formats without grey hold them
    alike(list(grow_frames([as_rgb], hiding_x2, Size(18, 15))), grown)


@pytest.mark.parametrize("tile", [8, 512])
def test_nets_that_enlarge_one_frame(tile):
    net = zoo.build({"architecture": "vdsr", "layers": 3, "channels": 8}).eval().requires_grad_(False)
    torch.nn.init.normal_(list(net.parameters())[-2], std=0.05)
    clip = frames(3, 17, 20)
    wanted = [np.concatenate(list(restore_rows([frame], Size(20, 17), 3, net))) for frame in clip]
    alike(list(grow_frames([clip], net, tile=tile)), wanted)
    alike(list(grow_frames([clip], net, Size(39, 33), tile=tile)), [frame[:33, :39] for frame in wanted])


@pytest.mark.parametrize("tile", [8, 512])
def test_nets_with_a_window_repeat_the_ends(tile):
    net, clip = Window(), frames(4, 11, 14)
    around = [(0, 0, 1), (0, 1, 2), (1, 2, 3), (2, 3, 3)]
    wanted = [arrays(net(tensor([clip[i] for i in window])).detach())[0] for window in around]
    alike(list(grow_frames([clip], net, tile=tile)), wanted)
    cut = [*grow_frames([clip[:2]], net), *grow_frames([clip[2:]], net)]
    alike(list(grow_frames([clip[:2], clip[2:]], net, tile=tile)), cut)
    assert np.abs(np.stack(cut).astype(int) - np.stack(wanted)).max() > 20


def test_frames_of_two_sizes_are_no_group(group_model):
    clip = [*frames(1, 16, 16), *frames(1, 16, 18)]
    for stream in (shrink_frames([clip], group_model), grow_frames([clip], group_model), grow_frames([clip], Window())):
        with pytest.raises(RegrowError, match="frames of 16x16 and 18x16 pixels"):
            list(stream)
