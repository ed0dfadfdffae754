"""The record of a small clip is not to be trusted: numbers beyond all clips are refused in a line."""

import base64
import json
import zlib
from fractions import Fraction

import pytest

from regrow.errors import RegrowError
from regrow.video.pixels import Pixels
from regrow.video.record import ClipRecord

GOOD = ClipRecord(
    pixels=Pixels("yuv420p", 1, 1, 1, 1), time_base=Fraction(1, 25), times=[(0, 1), (1, 1)], groups=[1, 1],
    starts={"0": (0, Fraction(1, 48000))}, fields=1,
)  # fmt: skip


def packed(*numbers):
    return base64.b64encode(zlib.compress(" ".join(map(str, numbers)).encode())).decode()


def test_a_record_comes_back():
    assert ClipRecord.from_json(GOOD.to_json(), "a.mkv") == GOOD


@pytest.mark.parametrize(
    "said",
    [
        {"times": packed(0, 2**63)},
        {"times": packed(-(2**80), 1)},
        {"durations": packed(1, 2**63)},
        {"starts": {"0": [2**64, "1/48000"]}},
        {"fields": 2**31},
        {"light": {"chromaticities": [10**400] * 8, "luminances": None, "levels": None}},
        {"time_base": "1e99999999"},
        {"aspect": "1/0"},
        *({"pixels": {**json.loads(GOOD.to_json())["pixels"], key: 2**40}} for key in ("matrix", "range", "transfer")),
    ],
)
def test_numbers_beyond_all_clips(said):
    text = json.dumps({**json.loads(GOOD.to_json()), **said})
    with pytest.raises(RegrowError, match=r"a\.mkv: what it says of the clip it was shrunk from is damaged"):
        ClipRecord.from_json(text, "a.mkv")
