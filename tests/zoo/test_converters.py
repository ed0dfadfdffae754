"""The weights that the authors of nets for enlarging publish, against their nets, written out."""

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from regrow import upscale, zoo
from regrow.bench.models import Pair, Upscaler
from regrow.errors import RegrowError, UsageError
from regrow.inference.restore import restore_rows
from regrow.size import Size
from regrow.zoo import converters as peers


def tensors(shapes):
    """Weights and biases of layers as a state dict of small random numbers."""
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.randn(shape) * 0.05, torch.randn(shape[0]) * 0.05
    return state


def conv(state, x, name, groups=1):
    weight = state[f"{name}.weight"]
    return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2, groups=groups)


def published_carn_m():
    """Names and shapes of `carn_m.pth`."""
    shapes = {"sub_mean.shifter": (3, 3, 1, 1), "add_mean.shifter": (3, 3, 1, 1)}
    shapes |= {"entry": (64, 3, 3, 3), "exit": (3, 64, 3, 3)}
    for i in (1, 2, 3):
        shapes |= {f"b{i}.b1.body.{at}": (64, 16, 3, 3) for at in (0, 2)} | {f"b{i}.b1.body.4": (64, 64, 1, 1)}
        shapes |= {f"{at}c{i}.body.0": (64, 64 * (i + 1), 1, 1) for at in ("", "b1.", "b2.", "b3.")}
    for at, outputs in (("2.body.0", 256), ("3.body.0", 576), ("4.body.0", 256), ("4.body.3", 256)):
        shapes[f"upsample.up{at}"] = (outputs, 16, 3, 3)
    return tensors(shapes)


def carn_m(state, y, scale):
    """The forward pass of the authors' net, written out."""

    def block(x, i):
        inner = conv(state, x, f"b{i}.b1.body.0", 4).relu()
        inner = conv(state, inner, f"b{i}.b1.body.2", 4).relu()
        return (conv(state, inner, f"b{i}.b1.body.4") + x).relu()

    def cascade(x, unit, prefix):
        made = [x]
        for i in (1, 2, 3):
            made.append(unit(x, i))
            x = conv(state, torch.cat(made, 1), f"{prefix}c{i}.body.0").relu()
        return x

    mean = torch.tensor([0.4488, 0.4371, 0.4040]).view(3, 1, 1)
    x = conv(state, y - mean, "entry")
    x = cascade(x, lambda x, i: cascade(x, lambda x, _: block(x, i), f"b{i}."), "")
    for at in {2: ["2.body.0"], 3: ["3.body.0"], 4: ["4.body.0", "4.body.3"]}[scale]:
        x = F.pixel_shuffle(conv(state, x, f"upsample.up{at}", 4).relu(), 3 if scale == 3 else 2)
    return conv(state, x, "exit") + mean


@torch.no_grad()
def test_published_weights_of_carn_m_give_what_the_net_of_the_authors_gives(tmp_path):
    state, y = published_carn_m(), torch.rand(1, 3, 9, 10)
    torch.save(state, tmp_path / "carn_m.pth")
    model = zoo.load(str(tmp_path / "carn_m.pth"))
    for scale in (2, 3, 4):
        torch.testing.assert_close(model.at(scale)(y), carn_m(state, y, scale), rtol=1e-4, atol=1e-4)


def test_a_file_of_several_scales_enlarges_by_the_one_that_is_asked_for(tmp_path):
    path = str(tmp_path / "carn_m.pth")
    torch.save(published_carn_m(), path)
    picture = np.random.default_rng(0).integers(0, 256, (24, 36, 3), np.uint8)
    for scale in (2, 3, 4):
        _, grown = Pair(f"bicubic+{path}", scale)(picture)
        assert grown.shape == picture.shape
    assert upscale(picture, scale=3, model=path).shape == (72, 108, 3)
    with pytest.raises(UsageError, match="by 4, not by 8"):
        Pair(f"bicubic+{path}", 8)


def published_smfanet(scale, channels=8, blocks=2):
    """Names and shapes of `SMFANet_DIV2K_100w_x2SR.pth` and its like, which are 36 wide and 8 deep."""
    c = channels
    shapes = {"to_feat": (c, 3, 3, 3), "to_img.0": (3 * scale**2, c, 3, 3)}
    state = {}
    for i in range(blocks):
        at = f"feats.{i}"
        shapes |= {f"{at}.smfa.linear_0": (2 * c, c, 1, 1), f"{at}.smfa.dw_conv": (c, 1, 3, 3)}
        shapes |= {f"{at}.smfa.linear_{j}": (c, c, 1, 1) for j in (1, 2)}
        shapes |= {f"{at}.smfa.lde.conv_0.0": (2 * c, 1, 3, 3), f"{at}.smfa.lde.conv_0.1": (2 * c, 2 * c, 1, 1)}
        shapes |= {f"{at}.smfa.lde.conv_1": (c, 2 * c, 1, 1), f"{at}.pcfn.conv_0": (2 * c, c, 1, 1)}
        shapes |= {f"{at}.pcfn.conv_1": (c // 2, c // 2, 3, 3), f"{at}.pcfn.conv_2": (c, 2 * c, 1, 1)}
        state |= {f"{at}.smfa.{name}": torch.rand(1, c, 1, 1) for name in ("alpha", "belt")}
    return state | tensors(shapes)


def smfanet(state, y, scale, blocks=2):
    """The forward pass of the authors' net, written out."""
    start = x = conv(state, y, "to_feat")
    size, channels = y.shape[-2:], x.shape[1]
    for i in range(blocks):
        at = f"feats.{i}.smfa"
        near, far = conv(state, F.normalize(x), f"{at}.linear_0").chunk(2, 1)
        pooled = F.adaptive_max_pool2d(far, (size[0] // 8, size[1] // 8))
        around = conv(state, pooled, f"{at}.dw_conv", channels)
        gate = around * state[f"{at}.alpha"] + far.var((-2, -1), keepdim=True) * state[f"{at}.belt"]
        far = far * F.interpolate(F.gelu(conv(state, gate, f"{at}.linear_1")), size=size)
        near = conv(state, conv(state, near, f"{at}.lde.conv_0.0", channels), f"{at}.lde.conv_0.1")
        x = x + conv(state, far + conv(state, F.gelu(near), f"{at}.lde.conv_1"), f"{at}.linear_2")
        at, inner = f"feats.{i}.pcfn", F.gelu(conv(state, F.normalize(x), f"feats.{i}.pcfn.conv_0"))
        part = channels // 2
        inner = torch.cat((F.gelu(conv(state, inner[:, :part], f"{at}.conv_1")), inner[:, part:]), 1)
        x = x + conv(state, inner, f"{at}.conv_2")
    return F.pixel_shuffle(conv(state, start + x, "to_img.0"), scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_published_weights_of_smfanet_give_what_the_net_of_the_authors_gives(scale, tmp_path):
    state, y = published_smfanet(scale), torch.rand(2, 3, 17, 25)
    torch.save({"params": state}, tmp_path / "smfanet.pth")
    model = zoo.load(str(tmp_path / "smfanet.pth"))
    assert model.scale == scale
    torch.testing.assert_close(model(y), smfanet(state, y, scale), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("missing", ["b1.b1.body.2.weight", "b2.c3.body.0.bias", "b1.b1.body.4.weight"])
def test_files_that_lack_tensors_are_refused(missing, tmp_path):
    state = published_carn_m()
    del state[missing]
    torch.save(state, tmp_path / "carn_m.pth")
    with pytest.raises(RegrowError, match="not those of the published net"):
        zoo.load(str(tmp_path / "carn_m.pth"))


@pytest.mark.parametrize("damage", [{"to_img.0.weight": torch.zeros(75, 8, 3, 3)}, {"to_feat.weight": torch.zeros(0)}])
def test_damaged_files_are_refused(damage, tmp_path):
    torch.save(published_smfanet(2) | damage, tmp_path / "smfanet.pth")
    with pytest.raises(RegrowError, match="not those of the published net"):
        zoo.load(str(tmp_path / "smfanet.pth"))


MEAN = torch.tensor([0.4488, 0.4371, 0.4040])


def shifts(peak):
    """The layers that take the mean colour off and add it, as their authors keep them."""
    eye = torch.eye(3).view(3, 3, 1, 1)
    return {f"{name}.weight": eye for name in ("sub_mean", "add_mean")} | {
        "sub_mean.bias": -peak * MEAN,
        "add_mean.bias": peak * MEAN,
    }


def scaled_up(shapes, peak):
    """Weights whose biases count beside samples up to a peak, and gates that do not saturate."""
    state = tensors(shapes)
    for key, value in state.items():
        if key.endswith("bias") and ".conv_du." not in key:
            value *= peak
        elif key.endswith("conv_du.0.weight"):
            value *= 20 / peak
    return state | shifts(peak)


def enlargers(scale, c):
    """Names and shapes of the convolutions before the shuffles of EDSR and RCAN."""
    return {f"tail.0.{2 * i}": (c * step**2, c, 3, 3) for i, step in enumerate(steps(scale))}


def steps(scale):
    return {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]


def shifted(state, y, peak, body, scale):
    """The forward pass that EDSR and RCAN share, of a picture with samples in [0, 1]."""
    x = F.conv2d(y * peak, state["sub_mean.weight"], state["sub_mean.bias"])
    x = conv(state, x, "head.0")
    x = x + body(x)
    for i, step in enumerate(steps(scale)):
        x = F.pixel_shuffle(conv(state, x, f"tail.0.{2 * i}"), step)
    return F.conv2d(conv(state, x, "tail.1"), state["add_mean.weight"], state["add_mean.bias"]) / peak


def published_edsr(scale, channels=12, blocks=3, peak=255):
    """Names and shapes of `edsr_baseline_x2-1bc95232.pt` and its like, which are 64 wide and 16 deep, or 256 and 32."""
    c = channels
    shapes = {"head.0": (c, 3, 3, 3), f"body.{blocks}": (c, c, 3, 3), "tail.1": (3, c, 3, 3), **enlargers(scale, c)}
    shapes |= {f"body.{i}.body.{at}": (c, c, 3, 3) for i in range(blocks) for at in (0, 2)}
    return scaled_up(shapes, peak)


def edsr(state, y, scale, blocks=3, share=1.0, peak=255):
    """The forward pass of the authors' net, written out."""

    def body(x):
        for i in range(blocks):
            x = x + share * conv(state, conv(state, x, f"body.{i}.body.0").relu(), f"body.{i}.body.2")
        return conv(state, x, f"body.{blocks}")

    return shifted(state, y, peak, body, scale)


@pytest.mark.parametrize("peak", [255, 1])
@pytest.mark.parametrize("scale", [2, 3, 4])
@torch.no_grad()
def test_published_weights_of_edsr_give_what_the_net_of_the_authors_gives(scale, peak, tmp_path):
    state, y = published_edsr(scale, peak=peak), torch.rand(2, 3, 9, 10)
    torch.save(state, tmp_path / "edsr.pt")
    model = zoo.load(str(tmp_path / "edsr.pt"))
    assert (model.architecture, model.scale) == ("edsr", scale)
    torch.testing.assert_close(model(y), edsr(state, y, scale, peak=peak), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_large_edsr_adds_a_tenth_of_each_residual(tmp_path):
    state, y = published_edsr(2, channels=256, blocks=1), torch.rand(1, 3, 5, 6)
    torch.save(state, tmp_path / "edsr.pt")
    torch.testing.assert_close(zoo.load(str(tmp_path / "edsr.pt"))(y), edsr(state, y, 2, 1, 0.1), rtol=1e-4, atol=1e-4)


def published_rcan(scale, channels=12, groups=2, blocks=3):
    """Names and shapes of `RCAN_BIX2.pt` and its like, which are 64 wide and have 10 groups of 20 blocks."""
    c = channels
    shapes = {"head.0": (c, 3, 3, 3), f"body.{groups}": (c, c, 3, 3), "tail.1": (3, c, 3, 3), **enlargers(scale, c)}
    for group in range(groups):
        shapes[f"body.{group}.body.{blocks}"] = (c, c, 3, 3)
        for block in range(blocks):
            at = f"body.{group}.body.{block}.body"
            shapes |= {f"{at}.{i}": (c, c, 3, 3) for i in (0, 2)}
            shapes |= {f"{at}.3.conv_du.0": (c // 4, c, 1, 1), f"{at}.3.conv_du.2": (c, c // 4, 1, 1)}
    return scaled_up(shapes, 255)


def rcan(state, y, scale, groups=2, blocks=3):
    """The forward pass of the authors' net, written out."""

    def attended(x, at):
        gate = conv(state, x.mean((2, 3), keepdim=True), f"{at}.3.conv_du.0").relu()
        return x * torch.sigmoid(conv(state, gate, f"{at}.3.conv_du.2"))

    def group(x, at):
        start = x
        for block in range(blocks):
            inner = f"{at}.body.{block}.body"
            x = x + attended(conv(state, conv(state, x, f"{inner}.0").relu(), f"{inner}.2"), inner)
        return start + conv(state, x, f"{at}.body.{blocks}")

    def body(x):
        for i in range(groups):
            x = group(x, f"body.{i}")
        return conv(state, x, f"body.{groups}")

    return shifted(state, y, 255, body, scale)


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@torch.no_grad()
def test_published_weights_of_rcan_give_what_the_net_of_the_authors_gives(scale, tmp_path):
    state, y = published_rcan(scale), torch.rand(2, 3, 9, 10)
    torch.save(state, tmp_path / "rcan.pt")
    model = zoo.load(str(tmp_path / "rcan.pt"))
    assert (model.architecture, model.scale) == ("rcan", scale)
    torch.testing.assert_close(model(y), rcan(state, y, scale), rtol=1e-4, atol=1e-5)


def published_rrdb(doublings=2, unshuffle=1, channels=8, growth=4, blocks=2):
    """Names and shapes of `RealESRGAN_x4plus.pth` and its like, which are 64 wide, grow by 32 and have 23 blocks."""
    c, g = channels, growth
    shapes = {"conv_first": (c, 3 * unshuffle**2, 3, 3), "conv_last": (3, c, 3, 3)}
    shapes |= dict.fromkeys(("conv_body", "conv_hr"), (c, c, 3, 3))
    shapes |= {f"conv_up{i}": (c, c, 3, 3) for i in range(1, doublings + 1)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            at = f"body.{block}.rdb{dense}.conv"
            shapes |= {f"{at}{i}": (c if i == 5 else g, c + (i - 1) * g, 3, 3) for i in (1, 2, 3, 4, 5)}
    return tensors(shapes)


def rrdb(state, y, doublings=2, unshuffle=1, blocks=2):
    """The forward pass of the authors' net, written out."""

    def layer(x, name):
        return F.leaky_relu(conv(state, x, name), 0.2)

    def dense_block(x, at):
        made = [x]
        for i in (1, 2, 3, 4):
            made.append(layer(torch.cat(made, 1), f"{at}.conv{i}"))
        return x + 0.2 * conv(state, torch.cat(made, 1), f"{at}.conv5")

    start = x = conv(state, F.pixel_unshuffle(y, unshuffle), "conv_first")
    for block in range(blocks):
        inner = x
        for dense in (1, 2, 3):
            inner = dense_block(inner, f"body.{block}.rdb{dense}")
        x = x + 0.2 * inner
    x = start + conv(state, x, "conv_body")
    for i in range(1, doublings + 1):
        x = layer(F.interpolate(x, scale_factor=2), f"conv_up{i}")
    return conv(state, layer(x, "conv_hr"), "conv_last")


FIRST = {
    "conv_first": "conv_first", "conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2",
    "conv_hr": "HRconv", "conv_last": "conv_last", "body": "RRDB_trunk",
}  # fmt: skip
"""Names of `RRDB_ESRGAN_x4.pth`."""
FLAT = {
    "conv_first": "model.0", "conv_body": "model.1.sub.2", "conv_up1": "model.3", "conv_up2": "model.6",
    "conv_hr": "model.8", "conv_last": "model.10", "body": "model.1.sub",
}  # fmt: skip
"""Names of `RRDB_ESRGAN_x4_old_arch.pth`."""


def older(state, names):
    """The state by names that ESRGAN has had before."""
    found = {}
    for key, value in state.items():
        top, *inner, kind = key.split(".")
        if inner:
            inner = [inner[0], inner[1].upper(), inner[2], *(["0"] if names is FLAT else [])]
        found[".".join([names[top], *inner, kind])] = value
    return found


@pytest.mark.parametrize("names", [None, FIRST, FLAT])
@torch.no_grad()
def test_published_weights_of_esrgan_give_what_the_net_of_the_authors_gives(names, tmp_path):
    state, y = published_rrdb(), torch.rand(2, 3, 7, 6)
    torch.save(older(state, names) if names else state, tmp_path / "esrgan.pth")
    model = zoo.load(str(tmp_path / "esrgan.pth"))
    assert (model.architecture, model.scale) == ("rrdb", 4)
    torch.testing.assert_close(model(y), rrdb(state, y), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("doublings", "unshuffle", "scale"), [(2, 2, 2), (2, 4, 1), (1, 1, 2), (0, 1, 1), (3, 1, 8)])
@torch.no_grad()
def test_real_esrgan_of_other_scales_gives_what_the_net_of_the_authors_gives(doublings, unshuffle, scale, tmp_path):
    state, y = published_rrdb(doublings, unshuffle), torch.rand(1, 3, 8, 12)
    other = {key: value + 1 for key, value in state.items()}
    torch.save({"params": other, "params_ema": state}, tmp_path / "esrgan.pth")
    model = zoo.load(str(tmp_path / "esrgan.pth"))
    assert model.scale == scale
    torch.testing.assert_close(model(y), rrdb(state, y, doublings, unshuffle), rtol=1e-4, atol=1e-5)


def test_tiles_of_real_esrgan_begin_where_its_cells_do(tmp_path):
    torch.save(published_rrdb(2, 2, blocks=1), tmp_path / "esrgan.pth")
    model = zoo.load(str(tmp_path / "esrgan.pth"))
    picture = np.random.default_rng(0).random((101, 133, 3), np.float32)
    whole, tiled = (
        np.concatenate(list(restore_rows([picture], Size(133, 101), 3, model, np.float32, tile))) for tile in (512, 70)
    )
    assert whole.shape == (202, 266, 3)
    np.testing.assert_allclose(whole, tiled, atol=1e-5)


def test_published_files_enlarge_pictures_and_are_measured(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    for name, state in {"edsr": published_edsr(2), "rcan": published_rcan(2), "real": published_rrdb(2, 2)}.items():
        path = str(tmp_path / f"{name}.pth")
        torch.save(state, path)
        assert upscale(picture, scale=2, model=path).shape == (18, 22, 3)
        upscaler = Upscaler(path, 2)
        assert upscaler.multiply_adds > 0
        shifted = sum(len(value.flatten()) for key, value in state.items() if "_mean" not in key)
        assert upscaler.parameters == shifted


SMALL = {"blocks": 1, "channels": 4}
PUBLISHED = {
    "edsr": lambda: published_edsr(2, **SMALL),
    "rcan": lambda: published_rcan(2, groups=1, **SMALL),
    "rrdb": lambda: published_rrdb(**SMALL),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_damage_is_refused_in_one_line(name, tmp_path):
    """Whichever tensor is missing, of another shape, or no number: two of these of each."""
    path = tmp_path / "damaged.pth"
    whole = PUBLISHED[name]()
    for number, key in enumerate(whole):
        value = whole[key]
        bad = torch.zeros(2), torch.tensor(1.0), torch.zeros(0), torch.cat([value, value]), value * torch.nan
        damage = {}, *({key: one} for one in bad)
        for other in (damage[number % 6], damage[(number + 3) % 6]):
            torch.save({k: v for k, v in whole.items() if k != key} | other, path)
            with pytest.raises(RegrowError, match=rf"^{re.escape(str(path))}.*\Z"):  # . is no end of line
                zoo.load(str(path))


def test_what_our_nets_cannot_hold_is_not_taken_for_them(tmp_path):
    esrgan_plus = published_rrdb() | {"body.0.rdb1.conv1x1.weight": torch.zeros(4, 8, 1, 1)}
    other_mean = published_edsr(2) | {"sub_mean.bias": torch.tensor([-119.6, -114.5, -103.0])}
    for state in (esrgan_plus, other_mean):
        torch.save(state, tmp_path / "other.pth")
        assert not any(family(state) for family in peers.FAMILIES)
        with pytest.raises(RegrowError, match="no net that is known"):
            zoo.load(str(tmp_path / "other.pth"))
