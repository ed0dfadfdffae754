"""The commands shrink and grow. Nothing heavy is imported before a command runs."""

from __future__ import annotations

from typing import Annotated

import typer

from regrow.cli.groups import Clips, Coding, Output, Reading, command, for_pictures
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
    coding: Coding,
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
        scale=parse_scale(scale), grey=grey, model=model, refine=refine, without_loss=coding.lossless,
        wish=coding.wish(), strip=strip, strip_icc=strip_icc, device=device, tile=tile,
    )  # fmt: skip
    output, clips = for_pictures(output, clips)
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
    light: Annotated[
        bool, typer.Option("--light", help="Grow .jpg, .webp and .avif by a light net: a little worse, much faster.")
    ] = False,
    codec_model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Net that grows a .jpg, .webp or .avif that lost its passport: codec-x2 ..., or auto, which sees "
            "whether regrow shrank it.",
        ),
    ] = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
) -> None:
    """Grow pictures that `regrow shrink` made back to their exact size."""
    from regrow.cli.running import run
    from regrow.operations.grow import Grow

    operation = Grow(
        scale=parse_scale(scale), exact=parse_size(size), model=model, light=light, codec_model=codec_model,
        device=device, tile=tile,
    )  # fmt: skip
    run(operation, inputs, out, output, clips, reading, threads=jobs)
