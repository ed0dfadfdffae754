"""The shell's side of regrow."""

from importlib import import_module

from regrow.cli.interrupts import leaving

with leaving():
    from regrow.cli.app import app as app
    from regrow.cli.app import main as main

    for module in ("rescale", "restore", "tools", "fit", "research"):  # each adds its commands, in the order of --help
        import_module(f"regrow.cli.{module}")
