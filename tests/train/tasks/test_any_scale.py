import pytest
import torch

pytest.importorskip("accelerate")

from regrow.errors import UsageError
from regrow.nets.rescale.any_scale import AnyScale, AnyScaleConfig
from regrow.train.recipe import Data, Loss
from regrow.train.tasks.any_scale import LEAST, AnyScaleTask


@pytest.fixture
def net():
    return AnyScale(AnyScaleConfig(channels=8, blocks=1, hidden=8))


def test_scales_are_drawn_from_the_whole_range_some_for_each_side(net):
    torch.manual_seed(0)
    task = AnyScaleTask(net, Loss(), Data(largest=3))
    sizes = [task.draw(torch.zeros(1, 3, 96, 96))["size"] for _ in range(400)]
    scales = [96 / n for size in sizes for n in size]
    assert min(n for n in scales if n > 1) < LEAST + 0.06
    assert 2.75 < max(scales) <= 3.1  # sizes are whole
    assert any(1 in (96 / h, 96 / w) for h, w in sizes)
    assert 0.15 < sum(h != w for h, w in sizes) / len(sizes) < 0.35


def test_the_side_that_shrinks_most_has_at_least_the_least_scale(net):
    torch.manual_seed(0)
    task = AnyScaleTask(net, Loss(), Data(least=2, largest=4))
    sizes = [task.draw(torch.zeros(1, 3, 96, 96))["size"] for _ in range(400)]
    assert max(min(size) for size in sizes) == 48
    assert any(max(size) > 60 for size in sizes)


@pytest.mark.parametrize("wrong", [{"least": 0.9}, {"least": 2.0, "largest": 2.0}, {"least": 5.0}])
def test_a_least_scale_that_cannot_be_is_a_usage_error(wrong):
    with pytest.raises(UsageError, match=f"least is {wrong['least']}"):
        Data(**wrong)


def test_the_loss_is_that_of_the_definition(net):
    x, grey = torch.rand(2, 3, 24, 30), torch.tensor([True, False]).view(2, 1, 1, 1)
    losses = AnyScaleTask(net, Loss(task="l1", guidance_weight=0.5), Data(grey=0.5))(x, grey, (16, 21))
    assert losses["loss"].item() == pytest.approx(losses["task"].item() + 0.5 * losses["guidance"].item())
    assert losses["guidance"].item() < 0.003  # untrained it is the bicubic, for grey but for how it is summed


def test_it_learns_and_is_validated(net):
    task = AnyScaleTask(net, Loss(task="l2", guidance="l2", guidance_weight=0.01), Data())
    picture = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 12), size=(48, 48), mode="bicubic").clamp(0, 1)
    held_out = [(picture[0].permute(1, 2, 0) * 255).round().byte()]
    before = task.validate(net, held_out, 48)
    assert before["small1.5"] == 100
    optimizer = torch.optim.Adam(net.parameters(), 2e-3)
    for size in [(32, 32), (40, 40), (19, 19)] * 8:
        optimizer.zero_grad()
        task(picture, torch.zeros(1, 1, 1, 1, dtype=torch.bool), size)["loss"].backward()
        optimizer.step()
    after = task.validate(net, held_out, 48)
    assert after["x1.5"] > before["x1.5"]
    assert {*after} == {f"{what}{scale}" for scale in ("1.2", "1.5", "2", "2.5", "3.5", "4") for what in ("x", "small")}
