"""The one error a user can cause."""


class ConfigError(Exception):
    """A setting that cannot work: one sentence that names the setting, its value and the fix. Exit code 2."""


class Diverged(Exception):
    """A loss or a parameter is not finite any more. Exit code 1."""
