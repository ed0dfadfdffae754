"""Files of weights that other people made, read safely."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from regrow.errors import RegrowError

if TYPE_CHECKING:
    from torch import Tensor


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or of a state dict that torch has saved, by name.

    A state dict may lie under "state_dict" or "params". Nothing but tensors and plain containers is unpickled
    (`weights_only`), so a hostile file runs no code.

    Raises:
        RegrowError: no such file, or none of these.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles, which then fail or hold tensors all the same
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RegrowError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError) as error:
        what = " ".join(str(error).split())[:100]
        raise RegrowError(f"{path}: not a file of weights that can be read safely ({what})") from None
    for key in ("state_dict", "params"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(isinstance(x, torch.Tensor) for x in state.values()):
        raise RegrowError(f"{path}: holds no plain state dict of tensors")
    return {str(name): tensor for name, tensor in state.items()}
