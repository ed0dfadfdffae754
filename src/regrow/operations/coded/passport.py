"""The passport of a small file of a lossy codec."""

from __future__ import annotations

from regrow.io.passport import Passport
from regrow.operations.coded import nets
from regrow.operations.coded.search import Choice
from regrow.operations.coded.wish import Wish
from regrow.operations.restorers import NONE
from regrow.size import Size, small_size


def passport_of(
    choice: Choice, wish: Wish, full: Size, *, depth: int = 8, channels: int = 3, alpha: bool = False, refined: int = 0
) -> Passport:
    """What a file says of itself.

    Args:
        choice: how it is made.
        wish: what was asked for.
        full: size of the picture, which has `depth`, `channels` and perhaps `alpha`.
        refined: iterations of refinement.
    """
    name = nets.default_net(choice.scale) if choice.net else NONE
    small = small_size(full, (choice.scale, choice.scale))
    return Passport(
        model=name, digest=nets.digest(name), scale=choice.scale,
        width=full.width, height=full.height, small_width=small.width, small_height=small.height,
        depth=depth, colours=channels, alpha=alpha,
        # AVIF does not say it.
        quality=choice.quality if choice.codec.name == "avif" else None, asked=str(wish) or None,
        refined=refined or None,
    )  # fmt: skip
