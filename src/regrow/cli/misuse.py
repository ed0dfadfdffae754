"""What Typer says of arguments that it cannot take, in one line as all other errors are."""

from __future__ import annotations

from typing import Any

from regrow.cli.streams import say
from regrow.errors import printable


def tell_misuse(error: Any) -> int:
    """Say what is wrong with the arguments and where help is, and give the exit code.

    A command that needs arguments and got none shows its help instead.
    """
    if type(error).__name__ == "NoArgsIsHelpError":
        say(error.format_message())
        return int(error.exit_code)
    words, context = _words(error), getattr(error, "ctx", None)
    if context:
        words += f"{' See' if words.endswith('?') else '; see'} {context.command_path} --help"
    say(f"regrow: {printable(words)}")
    return int(error.exit_code)


def _words(error: Any) -> str:
    """What is wrong. Newer versions of Typer do not repeat the value that is, so it is added."""
    parameter = getattr(error, "param", None)
    refused: list[dict[str, Any]] = getattr(error.__cause__, "errors", list)()
    if parameter is not None and refused:
        name = max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.metavar
        what = error.message.removeprefix("Value error, ").replace("Input should be", "must be")
        return f"{name} {refused[0]['input']}: {what.rstrip('.')}"
    said: str = error.format_message().rstrip(".").replace(". Did you", "; did you")
    return said[:1].lower() + said[1:]
