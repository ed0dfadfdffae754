import numpy as np
import pytest
import scipy.fft
import torch
from skimage.metrics import peak_signal_noise_ratio

from regrow.io.codecs import Codec
from regrow.io.jpeg_tables import steps
from regrow.io.memory import read_rgb
from regrow.nets.ops.codec_proxy import CodecProxy, dct_kernels, fitted_weight, flat_steps, surviving


@pytest.fixture(scope="module")
def picture(astronaut):
    return np.ascontiguousarray(astronaut[32:240, 96:336])


def tensor(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255


def psnr(a, b):
    return peak_signal_noise_ratio(a.numpy(), b.numpy(), data_range=1)


def tables(name, quality):
    return map(torch.from_numpy, steps(quality)) if name == "jpeg" else flat_steps(name, quality)


def test_kernels_are_the_cosine_transform():
    block = torch.rand(8, 8, dtype=torch.float64)
    found = torch.einsum("kyx,yx->k", dct_kernels()[:, 0].double(), block).view(8, 8)
    np.testing.assert_allclose(found, scipy.fft.dctn(block.numpy(), norm="ortho"), atol=1e-6)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("quality", [10, 50, 90])
def test_the_proxy_is_jpeg(picture, quality, full):
    codec = Codec(name="jpeg", full_chroma=full)
    x, real = tensor(picture), tensor(read_rgb(codec.encode(picture, quality)))
    proxy, _ = CodecProxy()(x, *tables("jpeg", quality), subsampled=not full)
    assert psnr(proxy, real) > 38  # a coefficient at the edge of a step may fall either way
    assert psnr(proxy, x) == pytest.approx(psnr(real, x), abs=0.4)


@pytest.mark.parametrize("name", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("quality", [30, 70])
def test_the_proxy_errs_and_costs_like_the_codec(picture, name, quality):
    codec, costs, sizes = Codec(name=name), [], []
    luma, chroma = tables(name, quality)
    for piece in (picture[:128, :128], picture[80:, 100:], picture):
        data = codec.encode(piece, quality)
        proxy, cost = CodecProxy()(tensor(piece), luma, chroma)
        real = tensor(read_rgb(data))
        assert psnr(proxy, tensor(piece)) == pytest.approx(psnr(real, tensor(piece)), abs=3)
        costs.append(cost)
        sizes.append(len(data))
    cost, size = torch.cat(costs), torch.tensor(sizes)
    torch.testing.assert_close(fitted_weight(cost, size) * cost / 8, size.float(), rtol=0.3, atol=0)


def test_every_picture_of_a_batch_may_have_its_own_steps(picture):
    x = tensor(picture)[..., :64, :48].repeat(2, 1, 1, 1)
    pairs = [flat_steps("webp", quality) for quality in (10, 80)]
    together, costs = CodecProxy()(x, *(torch.stack(kind) for kind in zip(*pairs, strict=True)))
    for i, (luma, chroma) in enumerate(pairs):
        alone, cost = CodecProxy()(x[i : i + 1], luma, chroma)
        torch.testing.assert_close(together[i], alone[0])
        torch.testing.assert_close(costs[i], cost[0])


def test_gradients_pass_what_survives_and_no_more():
    c = torch.tensor([0.3, -0.4, 0.7, -2.2], requires_grad=True)
    result = surviving(c)
    result.sum().backward()
    assert result.tolist() == [0, 0, 1, -2]
    assert c.grad.tolist() == [0, 0, 1, 1]
