import io

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from regrow.io.chroma import smoothed
from regrow.io.codecs import Codec
from regrow.io.memory import read_pixels


@pytest.mark.parametrize("size", [(160, 240), (161, 239)])
def test_chroma_is_interpolated_as_libavif_does_it(coffee, size):
    """Pillow decodes by libavif, as browsers do, and libvips by libheif, which repeats chroma."""
    picture = np.ascontiguousarray(coffee[100 : 100 + size[0], 200 : 200 + size[1]])
    data = Codec(name="avif").encode(picture, 75)
    repeated = read_pixels(data)
    with Image.open(io.BytesIO(data)) as image:
        wanted = np.asarray(image.convert("RGB"))
    found = smoothed(repeated)
    assert np.abs(found.astype(int) - wanted).mean() < 0.5 < np.abs(repeated.astype(int) - wanted).mean()
    assert peak_signal_noise_ratio(picture, found) == pytest.approx(peak_signal_noise_ratio(picture, wanted), abs=0.15)


def test_grey_and_alpha_stay(camera):
    grey = np.repeat(camera[:33, :47, None], 3, 2)
    assert np.array_equal(smoothed(grey), grey)
    alpha = np.arange(33 * 47, dtype=np.uint32).astype(np.uint8).reshape(33, 47, 1)
    assert np.array_equal(smoothed(np.concatenate([grey, alpha], 2))[..., 3:], alpha)
