from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

pytest.importorskip("accelerate")

from support.models import randomized

from regrow import zoo
from regrow.errors import UsageError
from regrow.metrics.fidelity import psnr_rgb
from regrow.nets.layers import quantize
from regrow.nets.ops.resample import bicubic
from regrow.nets.rescale.tad import TADConfig
from regrow.nets.upscale.vdsr import VDSR
from regrow.nets.video.sofvsr import SOFVSR, SOFVSRConfig
from regrow.nets.video.tad import VideoTAD, VideoTADConfig
from regrow.train import loop
from regrow.train.clips import FARTHEST, Clips, held_out_clips
from regrow.train.data import Crops
from regrow.train.recipe import Data, Loss, Recipe
from regrow.train.tasks.rescale import VideoRescaleTask
from regrow.train.tasks.select import task_for
from regrow.train.tasks.video import ThroughVideoTask, VideoRestoreTask, warping_loss

SIZES = {"scale": 2, "channels": 8, "blocks": 1, "layers": 2, "growth": 8,
         "flow_channels": 8, "flow_blocks": 1, "flow_layers": 2}  # fmt: skip
MODEL = {"architecture": "sofvsr", **SIZES}
CLIPS = Data(frames=3)


@pytest.fixture(scope="module")
def restorer():
    """A net with random weights, whose flows are no longer than a few pixels."""
    torch.manual_seed(1)
    model = SOFVSR(SOFVSRConfig(**SIZES))
    for net in (*model.levels, model.restorer):
        nn.init.normal_(net.tail.weight, std=0.05)
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def restorer_folder(restorer, tmp_path_factory):
    """The same as a recipe names it."""
    folder = tmp_path_factory.mktemp("models") / "restorer"
    zoo.save(restorer, folder)
    return str(folder)


@pytest.fixture(scope="module")
def group_folder(tmp_path_factory):
    """A rescaler that shrinks frames in groups."""
    folder = tmp_path_factory.mktemp("models") / "group"
    zoo.save(VideoTAD(VideoTADConfig(channels=8, blocks=1, frames=3)), folder)
    return str(folder)


@pytest.fixture(scope="module")
def clip(astronaut):
    """(1, 9, 48, 64): what is seen moves 2 pixels to the left and 4 up from frame to frame."""
    frames = [astronaut[100 + 4 * t : 148 + 4 * t, 120 + 2 * t : 184 + 2 * t] for t in range(3)]
    return torch.from_numpy(np.concatenate(frames, 2)).permute(2, 0, 1)[None] / 255


def true_flows(clip):
    """What moves (2, 4) pixels from frame to frame, at the three levels of a net that enlarges by 2."""
    h, w = clip.shape[-2:]
    return [
        torch.tensor([[2.0, 4.0], [-2.0, -4.0]]).view(1, 2, 2, 1, 1).expand(1, 2, 2, h // d, w // d) / d
        for d in (4, 2, 1)
    ]


# --- clips ------------------------------------------------------------------------------------------------------------


def clips_of(picture, frames=3, side=24, batch=2, seed=0, process=0):
    return Clips(Crops([torch.from_numpy(picture)], round(2.25 * side), batch, seed, process), frames, side)


def test_clips_depend_on_seed_process_and_step_alone(astronaut):
    one, other = clips_of(astronaut), clips_of(astronaut)
    x = one(5)
    assert x.shape == (2, 9, 24, 24)
    assert 0 <= x.min() < x.max() <= 1
    other(3)
    assert torch.equal(other(5), x)
    for changed in (one(6), clips_of(astronaut, seed=1)(5), clips_of(astronaut, process=1)(5)):
        assert not torch.equal(changed, x)


class Steady:
    """Numbers that are not random: the camera moves evenly along one axis, nothing shakes, turns, sways or zooms."""

    def __init__(self, course):
        self.course = course

    def uniform(self, low, high, shape):
        return np.full(shape, {-6: high, 0: self.course, 1.2: 1.5}[low])

    def standard_normal(self, shape):
        return np.zeros(shape)

    def random(self, shape):
        return np.ones(shape)


@pytest.mark.parametrize(("course", "across", "down"), [(0, 6, 0), (np.pi / 2, 0, 6), (np.pi, -6, 0)])
def test_frames_move_by_what_they_should(astronaut, course, across, down):
    """The fastest camera: 6 pixels a frame, each of them 1.5 pixels of the picture."""
    assert FARTHEST == 6
    clips = clips_of(astronaut, frames=5, side=32)
    frames = clips._seen(clips.crops(0), Steady(course), still=False)
    assert frames.shape == (2, 5, 3, 32, 32)
    for t in range(4):
        moved = frames[:, t].roll((-down, -across), (2, 3))[..., 6:-6, 6:-6]
        torch.testing.assert_close(frames[:, t + 1, :, 6:-6, 6:-6], moved, atol=1e-4, rtol=0)
    still = clips._seen(clips.crops(0), Steady(course), still=True)
    assert torch.equal(still[:, 0], still[:, 4])
    torch.testing.assert_close(frames[:, 2], still[:, 2])  # the one in the middle is where the piece is


def test_nothing_moves_in_one_clip_of_eight_and_nothing_moves_far_in_others():
    """Seen on a ramp, whose values are places."""
    side = 16
    ramp = np.repeat((np.arange(36) * 7)[None, :, None], 36, 0).repeat(3, 2).astype(np.uint8)
    clips, standing = clips_of(ramp, side=side, batch=4), 0
    for step in range(200):
        frames = clips(step).reshape(4, 3, 3, side, side)
        standing += torch.equal(frames[:, 0], frames[:, 2])
        # At the most a frame pixel is two of the picture; shake, sway, turn and zoom come on top of the speed.
        middles = frames[..., 6:10, 6:10].mean((2, 3, 4)) * 255 / 7
        assert middles.diff(dim=1).abs().max() < 2 * (2 * FARTHEST)
    assert 10 < standing < 45


def test_held_out_clips_are_the_same_each_time_and_fit(astronaut, coffee):
    pictures = [torch.from_numpy(astronaut[:100]), torch.from_numpy(coffee)]
    one, other = (list(held_out_clips(pictures, 3, 64, 4, torch.device("cpu"))) for _ in range(2))
    assert [x.shape for x in one] == [(1, 9, 44, 44)] * 2  # 100 / 2.25, cut to a multiple of 4
    for a, b in zip(one, other, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(quantize(a), a)
    assert list(held_out_clips([], 3, 64, 4, torch.device("cpu"))) == []


# --- restoring --------------------------------------------------------------------------------------------------------


def reference_warping(flows, small, x):
    """Independent: the paper's loss of the flows, with scipy and numpy, level by level and frame by frame."""
    total = 0.0
    for weight, flow, picture, pool in zip((0.125, 0.25, 1), flows, (small, small, x), (2, 1, 1), strict=True):
        frames = picture[0].numpy().reshape(3, 3, *picture.shape[-2:])
        frames = sum(frames[..., i::pool, j::pool] for i in range(pool) for j in range(pool)) / pool**2
        down, across = np.mgrid[: frames.shape[-2], : frames.shape[-1]]
        for frame, f in zip((frames[0], frames[2]), flow[0].numpy(), strict=True):
            at = down + f[1], across + f[0]
            warped = [ndimage.map_coordinates(c, at, order=1, mode="nearest") for c in frame]
            rough = np.abs(np.diff(f, axis=1)).mean() + np.abs(np.diff(f, axis=2)).mean()
            total += weight * (np.abs(warped - frames[1]).mean() + 0.01 * rough) / 2
    return total


def test_the_warping_loss_is_that_of_the_paper(restorer, clip):
    small = bicubic(clip, (24, 32))
    flows = restorer.flows(small)
    assert all(flow.abs().max() > 0.1 for flow in flows)
    assert warping_loss(flows, small, clip).item() == pytest.approx(reference_warping(flows, small, clip), rel=1e-4)


def test_true_flows_warp_better_than_none(clip):
    small, flows = bicubic(clip, (24, 32)), true_flows(clip)
    none = [torch.zeros_like(flow) for flow in flows]
    assert warping_loss(flows, small, clip) < 0.3 * warping_loss(none, small, clip)


def test_the_loss_of_an_untrained_net_is_that_of_bicubic(clip):
    task = VideoRestoreTask(SOFVSR(SOFVSRConfig(**SIZES)), Loss(warping=0.5), CLIPS)
    small, flow = task.given(clip)
    assert flow is None
    torch.testing.assert_close(small, (bicubic(clip, (24, 32)).clamp(0, 1) * 255).round() / 255)
    losses = task(clip)
    restored = (bicubic(small[:, 3:6], (48, 64)) - clip[:, 3:6]).abs().mean().item()
    none = [torch.zeros_like(flow) for flow in true_flows(clip)]
    warping = reference_warping(none, small, clip)
    assert losses["task"].item() == pytest.approx(restored, rel=1e-4)
    assert losses["warping"].item() == pytest.approx(warping, rel=1e-4)
    assert losses["loss"].item() == pytest.approx(restored + 0.5 * warping, rel=1e-4)


def test_small_frames_are_those_of_the_rescaler_each_for_itself(tiny, tiny_folder, clip):
    task = VideoRestoreTask(SOFVSR(SOFVSRConfig(**SIZES)), Loss(), replace(CLIPS, thumbnails=tiny_folder))
    small, _ = task.given(clip)
    for t in range(3):
        one = quantize(tiny.shrink(clip[:, 3 * t : 3 * t + 3]))
        torch.testing.assert_close(small[:, 3 * t : 3 * t + 3], one, atol=2 / 255, rtol=0)
    assert task.multiple == 4


def test_flows_that_are_given_are_anothers_in_bicubic_frames(restorer, restorer_folder, tiny_folder, clip):
    model = SOFVSR(SOFVSRConfig(**{**SIZES, "channels": 12}))
    nn.init.normal_(model.restorer.tail.weight, std=0.01)
    task = VideoRestoreTask(model, Loss(), replace(CLIPS, thumbnails=tiny_folder, flow=restorer_folder))
    small, flow = task.given(clip)
    expected = zoo.load(restorer_folder).flows(quantize(bicubic(clip, (24, 32))))[-1]
    assert torch.equal(flow, expected)
    losses = task(clip)
    assert list(losses) == ["loss"]
    torch.testing.assert_close(losses["loss"], (model(small, expected) - clip[:, 3:6]).abs().mean())
    losses["loss"].backward()
    assert all(p.grad is None for p in (*model.levels.parameters(), *task.guide.parameters()))
    assert all(p.grad is not None for p in model.restorer.parameters())


def test_the_figure_is_that_of_middle_frames(restorer, astronaut):
    pictures = [torch.from_numpy(astronaut[:140, :150]), torch.from_numpy(astronaut[200:400])]
    task = VideoRestoreTask(restorer, Loss(), CLIPS)
    figures = task.validate(restorer, pictures, 48)
    values = []
    for x in held_out_clips(pictures, 3, 48, 4, torch.device("cpu")):
        small = quantize(bicubic(x, (24, 24)))
        values.append(psnr_rgb(quantize(restorer(small)), x[:, 3:6]))
    assert len(values) == 2
    assert figures == {"rgb": pytest.approx(sum(values) / 2)}
    assert task.validate(restorer, [], 48) == {}


@pytest.fixture(scope="module")
def short(recipe):
    """A run of a few steps on small clips."""
    data = replace(recipe.data, grey=0.0, frames=3)
    return replace(recipe, model=MODEL, data=data, run=replace(recipe.run, steps=4, validate_every=4))


@pytest.mark.parametrize("coupling", ["none", "thumbnails", "flow"])
def test_nets_are_trained_on_small_frames_of_any_kind(
    short, photographs, tmp_path, tiny_folder, restorer_folder, coupling
):
    data = replace(
        short.data,
        thumbnails="" if coupling == "none" else tiny_folder,
        flow=restorer_folder if coupling == "flow" else "",
    )
    folder = loop.train(replace(short, data=data, init=restorer_folder), photographs, tmp_path / "out", device="cpu")
    trained, before = (zoo.load(str(name)).state_dict() for name in (folder, restorer_folder))
    same = {name.split(".")[0] for name, value in before.items() if torch.equal(value, trained[name])}
    assert same == ({"levels"} if coupling == "flow" else set())


def test_sixty_steps_lower_the_losses(clip):
    model = SOFVSR(SOFVSRConfig(**SIZES))
    task = VideoRestoreTask(model, Loss(warping=0.1), CLIPS)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    before = task(clip)
    for _ in range(60):
        optimizer.zero_grad()
        task(clip)["loss"].backward()
        optimizer.step()
    after = task(clip)
    assert after["loss"] < 0.9 * before["loss"]
    assert after["task"] < before["task"]
    assert after["warping"] < 0.9 * before["warping"]


# --- rescalers for nets that restore ----------------------------------------------------------------------------------


def test_a_rescaler_is_trained_through_a_frozen_net(restorer_folder, clip):
    model = randomized(TADConfig(channels=8, blocks=1)).requires_grad_(True)
    loss = Loss(through=restorer_folder, guidance_weight=0.25)
    task = ThroughVideoTask(model, loss, CLIPS)
    losses = task(clip)
    frames = clip.reshape(3, 3, 48, 64)
    small, residual = model.shrink(frames), bicubic(frames, (24, 32))
    restored = zoo.load(restorer_folder)(quantize(small).reshape(1, 9, 24, 32))
    expected = (restored - clip[:, 3:6]).abs().mean().item(), (small - residual).abs().mean().item()
    assert losses["task"].item() == pytest.approx(expected[0], rel=1e-4)
    assert losses["guidance"].item() == pytest.approx(expected[1], rel=1e-4)
    assert losses["loss"].item() == pytest.approx(expected[0] + 0.25 * expected[1], rel=1e-4)
    losses["loss"].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.encoders.parameters())
    assert all(p.grad is None for p in (*model.decoders.parameters(), *task.restorer.parameters()))
    assert task.multiple == 4


def test_only_the_half_that_shrinks_is_trained(short, photographs, tmp_path, tiny_folder, restorer_folder):
    model = {"architecture": "tad", "channels": 8, "blocks": 1}
    run = replace(
        short, model=model, init=tiny_folder, loss=Loss(through=restorer_folder, task="l2", radius=0.5),
        run=replace(short.run, steps=20, validate_every=20), optimizer=replace(short.optimizer, rate=0.003),
    )  # fmt: skip
    folder = loop.train(run, photographs, tmp_path / "out", device="cpu")
    trained, before = (zoo.load(str(name)).state_dict() for name in (folder, tiny_folder))
    for name, value in before.items():
        assert torch.equal(trained[name], value) == name.startswith("decoders"), name
    header, *rows = (tmp_path / "out" / "log.csv").read_text().splitlines()
    assert {"task", "guidance", "val_rgb", "val_small"} <= set(header.split(","))
    assert rows


def test_a_trained_encoder_serves_the_frozen_net_better(restorer_folder, clip):
    model = randomized(TADConfig(channels=8, blocks=1)).requires_grad_(True)
    task = ThroughVideoTask(model, Loss(through=restorer_folder), CLIPS)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    before = task(clip)["loss"].item()
    for _ in range(60):
        optimizer.zero_grad()
        task(clip)["loss"].backward()
        optimizer.step()
    assert task(clip)["loss"].item() < 0.95 * before


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "data", "loss", "words"),
    [
        (MODEL, {"frames": 1}, {}, "frames is 1, but the net that restores looks at 3"),
        ({**MODEL, "frames": 5}, {}, {}, "frames is 3, but the net that restores looks at 5"),
        (MODEL, {"grey": 0.1}, {}, "grey"),
        (MODEL, {"enlarged": "plain-x2"}, {}, "enlarged"),
        (MODEL, {}, {"radius": 1.0}, "radius"),
        (MODEL, {}, {"guidance": "l2"}, "guidance"),
        (MODEL, {}, {"through": "RESTORER"}, "through"),
        (MODEL, {}, {"content": 0.1, "vgg": "x"}, "content"),
        (MODEL, {"flow": "RESTORER"}, {"warping": 0.1}, "warping is 0.1, but a net whose flows are given"),
        (MODEL, {"flow": "tad-x2"}, {}, "flow tad-x2: is no net that restores"),
        ({**MODEL, "scale": 4}, {"flow": "RESTORER"}, {}, "to enlarge by 2, where the model takes 3 and 4"),
        ({**MODEL, "frames": 5}, {"frames": 5, "flow": "RESTORER"}, {}, "in 3 frames"),
        (MODEL, {"flow": "nobody"}, {}, "nobody: no such model"),
        (MODEL, {"thumbnails": "tad-x4"}, {}, "2 times smaller"),
        (MODEL, {"thumbnails": "tad-grey-x2"}, {}, "colour"),
        (MODEL, {"thumbnails": "GROUP"}, {}, "in groups"),
        ({"architecture": "tad"}, {}, {"through": "tad-x2"}, "through tad-x2: is no net that restores"),
        ({"architecture": "tad"}, {"frames": 1}, {"through": "RESTORER"}, "frames is 1"),
        ({"architecture": "tad", "scale": 4}, {}, {"through": "RESTORER"}, "2 times smaller a side"),
        ({"architecture": "tad", "small_colors": 1}, {}, {"through": "RESTORER"}, "colour frames"),
        ({"architecture": "video-tad", "frames": 3}, {}, {"through": "RESTORER"}, "not in groups"),
        ({"architecture": "tad"}, {"grey": 0.1}, {"through": "RESTORER"}, "grey"),
        ({"architecture": "tad"}, {}, {"through": "RESTORER", "noise": 0.1}, "noise"),
        ({"architecture": "tad"}, {}, {"through": "RESTORER", "warping": 0.1}, "warping"),
        ({"architecture": "tad"}, {}, {}, "frames is 3, but a rescaler of single pictures"),
        ({"architecture": "tad"}, {"frames": 1, "flow": "RESTORER"}, {}, "flow"),
        ({"architecture": "edsr"}, {}, {}, "frames is 3, but a restorer"),
        ({"architecture": "edsr"}, {"frames": 1}, {"warping": 0.1}, "warping"),
        ({"architecture": "edsr"}, {"frames": 1}, {"through": "RESTORER"}, "through"),
        ({"architecture": "classification"}, {}, {}, "frames is 3, but a colorizer"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_one_line(recipe, restorer_folder, group_folder, model, data, loss, words):
    stand_ins = {"RESTORER": restorer_folder, "GROUP": group_folder}
    data, loss = ({name: stand_ins.get(value, value) for name, value in t.items()} for t in (data, loss))
    run = replace(recipe, model=model, data=Data(**{"frames": 3, **data}), loss=Loss(**loss))
    with pytest.raises(UsageError) as error:
        task_for(zoo.build(model), run)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_negative_weight_is_refused():
    with pytest.raises(UsageError, match="warping"):
        Loss(warping=-0.1)


def test_other_kinds_keep_their_defaults(recipe):
    for model in (VDSR(), randomized(TADConfig(channels=8, blocks=1))):
        assert task_for(model, replace(recipe, data=Data())).multiple == 2


def test_an_error_that_stays_the_same_from_frame_to_frame_does_not_flicker(monkeypatch):
    model = VideoTAD(VideoTADConfig(channels=4, blocks=2, frames=3))
    x = torch.rand(2, 9, 16, 16)
    task = VideoRescaleTask(model, Loss(task="l2", guidance="l2", guidance_weight=0, flicker=0.5), Data(frames=3))

    def grow(wrong):
        monkeypatch.setattr(model, "grow", lambda small: x + wrong)
        return task(x, count=3)

    same = torch.rand(2, 3, 16, 16).repeat(1, 3, 1, 1)
    found = grow(same)
    assert found["flicker"].item() == pytest.approx(0, abs=2e-4)
    assert found["loss"].item() == pytest.approx(same.flatten(1).square().mean(1).sqrt().mean().item(), rel=1e-3)
    changing = torch.rand(2, 9, 16, 16)
    found = grow(changing)
    change = torch.cat((changing[:, 3:6] - changing[:, :3], changing[:, 6:] - changing[:, 3:6]), 1)
    expected = change.flatten(1).square().mean(1).sqrt().mean()
    assert found["flicker"].item() == pytest.approx(expected.item(), rel=1e-3)
    assert found["loss"].item() == pytest.approx((found["task"] + 0.5 * expected).item(), rel=1e-3)


def test_steadiness_is_for_groups():
    recipe = Recipe(name="x", model={}, loss=Loss(flicker=1.0))
    with pytest.raises(UsageError, match="flicker"):
        task_for(randomized(TADConfig(channels=4, blocks=1)), recipe)
