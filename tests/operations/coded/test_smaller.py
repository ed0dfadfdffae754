import numpy as np
import pytest
from PIL import Image

from regrow.io.codecs import Codec
from regrow.operations.coded.smaller import STEP, Smaller, shrunk


@pytest.mark.parametrize("scale", [1.5, 2, 4])
def test_the_bicubic_is_that_of_pillow(coffee, scale):
    """Away from borders, which Pillow does not mirror."""
    picture = coffee[:192, :240]
    side = round(240 / scale), round(192 / scale)
    expected = np.asarray(Image.fromarray(picture).resize(side, Image.Resampling.BICUBIC)).astype(int)
    found = shrunk(picture, scale).astype(int)
    inner = slice(4, -4)
    assert found.shape == expected.shape
    assert np.abs(found - expected)[inner, inner].max() <= 1


@pytest.mark.parametrize("scale", [1, 1.5, 2, 4])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_sides_are_rounded_up(coffee, scale, bands):
    picture = np.concatenate([coffee, coffee[..., :1]], 2)[:101, :57, :bands]
    assert shrunk(picture, scale).shape == (int(np.ceil(101 / scale)), int(np.ceil(57 / scale)), bands)


def test_qualities_near_each_other_share_what_a_net_makes(coffee):
    told = []

    def net(facts):
        told.append(facts.luma)

    smaller = Smaller(coffee[:64, :64], Codec(name="webp", tuned=True), 2, net)
    for quality in range(50, 50 + STEP):
        assert smaller.at(quality) is smaller.at(50)
    assert told == [Codec(name="webp").facts(50 + STEP // 2).luma]
    smaller.at(100)
    assert told[1:] == [Codec(name="webp").facts(96).luma]  # nets have learned no finer
