"""What the file of a small picture carries: the original's metadata, and the passport in the place that suits both."""

from __future__ import annotations

from dataclasses import replace

from regrow.io.adapting import profile_of
from regrow.io.carried import bounded
from regrow.io.exif_passport import fits
from regrow.io.formats import Format
from regrow.io.metadata import Metadata, split, without
from regrow.io.passport import Passport, removed


def with_passport(passport: Passport, own: Metadata, form: Format, *, colors: int) -> Metadata:
    """An original's metadata with the passport of its small picture, for a file of this format.

    The passport is a line where the format has a place for one; else, and where what the format cannot hold has to
    travel in it, it is in the XMP.

    Args:
        passport: without metadata.
        own: all that the original carries.
        colors: of the small picture, 1 or 3.
    """
    kept, left = _halves(own, form, colors)
    travels, _ = bounded(left, own.xmp)
    passport = replace(passport, **travels.said)
    if passport.fits_line and _holds_line(form, kept):
        return replace(kept, passport=passport.to_text())
    if left.cicp and colors == 3 and not own.icc:
        kept = replace(kept, icc=profile_of(left.cicp))
    packet = passport.to_xmp(own.xmp)
    if kept.extended and len(packet) > form.xmp_limit:
        packet = replace(passport, extended=kept.extended).to_xmp(own.xmp)
        kept = without(kept, "extended")
    return replace(kept, xmp=packet)


def too_large(own: Metadata, form: Format, *, colors: int) -> Metadata:
    """What of an original's metadata `with_passport` leaves out, for neither file nor passport can hold it."""
    return bounded(_halves(own, form, colors)[1], own.xmp)[1]


def given_back(own: Metadata, passport: Passport) -> Metadata:
    """The metadata of the original, from that of a small picture and its passport."""
    if passport.cicp and own.icc == profile_of(passport.cicp):
        own = without(own, "icc")  # which stood for them
    return replace(removed(own), **passport.metadata)


def _halves(own: Metadata, form: Format, colors: int) -> tuple[Metadata, Metadata]:
    """What the file holds as it is, and what has to travel: the passport of an original that is small itself, too."""
    kept, left = split(without(own, "passport"), form, colors=colors)
    if kept.icc and kept.cicp and form.name == "avif":
        left = replace(left, cicp=kept.cicp)  # whose readers take the profile
    return kept, replace(left, passport=own.passport)


def _holds_line(form: Format, kept: Metadata) -> bool:
    return "passport" in form.holds and (form.name != "webp" or fits(kept.exif))
