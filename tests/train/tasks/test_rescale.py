from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate")

from regrow import zoo
from regrow.nets.layers import quantize
from regrow.nets.ops.color import luma
from regrow.nets.rescale.tad import TAD
from regrow.train import loop
from regrow.train.losses import l1, l2, outside
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.rescale import RescaleTask


def test_distances():
    a, b = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    b[0] = 0.5
    b[1, 0] = 0.3
    assert l1(a, b).item() == pytest.approx((0.5 + 0.1) / 2)
    assert l2(a, b).item() == pytest.approx((0.5 + (0.09 / 3) ** 0.5) / 2, abs=1e-3)


def test_only_what_leaves_the_ball_counts():
    a, b = torch.zeros(3, 3, 4, 4), torch.full((3, 3, 4, 4), 0.5)
    a[0] += 0.51  # 0.01 away
    a[1] += 0.54  # 0.04 away
    a[2] += 0.46
    left = (outside(a, b, 0.02) - b).flatten(1)
    assert not left[0].any()
    torch.testing.assert_close(left[1], torch.full_like(left[1], 0.02))
    torch.testing.assert_close(left[2], torch.full_like(left[2], -0.02))


def test_what_is_random_in_the_loss_is_drawn_as_asked(tiny):
    x = torch.rand(64, 3, 96, 96)
    loss = RescaleTask(tiny, Loss(noise=0.2), Data(grey=0.25))
    draws = [loss.draw(x) for _ in range(40)]
    assert all(d["noise"].shape == (64, 3, 48, 48) for d in draws)
    deviations = torch.cat([d["noise"].flatten(1).std(1) for d in draws])
    assert deviations.max() <= 0.21
    assert deviations.mean() == pytest.approx(0.1, abs=0.01)
    assert torch.cat([d["grey"] for d in draws]).float().mean() == pytest.approx(0.25, abs=0.03)
    assert set(RescaleTask(tiny, Loss(), Data()).draw(x)) == {"grey"}


def test_noise_reaches_the_small_picture_before_it_is_rounded(tiny):
    x, grey = torch.rand(2, 3, 16, 16), torch.zeros(2, 1, 1, 1, dtype=torch.bool)
    noise = 0.1 * torch.randn(2, 3, 8, 8)
    losses = RescaleTask(tiny, Loss(), Data())(x, grey, noise=noise)
    grown = tiny.grow(quantize(tiny.shrink(x) + noise))
    assert losses["task"].item() == pytest.approx(l1(grown, x).item(), rel=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        {"colors": 1, "small_colors": 1},
        {"scale": 1, "height": 1, "width": 1, "small_colors": 1, "unshuffle": 2},
        {"width": 1, "residual": False},
    ],
)
def test_every_kind_of_rescaler_can_be_trained(recipe, photographs, tmp_path, config):
    settings = {**recipe.model, **config}
    run = replace(recipe.run, steps=4, validate_every=4, checkpoint_every=4)
    folder = loop.train(replace(recipe, model=settings, run=run), photographs, tmp_path / "out", device="cpu")
    assert zoo.load(str(folder)).settings().items() >= settings.items()


def test_luma_is_what_pillow_makes_grey(astronaut):
    ours = luma(torch.from_numpy(astronaut).permute(2, 0, 1)[None] / 255)[0, 0] * 255
    np.testing.assert_allclose(ours, np.asarray(Image.fromarray(astronaut).convert("L")), atol=1.01)


def test_crops_made_grey_have_grey_small_pictures(tiny):
    seen = []

    class Spy(TAD):
        def grow(self, small):
            seen.append(small)
            return super().grow(small)

    spy = Spy(tiny.config)
    spy.load_state_dict(tiny.state_dict())
    is_grey = torch.tensor([True, False]).view(2, 1, 1, 1)
    RescaleTask(spy, Loss(), Data(grey=0.5))(torch.rand(2, 3, 8, 8), is_grey)
    grey, color = seen[0]
    torch.testing.assert_close(grey, grey[:1].expand(3, -1, -1))
    assert not torch.allclose(color[0], color[1], atol=1e-3)


def test_validation_measures_what_scikit_image_measures(tiny, astronaut):
    from skimage.metrics import peak_signal_noise_ratio

    picture = astronaut[:70, :90]
    figures = RescaleTask(tiny, Loss(), Data()).validate(tiny, [torch.from_numpy(picture)], 40)
    centre = picture[15:55, 25:65]
    with torch.no_grad():
        small = tiny.shrink(torch.from_numpy(centre).permute(2, 0, 1)[None] / 255).clamp(0, 1).mul(255).round()
        grown = tiny.grow(small / 255).clamp(0, 1).mul(255).round()[0].permute(1, 2, 0).byte().numpy()
    assert figures["rgb"] == pytest.approx(peak_signal_noise_ratio(centre, grown), abs=1e-3)
