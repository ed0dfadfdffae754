"""Damaged files through the verbs: a clear error and no output, or a whole output of the right size."""

import tempfile
from pathlib import Path

import pytest
import skimage.data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import regrow
from regrow.errors import RegrowError
from regrow.io.reader import open_picture
from regrow.io.writer import PictureWriter

PHOTO = skimage.data.coffee()[100:133, 200:241]
FORMATS = ("png", "webp", "tiff", "avif", "jpg")


class Files(dict):
    """Files by (verb, format), not to be printed with every example."""

    def __repr__(self):
        return "files"


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny_folder):
    """The bytes of a file that each verb takes in each format."""
    folder = tmp_path_factory.mktemp("hostile")
    made = Files()
    for suffix in FORMATS:
        large, small = folder / f"large.{suffix}", folder / f"small.{suffix}"
        with PictureWriter(large, width=41, height=33, colors=3) as writer:
            writer.write(PHOTO)
        regrow.shrink(large, small, model=tiny_folder)
        made["shrink", suffix], made["grow", suffix] = large.read_bytes(), small.read_bytes()
    return made


def check(verb: str, data: bytes, suffix: str, model: str) -> str | None:
    """The error's message, or None when there is an output, which must be whole."""
    with tempfile.TemporaryDirectory() as name:
        return check_in(Path(name), verb, data, suffix, model)


def check_in(folder: Path, verb: str, data: bytes, suffix: str, model: str) -> str | None:
    source, target = folder / f"in.{suffix}", folder / "out.png"
    source.write_bytes(data)
    message = None
    try:
        opened = open_picture(source)
        if opened.width * opened.height > 10**5:
            return "large"  # a flipped bit may announce more than a test has time for
        getattr(regrow, verb)(source, target, model=model)
    except RegrowError as error:
        message = str(error)
        assert message.isprintable()
        assert not target.exists()
    else:
        out = open_picture(target)
        assert sum(map(len, out.rows())) == out.height
        if verb == "shrink":
            assert (out.width, out.height) == (-(-opened.width // 2), -(-opened.height // 2))
        else:
            passport = regrow.info(source).passport
            assert (out.width, out.height) == (passport.width, passport.height)
    assert {p.name for p in folder.iterdir()} <= {source.name, target.name}
    return message


@pytest.mark.parametrize("verb", ["shrink", "grow"])
@pytest.mark.parametrize("suffix", FORMATS)
def test_a_truncated_file_gives_an_error_and_no_output(verb, suffix, files, tiny_folder):
    data = files[verb, suffix]
    assert check(verb, data, suffix, tiny_folder) is None
    for part in range(20):
        assert check(verb, data[: len(data) * part // 20], suffix, tiny_folder)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    verb=st.sampled_from(["shrink", "grow"]),
    suffix=st.sampled_from(FORMATS),
    places=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_a_corrupted_file_gives_an_error_or_a_whole_output(verb, suffix, places, files, tiny_folder):
    data = bytearray(files[verb, suffix])
    for place, value in places:
        data[int(place * len(data))] = value
    check(verb, bytes(data), suffix, tiny_folder)
