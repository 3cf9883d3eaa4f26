"""The memory that runs will need, estimated from shapes before anything is compiled, by the settings it is due to."""

import functools
from typing import Any, NamedTuple

import jax

from jaxac import envs
from jaxac.algos import ALGOS, shard, staleness
from jaxac.config.algos import A3CConfig
from jaxac.config.parts import NetworkConfig
from jaxac.config.schema import Config
from jaxac.config.words import show
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.programs.program import EVALUATION_BATCHES, Signature
from jaxac.spec import Spec
from jaxac.types import PyTree

_COPIES = 6
"""Copies of a state while a checkpoint is written: before and after a chunk, saved, on the host, and in two files."""
_GRADIENTS = 3
"""Arrays as large as the weights that every block has: the weights, their gradient, and its mean's terms."""
_OF_A_STEP = 6
"""Arrays as large as what an unroll keeps of each step: observations, and starts of episodes drawn ahead."""
_LARGE = 1_000_000
"""Bytes of weights from which on a smaller network helps more than fewer environments."""


class Part(NamedTuple):
    """Memory that is due to one setting."""

    setting: str
    """The setting whose lowering helps."""
    value: Any
    """Its value."""
    bytes: int
    """Bytes of one device's memory; a bound from below."""


def check(config: Config, spec: Spec, lanes: int = 1) -> None:
    """Checks that there is memory for runs side by side, before anything is compiled.

    Args:
        config: the configuration of one of them.
        spec: its training program.
        lanes: number of runs that are held at once.

    Raises:
        ConfigError: if there is not; it names the setting whose lowering helps most.
    """
    available, needed = machine.memory_bytes(), parts(config, spec)
    total = sum(part.bytes for part in needed)
    if total * lanes <= available:
        return
    if total <= available:
        setting = "num_seeds" if config.num_seeds > 1 else "hydra.launcher.max_lanes"
        part = Part(setting, lanes, total * lanes)
        total *= lanes
    else:
        part = max(needed, key=lambda each: each.bytes)
    raise ConfigError(
        f"{part.setting}={show(part.value)} needs about {_gigabytes(part.bytes)} of memory, of {_gigabytes(total)} in "
        f"all, and there are {_gigabytes(available)}; lower it{_to(part, total, available)}."
    )


def parts(config: Config, spec: Spec) -> list[Part]:
    """The memory of one run, by the settings that it is due to."""
    state: Any = _state(Signature.of(config, spec))
    algo, env = config.algo, ("env.num_envs", config.env.num_envs)
    long = ("algo.unroll_length", algo.unroll_length)
    network, widest = _network(config)
    per_env = size(state.actors) / config.env.num_envs
    weights, blocks = size(state.server.params), algo.num_shards * shard.num_blocks(spec)
    at_once = staleness.wave_size(algo) if isinstance(algo, A3CConfig) else blocks
    ahead = envs.make(config.env.name).starts_ahead
    of_a_step = per_env if ahead else per_env - size(state.actors.env_state) / config.env.num_envs
    unroll = _OF_A_STEP * config.env.num_envs // blocks * algo.unroll_length * of_a_step
    episodes = -(-config.evaluation.episodes // EVALUATION_BATCHES)
    found = [
        (network, _COPIES * size(state.server)),
        (env, _COPIES * size(state.actors)),
        (network if weights > _LARGE else env, _GRADIENTS * at_once * weights),
        (long if algo.unroll_length > config.env.num_envs else env, unroll),
        (("evaluation.episodes", config.evaluation.episodes), episodes * (2 * per_env + 4 * widest)),
        *(_of_a3c(algo, state) if isinstance(algo, A3CConfig) else []),
    ]
    return [Part(setting, value, int(needed)) for (setting, value), needed in found]


Owner = tuple[str, Any]
"""A setting and its value."""


def _network(config: Config) -> tuple[Owner, int]:
    """The setting that the size of the network is due to with its value, and its widest layer's units."""
    network = config.network
    if isinstance(network, NetworkConfig):
        widest = max(network.hidden_sizes, default=1)
        if network.memory != "none" and network.memory_size > widest:
            return ("network.memory_size", network.memory_size), network.memory_size
        return ("network.hidden_sizes", network.hidden_sizes), widest
    return ("network.name", network.name), 1


def _of_a3c(algo: A3CConfig, state: Any) -> list[tuple[Owner, int]]:
    ledger, shards = state.ledger, ("algo.num_shards", algo.num_shards)
    delay, group = ("algo.delay.maximum", algo.delay.maximum), ("algo.softsync_size", algo.softsync_size)
    return [
        (shards if algo.delay.distribution == "none" else delay, _COPIES * size(ledger.history)),
        (group if algo.server == "softsync" else shards, _COPIES * size(ledger.group)),
        (shards, _COPIES * size(state.snapshots)),
    ]


@functools.lru_cache(maxsize=8)
def _state(signature: Signature) -> Any:
    """The shapes of a run's state."""
    return jax.eval_shape(ALGOS[signature.spec.algo.name].init, signature.spec, program.key_shape())


def size(tree: PyTree) -> int:
    """Bytes of all arrays of a tree of shapes."""
    leaves = [leaf for leaf in jax.tree.leaves(tree) if not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)]
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)


def _to(part: Part, total: int, available: int) -> str:
    """The value that would fit, if the others leave room."""
    room = part.bytes - (total - available)
    if not isinstance(part.value, int) or room <= 0:
        return ""
    most = max(1, part.value * room // part.bytes)
    unit = 10 ** max(0, len(str(most)) - 2)  # two digits, downwards: what is counted in whole batches fits, too
    return f" to about {most // unit * unit}"


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"
