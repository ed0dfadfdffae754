"""What a picture carries beside pixels, through every verb and format, as the table in docs/metadata.md says."""

import logging
import re
from functools import cache
from pathlib import Path

import pytest
from support import metadata as made

import regrow
from regrow.operations.shrink import JPEG_COST

PAGE = Path(__file__).parents[2] / "docs" / "metadata.md"
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WebP": ".webp", "TIFF": ".tif", "AVIF": ".avif"}
WORDS = {
    "EXIF": "EXIF",
    "ICC profile": "ICC",
    "XMP": "XMP",
    "Extended XMP": "extended XMP",
    "IPTC, Photoshop's resources": "IPTC",
    "Comments": "comments",
    "PNG text, time, colours": "PNG text",
    "CICP colours": "CICP",
    "HDR gain map": "gain map",
    "Resolution": "resolution",
}
"""What a message calls each row of the table."""
SOURCES = made.sources()


@cache
def table():
    """{row: {format: cell}}"""
    lines = re.findall(r"^\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    head, *rows = (line.split(" | ") for line in lines)
    return {row[0]: dict(zip(head[2:], row[2:], strict=True)) for row in rows}


def in_another_way(row, before, after):
    """Whether a result says what a row is about in the other way that the table names."""
    return {
        "Extended XMP": lambda: after["Extended XMP"],
        "Comments": lambda: after["PNG text, time, colours"].get(b"iTXt", b"").endswith(made.COMMENT),
        "PNG text, time, colours": lambda: after["Comments"] == made.COMMENT,
        "CICP colours": lambda: before["ICC profile"] is None and b"s\0R\0G\0B\0 \0D" not in after["ICC profile"],
        "Resolution": lambda: after["Resolution"] == before["Resolution"],
    }[row]()


def check(before, result, name, notes):
    """Every row that the source has is in the result, or said, as the table says."""
    after = made.found(result)
    assert {row for row in WORDS if before[row]} <= table().keys()
    for row, value in before.items():
        cell, said = table()[row][name], any(WORDS[row] in note for note in notes)
        if not value:
            continue
        if cell.startswith("kept"):
            assert after[row] == value, (row, name)
            assert not said, (row, name)
        elif cell == "said":
            assert said, (row, name)
            assert not after[row]
        else:
            assert cell.endswith("else said")
            assert said or in_another_way(row, before, after), (row, name)


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    folder = tmp_path_factory.mktemp("originals")
    suffixes = {"ultra_hdr": ".jpg", "jpeg": ".jpg"}
    paths = {}
    for name, data in SOURCES.items():
        paths[name] = folder / f"{name}{suffixes.get(name, '.' + name)}"
        paths[name].write_bytes(data)
    return paths


def test_every_row_of_the_table_is_tried(originals):
    assert table().keys() == WORDS.keys()
    assert all(set(cells) == set(SUFFIXES) for cells in table().values())
    found = [made.found(path) for path in originals.values()]
    assert {row for row in WORDS if any(each[row] for each in found)} == WORDS.keys()


def messages(caplog):
    notes = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    return [note for note in notes if JPEG_COST not in note]


@pytest.mark.parametrize("source", list(SOURCES))
@pytest.mark.parametrize("small", list(SUFFIXES))
def test_shrink_and_grow(originals, tmp_path, caplog, source, small):
    before = made.found(originals[source])
    path = tmp_path / f"small{SUFFIXES[small]}"
    regrow.shrink(originals[source], path, model="tad-x2", device="cpu")
    assert messages(caplog) == []  # all of it travels
    for name, suffix in SUFFIXES.items():
        result = tmp_path / f"grown{suffix}"
        regrow.grow(path, result, device="cpu")
        check(before, result, name, messages(caplog))


@pytest.mark.parametrize("source", list(SOURCES))
def test_other_verbs(originals, tmp_path, caplog, source):
    before = made.found(originals[source])
    for name, suffix in SUFFIXES.items():
        result = tmp_path / f"result{suffix}"
        regrow.upscale(originals[source], result, model="plain-x2", device="cpu")
        check(before, result, name, messages(caplog))
