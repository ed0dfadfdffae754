"""The command itself: what all verbs share, and how errors end it."""

from __future__ import annotations

import logging
import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from regrow import __version__
from regrow.cli.allocator import hold_freed
from regrow.cli.arguments import checked
from regrow.cli.interrupts import CODE, heeded, tell
from regrow.cli.misuse import tell_misuse
from regrow.cli.streams import say, standard_streams
from regrow.errors import RegrowError, printable, worded

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


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def main() -> None:
    """Run the command line: 0 when all went well, 1 after failures, 2 for bad usage, 130 when interrupted."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    with standard_streams(), heeded():
        _listen()
        hold_freed()
        code = _run(arguments, debug=debug)
    sys.exit(code)


def _listen() -> None:
    """Let messages of libraries and our own arrive on standard error, a line each."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Line("regrow: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    logging.raiseExceptions = False  # where nobody reads messages, work goes on
    logging.getLogger("regrow").setLevel(logging.INFO)
    # What libvips says of a damaged file is in the error's line; it need not also say it tile by tile.
    os.environ.setdefault("VIPS_WARNING", "0")
    logging.getLogger("pyvips").setLevel(logging.CRITICAL)


def _run(arguments: list[str], *, debug: bool) -> int:
    try:
        code = app(checked(arguments), standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = CODE
    except BrokenPipeError:
        return 1  # whoever read our output has had enough
    except Exception as error:
        if hasattr(error, "format_message"):
            return tell_misuse(error)
        if debug:
            raise
        problem = worded((error.__cause__ if isinstance(error, typer.Abort) else None) or error)  # type: ignore[arg-type]
        say(f"regrow: {problem}")
        return problem.exit_code
    if code == CODE:
        tell()
    return code if isinstance(code, int) else 0
