"""XMP that states how a picture was restored, so that guessed colours are not mistaken for true ones."""

from __future__ import annotations

import re
from contextlib import suppress

from regrow.io import xmp as packets

NAMESPACE = "https://regrow.dev/ns/restored/1.0/"
PREFIX = "restored"
INTERRUPTED = "; interrupted"
"""What the result of an interrupted fit says at the end of its steps."""


def mark(xmp: bytes | None, steps: str) -> bytes | None:
    """The picture's XMP packet with `restored:steps` in it, in place of an earlier one; or a new packet.

    A packet that cannot be added to is returned unchanged.
    """
    properties = {"steps": re.sub(r"[\"<>&]", "", steps)}
    if xmp and packets.mentions(xmp, NAMESPACE):
        with suppress(ValueError):
            xmp = packets.unsplice(xmp, NAMESPACE, PREFIX)
    if not xmp:
        return packets.new_packet(NAMESPACE, PREFIX, properties)
    return packets.splice(xmp, NAMESPACE, PREFIX, properties) or xmp


def steps_of(xmp: bytes | None) -> str | None:
    """The text that `mark` wrote; None where there is none, or it cannot be read."""
    if not xmp or not packets.mentions(xmp, NAMESPACE):
        return None
    try:
        return packets.read(xmp, NAMESPACE).get("steps")
    except ValueError:
        return None
