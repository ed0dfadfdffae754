import io
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from regrow.errors import RegrowError, UsageError
from regrow.metrics.ssimulacra2 import ssimulacra2


def tensor(picture):
    return torch.from_numpy(picture.copy()).permute(2, 0, 1) / 255


def test_figures_are_about_those_that_its_author_gives_for_jpeg(coffee):
    """Mean scores of libjpeg-turbo with 4:2:0, by quality: 14 has 10, 35 has 50; 90 is hard to tell apart."""
    pytest.importorskip("ssimulacra2")
    picture = coffee[100:356, 200:456]
    scores = []
    for quality in (14, 35, 90):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "jpeg", quality=quality)
        with Image.open(file) as image:
            scores.append(ssimulacra2(tensor(np.asarray(image)), tensor(picture)))
    assert scores == pytest.approx([10, 50, 85], abs=12)
    assert ssimulacra2(tensor(picture), tensor(picture)) == 100


def test_pictures_of_two_sizes_are_a_usage_error():
    pytest.importorskip("ssimulacra2")
    with pytest.raises(UsageError, match="cannot compare"):
        ssimulacra2(torch.zeros(3, 16, 16), torch.zeros(3, 16, 17))


def test_without_the_package_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ssimulacra2", None)
    with pytest.raises(RegrowError, match=r"pip install 'regrow\[rate\]'"):
        ssimulacra2(torch.zeros(3, 16, 16), torch.zeros(3, 16, 16))
