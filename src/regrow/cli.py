"""The verbs for the shell: arguments in, verb called, words out. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import io
import logging
import os
import sys
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regrow import __version__
from regrow.errors import RegrowError, UsageError

if TYPE_CHECKING:
    from regrow.batch import Job

app = typer.Typer(
    name="regrow",
    help="Shrink pictures into small ones that anyone can look at, and regrow them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="IN...", help="Pictures, clips, folders, patterns, frames as %05d.png, - for standard input."
    ),
]
Out = Annotated[str, typer.Option("-o", "--out", help="File or folder to write, or - for standard output.")]
Model = Annotated[str | None, typer.Option(help="Model by name (see `regrow models`) or folder.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps ...")]
Tile = Annotated[int, typer.Option(min=8, help="Side of the pieces worked on, in pixels; smaller needs less memory.")]
TileOption = Annotated[
    int | None,
    typer.Option(min=8, help="Side of the pieces worked on, in pixels; smaller needs less memory.  [512; clips 4096]"),
]
Jobs = Annotated[int, typer.Option(min=1, help="Pictures in work at the same time.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="png, webp, tiff, avif or jpeg; else what the name of the output says."),
]
Grey = Annotated[bool, typer.Option("--grey", help="Hide colours in grey pictures; --scale is 1 unless said.")]
ScaleOption = Annotated[
    str | None,
    typer.Option(metavar="N", help="How many times smaller: 2, 2.7, 4 ... 128, or 2x1 for width x height."),
]
Refine = Annotated[
    int, typer.Option(metavar="N", min=0, max=1000, help="Steps that make each picture regrow better; try 5. Slow.")
]
Temperature = Annotated[
    float | None, typer.Option(metavar="T", help="Above 0: lower is more vivid, 1 is the mean.  [0.38]")
]
Codec = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Of clips: ffv1, h264, h264rgb, hevc, vp9, av1, prores; small ones lose nothing otherwise."
    ),
]
Crf = Annotated[
    float | None, typer.Option(metavar="Q", min=0, max=63, help="Of clips: quality, lower is better, 0 loses nothing.")
]
Rate = Annotated[
    str | None, typer.Option(metavar="FPS", help="Frames a second of a folder of frames, such as 30000/1001.  [25]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class BenchTask(str, Enum):
    """What `bench` measures."""

    rescale = "rescale"
    colorize = "colorize"
    video = "video"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"regrow {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    pass  # --debug is read by main, where errors arrive


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
    tile: TileOption = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Shrink pictures into ordinary small ones that `regrow grow` brings back."""
    from regrow import batch, shell
    from regrow.rescaling import asked_scale
    from regrow.video.options import Video

    scales, video = asked_scale(shell.parse_scale(scale), grey=grey), Video(codec=codec, crf=crf, rate=rate)

    def work(job: Job, report: shell.Report) -> None:
        from regrow import verbs

        source, target, form = shell.streams(job, format)
        verbs.shrink(
            source, target, scale=scales, grey=grey, model=model, refine=refine, device=device, tile=tile,
            format=form, video=video, report=report,
        )  # fmt: skip

    def done(job: Job) -> bool:
        from regrow.done import is_shrunk

        return is_shrunk(job.source, job.target, scale=scales, grey=grey, model=model, refine=refine)

    planned = batch.plan(inputs, out, shell.suffix_for(format, small=True))
    shell.run_batch("shrink", planned, work, done, threads=jobs, force=force, dry_run=dry_run)


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
    tile: TileOption = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Grow pictures that `regrow shrink` made back to their exact size."""
    from regrow import batch, shell
    from regrow.video.options import Video

    exact, scales = shell.parse_size(size), shell.parse_scale(scale)
    video = Video(codec=codec, crf=crf, rate=rate)

    def work(job: Job, report: shell.Report) -> None:
        from regrow import verbs

        source, target, form = shell.streams(job, format)
        verbs.grow(
            source, target, scale=scales, size=exact, model=model, device=device, tile=tile, format=form, video=video,
            report=report,
        )  # fmt: skip

    def done(job: Job) -> bool:
        from regrow.done import is_grown

        return is_grown(job.source, job.target, scale=scales, size=exact)

    planned = batch.plan(inputs, out, shell.suffix_for(format))
    shell.run_batch("grow", planned, work, done, threads=jobs, force=force, dry_run=dry_run)


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
    model: Model = None,
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
    from regrow import batch, restoration, shell
    from regrow.video.options import Video

    chain = restoration.coloring_chain(model, hint or (), hints, reference, temperature, device)
    planned = batch.plan(inputs, out, shell.suffix_for(format))
    video = Video(codec=codec, crf=crf, rate=rate)
    shell.run_chain("colorize", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def upscale(
    inputs: Inputs,
    out: Out,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 4.")] = 2,
    model: Model = None,
    format: FormatOption = None,
    codec: Codec = None,
    crf: Crf = None,
    rate: Rate = None,
    device: Device = "auto",
    tile: TileOption = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Enlarge pictures that nobody shrank with regrow."""
    from regrow import batch, restoration, shell
    from regrow.video.options import Video

    chain = restoration.upscaling_chain(scale, model, device, tile)
    video = Video(codec=codec, crf=crf, rate=rate)
    planned = batch.plan(inputs, out, shell.suffix_for(format))
    shell.run_chain("upscale", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def restore(
    inputs: Inputs,
    out: Out,
    scale: Annotated[float, typer.Option(metavar="N", help="How many times larger, 1 to 4.")] = 2,
    colorizer: Annotated[
        str | None, typer.Option(metavar="MODEL", help="What colours pictures that are black and white, or none.")
    ] = None,
    upscaler: Annotated[str | None, typer.Option(metavar="MODEL", help="What enlarges them, or none.")] = None,
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
    tile: TileOption = None,
    jobs: Jobs = 1,
    force: Force = False,
    dry_run: DryRun = False,
) -> None:
    """Colour pictures if they are black and white, enlarge and enhance them."""
    from regrow import batch, restoration, shell
    from regrow.video.options import Video

    chain = restoration.restoring_chain(scale, colorizer, upscaler, enhancer, correct, device, tile)
    planned = batch.plan(inputs, out, shell.suffix_for(format))
    video = Video(codec=codec, crf=crf, rate=rate)
    shell.run_chain("restore", planned, chain, format=format, video=video, threads=jobs, force=force, dry_run=dry_run)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Picture, or folder of pictures.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Picture of the same size, or folder with the same names.")],
    border: Annotated[int, typer.Option(min=0, help="Pixels left out on every side by the protocol y.")] = 0,
    json: Json = False,
) -> None:
    """Measure how alike pictures are: PSNR and SSIM under the protocols rgb and y."""
    from regrow import shell
    from regrow.measure.compare import compare_files

    shell.print_comparison(compare_files(a, b, border=border), as_json=json)


@app.command()
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Picture, or - for standard input.")], json: Json = False
) -> None:
    """Print what a picture says of itself: the passport of a small one, or how one was restored."""
    from regrow import shell, verbs

    source = sys.stdin.buffer.read() if file == "-" else file
    passport, steps = verbs.info(source), verbs.restored(source)
    if passport is None and steps is None:
        raise RegrowError(f"{file}: has no passport; it was not shrunk by regrow, or has lost it")
    shell.print_info(passport, steps, as_json=json)


@app.command()
def models(json: Json = False) -> None:
    """List the models that ship with regrow."""
    from regrow import shell, zoo

    shell.print_models(zoo.names(), as_json=json)


@app.command()
def bench(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of pictures, one set or clip each.")],
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model", help="Model by name or folder, bicubic, A+B (A shrinks, B grows) or A+B+C; may be repeated."
        ),
    ] = None,
    task: Annotated[BenchTask, typer.Option(help="What is measured.")] = BenchTask.rescale,
    scale: ScaleOption = None,
    grey: Grey = False,
    refine: Refine = 0,
    temperature: Temperature = None,
    skip_frames: Annotated[
        int, typer.Option(metavar="N", min=0, help="Frames of a clip left out at its start and at its end.")
    ] = 0,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="DIR", help="Also write results.csv, .json, sheet.png ...")
    ] = None,
    device: Device = "auto",
    tile: Tile = 512,
) -> None:
    """Shrink and grow sets of pictures or clips, or colour pictures, and print a table of figures."""
    from regrow import shell

    if skip_frames and task is not BenchTask.video:
        raise UsageError("--skip-frames is for --task video; leave it out, or say the task")
    if task is BenchTask.colorize:
        if scale or grey or refine:
            raise UsageError("--scale, --grey and --refine are not for --task colorize; leave them out")
        shell.run_color_bench(folders, models, temperature=temperature, out=out, device=device)
        return
    if temperature is not None:
        raise UsageError("--temperature is for --task colorize; leave it out, or say the task")
    from regrow.rescaling import asked_scale

    scales = asked_scale(shell.parse_scale(scale), grey=grey)
    if task is BenchTask.video:
        if grey or refine:
            raise UsageError("--grey and --refine are not for --task video; leave them out")
        _require("--task video", "skimage", extra="video")
        if out:
            _require("the plot of a clip", "matplotlib")
        shell.run_video_bench(folders, models, scale=scales, skip_frames=skip_frames, out=out, device=device, tile=tile)
        return
    shell.run_bench(folders, models, scale=scales, grey=grey, refine=refine, out=out, device=device, tile=tile)


study_app = typer.Typer(help="Study what regrown pictures owe to noise, lambda and size: a table, a CSV and a plot.")
app.add_typer(study_app, name="study", no_args_is_help=True)


def _require(what: str, *names: str, extra: str = "train") -> None:
    """RegrowError where one of these modules, which an extra brings, is missing."""
    for name in names:
        if find_spec(name) is None:
            package = {"skimage": "scikit-image"}.get(name, name)
            raise RegrowError(f"{what} needs {package}; install it with: pip install 'regrow[{extra}]'")


StudyOut = Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for the CSV and the plot.")]
Sets = Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of pictures, one set each.")]
StudyModels = Annotated[list[str], typer.Option("--model", help="Model by name or folder; may be repeated.")]


@study_app.command("noise")
def study_noise(
    folders: Sets,
    models: StudyModels,
    out: StudyOut,
    sigma: Annotated[
        list[float] | None, typer.Option(help="Standard deviation in [0, 1]; may be repeated.  [0 to 0.2]")
    ] = None,
    scale: ScaleOption = None,
    grey: Grey = False,
    device: Device = "auto",
) -> None:
    """PSNR of regrown pictures against noise on the small ones; the model bicubic is an ordinary thumbnail."""
    _require("a study", "matplotlib")
    from regrow import shell
    from regrow.measure import study
    from regrow.rescaling import asked_scale

    options: dict[str, Any] = {
        "scale": asked_scale(shell.parse_scale(scale), grey=grey),
        "grey": grey,
        "device": device,
    }
    sigmas = sigma or [0, 0.01, 0.02, 0.05, 0.11, 0.2]
    shell.run_study("noise", out, lambda report: study.noise(folders, models, sigmas, **options, report=report))


@study_app.command("lambda")
def study_lambda(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="What to train, but for its lambda.")],
    folders: Sets,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of training pictures.")],
    out: StudyOut,
    value: Annotated[list[float], typer.Option(help="A guidance weight, lambda; may be repeated.")],
    device: Device = "auto",
) -> None:
    """Regrown against small-picture PSNR, of a recipe trained with several lambdas; run again, it goes on."""
    from regrow.train.recipe import Recipe

    settings, device = Recipe.read(recipe), "" if device == "auto" else device
    _require("a study that trains", "accelerate", "matplotlib")
    from regrow import shell
    from regrow.measure import study

    rows = study.trade_off(settings, value, data, out, folders, device=device)  # with the progress bars of training
    shell.run_study("lambda", out, lambda report: rows)


@study_app.command("size")
def study_size(
    folders: Sets, models: StudyModels, out: StudyOut, scale: ScaleOption = None, device: Device = "auto"
) -> None:
    """PSNR against parameters, multiply-adds and time."""
    _require("a study", "matplotlib")
    from regrow import shell
    from regrow.measure import study
    from regrow.rescaling import asked_scale

    scales = asked_scale(shell.parse_scale(scale), grey=False)
    shell.run_study("size", out, lambda report: study.size(folders, models, scale=scales, device=device, report=report))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Where the demo's pictures go.")] = Path(
        "demo"
    ),
) -> None:
    """Shrink and regrow a photograph that comes with regrow, and show what ordinary thumbnails lose."""
    from regrow.demo import run

    run(out)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file, such as recipes/tad-x2.toml.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of training pictures.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", help="Folder for checkpoints, log and weights.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change the recipe: model.blocks=2; may be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the output folder.")] = False,
    device: Device = "auto",
    pictures_on_device: Annotated[
        bool, typer.Option("--pictures-on-device", help="Keep the decoded pictures on the device and crop there.")
    ] = False,
) -> None:
    """Train a model by a recipe."""
    from regrow.train.recipe import Recipe

    settings = Recipe.read(recipe, changes or ())
    _require("training", "accelerate", "matplotlib")
    from regrow.train.loop import train as run

    device = "" if device == "auto" else device
    print(run(settings, data, out, resume=resume, device=device, pictures_on_device=pictures_on_device))


def main() -> None:
    """Run the command line: 0 when all went well, 1 after failures, 2 for bad usage, 130 when interrupted."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    logging.basicConfig(format="regrow: %(message)s", level=logging.WARNING)
    # What libvips says of a damaged file is in the error's line; it need not also say it tile by tile.
    os.environ.setdefault("VIPS_WARNING", "0")
    logging.getLogger("pyvips").setLevel(logging.CRITICAL)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files are bytes, not always text
        sys.stdout.reconfigure(errors="surrogateescape")
    try:
        app(arguments)
    except RegrowError as error:
        if debug:
            raise
        _leave(str(error), error.exit_code)
    except KeyboardInterrupt:
        _leave("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has had enough; say nothing, and keep Python from saying it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        what = " ".join(str(error).split()) or "no more is known"
        _leave(f"unexpected {type(error).__name__}: {what}; --debug shows where, please report it", 1)


def _leave(message: str, code: int) -> None:
    print(f"regrow: {message}", file=sys.stderr)
    sys.exit(code)
