"""The commands shrink and grow. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from regrow.cli.groups import Clips, Output, Reading, command
from regrow.cli.options import (
    Device,
    Grey,
    Inputs,
    Jobs,
    Model,
    Out,
    Refine,
    ScaleOption,
    Strip,
    StripProfile,
    Tile,
    parse_scale,
    parse_size,
)


@command
def shrink(
    inputs: Inputs,
    out: Out,
    clips: Clips,
    output: Output,
    reading: Reading,
    scale: ScaleOption = None,
    grey: Grey = False,
    model: Model = None,
    refine: Refine = 0,
    strip: Strip = False,
    strip_icc: StripProfile = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
) -> None:
    """Shrink pictures into ordinary small ones that `regrow grow` brings back."""
    from regrow.cli.running import run
    from regrow.operations.shrink import Shrink

    operation = Shrink(
        scale=parse_scale(scale), grey=grey, model=model, refine=refine, strip=strip, strip_icc=strip_icc,
        device=device, tile=tile,
    )  # fmt: skip
    run(operation, inputs, out, output, clips, reading, threads=jobs)


@command
def grow(
    inputs: Inputs,
    out: Out,
    clips: Clips,
    output: Output,
    reading: Reading,
    scale: Annotated[
        str | None,
        typer.Option(metavar="N", help="Scale that shrink was given; only for pictures that lost their passport."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="WxH", help="Exact size of the original; only for pictures that lost their passport."),
    ] = None,
    model: Model = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
) -> None:
    """Grow pictures that `regrow shrink` made back to their exact size."""
    from regrow.cli.running import run
    from regrow.operations.grow import Grow

    operation = Grow(scale=parse_scale(scale), exact=parse_size(size), model=model, device=device, tile=tile)
    run(operation, inputs, out, output, clips, reading, threads=jobs)
