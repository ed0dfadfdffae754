import numpy as np
from skimage.transform import resize
from support.pictures import noise

from regrow.inference.correction import corrected, corrected_rows
from regrow.inference.resize import TRIANGLE, resampled
from regrow.size import Size


def walked(enlarged, plain, threshold):
    """The rule, pixel by pixel."""
    result = enlarged.copy()
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            if any(abs(int(a) - int(b)) > threshold for a, b in zip(enlarged[y, x], plain[y, x], strict=True)):
                result[y, x] = plain[y, x]
    return result


def test_the_rule_is_that_of_a_loop_over_pixels():
    a, b = noise(20, 30), noise(20, 30, seed=1)
    close = np.clip(a.astype(int) + noise(20, 30, seed=2) % 21 - 10, 0, 255).astype(np.uint8)
    for other, threshold in ((b, 60), (b, 255), (close, 5), (close, 0), (a, 0)):
        np.testing.assert_array_equal(corrected(other, a, threshold), walked(other, a, threshold))


def test_rows_are_held_against_the_bilinear_picture():
    small = noise(10, 12)[..., :3].astype(np.float32) / 255
    size, wanted = (12, 10), (24, 20)
    plain = resize(small, (20, 24), order=1, mode="edge", anti_aliasing=False)
    rows = np.concatenate(list(resampled([small], Size(*size), Size(*wanted), 3, TRIANGLE)))
    np.testing.assert_allclose(rows, plain, atol=1e-5)
    enlarged = (plain + 0.1 * np.sign(noise(20, 24, 1).astype(int) - 200)).astype(np.float32)
    enlarged[:5] += 0.5
    cut = [enlarged[:7], enlarged[7:8], enlarged[8:]]
    found = np.concatenate(list(corrected_rows(cut, [small[:4], small[4:]], Size(*size), Size(*wanted), 3, 255 * 0.2)))
    np.testing.assert_allclose(found, corrected(enlarged, rows, 0.2), atol=1e-6)
    np.testing.assert_allclose(found[:5], rows[:5], atol=1e-6)
