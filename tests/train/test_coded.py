import numpy as np
import pytest
import torch

pytest.importorskip("accelerate")

from regrow.io.codecs import Codec
from regrow.io.memory import read_rgb
from regrow.nets.ops.resample import bicubic
from regrow.train.coded import CodedCrops, pack, shrunk, turned, unpacked
from regrow.train.recipe import Data


@pytest.fixture(scope="module")
def pictures():
    generator = torch.Generator().manual_seed(0)
    smooth = bicubic(torch.rand(2, 3, 10, 12, generator=generator), (101, 120)).clamp(0, 1)
    return [(p * 255).byte().permute(1, 2, 0).contiguous() for p in smooth]


@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_crops_are_of_a_picture_and_of_what_its_codec_leaves(pictures, scale, tmp_path):
    data = Data(codecs=("jpeg", "webp", "avif"), crop=96, batch=4, versions=3)
    batch = CodedCrops(pictures, data, scale, seed=1)(5)
    x, y, facts = unpacked(batch, scale)
    side = int(96 / scale)
    assert x.shape == (4, 3, 96, 96)
    assert y.shape == (4, 3, side, side)
    assert (facts[:, :3].sum(1) <= 1).all()
    # Smooth pictures survive any codec: what came back shows the same place, the same way round.
    small = bicubic(x, (side, side))
    assert ((small - y).square().mean((1, 2, 3)).sqrt() < 0.1).all()
    assert torch.equal(batch, CodedCrops(pictures, data, scale, seed=1)(5))
    for _ in range(2):  # written, then read
        assert torch.equal(batch, CodedCrops(pictures, data, scale, seed=1, cache=tmp_path)(5))
    assert list(tmp_path.rglob("*.npy"))
    assert not torch.equal(batch, CodedCrops(pictures, data, scale, seed=2)(5))


def test_versions_cover_the_qualities_and_differ(pictures):
    crops = CodedCrops(pictures, Data(codecs=("jpeg",), crop=64, full_chroma=0.5), 1, seed=0)
    versions = [crops.version(0, "jpeg", number) for number in range(40)]
    qualities = [quality for _, quality, _ in versions]
    low, high = versions[0][0].qualities
    assert low <= min(qualities) < 15
    assert 85 < max(qualities) <= high
    assert 10 < sum(codec.full_chroma for codec, _, _ in versions) < 30
    assert {way for _, _, way in versions} == set(range(8))
    codec, quality, way = versions[3]
    picture = shrunk(turned(pictures[0].numpy(), way), 1)
    assert np.array_equal(crops.coded(0, "jpeg", 3), read_rgb(codec.encode(picture, quality)))


@pytest.mark.parametrize(("blind", "told"), [(0.0, 4), (1.0, 0)])
def test_facts_are_told_unless_a_crop_is_blind(pictures, blind, told):
    data = Data(codecs=("webp",), crop=32, batch=4, blind=blind)
    _, _, facts = unpacked(CodedCrops(pictures, data, 1, seed=0)(0), 1)
    assert int((facts[:, 1] == 1).sum()) == told
    assert bool(facts.any()) == bool(told)


@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_what_is_packed_comes_out_again(astronaut, scale):
    x, y = astronaut[:24, :48], astronaut[: int(24 / scale), : int(48 / scale)]
    facts = np.array(Codec(name="jpeg").facts(30))
    full, small, told = unpacked(pack(x, y, facts)[None], scale)
    assert np.array_equal((full[0] * 255).round().byte().permute(1, 2, 0), x)
    assert np.array_equal((small[0] * 255).round().byte().permute(1, 2, 0), y)
    np.testing.assert_allclose(told[0], facts, atol=1e-6)
