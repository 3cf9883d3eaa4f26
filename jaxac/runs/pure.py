"""A whole run as one pure function of its key, which can be compiled, and mapped over keys or numbers."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxac import names
from jaxac import spec as spec_module
from jaxac.agent import evaluation
from jaxac.algos import ALGOS, Algo, shard
from jaxac.config.schema import Config
from jaxac.devices import threefry
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.programs.chunk import run_chunk
from jaxac.reports import ChunkReport
from jaxac.runs import schedule
from jaxac.spec import Spec
from jaxac.types import Array, PRNGKey, PyTree

Train = Callable[..., tuple[PyTree, dict[str, Array]]]
"""``train(key, numbers={}) -> (state, rows)``."""


class Stops(NamedTuple):
    """Ends of a run's rows."""

    num_updates: Array
    """[rows] int32, number of updates in a row."""
    updates: Array
    """[rows] int32, updates done at a row's end."""
    evaluates: Array
    """[rows] bool: an evaluation is due at the row's end."""


def make_train(config: Config) -> Train:
    """A pure function that trains ``config``: ``train(key, numbers={}) -> (state, rows)``.

    It has no effects and can be given to ``jax.jit``, and to ``jax.vmap`` over keys or over numbers:

        train = jax.jit(jax.vmap(make_train(config)))
        state, rows = train(jax.random.split(jax.random.key(0), 8))

    ``key`` is a JAX key ``[]``; ``jax.random.key(seed)`` trains the run of ``seed=…`` on the command line, up to
    rounding. ``numbers`` replaces numbers of the configuration by the names of their settings,
    ``{"optimizer.learning_rate": rate}``, and may be traced. ``state`` is the whole training state; ``rows`` maps the
    names of metrics to arrays ``[rows]``, a row every ``logger.every`` environment steps, NaN where a metric has no
    value.

    All of it runs on one device: two programs over several CPU devices, under way at once, can wait for each other for
    ever.

    Raises:
        ConfigError: if A3C is to run in threads, which no pure function can, or in fused kernels that cannot work.
    """
    if config.algo.in_real_time:
        raise ConfigError("algo.runtime=compiled is the only one that a pure function can run; use jaxac.train.")
    fixed, algo, stops = spec_module.make(config, num_devices=1), ALGOS[config.algo.name], _stops(config)
    # Mapped over, initial weights are made one after the other: of a batch of matrices to factorize XLA makes tasks for
    # the threads of a CPU's devices, which then wait for each other for ever.
    init = jax.custom_batching.sequential_vmap(algo.init)
    shard.kernels(fixed)  # raises before anything is traced
    env_steps = [config.env_steps(int(updates)) for updates in stops.updates]

    def train(key: PRNGKey, numbers: Mapping[str, Any] | None = None) -> tuple[PyTree, dict[str, Array]]:
        spec = spec_module.with_numbers(fixed, numbers or {})
        train_key, evaluation_key = jax.random.split(_ours(key))
        advance = functools.partial(_advance, config, spec, evaluation_key)
        state, rows = jax.lax.scan(advance, init(spec, train_key), stops)
        return state, {names.UPDATES: stops.updates, names.ENV_STEPS: jnp.asarray(env_steps), **rows}

    return train


def _advance(
    config: Config, spec: Spec, evaluation_key: PRNGKey, state: PyTree, stop: Stops
) -> tuple[PyTree, dict[str, Array]]:
    """The state at a row's end, and the row, with an evaluation where one is due."""
    algo = ALGOS[config.algo.name]
    state, report = run_chunk(algo, spec, state, stop.num_updates)
    key = jax.random.fold_in(evaluation_key, stop.updates)
    mean = jax.lax.cond(
        stop.evaluates, lambda: _mean_return(config, algo, spec, state, key), lambda: jnp.float32(jnp.nan)
    )
    return state, {**_row(report), names.RETURN: mean}


def _stops(config: Config) -> Stops:
    plan = schedule.make(config)._replace(checkpoint_every=0)
    ends = [0]
    while ends[-1] < plan.total:
        ends.append(plan.next_stop(ends[-1]))
    evaluates = [plan.evaluates_at(updates) for updates in ends[1:]]
    return Stops(jnp.asarray(np.diff(ends), jnp.int32), jnp.asarray(ends[1:], jnp.int32), jnp.asarray(evaluates))


def _ours(key: PRNGKey) -> PRNGKey:
    """The key, whether typed or not, in our faster implementation: the same bits as JAX's for all keys made of it."""
    typed = jax.dtypes.issubdtype(key.dtype, jax.dtypes.prng_key)
    return threefry.wrap(jax.random.key_data(key) if typed else key)


def _mean_return(config: Config, algo: Algo, spec: Spec, state: PyTree, key: PRNGKey) -> Array:
    """[] mean return of as many episodes as the final evaluation has."""
    episodes = -(-config.evaluation.episodes // program.EVALUATION_BATCHES)

    def batch(number: Array) -> Array:
        batch_key = jax.random.fold_in(key, number)
        return evaluation.evaluate(spec, algo.params(state), batch_key, episodes, config.evaluation.greedy)

    return jnp.mean(jax.lax.map(batch, jnp.arange(program.EVALUATION_BATCHES)))


def _row(report: ChunkReport) -> dict[str, Array]:
    """A chunk's metrics by name, scalars ``[]``."""
    ended = report.episodes.ended
    row = {
        **names.section("train", report.metrics.by_name | report.steps.means),
        names.EPISODES: ended,
        names.EPISODE_RETURN: report.episodes.return_sum / ended,  # NaN where none ended
        names.EPISODE_LENGTH: report.episodes.length_sum / ended,
    }
    if report.asynchrony is not None:
        counts = report.asynchrony.staleness
        row[names.STALENESS] = jnp.sum(counts * jnp.arange(counts.size)) / jnp.sum(counts)
        row[names.PUSHES_DROPPED] = report.asynchrony.dropped
        row[names.SERVER_STEPS] = report.asynchrony.versions
    return row | (names.section("async", report.lag._asdict()) if report.lag is not None else {})
