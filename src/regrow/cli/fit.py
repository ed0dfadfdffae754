"""The commands that fit a net to each picture, denoise and inpaint; and to a clip: stabilize."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from regrow.cli.groups import Clips, Fitting, Output, Reading, command
from regrow.cli.options import Compile, Device, DryRun, Force, Out, Pictures, Stop
from regrow.errors import UsageError


@command
def denoise(
    inputs: Pictures,
    out: Out,
    fitting: Fitting,
    output: Output,
    reading: Reading,
    stop: Stop = None,
    device: Device = "auto",
) -> None:
    """Remove noise from pictures by a net that is fitted to each, for minutes; Ctrl-C gives the best so far."""
    _fit("denoise", inputs, out, fitting, output, reading, stop, device)


@command
def inpaint(
    inputs: Pictures,
    out: Out,
    fitting: Fitting,
    output: Output,
    reading: Reading,
    mask: Annotated[
        Path, typer.Option(metavar="FILE", help="A picture of the same size, white where something is missing.")
    ],
    stop: Stop = None,
    device: Device = "auto",
) -> None:
    """Fill in what is missing from pictures by a net that is fitted to each, for minutes; the rest stays as it is.

    Ctrl-C gives the best so far.
    """
    _fit("inpaint", inputs, out, fitting, output, reading, stop, device, mask)


def _fit(
    task: str,
    inputs: list[str],
    out: str,
    fitting: Fitting,
    output: Output,
    reading: Reading,
    stop: bool | None,
    device: str,
    mask: Path | None = None,
) -> None:
    from regrow.api.fit import inpainting
    from regrow.cli.running import run
    from regrow.operations.prior import Fit

    prior = fitting.prior(out, stop=stop)
    operation = Fit(verb=task, prior=prior, device=device) if mask is None else inpainting(mask, prior, device)
    # One after another: each fit takes all the processor has, and only the main thread hears of Ctrl-C.
    run(operation, inputs, out, output, Clips(), reading, threads=1)


@command
def stabilize(
    processed: Annotated[str, typer.Argument(metavar="PROCESSED", help="Clip whose frames were processed one by one.")],
    reference: Annotated[str, typer.Option(metavar="CLIP", help="The clip that it was made from, frame by frame.")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Video file, or folder or pattern of frames.")],
    clips: Clips,
    epochs: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of times each frame is seen; more is nearer to PROCESSED, and flickers more.",
        ),
    ] = 25,
    modes: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=2, help="2 where the process gave one of two results for a frame, else 1."
        ),
    ] = 2,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Random seed; another seed gives another result.")] = 0,
    compile: Compile = False,
    device: Device = "auto",
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Remove flicker from a clip that was colorized, enlarged or otherwise processed frame by frame, in minutes.

    Clips are video files, folders of frames, or patterns such as frames/%05d.png.
    """
    from regrow.cli.running import work_through
    from regrow.io.paths import STDIO
    from regrow.priors.deep_video import ClipSettings
    from regrow.progress import Report
    from regrow.runners import stabilize as runner
    from regrow.runners.batch import Job
    from regrow.runners.resume import State

    if STDIO in (processed, reference, out):
        raise UsageError("stabilize reads clips more than once, and writes what was interrupted; name files, not -")
    settings = ClipSettings(epochs=epochs, modes=modes, seed=seed, compile=compile)
    video = clips.video()

    def work(job: Job, report: Report) -> None:
        runner.run(job.source, job.target, reference, settings, device=device, video=video, report=report)

    def state(job: Job) -> State:
        return runner.state_of(job.source, job.target, reference, settings)

    output = Output(force=force, dry_run=dry_run)
    work_through("stabilize", [Job(processed, out)], work, state, output, threads=1)
