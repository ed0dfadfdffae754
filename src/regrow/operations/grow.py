"""Growing small pictures and clips back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from regrow import zoo
from regrow.errors import RegrowError, UsageError
from regrow.inference.channels import with_channels
from regrow.inference.rescale import grow_rows
from regrow.inference.rows import Samples
from regrow.io.allowed import allowed
from regrow.io.carrying import given_back
from regrow.io.formats import Format
from regrow.io.metadata import Metadata
from regrow.io.passport import Passport
from regrow.operations.coded import nets
from regrow.operations.coded.grow import CodedGrowPlan
from regrow.operations.plan import Header, Operation, Plan, Rows, Turned, check_tile
from regrow.operations.rescalers import alpha_rescaler, default_model, rescaler
from regrow.operations.restorers import NONE
from regrow.size import Scale, Size, check_scale, grown_size, scale_text, small_size

if TYPE_CHECKING:
    from regrow.nets.rescale.base import Rescaler
    from regrow.video.clip import Frame

AUTO = "auto"
"""Stands for the net that a picture's stream of bits suggests."""


@dataclass(frozen=True, kw_only=True)
class Grow(Operation):
    """Grows what `Shrink` shrank; `regrow.grow` says what the settings are."""

    scale: Scale | None = None
    exact: tuple[int, int] | None = None
    """(width, height) of the result, where there is no passport."""
    model: str | None = None
    light: bool = False
    """Grow what was coded by a light net, of a seventh of the cost."""
    codec_model: str | None = None
    """Net that grows a coded picture without a passport, or "auto": as its stream of bits says."""
    device: str = "auto"
    tile: int | None = None

    verb = "grow"
    turned = Turned.NEVER
    original = True
    undoes_coding = True

    def __post_init__(self) -> None:
        check_tile(self.tile)

    def plan(self, header: Header) -> Plan:
        """The plan for a small picture or clip.

        RegrowError where it has no passport and no scale is given, or a passport that fits neither the picture nor a
        model that is here; UsageError where what was asked and the passport, or scale and size, contradict each other.
        """
        passport = Passport.of(header.metadata, name=header.name)
        if passport is None:
            name = self._net_without_passport(header)
            if name is None:
                self._refuse_options_of_nets(header)
            size = self._size_without_passport(header, nets.scale_of(name) if name else None)
            return self._coded(header, name, size, None) if name else GrowPlan(header, self, None, size)
        small, size = header.size, Size(passport.width, passport.height)
        agrees = self.scale is None or small_size(size, check_scale(self.scale)) == small
        if (self.exact or size) != size or not agrees:
            raise UsageError(
                f"{header.name}: its passport says {size}, shrunk to {passport.small_width}x{passport.small_height}"
            )
        passport.check_size(*small, name=header.name)
        allowed().check(header.name, size)
        if nets.is_behind_codec(passport.model) and not header.clip:
            self._check_scale_of_net(header, passport)
            return self._coded(header, self._asked_net or passport.model, size, passport)
        self._refuse_options_of_nets(header)
        return GrowPlan(header, self, passport, size)

    def _check_scale_of_net(self, header: Header, passport: Passport) -> None:
        """UsageError where the net that was named, RegrowError where that of the passport, is one for another scale."""
        scale = nets.scale_of(self._asked_net or passport.model)
        if small_size((passport.width, passport.height), check_scale(scale)) == header.size:
            return
        if self._asked_net:
            words = f"{self._asked_net} is for x{scale:g}, and its passport says x{passport.scale:g}; leave it out"
            raise UsageError(f"{header.name}: {words}")
        raise RegrowError(
            f"{header.name}: its passport is damaged ({passport.model} does not make {passport.width}x"
            f"{passport.height} of {header.size}); get the file as regrow made it"
        )

    def _refuse_options_of_nets(self, header: Header) -> None:
        """UsageError for options that say nothing of a file without loss."""
        for name, given in (("light", self.light), ("codec-model", self.codec_model not in (None, AUTO))):
            if given:
                words = f"{header.name}: {name} is for small files of lossy codecs, and this is not known to be one"
                raise UsageError(f"{words}; leave it out")

    def _coded(self, header: Header, name: str, size: Size, passport: Passport | None) -> Plan:
        if self.light and name != NONE:
            name = nets.lighter(name)
        return CodedGrowPlan(
            header=header, model=name, exact=size, passport=passport, guessed=not (passport or self.exact),
            device=self.device, tile=self.tile,
        )  # fmt: skip

    @property
    def _asked_net(self) -> str | None:
        """The net behind a codec that was named, if one was."""
        named = self.model if self.codec_model in (None, AUTO) else self.codec_model
        return named if named and (self.codec_model == named or nets.is_behind_codec(named)) else None

    def _net_without_passport(self, header: Header) -> str | None:
        """The net that grows a coded picture which says nothing; None where it is to be grown as one without loss."""
        if self._asked_net or self.model or header.clip:
            return self._asked_net
        if header.mark is not None:
            # A scale that says the same as the mark leaves no doubt.
            same = self.scale is not None and check_scale(self.scale) == check_scale(header.mark)
            return nets.default_net(header.mark) if same or self.codec_model == AUTO else None
        if self.codec_model == AUTO:
            raise RegrowError(
                f"{header.name}: does not look like a small picture of a lossy codec by regrow, or has lost what says "
                "so; if it is one, say which with --codec-model codec-x2 or another scale"
            )
        return None

    def _size_without_passport(self, header: Header, scale: Scale | None) -> Size:
        if scale and self.scale and check_scale(self.scale) != check_scale(scale):
            asked, own = (scale_text(check_scale(one)) for one in (self.scale, scale))
            raise UsageError(f"{header.name}: scale {asked}: the net of the small picture is for {own}; leave it out")
        scale = scale or self.scale
        if scale is None:
            hint = "it looks like a small picture that lost it; --codec-model auto grows it" if header.mark else (
                "if regrow shrank it, say its scale (--scale, and --model where it was another)"
            )  # fmt: skip
            raise RegrowError(f"{header.name}: has no passport, so it was not shrunk by regrow or has lost it; {hint}")
        scales, small = check_scale(scale), header.size
        size = Size(*self.exact) if self.exact else grown_size(small, scales)
        if small_size(size, scales) != small:
            raise UsageError(f"{header.name}: {small} grown by {scale_text(scales)} cannot become {size}")
        return size


@dataclass(frozen=True)
class GrowPlan(Plan):
    """How one small picture or clip is grown."""

    header: Header
    asked: Grow
    passport: Passport | None
    exact: Size
    """Of the original."""

    @cached_property
    def net(self) -> Rescaler:
        """The model, with its weights. RegrowError where it is not the one that shrank the picture."""
        net = self._shrinker(self.passport) if self.passport else self._chosen()
        if self.header.clip and net.frames > 1 and self.header.clip.groups is None:
            raise RegrowError(f"{self.header.name}: was shrunk in groups of frames and no longer says which; "
                              "get the file as regrow made it")  # fmt: skip
        return net

    def _chosen(self) -> Rescaler:
        assert self.asked.scale is not None
        scales = check_scale(self.asked.scale)
        return rescaler(self.asked.model or default_model(scales, self.header.channels), scales, self.asked.device)

    @cached_property
    def alpha(self) -> Rescaler | None:
        """The model that shrank alpha; None where alpha was averaged, or there is none."""
        passport = self.passport
        if not self.header.alpha or self.header.clip:
            return None
        if passport is None:
            assert self.asked.scale is not None
            return alpha_rescaler(self.asked.model, "", self.net, check_scale(self.asked.scale))[1]
        if not (passport.alpha_model and passport.alpha_digest):
            return None
        if passport.alpha_digest == passport.digest:
            return self.net
        return self._found(None, passport.alpha_model, passport.alpha_digest, passport.scale)

    def _shrinker(self, passport: Passport) -> Rescaler:
        name = self.asked.model
        net = self._found(name, passport.model, passport.digest, passport.scale)
        if passport.colours > net.colors:
            raise RegrowError(
                f"{self.header.name}: its passport says it had colours, and {name or passport.model} is a model of "
                "grey pictures"
            )
        return net

    def _found(self, given: str | None, model: str, digest: str, scale: float) -> Rescaler:
        """The model of a passport, by its name or as given. RegrowError unless its weights are those."""
        name = given or model
        if given is None and name not in zoo.names():
            raise RegrowError(
                f"{self.header.name}: was shrunk by the model {name!r}, which is not here; give its folder with --model"
            )
        if not zoo.has_digest(name, digest):
            raise RegrowError(
                f"{self.header.name}: was shrunk by other weights of {model!r} than {name!r} has here; "
                "give the folder of the weights that shrank it with --model"
            )
        return rescaler(name, (scale, scale), self.asked.device)

    @property
    def size(self) -> Size:
        """Of the result."""
        return self.exact

    @property
    def channels(self) -> int:
        """Of the result. RegrowError where colours were taken out that the passport promises."""
        small = self.header.channels
        if self.passport is None:
            return self.net.colors if self.net.small_colors < self.net.colors else min(small, self.net.colors)
        if min(self.passport.colours, self.net.small_colors) > small:
            raise RegrowError(
                f"{self.header.name}: its colours were taken out since it was shrunk; get the file as it was"
            )
        return self.passport.colours

    @property
    def depth(self) -> int:
        """Of the original, 8 where nobody says."""
        return self.passport.depth if self.passport else 8

    @property
    def identity(self) -> str:
        """Passport, model and size."""
        return repr((self.passport, self.asked.model, tuple(self.size)))

    def made(self, result: Header) -> bool:
        """Whether a picture has the size; AVIF may have stored it turned."""
        if self.header.clip:
            return self.passport is not None and result.size == self.size
        return self.size in (result.size, result.size[::-1])

    def metadata(self, form: Format) -> Metadata:
        """What the original had."""
        own = self.header.metadata
        return own if self.passport is None else given_back(own, self.passport)

    def rows(self, rows: Rows, samples: Samples) -> Iterator[np.ndarray]:
        """Rows of the grown picture."""
        tile = self.header.tile(self.asked.tile)
        return grow_rows(
            rows(), self.header.size, self.size, self.header.channels, self.channels, self.net, samples, tile,
            alpha=self.alpha,
        )  # fmt: skip

    def frames(self, frames: Iterable[Frame], samples: Samples, skip: int) -> Iterator[list[Frame]]:
        """Grown frames, in the groups that were shrunk together."""
        from regrow.inference.frames import groups_of, groups_of_lengths, grow_group
        from regrow.inference.parallel import mapped

        together, tile, clip = self.net.frames, self.header.tile(self.asked.tile), self.header.clip

        def grown(group: list[Frame]) -> list[Frame]:
            large = grow_group([frame.pixels for frame in group], self.net, self.size, tile=tile, dtype=samples)
            return [
                replace(frame, pixels=with_channels(pixels, self.channels))
                for frame, pixels in zip(group, large, strict=True)
            ]

        known = clip.groups if clip and together > 1 else None
        groups = groups_of(frames, 1) if known is None else groups_of_lengths(frames, known)
        return mapped(grown, islice(groups, skip, None), together * self.size.pixels, self.net.device.type)
