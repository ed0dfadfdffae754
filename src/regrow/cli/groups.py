"""Options that several commands share, as objects: a parameter of a dataclass type becomes an option for each field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from regrow.cli import options
from regrow.cli.app import app
from regrow.errors import UsageError
from regrow.io.allowed import allowing
from regrow.io.paths import STDIO, folder_of

if TYPE_CHECKING:
    from regrow.operations.coded.wish import Wish
    from regrow.priors.options import Prior
    from regrow.video.options import Video

Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True, kw_only=True)
class Output:
    """Which files are written."""

    format: options.FormatOption = None
    force: options.Force = False
    dry_run: options.DryRun = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How pictures are read."""

    partial: options.Partial = False
    max_pixels: options.MaxPixels = None

    def applied(self) -> AbstractContextManager[None]:
        """While it lasts, what is opened in this thread is read so."""
        return allowing(partial=self.partial, max_pixels=options.parse_pixels(self.max_pixels))


@dataclass(frozen=True, kw_only=True)
class Coding:
    """What is asked of small files of lossy codecs."""

    quality: options.Quality = None
    bytes: options.Bytes = None
    bpp: options.Bpp = None
    psnr: options.Psnr = None
    lossless: options.Lossless = False

    def wish(self) -> Wish:
        """As operations take it. UsageError for what cannot be."""
        from regrow.operations.coded.wish import Wish

        return Wish(quality=self.quality, bytes=options.parse_bytes(self.bytes), bpp=self.bpp, psnr=self.psnr)


@dataclass(frozen=True, kw_only=True)
class Clips:
    """How clips are read and written."""

    codec: options.Codec = None
    crf: options.Crf = None
    rate: options.Rate = None

    def video(self) -> Video:
        """As `regrow` takes it. UsageError for what cannot be."""
        from regrow.video.options import Video

        return Video(codec=self.codec, crf=self.crf, rate=self.rate)


def for_pictures(output: Output, clips: Clips) -> tuple[Output, Clips]:
    """The same options, with a codec of pictures as what it is: the format of results. UsageError for two of them."""
    codec = clips.codec
    if codec is None:
        return output, clips
    from regrow.io.codecs import QUALITIES
    from regrow.io.formats import get_format

    try:
        form = get_format(codec).name
    except UsageError:
        return output, clips
    if form not in QUALITIES:
        return output, clips
    if output.format and get_format(output.format).name != form:
        raise UsageError(f"--codec {codec} and --format {output.format}: say one of them")
    return replace(output, format=form), replace(clips, codec=None)


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How a net is fitted to a picture."""

    net: options.Net = None
    iterations: options.Iterations = None
    seed: options.Seed = None
    half: options.Half = None
    compile: options.Compile = False
    snapshots: options.Snapshots = None
    every: options.Every = None

    def prior(self, out: str, *, stop: bool | None = None) -> Prior:
        """What was given, with what is needed to go on after an interrupt kept beside the results."""
        from regrow.priors.options import Prior

        return Prior(checkpoints=None if out == STDIO else folder_of(out), **self._given(), **_without_none(stop=stop))

    def refuse_without(self, option: str, *, stop: bool | None = None) -> None:
        """UsageError for options that were given though they say nothing without another."""
        for name, value in {**self._given(), **_without_none(stop=stop)}.items():
            said = name if value is True else f"no-{name}" if value is False else f"{name} {value}"
            raise UsageError(f"--{said}: is for {option}; say that too, or leave it out")

    def _given(self) -> dict[str, Any]:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return _without_none(**given | {"compile": self.compile or None})


def _without_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def command(function: Command) -> Command:
    """Register a command. Its parameters are Typer's, or dataclasses whose fields are."""
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    shared: list[inspect.Parameter] = []  # after those of its own in --help
    groups: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind = hints[name]
        if not is_dataclass(kind):
            parameters.append(parameter.replace(annotation=kind))
            continue
        groups[name] = kind
        types = get_type_hints(kind, include_extras=True)
        for field in fields(kind):
            default = inspect.Parameter.empty if field.default is MISSING else field.default
            shared.append(
                inspect.Parameter(field.name, parameter.KEYWORD_ONLY, default=default, annotation=types[field.name])
            )

    def run(**given: Any) -> None:
        made = {
            name: kind(**{field.name: given.pop(field.name) for field in fields(kind)}) for name, kind in groups.items()
        }
        function(**given, **made)

    run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*parameters, *shared)]
    )
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*parameters, *shared)}
    app.command()(run)
    return function
