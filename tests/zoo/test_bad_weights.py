"""Whatever is given as weights: one line, and never a surprise."""

import datetime
import os
import pickle
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from regrow import zoo
from regrow.errors import Fault, RegrowError


def saved(path, value, **options):
    torch.save(value, path, **options)
    return path.read_bytes()


def whole(folder):
    """Files of weights that are whole, by name."""
    save_file({"a": torch.ones(9)}, folder / "whole.safetensors")
    state = torch.nn.Linear(2, 2).state_dict()
    return {
        ".safetensors": (folder / "whole.safetensors").read_bytes(),
        ".pth": saved(folder / "zip", state),
        ".pt": saved(folder / "legacy", state, _use_new_zipfile_serialization=False),
    }


def bad(folder):
    """Bad files, by name."""
    yield "text.pth", b"hello, these are no weights\n" * 20
    yield "page.pth", b"<!DOCTYPE html><html><body>404: Not Found</body></html>"
    yield "pointer.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n"
    yield "other.pth", bytes(range(256)) * 9
    yield "pickle.pth", pickle.dumps({"a": 1})
    yield "code.pth", pickle.dumps(os.system)
    for name, value in {"list": [1], "number": 5, "empty": {}, "numbers": {"a": 5}, "tensor": torch.ones(2),
                        "module": torch.nn.Linear(2, 2), "date": {"a": datetime.date(2020, 1, 1)},
                        "sparse": {"a": torch.ones(2).to_sparse()}, "names": {1: torch.ones(2)},
                        "odd": {"head.0.weight": torch.ones(2), "tail.0.0.weight": torch.ones(2)}}.items():  # fmt: skip
        yield f"{name}.pth", saved(folder / "made", value)
    with zipfile.ZipFile(folder / "made", "w") as archive:
        archive.writestr("a.txt", "text")
    yield "zip.pth", (folder / "made").read_bytes()
    for suffix, data in whole(folder).items():
        for length in (0, 1, 2, 7, 60, len(data) // 2, len(data) - 3):
            yield f"cut{length}{suffix}", data[:length]
    yield "huge.safetensors", b"\xff" * 8 + b"{}"
    yield "TEXT.SAFETENSORS", b"hello"


@pytest.mark.filterwarnings("ignore")  # of torch, which meets such files seldom
def test_what_is_no_file_of_weights_is_told_in_a_line(tmp_path):
    (tmp_path / "tried").mkdir()
    for name, data in bad(tmp_path):
        path = tmp_path / "tried" / name
        path.write_bytes(data)
        with pytest.raises(RegrowError) as caught:
            zoo.load(str(path))
        said = str(caught.value)
        assert said.startswith(f"{path}: "), name
        assert said.isprintable()
        assert not isinstance(caught.value, Fault)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x08\0\0\0\0\0\0\0{}      ", b"\xff" * 99])
def test_a_folder_with_bad_weights_is_told_in_a_line(tmp_path, tiny, data):
    zoo.save(tiny, tmp_path)
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(RegrowError, match=r"model\.safetensors: "):
        zoo.load(str(tmp_path))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.bfloat16, torch.float64])
def test_weights_of_any_type_load(tmp_path, tiny, dtype):
    zoo.save(tiny, tmp_path)
    state = {key: value.contiguous().to(dtype) for key, value in tiny.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    for key, value in zoo.load(str(tmp_path)).state_dict().items():
        torch.testing.assert_close(value, state[key].float())


def test_what_is_there_and_no_model_is_told_from_what_is_missing(tmp_path):
    with pytest.raises(RegrowError, match="is no model; give a name, or a folder"):
        zoo.load(str(tmp_path))
    with pytest.raises(RegrowError, match="no such model"):
        zoo.load(str(tmp_path / "missing"))
