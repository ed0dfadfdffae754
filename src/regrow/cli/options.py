"""Options that several verbs share, and what their words mean."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from regrow.cli.arguments import folder
from regrow.errors import UsageError

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="IN...", help="Pictures, clips, folders, patterns, frames such as %05d.png, or - for standard input."
    ),
]
Pictures = Annotated[
    list[str], typer.Argument(metavar="IN...", help="Pictures, folders of pictures, patterns, or - for standard input.")
]
Out = Annotated[str, typer.Option("-o", "--out", help="File or folder to write, or - for standard output.")]
Model = Annotated[str | None, typer.Option(help="Model by name (see `regrow models`) or folder.")]
PublishedModel = Annotated[
    str | None, typer.Option(help="Model by name (see `regrow models`), folder, or file of published weights.")
]
UpscaleModel = Annotated[
    str | None,
    typer.Option(
        help="Model by name (see `regrow models`), folder, file of published weights, A+B (one after the other), "
        "bicubic, or zssr, which is fitted to the picture first, for minutes."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, mps ...")]
Tile = Annotated[
    int | None,
    typer.Option(min=8, help="Side of a tile in pixels; smaller tiles need less memory.  [512 or more; clips 4096]"),
]
PictureTile = Annotated[
    int | None, typer.Option(min=8, help="Side of a tile in pixels; smaller tiles need less memory.  [512]")
]
Jobs = Annotated[int, typer.Option(min=1, help="Number of pictures that are processed at the same time.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only print what would be written.")]
Partial = Annotated[
    bool, typer.Option("--partial", help="Take what there is of pictures that are damaged or cut short.")
]
MaxPixels = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        help="Refuse to open, grow or enlarge to more pixels, such as 90M or 1G; by default 268M.",
    ),
]
FormatOption = Annotated[
    str | None,
    typer.Option("--format", help="png, webp, tiff, avif or jpeg; by default the suffix of the output."),
]
Grey = Annotated[bool, typer.Option("--grey", help="Hide colours in grey pictures; --scale is then 1 by default.")]
ScaleOption = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Factor by which pictures become smaller: 2, 2.7, 4 ... 128, or 2x1 for width x height."
    ),
]
Ensemble = Annotated[
    bool,
    typer.Option(
        "--ensemble", help="Take the mean over all flips and rotations: a little better, in 8 times the time."
    ),
]
Refine = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        max=1000,
        help="Iterations of refinement, which make each picture regrow better; try 5, or 20 with a lossy codec. Slow.",
    ),
]
Deblocker = Annotated[
    str | None,
    typer.Option(
        metavar="MODEL",
        help="What takes out the blocks and ringing of JPEG and WebP first, or none; auto where files state a loss.",
    ),
]
FitInstead = Annotated[
    bool, typer.Option("--prior", help="Fit a net to each picture for minutes instead of taking a model.")
]
Strip = Annotated[
    bool,
    typer.Option("--strip", help="Leave out metadata: all but orientation and colour profiles other than sRGB."),
]
StripProfile = Annotated[
    str | None,
    typer.Option("--strip-icc", metavar="srgb", help="Leave out a colour profile that is sRGB in effect."),
]
Temperature = Annotated[
    float | None,
    typer.Option(metavar="T", help="Vividness of colours, above 0: lower is more vivid, 1 is the mean.  [0.38]"),
]
Quality = Annotated[
    int | None,
    typer.Option(
        metavar="Q",
        min=1,
        max=100,
        help="Make .jpg, .webp and .avif that grow as good as the codec alone at this quality, in fewer bytes; with "
        "--scale, tell the codec this quality.  [80, 75, 60]",
    ),
]
Bytes = Annotated[
    str | None, typer.Option(metavar="N", help="Make the best .jpg, .webp or .avif of at most N bytes, such as 40k.")
]
Bpp = Annotated[
    float | None, typer.Option(metavar="R", help="The same, of at most R bits for each pixel of the original.")
]
Psnr = Annotated[float | None, typer.Option(metavar="DB", help="Make the smallest file that grows back to this PSNR.")]
Lossless = Annotated[
    bool, typer.Option("--lossless", help="Write .webp and .avif without loss, as .png and .tiff always are.")
]
Codec = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Codec of clips: ffv1, h264, h264rgb, hevc, vp9, av1, prores; small clips are lossless by default. "
        "Of small pictures: jpeg, webp, avif.",
    ),
]
Crf = Annotated[
    float | None, typer.Option(metavar="Q", min=0, max=63, help="Quality of clips: lower is better, 0 is lossless.")
]
Rate = Annotated[
    str | None, typer.Option(metavar="FPS", help="Frames per second of a folder of frames, such as 30000/1001.  [25]")
]
Net = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Net that is fitted to the picture: fast, paper, unet or resnet.  [fast]"),
]
Iterations = Annotated[
    int | None,
    typer.Option("--iterations", "--steps", metavar="N", min=1, help="Maximum number of iterations.  [1500 to 3000]"),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="Random seed; another seed gives another result.  [0]")
]
Stop = Annotated[
    bool | None,
    typer.Option("--stop/--no-stop", help="Stop before noise is fitted, or run all iterations.  [depends on the task]"),
]
Half = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Number of iterations at half the size, before those at full size.  [none]"),
]
Compile = Annotated[bool, typer.Option("--compile", help="Speed up the net by torch.compile; needs a C++ compiler.")]
Snapshots = Annotated[
    Path | None, typer.Option(metavar="DIR", callback=folder, help="Folder for intermediate pictures.")
]
Every = Annotated[int | None, typer.Option(metavar="N", min=1, help="Iterations between intermediate pictures.  [100]")]
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


def parse_pixels(text: str | None) -> int | None:
    """A number of pixels, such as 90000000, 90M or 1.5G. UsageError for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+|\d+\.\d+)([kMG]?)", text, re.IGNORECASE)
    if not found:
        raise UsageError(f"--max-pixels {text}: is not a number of pixels; say one such as 90000000, 90M or 1.5G")
    return round(Decimal(found[1]) * 1000 ** ["", "k", "m", "g"].index(found[2].lower()))


def parse_bytes(text: str | None) -> int | None:
    """A number of bytes, such as 40000, 40k, 1.5M or 40KiB. UsageError for anything else."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+|\d+\.\d+) ?([kM]?)(i?)B?", text, re.IGNORECASE)
    if not found or (found[3] and not found[2]):
        raise UsageError(f"--bytes {text}: is not a number of bytes; say one such as 40000, 40k or 1.5M")
    return int(Decimal(found[1]) * (1024 if found[3] else 1000) ** ["", "k", "m"].index(found[2].lower()))


def parse_size(text: str | None) -> tuple[int, int] | None:
    """(width, height) from words such as 641x427."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,7})x(\d{1,7})", text)
    if not match or "0" in match.groups():
        raise UsageError(f"--size {text}: expected WIDTHxHEIGHT in pixels, such as 641x427")
    return int(match[1]), int(match[2])
