"""What a restored picture carries beside pixels: the picture's own metadata, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from regrow.io.containers import Metadata
from regrow.io.formats import Format, icc_fits
from regrow.io.passport import mentioned, strip
from regrow.io.provenance import mark, steps_of
from regrow.operations.plan import Header


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
        icc = None
    xmp = own.xmp and strip(own.xmp)
    return replace(own, icc=icc, xmp=mark(xmp, done) if done else xmp, passport=None)


def losses(header: Header, channels: int, form: Format) -> Iterator[str]:
    """What `marked` leaves out, in words."""
    own = header.metadata
    if own.icc and not icc_fits(own.icc, colors=channels, format=form.name):
        yield "its profile does not fit the colours of the result and is left out"
    if mentioned(own):
        yield "has a passport; `regrow grow` brings the picture back that it was"


def recognized(xmp: bytes | None, done: set[str]) -> bool:
    """Whether a picture's XMP says that one of these things was done to it."""
    return (steps_of(xmp) or "") in done
