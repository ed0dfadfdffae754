"""The verbs for the shell: arguments in, verb called, words out. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regrow.cli.app import app
from regrow.cli.options import (
    Codec,
    Compile,
    Crf,
    Device,
    DryRun,
    Ensemble,
    Every,
    Force,
    FormatOption,
    Grey,
    Half,
    Inputs,
    Jobs,
    Json,
    Model,
    Net,
    Out,
    PublishedModel,
    Rate,
    Refine,
    ScaleOption,
    Seed,
    Snapshots,
    Steps,
    Temperature,
    Tile,
    UpscaleModel,
    parse_scale,
    parse_size,
)
from regrow.errors import RegrowError, UsageError

if TYPE_CHECKING:
    from regrow.runners.batch import Job


@app.command()
def shrink(
    inputs: Inputs,
    out: Out,
    scale: ScaleOption = None,
    grey: Grey = False,
    model: Model = None,
    refine: Refine = 0,
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Shrink pictures into ordinary small ones that `regrow grow` brings back."""
    from regrow.cli import running
    from regrow.operations.rescale import asked_scale
    from regrow.runners import batch
    from regrow.video.options import Video

    scales, video = asked_scale(parse_scale(scale), grey=grey), Video(codec=codec, crf=crf, rate=rate)

    def work(job: Job, report: running.Report) -> None:
        from regrow import api as verbs

        source, target, form = running.streams(job, format)
        verbs.shrink(
            source, target, scale=scales, grey=grey, model=model, refine=refine, device=device, tile=tile,
            format=form, video=video, report=report,
        )  # fmt: skip

    def done(job: Job) -> bool:
        from regrow.runners.resume import is_shrunk

        return is_shrunk(job.source, job.target, scale=scales, grey=grey, model=model, refine=refine)

    planned = batch.plan(inputs, out, running.suffix_for(format, small=True))
    running.run("shrink", planned, work, done, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def grow(
    inputs: Inputs,
    out: Out,
    scale: Annotated[
        str | None, typer.Option(metavar="N", help="Only for pictures that lost their passport: what shrink was told.")
    ] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Likewise: the exact size of the original.")] = None,
    model: Model = None,
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Grow pictures that `regrow shrink` made back to their exact size."""
    from regrow.cli import running
    from regrow.runners import batch
    from regrow.video.options import Video

    exact, scales = parse_size(size), parse_scale(scale)
    video = Video(codec=codec, crf=crf, rate=rate)

    def work(job: Job, report: running.Report) -> None:
        from regrow import api as verbs

        source, target, form = running.streams(job, format)
        verbs.grow(
            source, target, scale=scales, size=exact, model=model, device=device, tile=tile, format=form, video=video,
            report=report,
        )  # fmt: skip

    def done(job: Job) -> bool:
        from regrow.runners.resume import is_grown

        return is_grown(job.source, job.target, scale=scales, size=exact)

    planned = batch.plan(inputs, out, running.suffix_for(format))
    running.run("grow", planned, work, done, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def colorize(
    inputs: Inputs,
    out: Out,
    hint: Annotated[
        list[str] | None,
        typer.Option("--hint", metavar="X,Y,#RRGGBB", help="A colour that is known, at a pixel; may be repeated."),
    ] = None,
    hints: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Sparse colours, painted on a grey or transparent copy.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A colour picture whose colours are carried over.")
    ] = None,
    temperature: Temperature = None,
    model: PublishedModel = None,
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Give black and white pictures colours that are likely; nobody knows the true ones."""
    from regrow.cli import running
    from regrow.operations import restoration
    from regrow.runners import batch
    from regrow.video.options import Video

    chain = restoration.coloring_chain(model, hint or (), hints, reference, temperature, device)
    planned = batch.plan(inputs, out, running.suffix_for(format))
    video = Video(codec=codec, crf=crf, rate=rate)
    running.restore("colorize", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def upscale(
    inputs: Inputs,
    out: Out,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 8.")] = 2,
    model: UpscaleModel = None,
    ensemble: Ensemble = False,
    prior: Annotated[
        bool, typer.Option("--prior", help="Fit a net to each picture for minutes instead of taking a model.")
    ] = False,
    net: Net = None,
    steps: Steps = None,
    seed: Seed = None,
    half: Half = None,
    compile: Compile = False,
    snapshots: Snapshots = None,
    every: Every = None,
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Enlarge pictures that nobody shrank with regrow."""
    from regrow.cli import running
    from regrow.cli.priors import prior_of, refuse_without
    from regrow.operations import restoration
    from regrow.runners import batch
    from regrow.video.options import Video

    settings = {"net": net, "steps": steps, "seed": seed, "half": half, "snapshots": snapshots, "every": every}
    if prior:
        if jobs > 1:
            raise UsageError(f"--jobs {jobs}: priors are fitted one after another; leave it out")
        from regrow.operations.prior_verbs import enlarger

        chain: restoration.Restoration = enlarger(
            scale, prior_of(out, compile=compile, **settings), device, model=model, ensemble=ensemble, tile=tile
        )
    else:
        refuse_without("--prior", compile=compile or None, **settings)
        chain = restoration.upscaling_chain(scale, model, device, tile, ensemble=ensemble)
    video = Video(codec=codec, crf=crf, rate=rate)
    planned = batch.plan(inputs, out, running.suffix_for(format))
    running.restore("upscale", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def restore(
    inputs: Inputs,
    out: Out,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 8.")] = 2,
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
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    tile: Tile = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Colour pictures if they are black and white, enlarge and enhance them."""
    from regrow.cli import running
    from regrow.operations import restoration
    from regrow.runners import batch
    from regrow.video.options import Video

    chain = restoration.restoring_chain(scale, colorizer, upscaler, enhancer, correct, device, tile)
    planned = batch.plan(inputs, out, running.suffix_for(format))
    video = Video(codec=codec, crf=crf, rate=rate)
    running.restore("restore", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Picture, or folder of pictures.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Picture of the same size, or folder with the same names.")],
    border: Annotated[int, typer.Option(min=0, help="Pixels left out on every side by the protocol y.")] = 0,
    json: Json = False,
) -> None:
    """Measure how alike pictures are: PSNR and SSIM under the protocols rgb and y."""
    from regrow.cli import printing
    from regrow.runners.compare import compare_files

    printing.print_comparison(compare_files(a, b, border=border), as_json=json)


@app.command()
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Picture, or - for standard input.")], json: Json = False
) -> None:
    """Print what a picture says of itself: the passport of a small one, or how one was restored."""
    from regrow import api as verbs
    from regrow.cli import printing

    source = sys.stdin.buffer.read() if file == "-" else file
    passport, steps = verbs.info(source), verbs.restored(source)
    if passport is None and steps is None:
        raise RegrowError(f"{file}: has no passport; it was not shrunk by regrow, or has lost it")
    printing.print_info(passport, steps, as_json=json)


@app.command()
def models(json: Json = False) -> None:
    """List the models that ship with regrow."""
    from regrow import zoo
    from regrow.cli import printing

    printing.print_models(zoo.names(), as_json=json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where the demo's pictures go.")] = Path(
        "demo"
    ),
) -> None:
    """Shrink and regrow a photograph that comes with regrow, and show what ordinary thumbnails lose."""
    from regrow.cli.demo import run

    run(out)
