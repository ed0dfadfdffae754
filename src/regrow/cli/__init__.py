"""The shell's side of regrow."""

from regrow.cli import fit, rescale, research, restore, tools  # noqa: F401 - each adds its commands
from regrow.cli.app import app as app
from regrow.cli.app import main as main
