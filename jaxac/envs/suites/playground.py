"""MuJoCo Playground (Zakka et al. 2025): the DeepMind Control Suite, locomotion and manipulation on MJX.

Ends are brax's: ``done`` terminates, the limit in the environment's own configuration truncates. Physics are those of
``impl: jax``, which run on every device; the suite's default, Warp, needs an NVIDIA GPU.
"""

from mujoco_playground import registry
from mujoco_playground._src import dm_control_suite, mjx_env

from jaxac.config.words import show
from jaxac.envs.suites.brax import of_physics
from jaxac.envs.suites.single import Single
from jaxac.errors import ConfigError


def names() -> list[str]:
    """The names of its environments."""
    return list(registry.ALL_ENVS)


def make(name: str) -> Single:
    """The environment called ``name``.

    Raises:
        ConfigError: if it needs models of robots that the suite would download now.
    """
    if name not in dm_control_suite.ALL_ENVS and not mjx_env.MENAGERIE_PATH.exists():
        raise ConfigError(
            f"env.name={show('playground::' + name)} needs models of robots that are not there; fetch them first: "
            "python -c 'from mujoco_playground._src.mjx_env import *; ensure_menagerie_exists()'."
        )
    config = registry.get_default_config(name)
    return of_physics(registry.load(name, config_overrides={"impl": "jax"}), config.episode_length)
