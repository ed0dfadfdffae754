"""The bicubic kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Values = TypeVar("Values", np.ndarray, Tensor)

REACH = 2
"""The kernel is 0 from this distance on, in pixels of the smaller picture."""


def keys(x: Values) -> Values:
    """Keys' cubic kernel with a = -0.5 (Keys 1981, equation 15), at distances in an array or a tensor.

    Examples:
        >>> import numpy as np
        >>> from regrow.cubic import keys
        >>> keys(np.array([0.0, 0.5, -1.5, 2.0])).tolist()
        [1.0, 0.5625, -0.0625, 0.0]
    """
    x = abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return near * (x <= 1) + far * ((x > 1) & (x < REACH))
