import pytest

from regrow.cli.options import parse_bytes, parse_pixels
from regrow.errors import UsageError
from regrow.io.passport import Passport
from regrow.operations.coded.wish import Wish


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("40000", 40000), ("40k", 40000), ("40K", 40000), ("1.5M", 1500000), ("40KiB", 40960), ("40 kB", 40000)],
)
def test_bytes_as_people_write_them(text, bytes_):
    assert parse_bytes(text) == bytes_


@pytest.mark.parametrize("text", ["", "-4", "4x", "k", "40i", "1e5", "40kk"])
def test_what_is_no_number_of_bytes(text):
    with pytest.raises(UsageError, match="is not a number of bytes"):
        parse_bytes(text)


@pytest.mark.parametrize(
    "asked",
    [
        {"quality": 0},
        {"quality": 101},
        {"bytes": 0},
        {"bytes": 10**15},
        {"bytes": 10**400},
        {"bpp": 0},
        {"bpp": 101},
        {"psnr": 9},
        {"psnr": 61},
        {"quality": "75"},
        {"quality": 75.5},
        {"bytes": "40k"},
        {"bytes": float("nan")},
        {"bpp": "1"},
        {"psnr": [30]},
    ],
)
def test_what_cannot_be(asked):
    (name,) = asked
    with pytest.raises(UsageError, match=name):
        Wish(**asked)


def test_one_thing_is_asked():
    with pytest.raises(UsageError, match="quality 60 and bytes 4000: say one of them"):
        Wish(quality=60, bytes=4000)


def test_as_passports_state_it():
    assert [str(Wish(**asked)) for asked in ({"quality": 60}, {"bytes": 40960}, {"bpp": 0.15}, {"psnr": 34}, {})] == [
        "q60", "b40960", "r0.15", "p34", "",
    ]  # fmt: skip


def test_bits_a_pixel_are_a_limit_of_bytes():
    assert Wish(bpp=0.15).limit(1000) == 18
    assert Wish(bytes=7).limit(1000) == 7
    assert Wish(psnr=30).limit(1000) is None


@pytest.mark.parametrize(
    "asked",
    [{"bpp": 1 / 3}, {"bpp": 99 + 1 / 3}, {"bpp": 1e-7}, {"bpp": 1e-300}, {"bytes": 10**15 - 1}, {"psnr": 31 + 1 / 3}],
)
def test_passports_can_state_whatever_may_be_asked(asked):
    Passport(
        model="codec-x1", digest="0" * 8, scale=1, width=8, height=8, small_width=8, small_height=8, depth=8, colours=3,
        alpha=False, asked=str(Wish(**asked)),
    )  # fmt: skip


def test_numbers_of_bytes_are_exact_and_may_be_huge():
    assert parse_bytes("1.001k") == 1001
    with pytest.raises(UsageError, match="must be less than"):
        Wish(bytes=parse_bytes("9" * 400))
    assert parse_pixels("9" * 400) > 10**300
