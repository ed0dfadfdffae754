"""The verbs that fit a net to each picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regrow.cli.app import app
from regrow.cli.options import (
    Codec,
    Compile,
    Crf,
    Device,
    DryRun,
    Every,
    Force,
    FormatOption,
    Half,
    Inputs,
    Net,
    Out,
    Rate,
    Seed,
    Snapshots,
    Steps,
    Stop,
)
from regrow.errors import UsageError

if TYPE_CHECKING:
    from regrow.operations.prior import PriorRestorer
    from regrow.priors.options import Prior


@app.command()
def denoise(
    inputs: Inputs,
    out: Out,
    net: Net = None,
    steps: Steps = None,
    stop: Stop = None,
    seed: Seed = None,
    half: Half = None,
    compile: Compile = False,
    snapshots: Snapshots = None,
    every: Every = None,
    format: FormatOption = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Take noise out of pictures by a net that is fitted to each, for minutes; Ctrl-C gives the best so far."""
    from regrow.operations.prior import PriorRestorer

    prior = prior_of(
        out, net=net, steps=steps, stop=stop, seed=seed, half=half, compile=compile, snapshots=snapshots, every=every
    )
    restorer = PriorRestorer(task="denoise", prior=prior, device=device)
    _restore(restorer, inputs, out, format=format, force=force, dry_run=dry_run)


@app.command()
def dejpeg(
    inputs: Inputs,
    out: Out,
    net: Net = None,
    steps: Steps = None,
    stop: Stop = None,
    seed: Seed = None,
    half: Half = None,
    compile: Compile = False,
    snapshots: Snapshots = None,
    every: Every = None,
    format: FormatOption = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Take blocks and ringing out of what was a JPEG by a net that is fitted to each picture, for minutes."""
    from regrow.operations.prior import PriorRestorer

    prior = prior_of(
        out, net=net, steps=steps, stop=stop, seed=seed, half=half, compile=compile, snapshots=snapshots, every=every
    )
    restorer = PriorRestorer(task="dejpeg", prior=prior, device=device)
    _restore(restorer, inputs, out, format=format, force=force, dry_run=dry_run)


@app.command()
def inpaint(
    inputs: Inputs,
    out: Out,
    mask: Annotated[
        Path, typer.Option(metavar="FILE", help="A picture of the same size, white where something is missing.")
    ],
    net: Net = None,
    steps: Steps = None,
    stop: Stop = None,
    seed: Seed = None,
    half: Half = None,
    compile: Compile = False,
    snapshots: Snapshots = None,
    every: Every = None,
    format: FormatOption = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Fill in what is missing of pictures by a net that is fitted to each, for minutes; the rest stays as it is."""
    from regrow.operations.prior_verbs import inpainter

    prior = prior_of(
        out, net=net, steps=steps, stop=stop, seed=seed, half=half, compile=compile, snapshots=snapshots, every=every
    )
    _restore(inpainter(mask, prior, device), inputs, out, format=format, force=force, dry_run=dry_run)


@app.command()
def stabilize(
    processed: Annotated[str, typer.Argument(metavar="PROCESSED", help="Clip whose frames were processed one by one.")],
    reference: Annotated[str, typer.Option(metavar="CLIP", help="The clip that it was made from, frame by frame.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Video file, or folder or pattern of frames.")],
    epochs: Annotated[
        int, typer.Option(metavar="N", min=1, help="Times each frame is seen: more is nearer, and less steady.")
    ] = 25,
    modes: Annotated[
        int, typer.Option(metavar="N", min=1, max=2, help="2 where frames came out in either of two ways.")
    ] = 2,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another gives another result.")] = 0,
    compile: Compile = False,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Make a clip that was colorized, enlarged or otherwise processed frame by frame steady, in minutes.

    Clips are video files, folders of frames, or patterns such as frames/%05d.png.
    """
    from regrow.cli import running
    from regrow.runners.batch import STDIO, Job
    from regrow.runners.resume import is_stabilized
    from regrow.runners.stabilize import stabilize as steadied
    from regrow.runners.stabilize import words
    from regrow.video.options import Video

    if STDIO in (processed, reference, out):
        raise UsageError("stabilize reads clips more than once, and writes what was interrupted; name files, not -")
    video = Video(codec=codec, crf=crf, rate=rate)

    def work(job: Job, report: running.Report) -> None:
        steadied(
            job.source, job.target, reference=reference, epochs=epochs, modes=modes, seed=seed, compile=compile,
            device=device, video=video, report=report,
        )  # fmt: skip

    def done(job: Job) -> bool:
        return is_stabilized(job.source, reference, job.target, words(epochs, modes, seed))

    running.run("stabilize", [Job(processed, out)], work, done, threads=1, force=force, dry_run=dry_run)


def prior_of(out: str, **settings: Any) -> Prior:
    """The settings that were given, with what is needed to go on after an interrupt kept beside the results."""
    from regrow.io.paths import folder_of
    from regrow.priors.options import Prior
    from regrow.runners.batch import STDIO

    checkpoints = None if out == STDIO else folder_of(out)
    return Prior(checkpoints=checkpoints, **{name: value for name, value in settings.items() if value is not None})


def refuse_without(option: str, **settings: Any) -> None:
    """UsageError for settings that were given though they say nothing without an option."""
    for name, value in settings.items():
        if value is not None:
            raise UsageError(f"--{name} {value}: is for {option}; say that too, or leave it out")


def _restore(
    restorer: PriorRestorer, inputs: list[str], out: str, *, format: str | None, force: bool, dry_run: bool
) -> None:
    from regrow.cli import running
    from regrow.runners import batch
    from regrow.video.options import Video

    planned = batch.plan(inputs, out, running.suffix_for(format))
    # One after another: each fit takes all the processor has, and only the main thread hears of Ctrl-C.
    options: dict[str, Any] = {"format": format, "video": Video(), "force": force, "dry_run": dry_run}
    running.restore(restorer.task, planned, restorer, threads=1, **options)
