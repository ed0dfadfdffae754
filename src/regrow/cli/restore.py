"""The commands colorize, upscale, dejpeg and restore. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regrow.cli.groups import Clips, Fitting, Output, Reading, command
from regrow.cli.options import (
    Deblocker,
    Device,
    Ensemble,
    FitInstead,
    Inputs,
    Jobs,
    Out,
    Pictures,
    PictureTile,
    PublishedModel,
    Stop,
    Temperature,
    Tile,
    UpscaleModel,
)
from regrow.errors import UsageError


@command
def colorize(
    inputs: Inputs,
    out: Out,
    clips: Clips,
    output: Output,
    reading: Reading,
    hint: Annotated[
        list[str] | None,
        typer.Option("--hint", metavar="X,Y,#RRGGBB", help="A known colour at a pixel; may be repeated."),
    ] = None,
    hint_image: Annotated[
        Path | None,
        typer.Option(
            "--hint-image", "--hints", metavar="FILE", help="Known colours painted on a grey or transparent copy."
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A colour picture whose colours are carried over.")
    ] = None,
    temperature: Temperature = None,
    model: PublishedModel = None,
    device: Device = "auto",
    jobs: Jobs = 1,
) -> None:
    """Give black and white pictures likely colours; nobody knows the true ones."""
    from regrow.api.restore import colorizing
    from regrow.cli.running import run

    operation = colorizing(model, hint or (), hint_image, reference, temperature, device)
    run(operation, inputs, out, output, clips, reading, threads=jobs)


@command
def upscale(
    inputs: Inputs,
    out: Out,
    clips: Clips,
    output: Output,
    reading: Reading,
    fitting: Fitting,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 8.")] = 2,
    model: UpscaleModel = None,
    ensemble: Ensemble = False,
    deblocker: Deblocker = None,
    prior: FitInstead = False,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
) -> None:
    """Enlarge ordinary pictures: those that regrow did not shrink."""
    from regrow.api.restore import upscaling
    from regrow.cli.running import run

    if prior and jobs > 1:
        raise UsageError(f"--jobs {jobs}: priors are fitted one after another; leave it out")
    if not prior:
        fitting.refuse_without("--prior")
    operation = upscaling(
        scale, model, device, tile, ensemble=ensemble, deblocker=deblocker,
        prior=fitting.prior(out) if prior else None,
    )  # fmt: skip
    run(operation, inputs, out, output, clips, reading, threads=jobs)


@command
def dejpeg(
    inputs: Pictures,
    out: Out,
    output: Output,
    reading: Reading,
    fitting: Fitting,
    model: PublishedModel = None,
    light: Annotated[
        bool, typer.Option("--light", help="Take a model of a seventh of the cost, which is a little less good.")
    ] = False,
    prior: FitInstead = False,
    stop: Stop = None,
    device: Device = "auto",
    tile: PictureTile = None,
    jobs: Jobs = 1,
) -> None:
    """Remove the blocks and ringing that JPEG, WebP or AVIF left in pictures, in seconds.

    With --prior by a net that is fitted to each picture, for minutes; Ctrl-C gives the best so far.
    """
    from regrow.api.dejpeg import dejpegging
    from regrow.cli.running import run

    if prior and jobs > 1:
        raise UsageError(f"--jobs {jobs}: priors are fitted one after another; leave it out")
    if not prior:
        fitting.refuse_without("--prior", stop=stop)
    operation = dejpegging(model, device, tile, light=light, prior=fitting.prior(out, stop=stop) if prior else None)
    run(operation, inputs, out, output, Clips(), reading, threads=jobs)


@command
def restore(
    inputs: Inputs,
    out: Out,
    clips: Clips,
    output: Output,
    reading: Reading,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 8.")] = 2,
    deblocker: Deblocker = "auto",
    colorizer: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What colours pictures that are black and white, or none.")
    ] = None,
    upscaler: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What enlarges them, bicubic, zssr, or none.")
    ] = None,
    enhancer: Annotated[str | None, typer.Option(metavar="MODEL", help="What improves them then, or none.")] = None,
    correct: Annotated[
        float | None,
        typer.Option(metavar="LEVELS", help="Take pixels from bilinear enlargement that differ by more, of 255."),
    ] = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
) -> None:
    """Clean pictures of what JPEG or WebP left, colour them if they are black and white, enlarge and enhance them."""
    from regrow.api.restore import restoring
    from regrow.cli.running import run

    operation = restoring(scale, deblocker, colorizer, upscaler, enhancer, correct, device, tile)
    run(operation, inputs, out, output, clips, reading, threads=jobs)
