"""The errors that end a run with one sentence instead of a traceback."""


class ConfigError(Exception):
    """A setting that cannot work; the message is one sentence that names the setting, its value and the fix."""

    exit_code = 2
    """The command's exit code."""


class RunError(Exception):
    """A run that the machine failed: its disk, its memory, its threads; the message is one sentence."""

    exit_code = 1
    """The command's exit code."""


class DivergedError(Exception):
    """A run that was stopped because a loss or a parameter is no longer finite."""

    exit_code = 1
    """The command's exit code."""
