"""The deep video prior: its net, its loss, and fits to small clips."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.inference.frames import restore_window
from regrow.nets.prior.frames import FrameUNet, FrameUNetConfig, reweighted
from regrow.priors.deep_video import ClipSettings, fit_clip

QUICK = {"channels": 8, "levels": 2, "crop": 32}


def awake(levels, channels=4):
    """A net that does something before it is fitted."""
    torch.manual_seed(0)
    net = FrameUNet(FrameUNetConfig(levels=levels, channels=channels))
    nn.init.normal_(net.body.tail.weight)
    return net.eval()


def test_before_it_is_fitted_it_changes_nothing():
    net = zoo.build({"architecture": "frame-unet", "channels": 4})
    frames = torch.rand(2, 3, 37, 50)
    torch.testing.assert_close(net.both(frames), frames[:, None].expand(-1, 2, -1, -1, -1), rtol=0, atol=0)


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_it_looks_no_further_than_its_halo(levels):
    net = awake(levels).double()
    side, reach = 24 * net.grid, 0
    for middle in range(side // 2, side // 2 + net.grid):
        frame = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(net(frame)[0, :, middle, middle].sum(), frame)
        reach = max(reach, int((slope.abs().sum((0, 1)).nonzero() - middle).abs().max()))
    assert net.halo / 2 < reach <= net.halo


def test_frames_in_tiles_are_the_whole():
    net, frame = awake(2), np.random.default_rng(0).random((150, 203, 3), np.float32)
    with torch.inference_mode():
        whole = net(torch.from_numpy(frame).permute(2, 0, 1)[None])[0].permute(1, 2, 0).clamp(0, 1).numpy()
    # Cut at multiples of the grid, which the height is none of: what pads a tile below is what pads the whole.
    np.testing.assert_allclose(restore_window([frame], net, tile=64, dtype=np.float32), whole, atol=1e-5)


@pytest.mark.parametrize("modes", [1, 2])
def test_each_place_teaches_the_result_that_it_is_nearer_to(modes):
    rng = np.random.default_rng(0)
    found, target = rng.random((2, modes, 3, 5, 6)), rng.random((2, 3, 5, 6))
    found[0, 0, :, :2] = target[0, :, :2] + 0.01  # near enough, whatever the other says
    found[0, -1, :, :1] = target[0, :, :1] + 0.001
    losses = []
    for b, y, x in np.ndindex(2, 5, 6):
        apart = [np.mean([abs(found[b, m, c, y, x] - target[b, c, y, x]) for c in range(3)]) for m in range(modes)]
        losses.append(apart[0] if modes == 1 or apart[0] <= max(apart[1], 0.02) else apart[1])
    given = torch.from_numpy(found), torch.from_numpy(target)
    assert reweighted(*given, 0.02).item() == pytest.approx(np.mean(losses))
    main = np.abs(found[:, 0] - target).mean()
    assert reweighted(*given, np.inf).item() == pytest.approx(main)


def clip(astronaut, colors, count=8):
    """Frames of a photograph that slides by, and the same with one of two tints each."""
    frames = [astronaut[100:148, 200 + i : 256 + i].mean(2, keepdims=True).repeat(3, 2) for i in range(count)]
    tensors = [torch.from_numpy(frame / 255).float().permute(2, 0, 1)[None] for frame in frames]
    tints = [torch.tensor(colors[i % len(colors)]).view(3, 1, 1) for i in range(count)]
    return tensors, [(frame + tint).clamp(0, 1) for frame, tint in zip(tensors, tints, strict=True)]


def shown(net, frames):
    with torch.inference_mode():
        return torch.cat([net(frame) for frame in frames])


RED, BLUE = (0.15, 0.0, -0.15), (-0.15, 0.0, 0.15)


def test_flicker_goes(astronaut):
    before, after = clip(astronaut, [(0.1, 0.05, 0.0), (0.0, -0.05, -0.1), (0.05, 0.0, -0.05)])
    fitted = fit_clip(lambda: zip(before, after, strict=True), 8, ClipSettings(**QUICK, epochs=25, modes=1))
    assert (fitted.iterations, fitted.interrupted) == (200, False)

    def flicker(frames):
        """How much the mean colour moves from frame to frame."""
        means = [frame.mean((-2, -1)).flatten() for frame in frames]
        return sum((a - b).abs().mean().item() for a, b in pairwise(means))

    steady = shown(fitted.net, before)
    assert flicker(steady) < flicker(after) / 4
    assert (steady - torch.cat(after)).abs().mean() < 0.05


@pytest.mark.parametrize("kept", [RED, BLUE])
def test_of_two_things_that_were_done_that_of_the_first_frame_is_kept(astronaut, kept):
    before, after = clip(astronaut, [kept, RED, BLUE, RED])
    fitted = fit_clip(lambda: zip(before, after, strict=True), 8, ClipSettings(**QUICK, epochs=25))
    wanted = [(frame + torch.tensor(kept).view(3, 1, 1)).clamp(0, 1) for frame in before]
    off = (shown(fitted.net, before) - torch.cat(wanted)).abs().mean((1, 2, 3))
    assert off.max() < 0.03  # the frames that are otherwise too


def test_the_same_seed_gives_the_same_net_and_a_checkpoint_goes_on(astronaut, tmp_path, caplog):
    before, after = clip(astronaut, [RED, BLUE], 3)

    def fitted(epochs_seen=None, save_every=60, **options):
        settings = ClipSettings(**QUICK, epochs=4, **{k: v for k, v in options.items() if k == "seed"})
        checkpoint, left = options.get("checkpoint"), [epochs_seen]

        def pairs():
            if left[0] == 0:  # the first time is for the first frame
                raise InterruptedError
            left[0] = None if left[0] is None else left[0] - 1
            return zip(before, after, strict=True)

        return fit_clip(pairs, 3, settings, checkpoint=checkpoint, save_every=save_every).net.state_dict()

    def same(a, b):
        return all(torch.equal(a[name], b[name]) for name in a)

    whole, file = fitted(), tmp_path / "clip.fit"
    assert same(whole, fitted())
    assert not same(whole, fitted(seed=1))
    with pytest.raises(InterruptedError):
        fitted(epochs_seen=3, checkpoint=file, save_every=-1)
    assert same(whole, fitted(checkpoint=file))
    assert "going on after iteration 9 of 15" in caplog.text
    with pytest.raises(UsageError, match="another clip or other settings"):
        fitted(seed=1, checkpoint=file)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(RegrowError, match="not a checkpoint of a deep video prior"):
        fitted(checkpoint=file)


@pytest.mark.parametrize(
    ("settings", "words"), [({"epochs": 0}, "epochs 0"), ({"modes": 3}, "modes 3"), ({"rate": 2}, "rate 2")]
)
def test_settings_that_cannot_be(settings, words):
    with pytest.raises(UsageError, match=f"{words}: must be from"):
        ClipSettings(**settings)
