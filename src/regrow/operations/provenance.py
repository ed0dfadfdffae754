"""What a restored picture carries beside pixels: the picture's own metadata, and what was done to it."""

from __future__ import annotations

import logging
from dataclasses import replace

from regrow.io.containers import Metadata
from regrow.io.formats import Format, icc_fits
from regrow.io.passport import strip
from regrow.io.provenance import mark, steps_of
from regrow.operations.plan import Header

log = logging.getLogger("regrow")


def marked(header: Header, done: str, channels: int, form: Format) -> Metadata:
    """A picture's metadata without the passport and the profile that fit no longer, and with what was done to it.

    Args:
        header: of the picture.
        done: what was done to it, in words.
        channels: of the result.
        form: of its file.
    """
    own = header.metadata
    icc = own.icc
    if icc and not icc_fits(icc, colors=channels, format=form.name):
        log.warning("%s: its profile does not fit the colours of the result and is left out", header.name)
        icc = None
    xmp = own.xmp and strip(own.xmp)
    if xmp != own.xmp:
        log.warning("%s: has a passport; `regrow grow` brings the picture back that it was", header.name)
    return replace(own, icc=icc, xmp=mark(xmp, done) if done else xmp)


def recognized(xmp: bytes | None, done: set[str]) -> bool:
    """Whether a picture's XMP says that one of these things was done to it."""
    return (steps_of(xmp) or "") in done
