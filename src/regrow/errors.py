"""What goes wrong, in words for the person who asked."""


class RegrowError(Exception):
    """A failure the user can understand: one line that repeats what was given, what is wrong and what to do.

    The command line prints it without a traceback and exits with `exit_code`.
    """

    exit_code = 1


class UsageError(RegrowError):
    """The request itself cannot be met: a wrong option, a wrong combination, a missing input."""

    exit_code = 2
