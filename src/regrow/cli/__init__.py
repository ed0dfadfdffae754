"""The shell's side of regrow."""

from regrow.cli import pictures, priors, research  # noqa: F401 - each adds its verbs
from regrow.cli.app import app as app
from regrow.cli.app import main as main
