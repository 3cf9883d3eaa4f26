"""The errors that end a run with one sentence instead of a traceback."""


class ConfigError(Exception):
    """A setting that cannot work: the sentence names the setting, its value and the fix."""

    exit_code = 2


class DivergedError(Exception):
    """A loss or a parameter is not finite any more."""

    exit_code = 1
