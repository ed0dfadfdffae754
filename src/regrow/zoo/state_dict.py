"""Safe reading of files of weights."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from regrow.errors import RegrowError

if TYPE_CHECKING:
    from torch import Tensor

    from regrow.nets.model import Model


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file or of a state dict that torch has saved, by name.

    A state dict may lie under "state_dict", "params_ema" (the mean over training, which is taken where there are both)
    or "params", and "module." may come before its names. Nothing but tensors and plain containers is unpickled
    (`weights_only`), so a hostile file runs no code.

    Raises:
        RegrowError: no such file, or none of these.
    """
    import torch
    from safetensors.torch import load_file

    path = Path(path)
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual pickles, which then fail or hold tensors all the same
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RegrowError(f"{path}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise
    except Exception as error:  # the bytes are instructions to an unpickler: there is no end of ways to fail
        raise RegrowError(f"{path}: not a file of weights that can be read safely ({_why(error)})") from None
    for key in ("state_dict", "params_ema", "params"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    if not isinstance(state, dict) or not state or not all(map(_is_plain, state.values())):
        raise RegrowError(f"{path}: holds no plain state dict of tensors")
    return {str(name).removeprefix("module."): tensor for name, tensor in state.items()}


def _why(error: Exception) -> str:
    """What is wrong with a file, where the error says more than that some byte was not understood."""
    what = " ".join(str(error).split())
    if "weights_only" in what or "eights only" in what:
        return "other things than tensors are in it"
    told = isinstance(error, RuntimeError) or type(error).__module__.startswith("safetensors")
    return what[:100] if told and what else "of another kind, damaged or cut short"


def _is_plain(value: object) -> bool:
    """Whether a value is a dense tensor with storage, neither sparse nor quantized."""
    import torch

    if not isinstance(value, torch.Tensor):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and not value.is_quantized


def _is_finite(tensor: Tensor) -> bool:
    """Whether all are numbers; types of 8 bits and fewer cannot be asked themselves."""
    return bool((tensor.float() if tensor.is_floating_point() else tensor).isfinite().all())


def fill(model: Model, tensors: dict[str, Tensor], path: str | Path, misfit: str) -> Model:
    """Give a model, which may be on the meta device, these weights, and make it ready to run, on the CPU.

    RegrowError: `misfit` where names or shapes differ; the file at `path` is damaged where weights are no numbers.
    """
    wanted = model.state_dict()
    if {key: value.shape for key, value in wanted.items()} != {key: value.shape for key, value in tensors.items()}:
        raise RegrowError(misfit)
    for key, value in wanted.items():
        given = tensors[key]
        if given.is_floating_point() != value.is_floating_point() or not _is_finite(given):
            raise RegrowError(f"{path}: the weights are damaged: some are no numbers")
    # Assigned, not copied: to make room for copies, torch imports a second of modules.
    model.load_state_dict({key: tensors[key].to(value.dtype) for key, value in wanted.items()}, assign=True)
    return model.eval().requires_grad_(False)
