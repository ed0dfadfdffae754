"""Options that several verbs share, and what their words mean."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from regrow.errors import UsageError

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="IN...", help="Pictures, clips, folders, patterns, frames as %05d.png, - for standard input."
    ),
]
Out = Annotated[str, typer.Option("-o", "--out", help="File or folder to write, or - for standard output.")]
Model = Annotated[str | None, typer.Option(help="Model by name (see `regrow models`) or folder.")]
PublishedModel = Annotated[
    str | None, typer.Option(help="Model by name (see `regrow models`), folder, or file of published weights.")
]
UpscaleModel = Annotated[
    str | None,
    typer.Option(
        help="Model by name (see `regrow models`), folder, file of published weights, or A+B, one after another; "
        "bicubic; or zssr, fitted to the picture first for minutes."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps ...")]
Tile = Annotated[
    int | None,
    typer.Option(
        min=8, help="Side of the tiles worked on, in pixels; smaller needs less memory.  [512 or more; clips 4096]"
    ),
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
Ensemble = Annotated[
    bool,
    typer.Option("--ensemble", help="Mean over all flips and turns of a picture: a little better, 8 times the time."),
]
Refine = Annotated[
    int,
    typer.Option(metavar="N", min=0, max=1000, help="Iterations that make each picture regrow better; try 5. Slow."),
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
Net = Annotated[
    str | None, typer.Option(metavar="NAME", help="Fitted to the picture: fast, paper, unet or resnet.  [fast]")
]
Iterations = Annotated[
    int | None,
    typer.Option("--iterations", "--steps", metavar="N", min=1, help="Maximum number of iterations.  [1500 to 3000]"),
]
Seed = Annotated[int | None, typer.Option(metavar="N", min=0, help="Another gives another result.  [0]")]
Stop = Annotated[
    bool | None,
    typer.Option("--stop/--no-stop", help="Stop before noise is fitted; else do all iterations.  [by the task]"),
]
Half = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Iterations at half the size, to begin with.  [none]")
]
Compile = Annotated[bool, typer.Option("--compile", help="Make the net faster by torch.compile; needs a compiler.")]
Snapshots = Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for intermediate pictures.")]
Every = Annotated[int | None, typer.Option(metavar="N", min=1, help="Iterations between them.  [100]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def parse_scale(text: str | None) -> tuple[float, float] | None:
    """(width, height) from words such as 2, 2.7 or 2x1."""
    if text is None:
        return None
    number = r"(\d{1,3}(?:\.\d{1,6})?)"
    match = re.fullmatch(f"{number}(?:x{number})?", text)
    if not match:
        raise UsageError(f"--scale {text}: expected how many times smaller, such as 2, 2.7 or 2x1 (WIDTHxHEIGHT)")
    return float(match[1]), float(match[2] or match[1])


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from words such as 641x427."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 641x427")
    return int(match[1]), int(match[2])
