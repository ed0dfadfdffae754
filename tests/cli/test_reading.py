"""What the command says of pictures that it cannot read, or reads in part."""

import numpy as np
from PIL import Image
from support.commands import files, run
from support.pictures import noise

from regrow.io.reader import open_picture


def upscale(path, *options):
    return "upscale", path, "-o", path.parent / "a.png", "--model", "bicubic", "--device", "cpu", *options


def test_partial_is_named_where_it_helps_and_helps(regrow, tmp_path, caplog):
    path = tmp_path / "cut.jpg"
    Image.fromarray(noise(64, 48)).save(path, quality=90)
    path.write_bytes(path.read_bytes()[:3000])
    refused = run(*upscale(path))  # in a process of its own, where libvips would be heard
    assert refused.returncode == 1
    assert refused.stderr.count(b"\n") == 1
    assert b"--partial" in refused.stderr
    assert files(tmp_path) == ["cut.jpg"]
    taken = regrow(*upscale(path, "--partial"))
    assert taken.code == 0
    assert "rows are whole" in caplog.text
    assert np.concatenate(list(open_picture(tmp_path / "a.png").rows())).shape == (128, 96, 3)


def test_a_raw_file_is_refused_in_one_line(regrow, tmp_path):
    path = tmp_path / "photo.nef"
    Image.fromarray(noise(16, 16)).save(path, "TIFF")
    refused = regrow(*upscale(path))
    assert refused.code == 1
    assert refused.err.count("\n") == 1
    assert "raw file" in refused.err
    assert files(tmp_path) == ["photo.nef"]
