"""What researchers do in the shell: measure, study and train models. Nothing heavy is imported before that."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from regrow.bench.tasks import NAMES as TASKS
from regrow.cli.app import app, require
from regrow.cli.arguments import folder
from regrow.cli.options import Device, Ensemble, Grey, Refine, ScaleOption, Temperature, Tile, parse_scale


class BenchTask(str, Enum):
    """What `bench` measures: a module of `regrow.bench.tasks` each."""

    _ignore_ = "task"
    for task in TASKS:
        vars()[task] = task


DEFAULT_TASK = BenchTask(TASKS[0])

Summary = Annotated[
    Path | None,
    typer.Option("--summary", metavar="FILE", help="Also write the means and this command, as benchmarks/results has."),
]


@app.command()
def bench(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of pictures, one set or clip each.")],
    models: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Model by name, folder or file of published weights, bicubic, zssr, A+B (A shrinks, B grows) or "
            "A+B+C; may be repeated.",
        ),
    ] = None,
    task: Annotated[BenchTask, typer.Option(help="What is measured.")] = DEFAULT_TASK,
    scale: ScaleOption = None,
    grey: Grey = False,
    refine: Refine = 0,
    ensemble: Ensemble = False,
    temperature: Temperature = None,
    skip_frames: Annotated[
        int, typer.Option(metavar="N", min=0, help="Frames of a clip left out at its start and at its end.")
    ] = 0,
    codec: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="jpeg, webp or avif, of --task rate; may be repeated.  [all three]"),
    ] = None,
    rival: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Codec that is compared alone with each of those: jpegxl, jpeg, webp or avif; may be repeated.",
        ),
    ] = None,
    quality: Annotated[
        list[int] | None,
        typer.Option(metavar="N", min=1, max=100, help="Quality at which codecs are measured; may be repeated."),
    ] = None,
    effort: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=9, help="Of AVIF: 9 less libaom's speed.  [5]")
    ] = None,
    ssimulacra2: Annotated[
        bool, typer.Option("--ssimulacra2", help="Measure rates at equal SSIMULACRA2 too, which takes long.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="DIR", callback=folder, help="Also write results.csv, .json, sheet.png ..."
        ),
    ] = None,
    summary: Summary = None,
    device: Device = "auto",
    tile: Tile = None,
) -> None:
    """Shrink, grow, enlarge, colour or code sets of pictures or clips, and print a table of figures."""
    from regrow.cli import measuring

    options = {
        "scale": parse_scale(scale),
        "grey": grey,
        "refine": refine,
        "ensemble": ensemble,
        "temperature": temperature,
        "skip_frames": skip_frames,
        "codec": codec,
        "rival": rival,
        "quality": quality,
        "ssimulacra2": ssimulacra2,
    }
    given = {name: value for name, value in options.items() if value not in (None, False, 0)}
    given |= {} if effort is None else {"effort": effort}
    benchmark = measuring.benchmark(task.value, given, device=device, tile=tile, plots=out is not None)
    measuring.bench(benchmark, folders, models, out=out, summary=summary)


study_app = typer.Typer(help="Study what noise, lambda, scale, size and layers do to pictures, and what people think.")
app.add_typer(study_app, name="study", no_args_is_help=True)

StudyOut = Annotated[
    Path, typer.Option("-o", "--out", metavar="DIR", callback=folder, help="Folder for the CSV and the plot.")
]
RecipeChanges = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change the recipe: model.blocks=2; may be repeated."),
]
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
    summary: Summary = None,
    device: Device = "auto",
) -> None:
    """PSNR of regrown pictures against noise on the small ones; the model bicubic is an ordinary thumbnail."""
    require("a study", "matplotlib")
    from regrow.cli import measuring
    from regrow.operations.rescalers import asked_scale
    from regrow.study import rescaling as study

    options: dict[str, Any] = {
        "scale": asked_scale(parse_scale(scale), grey=grey),
        "grey": grey,
        "device": device,
    }
    sigmas = sigma or [0, 0.01, 0.02, 0.05, 0.11, 0.2]
    measuring.study_of(
        "noise", out, summary, lambda report: study.noise(folders, models, sigmas, **options, report=report)
    )


@study_app.command("lambda")
def study_lambda(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="Recipe to train with each lambda.")],
    folders: Sets,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of training pictures.")],
    out: StudyOut,
    value: Annotated[list[float], typer.Option(help="A guidance weight, lambda; may be repeated.")],
    changes: RecipeChanges = None,
    summary: Summary = None,
    device: Device = "auto",
) -> None:
    """PSNR of regrown against small pictures, for a recipe with several lambdas; resumes when run again."""
    from regrow.train.recipe import Recipe

    settings, device = Recipe.read(recipe, changes or ()), "" if device == "auto" else device
    require("a study that trains", "accelerate", "matplotlib")
    from regrow.cli import measuring
    from regrow.study import rescaling as study

    rows = study.trade_off(settings, value, data, out, folders, device=device)  # with the progress bars of training
    measuring.study_of("lambda", out, summary, lambda report: rows)


@study_app.command("scales")
def study_scales(
    folders: Sets,
    out: StudyOut,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="Model by name or folder; may be repeated.  [what shrink takes]")
    ] = None,
    value: Annotated[list[float] | None, typer.Option("--scale", help="May be repeated.  [1.1 to 4 by 0.1]")] = None,
    refine: Refine = 0,
    summary: Summary = None,
    device: Device = "auto",
) -> None:
    """PSNR against the scale: of regrown pictures, and of small ones."""
    require("a study", "matplotlib")
    from regrow.cli import measuring
    from regrow.operations.restorers import AUTO
    from regrow.study import rescaling as study

    values = value or [n / 10 for n in range(11, 41)]
    options: dict[str, Any] = {"refine": refine, "device": device}
    measuring.study_of(
        "scales", out, summary, lambda report: study.scales(folders, models or [AUTO], values, **options, report=report)
    )


@study_app.command("size")
def study_size(
    folders: Sets,
    models: StudyModels,
    out: StudyOut,
    scale: ScaleOption = None,
    summary: Summary = None,
    device: Device = "auto",
) -> None:
    """PSNR against parameters, multiply-adds and time."""
    require("a study", "matplotlib")
    from regrow.cli import measuring
    from regrow.operations.rescalers import asked_scale
    from regrow.study import rescaling as study

    scales = asked_scale(parse_scale(scale), grey=False)
    measuring.study_of(
        "size", out, summary, lambda report: study.size(folders, models, scale=scales, device=device, report=report)
    )


@study_app.command("checkerboard")
def study_checkerboard(
    out: StudyOut,
    models: Annotated[
        list[str] | None, typer.Option("--model", help="Model that enlarges, by name, folder or file; may be repeated.")
    ] = None,
    scale: ScaleOption = None,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Random nets for each kind of layer.")] = 10,
    device: Device = "auto",
) -> None:
    """The checkerboard that layers which enlarge make before training, and that models make: a number and a picture."""
    from regrow.cli import measuring
    from regrow.operations.rescalers import asked_scale

    scales = asked_scale(parse_scale(scale), grey=False)
    measuring.study_checkerboard(models or [], out, scale=scales, seeds=seeds, device=device)


opinion_app = typer.Typer(help="What people think of pictures: a blind set to rate, and the scores of methods.")
study_app.add_typer(opinion_app, name="opinion", no_args_is_help=True)


@opinion_app.command("make")
def make_opinion(
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR...", help="A folder for each method, with pictures of the same names.")
    ],
    out: Annotated[
        Path,
        typer.Option(
            "-o", "--out", metavar="DIR", callback=folder, help="New folder: page/ is handed out, key.csv is kept."
        ),
    ],
    real: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Photographs: ask which of two is real, instead of for ratings.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Draw the same names and order again.")] = None,
) -> None:
    """Make a page on which people rate pictures from 1 to 5, blindly, or tell them from photographs."""
    from regrow.cli import measuring

    measuring.make_opinion(folders, out, real=real, seed=seed)


@opinion_app.command("score")
def score_opinion(
    key: Annotated[Path, typer.Argument(metavar="KEY", help="The key.csv of the set.")],
    answers: Annotated[list[Path], typer.Argument(metavar="CSV...", help="What each person's page has saved.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="DIR", callback=folder, help="Folder for the CSV.")],
) -> None:
    """Mean opinion scores, or how often methods pass for real, with intervals of 95 % confidence."""
    from regrow.cli import measuring

    measuring.score_opinion(key, answers, out)


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file, such as recipes/tad-x2.toml.")],
    data: Annotated[Path, typer.Option(metavar="DIR", help="Folder of training pictures.")],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="DIR", callback=folder, help="Folder for checkpoints, log and weights."),
    ],
    changes: RecipeChanges = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the output folder.")] = False,
    device: Device = "auto",
    pictures_on_device: Annotated[
        bool, typer.Option("--pictures-on-device", help="Keep the decoded pictures on the device and crop there.")
    ] = False,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep pictures that codecs have been through in a folder that runs share."),
    ] = None,
) -> None:
    """Train a model by a recipe."""
    from regrow.train.recipe import Recipe

    settings = Recipe.read(recipe, changes or ())
    require("training", "accelerate", "matplotlib")
    from regrow.train.loop import train as run

    device = "" if device == "auto" else device
    on_device = pictures_on_device
    print(run(settings, data, out, resume=resume, device=device, pictures_on_device=on_device, cache=cache))
