import pickle

import pytest
import torch
from safetensors.torch import save_file

from regrow.errors import RegrowError
from regrow.zoo.state_dict import read_state


def test_safetensors_and_state_dicts_are_read(tmp_path):
    state = {"a.weight": torch.rand(2, 3), "b": torch.arange(4)}
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "wrapped.ckpt")
    torch.save({"params": {"a.weight": torch.zeros(2, 3)}, "params_ema": state}, tmp_path / "mean.pth")
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "parallel.pth")
    for name in ("w.safetensors", "w.pth", "old.pth", "wrapped.ckpt", "mean.pth", "parallel.pth"):
        found = read_state(tmp_path / name)
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], state[key]) for key in state)


@pytest.mark.parametrize("value", [torch.eye(3).to_sparse(), torch.zeros(2, device="meta"), [1.0, 2.0], 3])
def test_what_holds_no_plain_numbers_is_refused(value, tmp_path):
    torch.save({"a": torch.zeros(2), "b": value}, tmp_path / "odd.pth")
    with pytest.raises(RegrowError, match=r"odd\.pth: "):
        read_state(tmp_path / "odd.pth")


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_a_hostile_file_runs_no_code(tmp_path):
    mark = tmp_path / "mark"
    torch.save({"a": Bomb(str(mark))}, tmp_path / "bomb.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps({"a": Bomb(str(mark))}))
    for name in ("bomb.pth", "plain.pth"):
        with pytest.raises(RegrowError, match="safely"):
            read_state(tmp_path / name)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors"])
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"\x80\x02}q\x00.", b"\xff" * 64])
def test_what_is_no_file_of_weights_is_refused(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RegrowError, match=name):
        read_state(tmp_path / name)
    with pytest.raises(RegrowError, match="cannot be read"):
        read_state(tmp_path / "missing.pth")
