"""The passport as one line."""

import contextlib
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrow.io.passport import SCALES, Passport, PassportError
from regrow.io.passport_text import MOST, is_passport
from regrow.size import small_size

PASSPORT = Passport(
    model="codec-x2",
    digest="1a2b3c4d",
    scale=2,
    width=4032,
    height=3025,
    small_width=2016,
    small_height=1513,
    depth=8,
    colours=3,
    alpha=False,
)
LINE = b"regrow/2 codec-x2 1a2b3c4d 4032x3025"
FULL = (
    b"regrow/2 tad-x4-robust 1a2b3c4d 4032x3025 scale=4 small=1344x1009 depth=16 colours=1 "
    b"alpha=tad-grey-x4:00225d29 refined=20 quality=55"
)


def test_what_is_usual_is_left_out():
    assert PASSPORT.to_text() == LINE
    whole = dataclasses.replace(PASSPORT, digest="1a2b3c4d" * 8)
    assert whole.to_text() == LINE
    assert Passport.from_text(LINE) == PASSPORT


def test_everything_can_be_said():
    passport = Passport.from_text(FULL)
    assert passport == Passport(
        model="tad-x4-robust", digest="1a2b3c4d", scale=4, width=4032, height=3025, small_width=1344,
        small_height=1009, depth=16, colours=1, alpha=True, alpha_model="tad-grey-x4", alpha_digest="00225d29",
        refined=20, quality=55,
    )  # fmt: skip
    assert passport.to_text() == FULL
    assert passport.version == 2
    averaged = dataclasses.replace(PASSPORT, alpha=True)
    assert averaged.to_text() == LINE + b" alpha=averaged"
    assert Passport.from_text(averaged.to_text()) == averaged


@pytest.mark.parametrize(
    ("more", "small"), [(b"scale=1.5", (2688, 2017)), (b"scale=1", (4032, 3025)), (b"scale=16", (252, 190))]
)
def test_the_small_size_follows_from_the_scale(more, small):
    passport = Passport.from_text(LINE + b" " + more)
    assert (passport.small_width, passport.small_height) == small
    assert passport.to_text() == LINE + b" " + more


sides = st.integers(1, 10**6)
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True)
digests = st.from_regex(r"[0-9a-f]{8}", fullmatch=True)


@st.composite
def passports(draw):
    scale, whole = draw(st.sampled_from(SCALES)), (draw(sides), draw(sides))
    small = small_size(whole, (scale, scale))
    least = [-(-side // 2) if draw(st.booleans()) else side for side in small]  # as where sides differ in their scale
    if any(n * scale < side for n, side in zip(least, whole, strict=True)):
        least = list(small)
    alpha, modelled = draw(st.booleans()), draw(st.booleans())
    return Passport(
        model=draw(names), digest=draw(digests), scale=scale, width=whole[0], height=whole[1], small_width=least[0],
        small_height=least[1], depth=draw(st.sampled_from((8, 16))), colours=draw(st.sampled_from((1, 3))),
        alpha=alpha, alpha_model=draw(names) if alpha and modelled else None,
        alpha_digest=draw(digests) if alpha and modelled else None,
        refined=draw(st.none() | st.integers(1, 1000)), quality=draw(st.none() | st.integers(1, 100)),
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(passports())
def test_what_is_written_is_read(passport):
    line = passport.to_text()
    assert is_passport(line)
    assert line.isascii()
    assert len(line) <= MOST
    assert Passport.from_text(line) == passport
    assert Passport.from_text(line + b"\0") == passport


def test_what_other_programs_and_later_versions_may_add_is_ignored():
    assert Passport.from_text(LINE + b" later=addition depth=8 scale=2\r\n\0") == PASSPORT


@pytest.mark.parametrize(
    ("dots", "says"),
    [
        ((300, 300), b"11.81102"),
        ((72, 96), b"2.834646x3.779528"),
        ((25.4, 25.4), b"1"),
        ((0.01, 0.01), b"0.0003937008"),
    ],
)
def test_a_resolution_is_said_to_seven_digits(dots, says):
    sides = (dots[0] / 25.4, dots[1] / 25.4)
    line = dataclasses.replace(PASSPORT, resolution=sides).to_text()
    assert line == LINE + b" resolution=" + says
    assert Passport.from_text(line).resolution == pytest.approx(sides, rel=1e-6)


def test_a_resolution_of_maps_needs_xmp():
    assert not dataclasses.replace(PASSPORT, resolution=(1e-6, 1e-6)).fits_line


def test_metadata_needs_xmp():
    with pytest.raises(ValueError, match="exif, comments"):
        dataclasses.replace(PASSPORT, exif=b"MM\0*", comments=(b"a",)).to_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b"regrow/2", b"regrow/3"), r"newer regrow \(passport version 3\); update regrow"),
        ((b"regrow/2 codec-x2", b"regrow/12 codec-x2"), r"newer regrow \(passport version 12\)"),
        ((b"regrow/2", b"regrow/1"), "version is 1"),
        ((b"regrow/2", b"regrow/0"), "damaged"),
        ((b"regrow/2", b"regrow/02"), "damaged"),
        ((b"regrow/2", b"regrow/x"), "version is missing"),
        ((b" codec-x2 1a2b3c4d 4032x3025", b" codec-x2"), "digest is missing"),
        ((b" 4032x3025", b""), "size is missing"),
        ((b"codec-x2", b"../../weights"), "model"),
        ((b"codec-x2", b"a" * 65), "model"),
        ((b"codec-x2", b"Codec"), "model"),
        ((b"1a2b3c4d", b"1a2b3c4"), "digest"),
        ((b"1a2b3c4d", b"1A2B3C4D"), "digest"),
        ((b"1a2b3c4d", b"1a2b3c4d" * 8), "digest"),
        ((b"4032x", b"0x"), "size"),
        ((b"4032x", b"-4032x"), "size"),
        ((b"4032x", b"04032x"), "size"),
        ((b"4032x", b"1000001x"), "width"),
        ((b"4032x3025", b"4032"), "size"),
        ((b"4032", "\u0664\u0660".encode()), "damaged"),
        ((b"4032x3025", b"4032x3025 scale=3"), "scale"),
        ((b"4032x3025", b"4032x3025 scale=2.0"), "scale"),
        ((b"4032x3025", b"4032x3025 scale=nan"), "scale"),
        ((b"4032x3025", b"4032x3025 scale=1e1"), "scale"),
        ((b"4032x3025", b"4032x3025 small=4033x1513"), "small_width"),
        ((b"4032x3025", b"4032x3025 small=2016x1512"), "small_height"),
        ((b"4032x3025", b"4032x3025 small=2016"), "small"),
        ((b"4032x3025", b"4032x3025 scale=128 small=4032x3025"), "small_width"),  # too much work
        ((b"4032x3025", b"4032x3025 depth=10"), "depth"),
        ((b"4032x3025", b"4032x3025 colours=4"), "colours"),
        ((b"4032x3025", b"4032x3025 alpha=yes"), "alpha"),
        ((b"4032x3025", b"4032x3025 alpha=tad-x2:"), "alpha"),
        ((b"4032x3025", b"4032x3025 alpha=:1a2b3c4d"), "alpha_model"),
        ((b"4032x3025", b"4032x3025 resolution=0x1"), "resolution"),
        ((b"4032x3025", b"4032x3025 resolution=1x1x1"), "resolution"),
        ((b"4032x3025", b"4032x3025 resolution=-1"), "resolution"),
        ((b"4032x3025", b"4032x3025 resolution=1e9"), "resolution"),
        ((b"4032x3025", b"4032x3025 refined=1001"), "refined"),
        ((b"4032x3025", b"4032x3025 refined=0"), "refined"),
        ((b"4032x3025", b"4032x3025 quality=101"), "quality"),
        ((b"4032x3025", b"4032x3025 quality=-1"), "quality"),
        ((b"4032x3025", b"4032x3025 quality=" + b"9" * 100), "quality"),
        ((b"4032x3025", b"4032x3025 quality="), "no field"),
        ((b"4032x3025", b"4032x3025 quality"), "no field"),
        ((b"4032x3025", b"4032x3025  quality=5"), "no field"),
        ((b"4032x3025", b"4032x3025\tquality=5"), "size"),
        ((b"4032x3025", b"4032x3025 quality=5 quality=5"), "quality is said twice"),
        ((b"4032x3025", b"4032x3025 a=\x1b[31m"), "damaged"),
        ((b"4032x3025", b"4032x3025 a=" + b"b" * 600), "bytes"),
        ((b"4032x3025", b"4032x3025\0\xff"), "damaged"),
    ],
)
def test_a_bad_line_is_refused_in_one_line(change, says):
    line = LINE.replace(*change)
    assert line != LINE
    with pytest.raises(PassportError, match=says) as caught:
        Passport.from_text(line, name="small.webp")
    message = str(caught.value)
    assert message.startswith("small.webp: ")
    assert message.isprintable()
    assert len(message) < 400


def _outcome(line: bytes) -> None:
    with contextlib.suppress(PassportError):
        found = Passport.from_text(line)
        assert Passport.from_text(found.to_text()) == found


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_hostile_lines(data):
    line = bytearray(data.draw(st.sampled_from([LINE, FULL])))
    for _ in range(data.draw(st.integers(1, 4))):
        at, size = data.draw(st.integers(0, len(line))), data.draw(st.integers(0, 12))
        line[at : at + size] = data.draw(st.binary(max_size=12) | st.sampled_from([b" ", b"=", b"9", b"x", b"\0"]))
    _outcome(bytes(line))
    _outcome(b"regrow/2 " + bytes(line))


@pytest.mark.parametrize(
    "line", [b"regrow/2 " * 10**6, b"regrow/2 " + b"9" * 10**6, b"regrow/2 a b c" + b" a=b" * 10**6]
)
def test_expensive_lines_end_soon(line):
    with pytest.raises(PassportError):
        Passport.from_text(line)


def test_the_examples_of_the_specification():
    page = (Path(__file__).parents[2] / "docs" / "passport.md").read_text(encoding="utf-8")
    lines = [line.encode() for line in page.splitlines() if is_passport(line.encode())]
    assert len(lines) >= 3
    for line in lines:
        assert Passport.from_text(line).to_text() == line
