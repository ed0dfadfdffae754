"""The command itself: what all verbs share, and how errors end it."""

from __future__ import annotations

import io
import logging
import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from regrow import __version__
from regrow.cli.allocator import hold_freed
from regrow.errors import RegrowError

app = typer.Typer(
    name="regrow",
    help="Shrink pictures into small ones that anyone can look at, and regrow them.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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


def require(task: str, *names: str, extra: str = "train") -> None:
    """RegrowError where one of these modules, which an extra brings, is missing."""
    for name in names:
        if find_spec(name) is None:
            package = {"skimage": "scikit-image"}.get(name, name)
            raise RegrowError(f"{task} needs {package}; install it with: pip install 'regrow[{extra}]'")


def main() -> None:
    """Run the command line: 0 when all went well, 1 after failures, 2 for bad usage, 130 when interrupted."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    logging.basicConfig(format="regrow: %(message)s", level=logging.WARNING)
    logging.getLogger("regrow").setLevel(logging.INFO)
    # What libvips says of a damaged file is in the error's line; it need not also say it tile by tile.
    os.environ.setdefault("VIPS_WARNING", "0")
    logging.getLogger("pyvips").setLevel(logging.CRITICAL)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files are bytes, not always text
        sys.stdout.reconfigure(errors="surrogateescape")
    hold_freed()
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
