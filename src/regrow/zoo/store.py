"""Models by name: architecture, weights and card, shipped with the package or in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regrow.errors import RegrowError, UsageError
from regrow.io.paths import atomic
from regrow.zoo.registry import build
from regrow.zoo.state_dict import fill

if TYPE_CHECKING:
    from regrow.nets.model import Model

SHIPPED = Path(__file__).parent.parent / "weights"
WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"


def names() -> list[str]:
    """The models that ship with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG}"))


def folder(name: str) -> Path:
    """Folder of a model: that of a shipped name, or a path to a folder with config.json and model.safetensors."""
    for path in (SHIPPED / name, Path(name)):
        with suppress(OSError, ValueError):  # a name no path can have
            if (path / CONFIG).is_file():
                return path
    if os.path.exists(name):
        raise UsageError(f"{name}: is no model; give a name, or a folder with {CONFIG} and {WEIGHTS}")
    raise UsageError(
        f"{name}: no such model; shipped are {', '.join(names()) or 'none'}, or give a folder with {CONFIG}"
    )


def parts(name: str) -> list[str]:
    """Names of models that are applied one after another: A and B for "A+B", else the name alone."""
    return [name] if is_file(name) or Path(name).is_dir() else name.split("+")


def is_file(name: str) -> bool:
    """Whether a model is named by a file of published weights."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # a name no path can have
        return False


def config(name: str) -> dict[str, Any]:
    """Architecture and settings of a model, without loading its weights."""
    path = folder(name) / CONFIG
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RegrowError(f"{path}: not a readable model configuration: {error}") from None
    if not isinstance(table, dict):
        raise RegrowError(f"{path}: not a model configuration: a JSON object was expected")
    return table


def summary(name: str) -> str:
    """Summary of a model: the first sentence of its card; empty where it has none."""
    with suppress(OSError, UnicodeDecodeError):
        _, _, text = (folder(name) / CARD).read_text(encoding="utf-8").partition("\n\n")
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)  # links end nowhere on a terminal
        return " ".join(re.split(r"\.\s", words + "\n")[0].split()).rstrip(".") + "."
    return ""


def load(name: str, *, settings: dict[str, Any] | None = None) -> Model:
    """A model with its weights, ready to run, on the CPU.

    Args:
        name: shipped name, folder, or file of weights that `regrow.zoo.converters` or spandrel knows.
        settings: used instead of the model's own configuration, to start another model from its weights.

    Raises:
        UsageError: no such model. RegrowError: its files are damaged or do not fit each other.
    """
    from safetensors.torch import load_file

    from regrow.zoo.meta import without_weights

    if is_file(name):
        from regrow.zoo import converters

        return converters.load(name)
    path = folder(name) / WEIGHTS
    with without_weights():  # no memory is taken before the weights are seen to fit
        model = build(settings or config(name))
    try:
        tensors = load_file(path)
    except MemoryError:
        raise
    except Exception as error:  # safetensors has errors of its own, and passes on those of what it makes
        what = " ".join(str(error).split())[:100] or type(error).__name__
        raise RegrowError(f"{path}: not readable weights ({what})") from None
    tensors = {current_name(key, model): value for key, value in tensors.items()}
    return fill(model, tensors, path, f"{path}: the weights do not fit the architecture that {CONFIG} names")


def current_name(key: str, model: Model) -> str:
    """The name that a weight has now, from the one that it was saved under."""
    for before, now in model.renamed.items():
        if key.startswith(before):
            return now + key.removeprefix(before)
    return key


def on_device(model: Model, device: str) -> Model:
    """A model moved to a device; "auto" is the fastest there is. UsageError for one that cannot be used."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return model.to(device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from None


def save(model: Model, path: Path) -> None:
    """Write config.json and model.safetensors into a folder that `load` takes.

    Parameters are kept in float16: half the size, for less than 0.002 dB either way. Buffers stay as they are, for
    statistics of features go beyond its range.
    """
    from safetensors.torch import save as packed

    halved = {name for name, _ in model.named_parameters()}
    tensors = {
        name: (value.half() if name in halved else value).detach().cpu().contiguous()
        for name, value in model.state_dict().items()
    }
    with atomic(path / WEIGHTS) as part:
        part.write_bytes(packed(tensors))  # readable to others, as files are; save_file would keep it to the user
    with atomic(path / CONFIG) as part:
        part.write_text(json.dumps(model.settings(), indent=2) + "\n", encoding="utf-8")


def digest(name: str) -> str:
    """SHA-256 of the weights file: by it a passport names the weights that are to grow what they shrank."""
    path = (Path(name) if is_file(name) else folder(name) / WEIGHTS).resolve()
    try:
        state = path.stat()
        return _digest(path, state.st_mtime_ns, state.st_size)
    except OSError as error:
        raise RegrowError(f"{path}: not readable weights: {error.strerror}") from None


def has_digest(name: str, said: str) -> bool:
    """Whether a model's weights have a digest, of which a passport may say the first digits only.

    RegrowError where they are the first of another shipped model's, too.
    """
    own = digest(name)
    if len(said) < len(own) and name in names():
        alike = [other for other in names() if other != name and digest(other).startswith(said)]
        if alike and own.startswith(said):
            raise RegrowError(f"{name}: its weights and those of {alike[0]} have digests that begin alike; give the "
                              "folder of one with --model")  # fmt: skip
    return own.startswith(said)


@lru_cache
def _digest(path: Path, changed: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
