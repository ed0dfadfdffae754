"""The commands compare, info, check, models, export and demo. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from regrow.cli.app import require
from regrow.cli.arguments import folder
from regrow.cli.groups import Reading, command
from regrow.cli.options import Force, Json
from regrow.errors import RegrowError, UsageError
from regrow.io.paths import STDIO


class Half(str, Enum):
    """The halves of a rescaler."""

    shrink = "shrink"
    grow = "grow"


class Precision(str, Enum):
    """In which convolutions of graphs are computed."""

    fp32 = "fp32"
    fp16 = "fp16"


@command
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Picture, or folder of pictures.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Picture of the same size, or folder with the same names.")],
    reading: Reading,
    border: Annotated[int, typer.Option(min=0, help="Pixels left out on every side by the protocol y.")] = 0,
    json: Json = False,
) -> None:
    """Measure how alike pictures are: PSNR and SSIM under the protocols rgb and y."""
    from regrow.cli import printing
    from regrow.runners.compare import compare_files

    with reading.applied():
        figures = compare_files(a, b, border=border)
    printing.print_comparison(figures, as_json=json)


@command
def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Picture or clip, or - for standard input.")],
    json: Json = False,
) -> None:
    """Print what a picture or clip says of itself: the passport of a small one, or how one was restored."""
    from regrow.api.rescale import Info
    from regrow.api.rescale import info as info_of
    from regrow.cli import printing
    from regrow.cli.streams import standard_input
    from regrow.io.paths import STDIO

    said = info_of(standard_input() if file == STDIO else file)
    if said == Info(None, None):
        raise RegrowError(f"{file}: has no passport; it was not shrunk by regrow, or has lost it")
    printing.print_info(said, as_json=json)


@command
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Pictures and clips.")],
    reading: Reading,
    json: Json = False,
) -> None:
    """Tell what regrow sees in files and what of it verbs would lose; exit 1 where something would be lost."""
    from regrow.cli import printing
    from regrow.cli.bars import note
    from regrow.errors import worded
    from regrow.runners.check import check as inspected

    found, failed = [], []
    with reading.applied():
        for file in files:
            try:
                found.append(inspected(file))
            except Exception as error:
                failed.append(worded(error, file))
    printing.print_checked(found, as_json=json)
    for problem in failed:
        note(f"regrow: {problem}")
    if failed or not all(one.safe for one in found):
        raise typer.Exit(max([1, *(problem.exit_code for problem in failed)]))


@command
def models(json: Json = False) -> None:
    """List the models that ship with regrow."""
    from regrow import zoo
    from regrow.cli import printing

    printing.print_models(zoo.names(), as_json=json)


@command
def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model by name (see `regrow models`), folder, or file of weights.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="ONNX file to write.")],
    half: Annotated[Half | None, typer.Option(help="Which half of a model that both shrinks and grows.")] = None,
    application: Annotated[
        int | None,
        typer.Option(min=1, help="One application of a model that is applied several times; 1 is at the full size."),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="fp16 computes most convolutions in half precision; the file is smaller.")
    ] = Precision.fp32,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a model as an ONNX graph, which runs without PyTorch; its metadata say how to cut pictures into tiles."""
    from regrow.cli import measuring, printing

    require("export", "onnx", "onnxscript", extra="onnx")
    if str(out) == STDIO or out.is_dir():
        raise UsageError(f"{out}: a graph is written to a file; name one, such as {model}.onnx")
    if os.path.lexists(out) and not force:
        raise RegrowError(f"{out}: exists; --force overwrites it")
    from regrow.zoo.export import export as written

    with measuring.words() as say:
        say(f"exporting {model}")
        which = half.value if half else ""
        facts = written(model, out, half=which, application=application or 0, precision=precision.value)
    printing.print_facts(facts, as_json=json)


@command
def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="DIR", callback=folder, help="Where the demo's pictures go.")
    ] = Path("demo"),
) -> None:
    """Shrink and regrow a photograph that comes with regrow, and show what ordinary thumbnails lose."""
    from regrow.cli.demo import run

    run(out)
