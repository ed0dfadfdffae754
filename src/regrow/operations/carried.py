"""What small pictures carry of the original's metadata, and what is given back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from regrow.io.adapting import profile_of
from regrow.io.carried import bounded
from regrow.io.formats import Format
from regrow.io.metadata import Metadata, notes_on, split, without
from regrow.io.passport import Passport, strip


def with_passport(own: Metadata, passport: Passport, form: Format, channels: int) -> Metadata:
    """A picture's own metadata with a passport, in which travels what the small file cannot hold.

    Args:
        own: the picture's.
        passport: without any of that.
        form, channels: of the small picture.
    """
    kept, left = split(own, form, colors=channels)
    if kept.icc and kept.cicp and form.name == "avif":
        left = replace(left, cicp=kept.cicp)  # whose readers take the profile
    travels, _ = bounded(left, own.xmp)
    if left.cicp and channels == 3 and not own.icc:
        kept = replace(kept, icc=profile_of(left.cicp))
    packet = replace(passport, **travels.said).to_xmp(own.xmp)
    if kept.extended and len(packet) > form.xmp_limit:
        kept, travels = without(kept, "extended"), replace(travels, extended=kept.extended)
        packet = replace(passport, **travels.said).to_xmp(own.xmp)
    return replace(kept, xmp=packet)


def too_large(own: Metadata, form: Format, channels: int) -> Iterator[str]:
    """What neither the small file nor its passport can hold, in words."""
    _, lost = bounded(split(own, form, colors=channels)[1], own.xmp)
    for note in notes_on(lost, form):
        yield f"{note}, being too large for the passport"


def given_back(own: Metadata, passport: Passport) -> Metadata:
    """The metadata of the original, from that of a small picture and its passport."""
    if passport.cicp and own.icc == profile_of(passport.cicp):
        own = without(own, "icc")  # which stood for them
    return replace(own, xmp=strip(own.xmp) if own.xmp else None, **passport.metadata)
