"""What a picture carries beside pixels, through every verb and format, as the table in docs/metadata.md says."""

import io
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from support import metadata as made

import regrow
from regrow.io.reader import open_picture
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
    notes = [record.getMessage() for record in caplog.records if record.name == "regrow" and record.levelno >= 30]
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


def through(source, small, result):
    regrow.shrink(source, small, model="tad-x2", device="cpu")
    regrow.grow(small, result, device="cpu")
    return open_picture(result).metadata


def test_a_passport_too_large_for_a_segment_travels_in_a_jpeg(tmp_path, caplog):
    text = (b"tEXt", b"workflow\0" + np.random.default_rng(0).bytes(70_000).hex().encode())
    source = tmp_path / "a.png"
    source.write_bytes(made.png(text))
    assert through(source, tmp_path / "s.jpg", tmp_path / "g.png").chunks == (text,)
    full = made.MAIN.replace(b"own", b"o" * (65_300 - len(made.MAIN)) + b"wn")
    source = tmp_path / "b.jpg"
    source.write_bytes(made.jpeg(made.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + full), *made.extension()))
    found = through(source, tmp_path / "s.jpg", tmp_path / "g.jpg")
    assert (found.xmp, found.extended) == (full, made.EXTENDED)
    assert messages(caplog) == []


def test_what_is_too_large_for_a_passport_is_said(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr("regrow.io.carried.METADATA_LIMIT", 2**16 + 1000)
    large = (b"tEXt", b"workflow\0" + np.random.default_rng(0).bytes(2000).hex().encode())
    source = tmp_path / "a.png"
    source.write_bytes(made.png(large, dpi=(300, 300)))
    found = through(source, tmp_path / "s.webp", tmp_path / "g.png")
    assert (found.chunks, found.resolution) == ((), (11.811, 11.811))
    assert "too large for the passport" in messages(caplog)[0]


def test_a_gain_map_is_left_out_where_the_picture_is_turned(tmp_path, caplog):
    source = tmp_path / "a.jpg"
    block = Image.Exif()
    block[0x0112] = 6
    source.write_bytes(made.ultra_hdr(exif=block.tobytes()))
    assert through(source, tmp_path / "s.png", tmp_path / "g.jpg").gain_map == made.gain_map()
    assert messages(caplog) == []
    assert through(source, tmp_path / "s.avif", tmp_path / "g2.jpg").gain_map is None
    assert "gain map lies as the picture did" in messages(caplog)[0]


def test_colours_of_a_small_picture_are_its_own_and_those_of_the_original_come_back(tmp_path):
    """A small JPEG of a picture in Display P3 has a profile; what is grown has CICP alone."""
    source = tmp_path / "a.avif"
    source.write_bytes(made.avif_in(12, 13))
    found = through(source, tmp_path / "s.jpg", tmp_path / "g.avif")
    with Image.open(tmp_path / "s.jpg") as small:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(small.info["icc_profile"])).profile
    seen = np.array([profile.red_primary[0], profile.green_primary[0], profile.blue_primary[0]])
    assert np.allclose(seen.T, display_p3_at_d50(), atol=0.002)
    assert (found.cicp, found.icc) == ((12, 13, 0, 1), None)


def display_p3_at_d50():
    """XYZ of red, green and blue in columns, from SMPTE EG 432-1 and D65, adapted to D50 by Bradford's matrix."""
    x, y = np.array([0.680, 0.265, 0.150]), np.array([0.320, 0.690, 0.060])
    primaries = np.array([x / y, np.ones(3), (1 - x - y) / y])
    d65, d50 = np.array([0.3127 / 0.3290, 1, 0.3583 / 0.3290]), np.array([0.9642, 1, 0.8249])
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    adapted = np.linalg.inv(bradford) @ np.diag(bradford @ d50 / (bradford @ d65)) @ bradford
    return adapted @ primaries * np.linalg.solve(primaries, d65)


def test_pil_images_carry_comments_in_the_passport():
    with Image.open(io.BytesIO(made.jpeg(made.segment(0xFE, b"hello")))) as image:
        small = regrow.shrink(image, model="tad-x2", device="cpu")
    small.info.pop("comment", None)
    assert regrow.grow(small, device="cpu").info["comment"] == b"hello"
