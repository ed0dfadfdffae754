"""`python -m regrow`, the same as `regrow`."""

from regrow.cli import main

main()
