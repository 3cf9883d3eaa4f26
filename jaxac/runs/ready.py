"""Trial on shapes of a user's own parts and of other suites' environments, before a run has a directory."""

from collections.abc import Sequence

import jax

from jaxac import envs
from jaxac import spec as spec_module
from jaxac.algos import ALGOS, shard
from jaxac.config import catalog, environment, import_path
from jaxac.config.schema import Config
from jaxac.devices import machine
from jaxac.errors import ConfigError
from jaxac.programs import program
from jaxac.runs import setup
from jaxac.spec import Spec


def check(configs: Sequence[Config], how: str | None, elsewhere: bool = False) -> None:
    """Checks environments that are not gymnax's, and the user's own networks, optimizers and terms; compiles nothing.

    Args:
        configs: the configurations of all jobs.
        how: how the jobs are trained together, as for :func:`jaxac.runs.runner.train`; None if one by one.
        elsewhere: other processes train them, to which this one leaves the accelerators.

    Raises:
        ConfigError: if a part cannot be imported, or cannot work; with several jobs it names the job.
    """
    if elsewhere:
        machine.leave_accelerators()
    setup.prepare(configs if how else configs[:1], how or "auto")
    tried = set()
    for number, config in enumerate(configs):
        spec = spec_module.make(config)
        signature = program.Signature.of(config, spec)
        if not config.has_foreign_parts or signature in tried:
            continue
        tried.add(signature)
        try:
            _check(config, signature.spec)
        except ConfigError as error:
            raise ConfigError(f"job {number}: {error}" if len(configs) > 1 else str(error)) from None


def _check(config: Config, spec: Spec) -> None:
    env = envs.make(config.env.name)
    if catalog.lookup(config.env.name) is None:
        params = env.params(environment.check_params(config.env, vars(env.params({}))))
        environment.check_whole_episodes(config, env.time_limit(params))
    if not config.own_parts:
        return
    shard.kernels(spec)
    algo = ALGOS[config.algo.name]
    try:
        state = jax.eval_shape(algo.init, spec, program.key_shape())
        jax.eval_shape(algo.update, spec, state)
    except ConfigError:
        raise
    except Exception as error:
        own = "env.name" if "env.name" in config.own_parts else next(iter(config.own_parts))
        raise ConfigError(
            f"{own}={config.own_parts[own]} cannot be trained: {import_path.explain(error)}; choose another."
        ) from error
