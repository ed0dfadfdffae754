"""Files of nets that only spandrel knows, an optional library (github.com/chaiNNer-org/spandrel)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regrow.errors import RegrowError
from regrow.zoo.converters.names import State

if TYPE_CHECKING:
    from regrow.nets.model import Model


def load(state: State, path: str, unknown: str) -> Model:
    """A net that spandrel recognises by a state that was read safely, ready to run, on the CPU.

    RegrowError where spandrel is missing or does not know the net, which say `unknown`, and where the file is damaged
    or its net does something else than enlarge or enhance pictures of three colours.
    """
    from regrow.nets.upscale.described import Described

    # Whatever comes out of foreign code, of an import that does not fit or of tensors that are not as it expects.
    try:
        import spandrel
    except Exception as error:
        raise RegrowError(
            f"{path}: {unknown}. For others install spandrel, and the torchvision that was made for your torch: "
            f"pip install 'regrow[spandrel]' ({_line(error)})"
        ) from None
    if not all(value.isfinite().all() for value in state.values()):
        raise RegrowError(f"{path}: the weights are damaged: some are no numbers")
    try:
        net = spandrel.ModelLoader().load_from_state_dict(state)
    except spandrel.UnsupportedModelError:
        raise RegrowError(f"{path}: {unknown}, and spandrel does not know it either") from None
    except Exception as error:
        raise RegrowError(f"{path}: spandrel cannot load it ({_line(error)})") from None
    if net.purpose not in ("SR", "Restoration") or (net.input_channels, net.output_channels) != (3, 3):
        raise RegrowError(
            f"{path}: {net.architecture.name}, for {net.purpose} from {net.input_channels} to {net.output_channels} "
            "channels; only nets that enlarge or enhance pictures of three colours can be run"
        )
    return Described(net).eval().requires_grad_(False)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__
